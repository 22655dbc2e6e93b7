/* SPDX-License-Identifier: Apache-2.0 */
#include "control/core/event.h"

#include <stdio.h>
#include <string.h>

static const char *reason_sentence(const char *reason)
{
    if (strcmp(reason, "link_down") == 0)
        return "link down";
    if (strcmp(reason, "no_answer") == 0)
        return "its driver does not answer";
    return strcmp(reason, "own_gap") == 0 ? "this process was not running"
                                          : "a worker did not poll for 100 ms";
}

/* " (1 of 4 workers)", where it is not all of them. */
static const char *workers_text(const struct bl_event *e, char out[32])
{
    out[0] = 0;
    if (e->workers_frozen < e->workers)
        snprintf(out, 32, " (%u of %u workers)", e->workers_frozen, e->workers);
    return out;
}

const char *bl_event_sentence(const struct bl_event *e, char out[BL_EVENT_SENTENCE])
{
    char workers[32];
    if (e->kind == BL_EVENT_FREEZE)
        snprintf(out, BL_EVENT_SENTENCE,
                 "ingest of %.207s%s frozen: %s; its nodes' ages stand still, none of them can fail", e->name,
                 workers_text(e, workers), reason_sentence(e->reason));
    else if (e->kind == BL_EVENT_THAW)
        snprintf(out, BL_EVENT_SENTENCE,
                 "ingest of %.207s runs again; its nodes' ages stood still for %.1f s", e->name,
                 (double)e->lasted_ms / 1000.0);
    else
        snprintf(out, BL_EVENT_SENTENCE, "%.207s", e->detail);
    return out;
}

const char *bl_event_kind_name(uint32_t kind)
{
    switch ((enum bl_event_kind)kind) {
    case BL_EVENT_TRANSITION:
        return "transition";
    case BL_EVENT_FREEZE:
        return "freeze";
    case BL_EVENT_THAW:
        return "thaw";
    case BL_EVENT_DAEMON:
        return "daemon";
    case BL_EVENT_VIEW:
        return "view";
    case BL_EVENT_REGISTERED:
        return "registered";
    case BL_EVENT_REMOVED:
        return "removed";
    }
    return "event";
}
