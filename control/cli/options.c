/* SPDX-License-Identifier: Apache-2.0 */
#include "control/cli/options.h"

#include <stdio.h>
#include <string.h>

#define ROW(id, name, letter, value, help) {name, letter, value, help},
const struct bl_option bl_options_status[] = {BL_OPTIONS_STATUS(ROW){0}};
const struct bl_option bl_options_events[] = {BL_OPTIONS_EVENTS(ROW){0}};
const struct bl_option bl_options_nodes_list[] = {BL_OPTIONS_NODES_LIST(ROW){0}};
const struct bl_option bl_options_nodes_pause[] = {BL_OPTIONS_NODES_PAUSE(ROW){0}};
const struct bl_option bl_options_nodes_set[] = {BL_OPTIONS_NODES_SET(ROW){0}};
#undef ROW

const struct bl_option *bl_options_of(const char *command)
{
    static const struct {
        const char *command;
        const struct bl_option *options;
    } all[] = {
        {"status", bl_options_status},         {"events", bl_options_events},
        {"nodes list", bl_options_nodes_list}, {"nodes pause", bl_options_nodes_pause},
        {"nodes set", bl_options_nodes_set},
    };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(all[i].command, command) == 0)
            return all[i].options;
    return NULL;
}

void bl_options_explain(struct bl_text *out, const char *command, const char *usage, const char *help)
{
    bl_text_printf(out, "usage: beatline %s%s%s\n%s\n", command, usage[0] != '\0' ? " " : "", usage, help);
    const struct bl_option *o = bl_options_of(command);
    if (o != NULL)
        bl_text_append(out, "\n", 1);
    for (; o != NULL && o->name != NULL; o++) {
        char left[48];
        snprintf(left, sizeof(left), "%c%c%s --%s%s%s", o->letter != 0 ? '-' : ' ',
                 o->letter != 0 ? o->letter : ' ', o->letter != 0 ? "," : " ", o->name,
                 o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
        bl_text_printf(out, "  %-22s %s\n", left, o->help);
    }
}
