/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/commands.h"
#include "engine/rcu.h"

static void reloaded(struct bl_call *call)
{
    const struct bl_config *c = bl_rcu_read(&call->api->config);
    struct bl_json j;

    if (!call->json) {
        bl_text_printf(&call->out, "reloaded %s\n",
                       c->file != NULL ? c->file : "the defaults: there is no file");
        return;
    }
    bl_json_line_begin(&j, &call->out);
    if (c->file != NULL)
        bl_json_string(&j, "reloaded", c->file);
    else
        bl_json_null(&j, "reloaded");
    bl_json_line_end(&j);
}

static enum bl_step run(struct bl_call *call)
{
    char err[BL_CONFIG_ERR_BYTES] = "";

    if (!bl_args_none(call))
        return BL_STEP_DONE;
    if (call->api->reload(call->api->reload_ctx, err) == 0)
        reloaded(call);
    else
        bl_call_fail(call, BL_EXIT_ERROR, "config reload: refused, the old config stays in force:\n%s", err);
    return BL_STEP_DONE;
}

const struct bl_cli_ops bl_cli_config_reload = {.run = run};
