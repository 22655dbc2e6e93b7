/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "control/http/exchange.h"

const struct bl_http_route bl_http_routes[] = {
#define ROW(id, method, path, role) {#method, path, BL_HTTP_##role, &bl_http_##id},
    BL_HTTP_ROUTES(ROW)
#undef ROW
};
const unsigned bl_http_route_count = sizeof(bl_http_routes) / sizeof(bl_http_routes[0]);

static void allow_also(char allow[BL_HTTP_ALLOW_BYTES], const char *method)
{
    size_t used = strlen(allow);

    if (strstr(allow, method) != NULL)
        return;
    snprintf(allow + used, BL_HTTP_ALLOW_BYTES - used, "%s%s%s", used > 0 ? ", " : "", method,
             strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

const struct bl_http_route *bl_http_route_of(const char *method, const char *path,
                                             struct bl_captures *captures, char allow[BL_HTTP_ALLOW_BYTES])
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;

    allow[0] = '\0';
    for (unsigned i = 0; i < bl_http_route_count; i++) {
        if (!bl_uri_match(bl_http_routes[i].path, path, captures))
            continue;
        if (strcmp(bl_http_routes[i].method, wanted) == 0)
            return &bl_http_routes[i];
        allow_also(allow, bl_http_routes[i].method);
    }
    return NULL;
}
