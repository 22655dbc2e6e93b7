/* SPDX-License-Identifier: Apache-2.0 */
#include "control/http/lovebeat/lovebeat.h"

#include <string.h>

#include "control/text/indent.h"

/* lovebeat's special timeouts. */
#define TIMEOUT_NONE (-1)
#define TIMEOUT_AUTO (-2)

/* Nodes looked at for one piece: about 2 ms. */
#define NODES_PER_PIECE 8000u

/* ---- words ------------------------------------------------------------------ */

const char *bl_lovebeat_state(enum bl_state s)
{
    static const char *const words[BL_STATE_COUNT] = {
        [BL_STATE_NEW] = "new",         [BL_STATE_PAUSED] = "muted",    [BL_STATE_OK] = "ok",
        [BL_STATE_UNKNOWN] = "warning", [BL_STATE_WARNING] = "warning", [BL_STATE_FAILED] = "error"};
    return words[s];
}

const char *bl_lovebeat_old_state(enum bl_state s)
{
    return s == BL_STATE_NEW || s == BL_STATE_PAUSED ? "paused" : bl_lovebeat_state(s);
}

/* ---- views --------------------------------------------------------------------- */

const struct bl_views_generation *bl_lovebeat_views(const struct bl_api *api)
{
    return bl_views_now(bl_core_views(api->core));
}

uint32_t bl_lovebeat_find_view(struct bl_http_request *r, const char *name)
{
    size_t len = strlen(name);
    uint32_t id = len >= 1 && len <= BL_VIEW_NAME_MAX
                      ? bl_view_find(bl_lovebeat_views(r->api), name, (unsigned)len)
                      : BL_VIEW_NONE;
    if (id == BL_VIEW_NONE)
        bl_http_problem(r, 404, "view %.200s: not known; GET /api/views/ lists those there are", name);
    return id;
}

/* The names of the views that a node is in, but `all`, which 1.0 does not
 * have. */
static void json_alarms(struct bl_json *j, const struct bl_api *api, uint32_t node)
{
    const struct bl_views_generation *g = bl_lovebeat_views(api);
    uint32_t count;
    const uint32_t *id = bl_views_of(g, node, &count);

    if (count <= 1)
        return;
    bl_json_array(j, "in_alarms");
    for (uint32_t i = 0; i < count; i++) {
        const struct bl_view *view = id[i] != BL_VIEW_ALL ? bl_view_at(g, id[i]) : NULL;
        if (view != NULL)
            bl_json_string(j, NULL, view->name);
    }
    bl_json_array_end(j);
}

/* ---- services ---------------------------------------------------------------------- */

static int64_t timeout_of(const struct bl_policy *p, uint32_t ms)
{
    return p->detector == BL_DETECTOR_AUTO ? TIMEOUT_AUTO : ms > 0 ? (int64_t)ms : TIMEOUT_NONE;
}

void bl_lovebeat_service(struct bl_json *j, const struct bl_api *api, const struct bl_node_view *v)
{
    struct bl_policy p = bl_fleet_policy_of(bl_core_fleet(api->core), v->node);
    bool muted = v->state == BL_STATE_PAUSED;

    bl_json_string(j, "name", v->name);
    bl_json_int(j, "last_beat", v->beaten ? v->last_beat_unix_ms : -1);
    bl_json_int(j, "timeout", timeout_of(&p, p.timeout_ms > 0 ? p.timeout_ms : p.err_ms));
    bl_json_string(j, "state", bl_lovebeat_state((enum bl_state)v->state));
    bl_json_int(j, "muted_since", muted ? v->state_since_unix_ms : 0);
    bl_json_int(j, "last_state_change", v->state_since_unix_ms);
    json_alarms(j, api, v->index);
}

/* Seconds; what is below is dropped, but a timeout is never none for it. */
static int64_t old_timeout(const struct bl_policy *p, uint32_t ms)
{
    int64_t timeout = timeout_of(p, ms);
    return timeout > 0 ? (timeout + 999) / 1000 : timeout;
}

void bl_lovebeat_old_service(struct bl_json *j, const struct bl_api *api, const struct bl_node_view *v)
{
    struct bl_policy p = bl_fleet_policy_of(bl_core_fleet(api->core), v->node);

    bl_json_string(j, "name", v->name);
    bl_json_int(j, "last_beat", v->beaten ? v->last_beat_unix_ms / 1000 : -1);
    bl_json_int(j, "last_beat_delta", v->beaten ? (int64_t)v->age_ms / 1000 : -1);
    bl_json_int(j, "warning_timeout", old_timeout(&p, p.warn_ms));
    bl_json_int(j, "error_timeout", old_timeout(&p, p.err_ms > 0 ? p.err_ms : p.timeout_ms));
    bl_json_string(j, "state", bl_lovebeat_old_state((enum bl_state)v->state));
}

/* ---- lists ---------------------------------------------------------------------------- */

void bl_lovebeat_item(struct bl_text *out, bool *any, unsigned level)
{
    bl_text_printf(out, "%s\n%*s", *any ? "," : "", (int)(2 * level), "");
    *any = true;
}

static void write_service(struct bl_http_request *r, struct bl_lovebeat_list *l, const struct bl_node_view *v)
{
    struct bl_text compact = {0};
    struct bl_json j;

    bl_json_begin(&j, &compact);
    bl_json_object(&j, NULL);
    if (l->old)
        bl_lovebeat_old_service(&j, r->api, v);
    else
        bl_lovebeat_service(&j, r->api, v);
    bl_json_object_end(&j);
    bl_lovebeat_item(&r->out, &l->any, l->level);
    bl_json_indent(&r->out, compact.data, compact.len, l->level);
    r->out.failed |= compact.failed;
    bl_text_free(&compact);
}

bool bl_lovebeat_write_services(struct bl_http_request *r, struct bl_lovebeat_list *l)
{
    const struct bl_views_generation *g = bl_lovebeat_views(r->api);
    uint32_t end = bl_registry_end(bl_fleet_registry(bl_core_fleet(r->api->core)));
    /* Ids are of one generation; a view that went has no nodes any more. */
    uint32_t view = l->view != NULL ? bl_view_find(g, l->view, (unsigned)strlen(l->view)) : BL_VIEW_ALL;

    if (view == BL_VIEW_NONE)
        return true;
    for (uint32_t looked = 0; l->next < end; l->next++, looked++) {
        struct bl_node_view v;
        if (looked == NODES_PER_PIECE || r->out.len >= BL_PIECE_BYTES)
            return false;
        if ((l->view == NULL || bl_view_has(g, view, l->next)) && bl_node_look(&v, r->api, l->next))
            write_service(r, l, &v);
    }
    return true;
}

void bl_lovebeat_done(struct bl_http_request *r)
{
    bl_text_append(&r->out, "{}\n", 3);
    bl_http_reply(r, 200, BL_HTTP_JSON);
}
