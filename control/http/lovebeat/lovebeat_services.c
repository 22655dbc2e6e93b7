/* SPDX-License-Identifier: Apache-2.0 */
/* Services: lists and one. */
#include <stdlib.h>
#include <string.h>

#include "control/http/lovebeat/lovebeat.h"
#include "control/text/indent.h"

static void end_list(struct bl_http_request *r)
{
    struct bl_lovebeat_list *l = r->state;
    free(l->view);
}

static void unix_now(struct bl_http_request *r)
{
    bl_text_printf(&r->out, "  \"now\": %lld\n}\n", (long long)r->api->now_unix_ms);
}

/* {"services": [...], "now": ...} */
static enum bl_step lovebeat_services_next(struct bl_http_request *r)
{
    struct bl_lovebeat_list *l = r->state;

    if (l->next == 0)
        bl_text_printf(&r->out, "{\n  \"services\": [");
    if (!bl_lovebeat_write_services(r, l))
        return BL_STEP_MORE;
    bl_text_printf(&r->out, "%s],\n", l->any ? "\n  " : "");
    unix_now(r);
    return BL_STEP_DONE;
}

/* [...] */
static enum bl_step next_old(struct bl_http_request *r)
{
    struct bl_lovebeat_list *l = r->state;

    if (l->next == 0)
        bl_text_append(&r->out, "[", 1);
    if (!bl_lovebeat_write_services(r, l))
        return BL_STEP_MORE;
    bl_text_printf(&r->out, "%s]\n", l->any ? "\n" : "");
    return BL_STEP_DONE;
}

static void list_old(struct bl_http_request *r)
{
    struct bl_lovebeat_list *l = r->state;
    const char *view = bl_http_param(r, "view");

    if (view != NULL && bl_lovebeat_find_view(r, view) == BL_VIEW_NONE)
        return;
    l->view = view != NULL ? strdup(view) : NULL;
    l->old = true;
    l->level = 1;
    bl_http_stream(r, BL_HTTP_JSON, next_old);
}

static void lovebeat_services_list(struct bl_http_request *r)
{
    struct bl_lovebeat_list *l = r->state;

    if (bl_http_param(r, "view") != NULL) {
        list_old(r);
        return;
    }
    l->level = 2;
    bl_http_stream(r, BL_HTTP_JSON, lovebeat_services_next);
}

/* ---- one ------------------------------------------------------------------ */

/* 0.8's ?details=1: the views that it is in. */
static void json_views(struct bl_json *j, const struct bl_api *api, uint32_t node)
{
    const struct bl_views_generation *g = bl_lovebeat_views(api);
    uint32_t count;
    const uint32_t *id = bl_views_of(g, node, &count);

    bl_json_array(j, "views");
    for (uint32_t i = 0; i < count; i++) {
        const struct bl_view *view = bl_view_at(g, id[i]);
        if (view == NULL)
            continue;
        bl_json_object(j, NULL);
        bl_json_string(j, "name", view->name);
        bl_json_object_end(j);
    }
    bl_json_array_end(j);
}

static void lovebeat_services_one(struct bl_http_request *r)
{
    struct bl_text compact = {0};
    struct bl_node_view v;
    struct bl_json j;

    if (!bl_http_find_node(r, bl_http_path(r, "name"), &v))
        return;
    bl_json_begin(&j, &compact);
    bl_json_object(&j, NULL);
    bl_json_object(&j, "service");
    bl_lovebeat_service(&j, r->api, &v);
    bl_json_object_end(&j);
    bl_json_int(&j, "now", r->api->now_unix_ms);
    bl_lovebeat_old_service(&j, r->api, &v);
    if (bl_http_param(r, "details") != NULL)
        json_views(&j, r->api, v.index);
    bl_json_object_end(&j);
    bl_json_indent(&r->out, compact.data, compact.len, 0);
    bl_text_append(&r->out, "\n", 1);
    r->out.failed |= compact.failed;
    bl_text_free(&compact);
    bl_http_reply(r, 200, BL_HTTP_JSON);
}

#define LIST .end = end_list, .state_bytes = sizeof(struct bl_lovebeat_list)
const struct bl_http_ops bl_http_lovebeat_services = {.run = lovebeat_services_list, LIST};
const struct bl_http_ops bl_http_lovebeat_services_old = {.run = list_old, LIST};
const struct bl_http_ops bl_http_lovebeat_service = {.run = lovebeat_services_one};
