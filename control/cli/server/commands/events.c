/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "control/cli/server/commands.h"
#include "control/model/event_view.h"
#include "control/text/human.h"
#include "control/text/timestamp.h"

/* How many past events are shown if nobody says: a screen; before
 * following, what gives the context. */
#define LAST_DEFAULT       50u
#define LAST_BEFORE_FOLLOW 10u

enum { BL_OPTIONS_EVENTS(BL_OPTION_ID) };

struct events {
    bool started, follow;
    uint64_t next; /* number of the next event to write */
};

static bool events_parse(struct bl_cli_request *call, struct events *e)
{
    struct bl_args args = {.call = call};
    const char *value;
    uint64_t last = UINT64_MAX;
    bool given = false;
    int arg;

    while ((arg = bl_args_next(&args, &value)) != BL_ARG_END) {
        if (arg == FOLLOW) {
            e->follow = true;
        } else if (arg == LAST) {
            given = true;
            if (strcmp(value, "all") != 0 && !bl_args_number(call, "-n", value, UINT64_MAX, &last))
                return false;
        } else {
            if (arg == BL_ARG_WORD)
                bl_cli_fail(call, BL_EXIT_USAGE, "events: %.100s: not an option; usage: beatline events %s",
                            value, call->command->usage);
            return false;
        }
    }
    if (!given)
        last = e->follow ? LAST_BEFORE_FOLLOW : LAST_DEFAULT;
    const struct bl_history *h = &call->api->history;
    e->next = h->next - h->first > last ? h->next - last : h->first;
    return true;
}

static void events_json(struct bl_cli_request *call, const struct bl_event *e)
{
    struct bl_json j;

    bl_json_line_begin(&j, &call->out);
    bl_event_json(&j, e);
    bl_json_line_end(&j);
}

static void events_human(struct bl_cli_request *call, const struct bl_event *e)
{
    struct bl_text *out = &call->out;
    char when[BL_TIMESTAMP_TEXT], name[BL_NAME_MAX + 8], age[BL_HUMAN_TEXT];

    bl_text_printf(out, "%s  ", bl_timestamp_text(e->time_unix_ms, when));
    if (e->kind == BL_EVENT_VIEW) {
        bl_human_state(out, e->to, 9, call->color);
        bl_human_name(e->name, name, sizeof(name));
        bl_text_printf(out, "view %s  was %s, incident %u\n", name, bl_state_name((enum bl_state)e->from),
                       e->incident);
        return;
    }
    if (e->kind != BL_EVENT_TRANSITION) {
        char sentence[BL_EVENT_SENTENCE];
        bl_text_printf(out, "%-9s%s\n", bl_event_kind_name(e->kind), bl_event_sentence(e, sentence));
        return;
    }
    bl_human_state(out, e->to, 9, call->color);
    bl_human_name(e->name, name, sizeof(name));
    bl_text_printf(out, "%s  was %s, %s", name, bl_state_name((enum bl_state)e->from), e->reason);
    if (e->to != BL_STATE_OK && e->last_beat_unix_ms != 0 && e->time_unix_ms >= e->last_beat_unix_ms)
        bl_text_printf(out, ", last beat %s before",
                       bl_human_age((uint64_t)(e->time_unix_ms - e->last_beat_unix_ms), age));
    bl_text_append(out, "\n", 1);
}

/* A client that read too slowly lost what the history no longer has. */
static void skip_forgotten(struct bl_cli_request *call, struct events *e)
{
    uint64_t first = call->api->history.first;
    if (e->next >= first)
        return;
    bl_text_printf(&call->err,
                   "beatline: %" PRIu64 " events were not kept; events.keep of the config says how many\n",
                   first - e->next);
    e->next = first;
}

static enum bl_step events_run(struct bl_cli_request *call)
{
    struct events *e = call->state;

    if (!e->started && !events_parse(call, e))
        return BL_STEP_DONE;
    e->started = true;
    skip_forgotten(call, e);
    for (const struct bl_event *event; (event = bl_history_get(&call->api->history, e->next)) != NULL;
         e->next++) {
        if (call->out.len >= BL_PIECE_BYTES)
            return BL_STEP_MORE;
        if (call->json)
            events_json(call, event);
        else
            events_human(call, event);
    }
    return e->follow ? BL_STEP_EVENT : BL_STEP_DONE;
}

const struct bl_cli_ops bl_cli_events = {
    .run = events_run, .state_bytes = sizeof(struct events), .options = bl_options_events};
