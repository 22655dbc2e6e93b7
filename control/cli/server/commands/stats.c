/* SPDX-License-Identifier: Apache-2.0 */
/* All of the figures, one section after the other. */
#include "control/cli/server/commands.h"

static enum bl_step stats_run(struct bl_cli_request *call)
{
    static const struct {
        const char *title;
        const struct bl_cli_ops *ops;
    } section[] = {{"ports", &bl_cli_stats_ports},   {"workers", &bl_cli_stats_workers},
                   {"sweep", &bl_cli_stats_sweep},   {"memory", &bl_cli_stats_memory},
                   {"alerts", &bl_cli_stats_alerts}, {"state", &bl_cli_stats_state}};

    if (!bl_args_none(call))
        return BL_STEP_DONE;
    for (size_t i = 0; i < sizeof(section) / sizeof(section[0]); i++) {
        if (!call->json)
            bl_text_printf(&call->out, "%s%s\n", i > 0 ? "\n" : "", section[i].title);
        section[i].ops->run(call);
    }
    return BL_STEP_DONE;
}

const struct bl_cli_ops bl_cli_stats = {.run = stats_run};
