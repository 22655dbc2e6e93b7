/* SPDX-License-Identifier: Apache-2.0 */
#include "control/cli/server/commands.h"

#include <stdio.h>
#include <string.h>

const struct bl_cli_command bl_cli_commands[] = {
#define ROW(id, name, usage, help) {name, usage, help, &bl_cli_##id},
    BL_COMMANDS(ROW)
#undef ROW
};
const unsigned bl_cli_command_count = sizeof(bl_cli_commands) / sizeof(bl_cli_commands[0]);

/* How many words of argv the name is made of, 0 if it is not them. */
static int words_of(const char *name, int argc, char **argv)
{
    int words = 0;
    while (words < argc) {
        size_t len = strcspn(name, " ");
        if (strlen(argv[words]) != len || strncmp(name, argv[words], len) != 0)
            return 0;
        words++;
        if (name[len] == '\0')
            return words;
        name += len + 1;
    }
    return 0;
}

const struct bl_cli_command *bl_cli_command_of(int argc, char **argv, int *words)
{
    const struct bl_cli_command *found = NULL;

    *words = 0;
    for (unsigned i = 0; i < bl_cli_command_count; i++) {
        int n = words_of(bl_cli_commands[i].name, argc, argv);
        if (n > *words) {
            found = &bl_cli_commands[i];
            *words = n;
        }
    }
    return found;
}

/* "nodes frob" -> `nodes: list, show, ...`; "frob" -> see help. */
void bl_cli_unknown(struct bl_cli_request *call, int argc, char **argv)
{
    char also[256] = "";
    size_t used = 0, len = argc > 0 ? strlen(argv[0]) : 0;

    if (argc == 0) {
        bl_cli_fail(call, BL_EXIT_USAGE, "no command; beatline help lists them");
        return;
    }
    for (unsigned i = 0; i < bl_cli_command_count && used < sizeof(also); i++) {
        const char *name = bl_cli_commands[i].name;
        if (strncmp(name, argv[0], len) == 0 && name[len] == ' ')
            used += (size_t)snprintf(also + used, sizeof(also) - used, "%s%s", used > 0 ? ", " : "", name);
    }
    if (used == 0)
        bl_cli_fail(call, BL_EXIT_USAGE, "%.60s: no such command; beatline help lists them", argv[0]);
    else if (argc == 1)
        bl_cli_fail(call, BL_EXIT_USAGE, "%.60s: needs another word; there are: %s", argv[0], also);
    else
        bl_cli_fail(call, BL_EXIT_USAGE, "%.60s %.60s: no such command; there are: %s", argv[0], argv[1],
                    also);
}

void bl_cli_explain(struct bl_cli_request *call, const struct bl_cli_command *c)
{
    bl_options_explain(&call->out, c->name, c->usage, c->help);
}
