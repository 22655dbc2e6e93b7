/* SPDX-License-Identifier: Apache-2.0 */
/* routes: the one list of what the HTTP server serves.
 *
 * To add a route: a line here, and a file in http/ (or the resource's)
 * that defines `const struct bl_http_ops bl_http_ID`; request.h says what
 * a handler may do. The first line that fits a path and a method has it,
 * so literal segments come before {names}. openapi.json describes each of
 * them for programs; a test holds the two together. HEAD is served by
 * GET. A path that is here with other methods alone is 405 with Allow,
 * made from this list. */
#pragma once

#include "control/config/http_role.h"

/* lovebeat's, both of its dialects (lovebeat.h). */
#define BL_LOVEBEAT_ROUTES(X)                                                                                \
    X(lovebeat_services, GET, "/api/services", READ)                                                         \
    X(lovebeat_services_old, GET, "/api/services/", READ)                                                    \
    X(lovebeat_service, GET, "/api/services/{name}", READ)                                                   \
    X(lovebeat_service_post, POST, "/api/services/{name}", BEAT)                                             \
    X(lovebeat_service_delete, DELETE, "/api/services/{name}", ADMIN)                                        \
    X(lovebeat_service_mute, POST, "/api/services/{name}/mute", ADMIN)                                       \
    X(lovebeat_service_unmute, POST, "/api/services/{name}/unmute", ADMIN)                                   \
    X(lovebeat_alarms, GET, "/api/alarms", READ)                                                             \
    X(lovebeat_alarms_slash, GET, "/api/alarms/", READ)                                                      \
    X(lovebeat_alarm, GET, "/api/alarms/{name}", READ)                                                       \
    X(lovebeat_alarm_delete, DELETE, "/api/alarms/{name}", ADMIN)                                            \
    X(lovebeat_alarm_status, GET, "/api/alarms/{name}/status", READ)                                         \
    X(lovebeat_views_old, GET, "/api/views/", READ)                                                          \
    X(lovebeat_views_old_bare, GET, "/api/views", READ)                                                      \
    X(lovebeat_view_old, GET, "/api/views/{name}", READ)                                                     \
    X(lovebeat_old_status, GET, "/status", READ)                                                             \
    X(lovebeat_old_status_api, GET, "/api/status", READ)

/* X(id, method, path, role) */
#define BL_HTTP_ROUTES(X)                                                                                    \
    X(healthy, GET, "/-/healthy", ANYONE)                                                                    \
    X(ready, GET, "/-/ready", ANYONE)                                                                        \
    X(version, GET, "/version", READ)                                                                        \
    X(status, GET, "/api/v1/status", READ)                                                                   \
    X(nodes, GET, "/api/v1/nodes", READ)                                                                     \
    X(nodes_set, POST, "/api/v1/nodes", ADMIN)                                                               \
    X(node, GET, "/api/v1/nodes/{name}", READ)                                                               \
    X(node_put, PUT, "/api/v1/nodes/{name}", ADMIN)                                                          \
    X(node_patch, PATCH, "/api/v1/nodes/{name}", ADMIN)                                                      \
    X(node_delete, DELETE, "/api/v1/nodes/{name}", ADMIN)                                                    \
    X(node_beat, POST, "/api/v1/nodes/{name}/beat", BEAT)                                                    \
    X(node_pause, POST, "/api/v1/nodes/{name}/pause", ADMIN)                                                 \
    X(node_resume, POST, "/api/v1/nodes/{name}/resume", ADMIN)                                               \
    X(node, GET, "/api/v1/node", READ)                                                                       \
    X(node_put, PUT, "/api/v1/node", ADMIN)                                                                  \
    X(node_patch, PATCH, "/api/v1/node", ADMIN)                                                              \
    X(node_delete, DELETE, "/api/v1/node", ADMIN)                                                            \
    X(node_beat, POST, "/api/v1/node/beat", BEAT)                                                            \
    X(node_pause, POST, "/api/v1/node/pause", ADMIN)                                                         \
    X(node_resume, POST, "/api/v1/node/resume", ADMIN)                                                       \
    X(views, GET, "/api/v1/views", READ)                                                                     \
    X(view, GET, "/api/v1/views/{name}", READ)                                                               \
    X(view_incidents, GET, "/api/v1/views/{name}/incidents", READ)                                           \
    X(incidents, GET, "/api/v1/incidents", READ)                                                             \
    X(events, GET, "/api/v1/events", READ)                                                                   \
    X(metrics, GET, "/metrics", READ)                                                                        \
    X(map_cell, GET, "/api/v1/map/cell", READ)                                                               \
    X(map, GET, "/api/v1/map", READ)                                                                         \
    X(openapi, GET, "/api/v1/openapi.json", ANYONE)                                                          \
    X(page_file, GET, "/ui/{file}", ANYONE)                                                                  \
    X(page, GET, "/", ANYONE)                                                                                \
    BL_LOVEBEAT_ROUTES(X)
