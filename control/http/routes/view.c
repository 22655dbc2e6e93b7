/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/views/{name}: one view, with what makes a node belong to it;
 * /incidents under it: what became of it. */
#include <inttypes.h>
#include <string.h>

#include "control/http/request.h"
#include "control/model/view_json.h"
#include "engine/base/counter.h"

static const struct bl_views_generation *views_now(const struct bl_http_request *r)
{
    return bl_views_now(bl_core_views(r->api->core));
}

const struct bl_view *bl_http_find_view(struct bl_http_request *r, const char *name)
{
    const struct bl_views_generation *g = views_now(r);
    size_t len = strlen(name);
    uint32_t id = len >= 1 && len <= BL_VIEW_NAME_MAX ? bl_view_find(g, name, (unsigned)len) : BL_VIEW_NONE;

    if (id != BL_VIEW_NONE)
        return bl_view_at(g, id);
    bl_http_problem(r, 404, "view %.200s: not known; GET /api/v1/views lists those there are", name);
    return NULL;
}

/* What the list has, and: template (it is one of many of its entry),
 * notify (people are told), regexp, pattern, includes, excludes (as the
 * config has them, the last two as arrays; absent if empty). */
static void view(struct bl_http_request *r)
{
    static const char *const names[] = {NULL};
    const struct bl_view *v;
    struct bl_json j;

    if (!bl_http_params_are(r, names) || (v = bl_http_find_view(r, bl_http_path(r, "name"))) == NULL)
        return;
    unsigned flags = BL_READ(v->flags);
    bl_json_line_begin(&j, &r->out);
    bl_view_json(&j, v);
    bl_json_bool(&j, "template", (flags & BL_VIEW_TEMPLATE) != 0);
    bl_json_bool(&j, "notify", (flags & BL_VIEW_NOTIFY) != 0);
    bl_view_json_rules(&j, views_now(r), v);
    bl_json_line_end(&j);
    bl_http_reply(r, 200, BL_HTTP_JSON);
}

/* {"view": "backups", "incidents": [...], "listed": 3}: newest first, at
 * most BL_INCIDENTS_PER_VIEW. */
static void view_incidents(struct bl_http_request *r)
{
    static const char *const names[] = {"limit", NULL};
    uint64_t limit = BL_INCIDENTS_PER_VIEW;
    const struct bl_incident *i;
    const struct bl_view *v;
    struct bl_json j;
    bool given;
    unsigned at = 0;

    if (!bl_http_params_are(r, names) || !bl_http_number(r, "limit", UINT64_MAX, &limit, &given) ||
        (v = bl_http_find_view(r, bl_http_path(r, "name"))) == NULL)
        return;
    bl_json_line_begin(&j, &r->out);
    bl_json_string(&j, "view", v->name);
    bl_json_array(&j, "incidents");
    for (; at < limit && (i = bl_incident_at(&r->api->incidents, v, at)) != NULL; at++) {
        bl_json_object(&j, NULL);
        bl_incident_json(&j, v, i, r->api->now_unix_ms);
        bl_json_object_end(&j);
    }
    bl_json_array_end(&j);
    bl_json_uint(&j, "listed", at);
    bl_json_line_end(&j);
    bl_http_reply(r, 200, BL_HTTP_JSON);
}

const struct bl_http_ops bl_http_view = {.run = view};
const struct bl_http_ops bl_http_view_incidents = {.run = view_incidents};
