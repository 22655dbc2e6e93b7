/* SPDX-License-Identifier: Apache-2.0 */
#include "control/config/http_role.h"

#include <string.h>

static const char *const http_role_names[] = {
    [BL_HTTP_ANYONE] = "", [BL_HTTP_READ] = "read", [BL_HTTP_BEAT] = "beat", [BL_HTTP_ADMIN] = "admin"};

const char *bl_http_role_name(enum bl_http_role role)
{
    return http_role_names[role];
}

enum bl_http_role bl_http_role_of_name(const char *name)
{
    for (int role = BL_HTTP_READ; role <= BL_HTTP_ADMIN; role++)
        if (strcmp(name, http_role_names[role]) == 0)
            return (enum bl_http_role)role;
    return BL_HTTP_ANYONE;
}
