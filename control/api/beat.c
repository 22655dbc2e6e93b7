/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "control/api/commands.h"

/* Why the beat just fed was dropped: the reason that counted one more. */
static const char *reason(const struct bl_counters *before, const struct bl_counters *after)
{
    for (unsigned d = 0; d < BL_DROP_COUNT; d++) {
        if (after->drop[d] != before->drop[d])
            return bl_drop_sentence((enum bl_drop)d);
    }
    return "not counted as a beat";
}

static void done(struct bl_call *call, const char *name)
{
    struct bl_json j;
    if (!call->json)
        return; /* as a sender that got through: nothing to say */
    bl_json_line_begin(&j, &call->out);
    bl_json_string(&j, "name", name);
    bl_json_string(&j, "done", "beat");
    bl_json_line_end(&j);
}

static void beat(struct bl_call *call, const char *name)
{
    struct bl_worker *w = call->api->worker;
    struct bl_counters before, after;
    char line[BL_NAME_MAX + 16];

    bl_role_assume_worker(); /* of this thread's own */
    if (!bl_name_is_valid(name, strlen(name))) {
        bl_call_fail(call, BL_EXIT_USAGE,
                     "beat: \"%.60s\" is no name; give 1 to %u bytes without spaces, ':' or '|'", name,
                     BL_NAME_MAX);
        return;
    }
    int len = snprintf(line, sizeof(line), "%s.beat:1|c", name);
    memset(&before, 0, sizeof(before));
    memset(&after, 0, sizeof(after));
    bl_counters_add(&before, &w->counters);
    bl_worker_feed(w, (const uint8_t *)line, (uint32_t)len, call->api->now_ns);
    bl_counters_add(&after, &w->counters);
    if (after.beats > before.beats)
        done(call, name);
    else
        bl_call_fail(call, BL_EXIT_ERROR, "beat: %s was not taken: %s", name, reason(&before, &after));
}

static enum bl_step run(struct bl_call *call)
{
    if (!bl_args_names(call))
        return BL_STEP_DONE;
    for (int i = 0; i < call->argc; i++)
        beat(call, call->argv[i]);
    return BL_STEP_DONE;
}

const struct bl_cli_ops bl_cli_beat = {.run = run};
