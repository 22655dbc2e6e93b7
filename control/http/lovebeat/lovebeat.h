/* SPDX-License-Identifier: Apache-2.0 */
/* lovebeat: the HTTP API that lovebeat's clients, checks and scripts
 * speak, both of its dialects from the same paths:
 *
 *   1.0   /api/services, /api/alarms, /api/status, /version; one timeout;
 *         seconds in, milliseconds out
 *   0.8   /api/services/ (with the slash, or with ?view=), /api/views/,
 *         /status; warn-tmo and err-tmo; seconds in, seconds out
 *
 * /api/services/NAME is an answer to both: 1.0's {"service": ..., "now"}
 * with 0.8's members beside it. Layout, names and types are lovebeat's, so
 * that `jq` as well as `grep '"good": true'` go on working; its mistakes
 * are not (the README lists them).
 *
 *   lovebeat.c           words and members, shared by the others
 *   lovebeat_change.c    POST and DELETE of a service
 *   lovebeat_services.c  services: lists and one
 *   lovebeat_views.c     alarms and views: lists and one
 *   lovebeat_status.c    counts, and the version
 *
 * Threads: the api thread alone, as request.h. */
#pragma once

#include "control/http/request.h"
#include "control/model/node_view.h"
#include "engine/views/views.h"

/* What a state is called in each dialect, which do not have all of ours:
 * 1.0 says new, ok, error, muted and, where one has set such a threshold,
 * warning; 0.8 says paused (new ones, too), ok, warning, error. What we do
 * not know because ingest stood still is a warning to both. */
const char *bl_lovebeat_state(enum bl_state s);
const char *bl_lovebeat_old_state(enum bl_state s);

/* A service's members, inside an open object. */
void bl_lovebeat_service(struct bl_json *j, const struct bl_api *api, const struct bl_node_view *v);
void bl_lovebeat_old_service(struct bl_json *j, const struct bl_api *api, const struct bl_node_view *v);

/* The views in force; good until the handler returns. */
const struct bl_views_generation *bl_lovebeat_views(const struct bl_api *api);

/* The id of the view of that name; BL_VIEW_NONE: there is none, said so
 * (404). */
uint32_t bl_lovebeat_find_view(struct bl_http_request *r, const char *name);

/* ---- lists ------------------------------------------------------------ */

/* A list of services as it is being written. */
struct bl_lovebeat_list {
    char *view;     /* NULL: all nodes; a copy */
    bool old;       /* 0.8's members */
    unsigned level; /* of its items */
    uint32_t next;  /* node to look at */
    bool any;       /* an item is written */
};

/* Writes on, up to a piece; true: the list is through. */
bool bl_lovebeat_write_services(struct bl_http_request *r, struct bl_lovebeat_list *l);

/* Begins an item of a list: comma, line, indentation. */
void bl_lovebeat_item(struct bl_text *out, bool *any, unsigned level);

/* "{}" and a line feed, as lovebeat answers what it has done. */
void bl_lovebeat_done(struct bl_http_request *r);
