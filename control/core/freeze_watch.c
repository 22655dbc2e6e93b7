/* SPDX-License-Identifier: Apache-2.0 */
#include "control/core/freeze_watch.h"

#include <stdio.h>

#include "engine/fleet/ingest_clock.h"

/* The one reason that counts: a link that is down explains the rest. */
static uint32_t freeze_main_reason(uint32_t reasons)
{
    if (reasons & BL_FREEZE_LINK_DOWN)
        return BL_FREEZE_LINK_DOWN;
    if (reasons & BL_FREEZE_NO_ANSWER)
        return BL_FREEZE_NO_ANSWER;
    return reasons & BL_FREEZE_OWN_GAP ? BL_FREEZE_OWN_GAP : reasons & BL_FREEZE_POLL_GAP;
}

static const char *freeze_reason_name(uint32_t why)
{
    if (why == BL_FREEZE_LINK_DOWN)
        return "link_down";
    if (why == BL_FREEZE_NO_ANSWER)
        return "no_answer";
    return why == BL_FREEZE_OWN_GAP ? "own_gap" : "poll_gap";
}

static bool freeze_is_same(const struct bl_freeze_level *a, const struct bl_freeze_level *b)
{
    return a->why == b->why && a->workers == b->workers;
}

static uint32_t freeze_ms(uint64_t ns)
{
    uint64_t ms = ns / 1000000;
    return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

void bl_freeze_watch_init(struct bl_freeze_watch *w, const char *port, unsigned workers)
{
    *w = (struct bl_freeze_watch){.all = (uint8_t)workers};
    w->last.name_len = (uint8_t)snprintf(w->last.name, sizeof(w->last.name), "%.200s", port);
}

void bl_freeze_watch_link(struct bl_freeze_watch *w)
{
    w->link_was_up = true;
}

void bl_freeze_watch_look(struct bl_freeze_watch *w, uint32_t reasons, unsigned workers, uint64_t now_ns,
                          int64_t unix_ms)
{
    bool first = w->first_ns == 0;
    if (first)
        w->first_ns = now_ns;
    if (!w->link_was_up && now_ns - w->first_ns < BL_FREEZE_LINK_NS)
        reasons &= ~(uint32_t)BL_FREEZE_LINK_DOWN;
    struct bl_freeze_level now = {.why = freeze_main_reason(reasons),
                                  .workers = reasons ? (uint8_t)workers : 0};

    if (!freeze_is_same(&now, &w->is)) {
        /* What stands still has done so since it was last seen to run. */
        bool begins = !w->is.why && !first;
        w->since_ns = begins ? w->looked_ns : now_ns;
        w->since_unix_ms = begins ? w->looked_unix_ms : unix_ms;
        if (!w->is.why) {
            w->frozen_ns = w->since_ns;
            w->frozen_unix_ms = w->since_unix_ms;
        }
        w->is = now;
    }
    w->looked_ns = now_ns;
    w->looked_unix_ms = unix_ms;
}

static bool freeze_event_due(const struct bl_freeze_watch *w)
{
    if (freeze_is_same(&w->is, &w->said))
        return false;
    if (!w->is.why)
        return true;
    return w->looked_ns - (w->said.why ? w->since_ns : w->frozen_ns) >= BL_FREEZE_EVENT_NS;
}

bool bl_freeze_watch_event(struct bl_freeze_watch *w, struct bl_event *e)
{
    if (!freeze_event_due(w))
        return false;
    w->last.kind = w->is.why ? BL_EVENT_FREEZE : BL_EVENT_THAW;
    w->last.time_unix_ms = w->said.why ? w->since_unix_ms : w->frozen_unix_ms;
    w->last.workers_frozen = w->is.workers;
    w->last.workers = w->all;
    w->last.lasted_ms = w->is.why ? 0 : freeze_ms(w->since_ns - w->frozen_ns);
    /* A thaw has the reason of what is over. */
    snprintf(w->last.reason, sizeof(w->last.reason), "%s",
             freeze_reason_name(w->is.why ? w->is.why : w->said.why));
    w->said = w->is;
    *e = w->last;
    return true;
}

void bl_freeze_watch_numbered(struct bl_freeze_watch *w, uint64_t number)
{
    w->last.number = number;
}

static bool freeze_notice_due(const struct bl_freeze_watch *w)
{
    /* While all run `said` is no freeze: its event came at once. */
    if (freeze_is_same(&w->said, &w->told) || (w->is.why && !w->said.why))
        return false;
    uint64_t since_ns = w->is.why && !w->told.why ? w->frozen_ns : w->since_ns;
    bool lasts = freeze_is_same(&w->is, &w->said) || !w->told.why;
    return lasts && w->looked_ns - since_ns >= BL_FREEZE_TOLD_NS;
}

bool bl_freeze_watch_notice(struct bl_freeze_watch *w, struct bl_event *e)
{
    if (!freeze_notice_due(w))
        return false;
    if (!w->told.why)
        w->told_ns = w->frozen_ns;
    w->told = w->said;
    *e = w->last;
    e->flags = BL_EVENT_NOTIFY;
    if (!w->is.why) /* of all that they know of, blinks of ingest in between included */
        e->lasted_ms = freeze_ms(w->since_ns - w->told_ns);
    return true;
}
