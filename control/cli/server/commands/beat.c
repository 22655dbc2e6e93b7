/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "control/cli/server/commands.h"
#include "control/ingest/feed.h"

static void beat_done(struct bl_cli_request *call, const char *name)
{
    struct bl_json j;
    if (!call->json)
        return; /* as a sender that got through: nothing to say */
    bl_json_line_begin(&j, &call->out);
    bl_json_string(&j, "name", name);
    bl_json_string(&j, "done", "beat");
    bl_json_line_end(&j);
}

static void beat(struct bl_cli_request *call, const char *name)
{
    char why[BL_ERR_BYTES];
    int rc = bl_api_beat(call->api, name, why);
    enum bl_exit code = rc == -EINVAL ? BL_EXIT_USAGE : rc == -ENOENT ? BL_EXIT_NOT_FOUND : BL_EXIT_ERROR;

    if (rc == 0)
        beat_done(call, name);
    else
        bl_cli_fail(call, code, "beat: %s", why);
}

static enum bl_step beat_run(struct bl_cli_request *call)
{
    if (!bl_args_names(call))
        return BL_STEP_DONE;
    for (int i = 0; i < call->argc; i++)
        beat(call, call->argv[i]);
    return BL_STEP_DONE;
}

const struct bl_cli_ops bl_cli_beat = {.run = beat_run};
