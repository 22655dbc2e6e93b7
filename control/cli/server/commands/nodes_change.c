/* SPDX-License-Identifier: Apache-2.0 */
#include "control/cli/server/commands/nodes_change.h"

#include <errno.h>

#include "control/cli/server/commands.h"

static void nodes_change_tell(struct bl_cli_request *call, const struct bl_nodes_change *c)
{
    const struct bl_command *answer = call->answer;
    struct bl_json j;

    if (answer->result != 0) {
        bl_cli_fail(call, answer->result == -ENOENT ? BL_EXIT_NOT_FOUND : BL_EXIT_ERROR, "node %s",
                    answer->text);
        return;
    }
    if (!call->json) {
        bl_text_printf(&call->out, "%s: %s\n", answer->name, c->done);
        return;
    }
    bl_json_line_begin(&j, &call->out);
    bl_json_string(&j, "name", answer->name);
    bl_json_string(&j, "done", c->done);
    bl_json_line_end(&j);
}

bool bl_nodes_change_parse(struct bl_cli_request *call, struct bl_nodes_change *c,
                           bool (*take)(struct bl_cli_request *call, struct bl_nodes_change *c, int option,
                                        const char *value))
{
    struct bl_args args = {.call = call};
    const char *value;
    int arg, names = 0;

    while ((arg = bl_args_next(&args, &value)) != BL_ARG_END) {
        if (arg == BL_ARG_WORD)
            call->argv[names++] = call->argv[args.at - 1];
        else if (!take(call, c, arg, value))
            return false;
    }
    call->argc = names;
    if (names == 0)
        bl_cli_fail(call, BL_EXIT_USAGE, "%s: no name; usage: beatline %s %s", call->command->name,
                    call->command->name, call->command->usage);
    return names > 0;
}

enum bl_step bl_nodes_change_run(struct bl_cli_request *call, struct bl_nodes_change *c)
{
    if (c->asked)
        nodes_change_tell(call, c);
    c->asked = false;
    while (c->next < call->argc) {
        struct bl_command *command = bl_cli_ask(call, c->kind, call->argv[c->next++]);
        if (command == NULL)
            continue;
        command->create = c->create;
        command->patch = c->patch;
        command->pause = c->pause;
        c->asked = true;
        return BL_STEP_ANSWER;
    }
    return BL_STEP_DONE;
}

static enum bl_step nodes_change_change(struct bl_cli_request *call, enum bl_command_kind kind,
                                        const char *done)
{
    struct bl_nodes_change *c = call->state;

    if (c->kind == 0) {
        if (!bl_args_names(call))
            return BL_STEP_DONE;
        *c = (struct bl_nodes_change){.kind = kind, .done = done};
    }
    return bl_nodes_change_run(call, c);
}

static enum bl_step run_rm(struct bl_cli_request *call)
{
    return nodes_change_change(call, BL_COMMAND_REMOVE, "removed");
}

static enum bl_step run_resume(struct bl_cli_request *call)
{
    return nodes_change_change(call, BL_COMMAND_RESUME, "resumed");
}

#define STATE .state_bytes = sizeof(struct bl_nodes_change)
const struct bl_cli_ops bl_cli_nodes_rm = {.run = run_rm, STATE};
const struct bl_cli_ops bl_cli_nodes_resume = {.run = run_resume, STATE};
