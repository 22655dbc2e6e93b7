/* SPDX-License-Identifier: Apache-2.0 */
#include "control/cli/server/commands.h"
#include "control/cli/server/commands/nodes_change.h"
#include "control/text/timestamp.h"

enum { BL_OPTIONS_NODES_PAUSE(BL_OPTION_ID) };

static bool take_for(struct bl_cli_request *call, struct bl_pause *p, const char *value)
{
    uint32_t ms;
    if (!bl_args_duration(call, "--for", value, &ms))
        return false;
    p->for_ms = ms;
    return true;
}

static bool take_until(struct bl_cli_request *call, struct bl_pause *p, const char *value)
{
    if (!bl_timestamp_parse(value, &p->end_unix_ms))
        bl_cli_fail(call, BL_EXIT_USAGE,
                    "nodes pause: --until %.60s: not a time; write it as 2026-02-03T04:05Z or "
                    "2026-02-03T04:05+01:00",
                    value);
    else if (p->end_unix_ms <= call->api->now_unix_ms)
        bl_cli_fail(call, BL_EXIT_USAGE, "nodes pause: --until %.60s: that is over already", value);
    return call->code == BL_EXIT_OK;
}

static bool nodes_pause_take(struct bl_cli_request *call, struct bl_nodes_change *c, int option,
                             const char *value)
{
    bool ended = c->pause.end_unix_ms != 0 || c->pause.for_ms != 0;

    switch (option) {
    case FOR:
    case UNTIL:
        if (ended)
            bl_cli_fail(call, BL_EXIT_USAGE, "nodes pause: --for and --until: give one of them, once");
        return !ended &&
               (option == FOR ? take_for(call, &c->pause, value) : take_until(call, &c->pause, value));
    case UNTIL_BEAT:
        c->pause.until_beat = true;
        return true;
    default:
        return false;
    }
}

static enum bl_step nodes_pause_run(struct bl_cli_request *call)
{
    struct bl_nodes_change *c = call->state;

    if (c->kind == 0) {
        c->kind = BL_COMMAND_PAUSE;
        c->done = "paused";
        if (!bl_nodes_change_parse(call, c, nodes_pause_take))
            return BL_STEP_DONE;
    }
    return bl_nodes_change_run(call, c);
}

const struct bl_cli_ops bl_cli_nodes_pause = {
    .run = nodes_pause_run, .state_bytes = sizeof(struct bl_nodes_change), .options = bl_options_nodes_pause};
