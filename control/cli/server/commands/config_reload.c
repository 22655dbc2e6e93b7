/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "control/cli/server/commands.h"
#include "engine/base/rcu.h"

/* `waiting`: keys that need a restart, "ports, udp_port". */
static void config_reload_reloaded(struct bl_cli_request *call, char *waiting)
{
    const struct bl_config *c = bl_rcu_read(&call->api->config);
    struct bl_json j;

    if (!call->json) {
        bl_text_printf(&call->out, "reloaded %s\n",
                       c->file != NULL ? c->file : "the defaults: there is no file");
        if (waiting[0] != '\0')
            bl_text_printf(&call->out, "needs a restart, until then the old value stays in force: %s\n",
                           waiting);
        return;
    }
    bl_json_line_begin(&j, &call->out);
    if (c->file != NULL)
        bl_json_string(&j, "reloaded", c->file);
    else
        bl_json_null(&j, "reloaded");
    bl_json_array(&j, "needs_restart");
    for (char *rest = waiting, *key; (key = strsep(&rest, ", ")) != NULL;)
        if (key[0] != '\0')
            bl_json_string(&j, NULL, key);
    bl_json_array_end(&j);
    bl_json_line_end(&j);
}

static enum bl_step config_reload_run(struct bl_cli_request *call)
{
    char waiting[BL_CONFIG_WAITING_BYTES] = "", err[BL_ERR_BYTES] = "";

    if (!bl_args_none(call))
        return BL_STEP_DONE;
    if (call->api->reload(call->api->reload_ctx, waiting, err) == 0)
        config_reload_reloaded(call, waiting);
    else
        bl_cli_fail(call, BL_EXIT_ERROR, "config reload: refused, the old config stays in force:\n%s", err);
    return BL_STEP_DONE;
}

const struct bl_cli_ops bl_cli_config_reload = {.run = config_reload_run};
