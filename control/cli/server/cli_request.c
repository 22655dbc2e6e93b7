/* SPDX-License-Identifier: Apache-2.0 */
#include "control/cli/server/cli_request.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ERROR_BYTES 2048

void bl_cli_fail(struct bl_cli_request *call, enum bl_exit code, const char *format, ...)
{
    char text[ERROR_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (call->code == BL_EXIT_OK)
        call->code = (int)code;
    if (!call->json) {
        bl_text_printf(&call->err, "beatline: %s\n", text);
        return;
    }
    struct bl_json j;
    bl_json_line_begin(&j, &call->out);
    bl_json_string(&j, "error", text);
    bl_json_int(&j, "code", (int)code);
    bl_json_line_end(&j);
}

struct bl_command *bl_cli_ask(struct bl_cli_request *call, enum bl_command_kind kind, const char *name)
{
    size_t len = strlen(name);

    if (len > BL_NAME_MAX) {
        bl_cli_fail(call, BL_EXIT_NOT_FOUND,
                    "node %.20s...: no node's name has %zu bytes; at most %u are taken", name, len,
                    BL_NAME_MAX);
        return NULL;
    }
    bl_role_assume_api();
    struct bl_command *c =
        bl_pending_commands_add(call->api->asks, kind, name, len, call->answered, call->client);
    if (c == NULL)
        bl_cli_fail(call, BL_EXIT_ERROR, "node %s: out of memory; try again later", name);
    return c;
}

uint32_t bl_cli_find_node(struct bl_cli_request *call, const char *name)
{
    const struct bl_registry *r = bl_fleet_registry(bl_core_fleet(call->api->core));
    size_t len = strlen(name);
    uint32_t node = len <= BL_NAME_MAX ? bl_registry_find_name(r, name, (unsigned)len) : BL_NODE_NONE;

    if (node == BL_NODE_NONE)
        bl_cli_fail(call, BL_EXIT_NOT_FOUND,
                    "node %.200s: not known; beatline nodes list shows the names, --match GLOB narrows them",
                    name);
    return node;
}

uint32_t bl_cli_find_view(struct bl_cli_request *call, const struct bl_views_generation *g, const char *name)
{
    size_t len = strlen(name);
    uint32_t id = len >= 1 && len <= BL_VIEW_NAME_MAX ? bl_view_find(g, name, (unsigned)len) : BL_VIEW_NONE;

    if (id == BL_VIEW_NONE)
        bl_cli_fail(call, BL_EXIT_NOT_FOUND,
                    "view %.200s: not known; beatline views list shows those there are", name);
    return id;
}
