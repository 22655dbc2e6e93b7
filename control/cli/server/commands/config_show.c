/* SPDX-License-Identifier: Apache-2.0 */
#include "control/cli/server/commands.h"
#include "engine/base/rcu.h"

static enum bl_step config_show_run(struct bl_cli_request *call)
{
    if (bl_args_none(call))
        bl_config_show(bl_rcu_read(&call->api->config), &call->out, call->json);
    return BL_STEP_DONE;
}

const struct bl_cli_ops bl_cli_config_show = {.run = config_show_run};
