/* SPDX-License-Identifier: Apache-2.0 */
#include "control/cli/server/commands.h"

static enum bl_step version_run(struct bl_cli_request *call)
{
    struct bl_json j;

    if (!bl_args_none(call))
        return BL_STEP_DONE;
    if (!call->json) {
        bl_text_printf(&call->out, "beatlined %s\n", BL_VERSION);
        return BL_STEP_DONE;
    }
    bl_json_line_begin(&j, &call->out);
    bl_json_string(&j, "program", "beatlined");
    bl_json_string(&j, "version", BL_VERSION);
    bl_json_line_end(&j);
    return BL_STEP_DONE;
}

const struct bl_cli_ops bl_cli_version = {.run = version_run};
