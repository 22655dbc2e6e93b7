/* SPDX-License-Identifier: Apache-2.0 */
#include "control/cli/server/commands.h"

static void help_list(struct bl_cli_request *call)
{
    for (unsigned i = 0; i < bl_cli_command_count; i++)
        bl_text_printf(&call->out, "  %-14s  %s\n", bl_cli_commands[i].name, bl_cli_commands[i].help);
}

static enum bl_step help_run(struct bl_cli_request *call)
{
    int words;

    if (call->argc == 0) {
        help_list(call);
        return BL_STEP_DONE;
    }
    const struct bl_cli_command *c = bl_cli_command_of(call->argc, call->argv, &words);
    if (c == NULL)
        bl_cli_unknown(call, call->argc, call->argv);
    else
        bl_cli_explain(call, c);
    return BL_STEP_DONE;
}

const struct bl_cli_ops bl_cli_help = {.run = help_run};
