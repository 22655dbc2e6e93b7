/* SPDX-License-Identifier: Apache-2.0 */
/* commands: the table of all commands (protocol.h lists them), and which
 * one a request means. Constant; any thread. */
#pragma once

#include "control/cli/server/cli_request.h"

extern const struct bl_cli_command bl_cli_commands[];
extern const unsigned bl_cli_command_count;

#define BL_COMMAND_OPS(id, name, usage, help) extern const struct bl_cli_ops bl_cli_##id;
BL_COMMANDS(BL_COMMAND_OPS)
#undef BL_COMMAND_OPS

/* The command with the most leading words of argv: "nodes list". Sets
 * *words to how many they are; NULL: none. */
const struct bl_cli_command *bl_cli_command_of(int argc, char **argv, int *words);

/* Says that argv is no command, and which there are of that beginning. */
void bl_cli_unknown(struct bl_cli_request *call, int argc, char **argv);

/* Writes a command's usage and options to call->out. */
void bl_cli_explain(struct bl_cli_request *call, const struct bl_cli_command *c);
