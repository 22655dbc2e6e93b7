/* SPDX-License-Identifier: Apache-2.0 */
/* Alarms (1.0) and views (0.8): lists and one. An alarm names the nodes
 * that failed in it; they are looked for once, in a first walk through the
 * registry, and are at most FAILED_MOST for all alarms of a list, NAMED_MOST
 * for each: lovebeat says of that list that it may be trimmed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/http/lovebeat/lovebeat.h"
#include "control/text/indent.h"
#include "engine/base/counter.h"

#define FAILED_MOST 10000u
#define NAMED_MOST  100u
/* Nodes, and views, looked at in a piece: 1 to 2 ms. */
#define NODES_PER_PIECE 20000u
#define VIEWS_PER_PIECE 200u

struct alarms {
    uint32_t *failed; /* nodes that are */
    uint32_t failed_count;
    uint32_t node; /* the walk's next */
    uint32_t view; /* the list's next */
    bool begun, any;
    struct bl_lovebeat_list services; /* of one alarm; its view is the alarm */
};

static void lovebeat_views_end(struct bl_http_request *r)
{
    struct alarms *a = r->state;
    free(a->failed);
    free(a->services.view);
}

static const struct bl_registry *registry_of(const struct bl_http_request *r)
{
    return bl_fleet_registry(bl_core_fleet(r->api->core));
}

/* The walk: a step; true: it is through. */
static bool find_failed(const struct bl_http_request *r, struct alarms *a)
{
    uint32_t last = bl_registry_end(registry_of(r));

    if (a->failed == NULL)
        a->failed = calloc(FAILED_MOST, sizeof(*a->failed));
    if (a->failed == NULL || bl_registry_count(registry_of(r), BL_STATE_FAILED) == 0)
        return true;
    for (uint32_t looked = 0; a->node < last && a->failed_count < FAILED_MOST; a->node++, looked++) {
        const struct bl_node *n = bl_registry_get(registry_of(r), a->node);
        if (looked == NODES_PER_PIECE)
            return false;
        if (n != NULL && BL_READ(n->state) == BL_STATE_FAILED)
            a->failed[a->failed_count++] = a->node;
    }
    return true;
}

static void json_failed(struct bl_json *j, const struct bl_http_request *r, const struct alarms *a,
                        uint32_t id)
{
    const struct bl_views_generation *g = bl_lovebeat_views(r->api);
    uint32_t left = bl_view_count(bl_view_at(g, id), BL_STATE_FAILED);

    bl_json_array(j, "failed_services");
    left = left < NAMED_MOST ? left : NAMED_MOST;
    for (uint32_t i = 0; i < a->failed_count && left > 0; i++) {
        const struct bl_node *n = bl_registry_get(registry_of(r), a->failed[i]);
        if (n == NULL || !bl_view_has(g, id, a->failed[i]) || BL_READ(n->state) != BL_STATE_FAILED)
            continue;
        bl_json_string(j, NULL, bl_node_name(n));
        left--;
    }
    bl_json_array_end(j);
}

static void json_alarm(struct bl_json *j, const struct bl_http_request *r, const struct alarms *a,
                       uint32_t id)
{
    const struct bl_view *view = bl_view_at(bl_lovebeat_views(r->api), id);

    bl_json_string(j, "name", view->name);
    bl_json_string(j, "state", bl_lovebeat_state((enum bl_state)BL_READ(view->state)));
    bl_json_int(j, "incident_nbr", BL_READ(view->incident));
    json_failed(j, r, a, id);
    bl_json_int(j, "last_state_change", BL_READ(view->since_unix_ms));
}

static void write_now(struct bl_http_request *r)
{
    bl_text_printf(&r->out, "],\n  \"now\": %lld\n}\n", (long long)r->api->now_unix_ms);
}

static void write_alarm(struct bl_http_request *r, const struct alarms *a, uint32_t id, unsigned level)
{
    struct bl_text compact = {0};
    struct bl_json j;

    bl_json_begin(&j, &compact);
    bl_json_object(&j, NULL);
    json_alarm(&j, r, a, id);
    bl_json_object_end(&j);
    bl_json_indent(&r->out, compact.data, compact.len, level);
    r->out.failed |= compact.failed;
    bl_text_free(&compact);
}

/* ---- 1.0: alarms -------------------------------------------------------------- */

/* `all`, which 1.0 does not have, is not in the list, but can be asked for. */
static enum bl_step next_alarms(struct bl_http_request *r)
{
    const struct bl_views_generation *g = bl_lovebeat_views(r->api);
    struct alarms *a = r->state;

    if (!a->begun && !find_failed(r, a))
        return BL_STEP_MORE;
    if (!a->begun)
        bl_text_printf(&r->out, "{\n  \"alarms\": [");
    a->begun = true;
    for (uint32_t looked = 0; a->view < bl_views_end(g); a->view++, looked++) {
        if (looked == VIEWS_PER_PIECE || r->out.len >= BL_PIECE_BYTES)
            return BL_STEP_MORE;
        if (a->view == BL_VIEW_ALL || bl_view_at(g, a->view) == NULL)
            continue;
        bl_lovebeat_item(&r->out, &a->any, 2);
        write_alarm(r, a, a->view, 2);
    }
    bl_text_printf(&r->out, "%s", a->any ? "\n  " : "");
    write_now(r);
    return BL_STEP_DONE;
}

static void lovebeat_views_alarms(struct bl_http_request *r)
{
    bl_http_stream(r, BL_HTTP_JSON, next_alarms);
}

/* {"alarm": {...}, "services": [...], "now": ...} */
static enum bl_step next_alarm(struct bl_http_request *r)
{
    struct alarms *a = r->state;
    struct bl_lovebeat_list *services = &a->services;

    if (!a->begun && !find_failed(r, a))
        return BL_STEP_MORE;
    if (!a->begun) {
        uint32_t id =
            bl_view_find(bl_lovebeat_views(r->api), services->view, (unsigned)strlen(services->view));
        bl_text_printf(&r->out, "{\n  \"alarm\": ");
        if (id == BL_VIEW_NONE)
            bl_text_printf(&r->out, "null"); /* gone since we were asked */
        else
            write_alarm(r, a, id, 1);
        bl_text_printf(&r->out, ",\n  \"services\": [");
    }
    a->begun = true;
    if (!bl_lovebeat_write_services(r, services))
        return BL_STEP_MORE;
    bl_text_printf(&r->out, "%s", services->any ? "\n  " : "");
    write_now(r);
    return BL_STEP_DONE;
}

static void lovebeat_views_alarm(struct bl_http_request *r)
{
    struct alarms *a = r->state;
    const char *name = bl_http_path(r, "name");

    if (bl_lovebeat_find_view(r, name) == BL_VIEW_NONE)
        return;
    a->services = (struct bl_lovebeat_list){.view = strdup(name), .level = 2};
    if (a->services.view == NULL)
        bl_http_problem(r, 503, "out of memory; try again later");
    else
        bl_http_stream(r, BL_HTTP_JSON, next_alarm);
}

static void lovebeat_views_forgotten(struct bl_http_request *r, struct bl_command *answer)
{
    const char *name = answer->name;

    if (answer->result == 0)
        bl_lovebeat_done(r);
    else if (answer->result == -ENOENT)
        bl_http_problem(r, 404, "view %.200s: not known; GET /api/views/ lists those there are", name);
    else if (answer->result == -EBUSY)
        bl_http_problem(r, 409, "view %.200s: has nodes; delete these first", name);
    else
        bl_http_problem(r, 409, "view %.200s: the config names it; take it out there", name);
}

static void delete_alarm(struct bl_http_request *r)
{
    bl_http_ask(r, BL_COMMAND_FORGET_VIEW, bl_http_path(r, "name"), lovebeat_views_forgotten);
}

/* ---- 0.8: views ---------------------------------------------------------------- */

static void json_view(struct bl_json *j, const struct bl_view *view)
{
    bl_json_string(j, "name", view->name);
    bl_json_string(j, "state", bl_lovebeat_old_state((enum bl_state)BL_READ(view->state)));
}

static void write_view(struct bl_http_request *r, const struct bl_view *view, bool one, unsigned level)
{
    struct bl_text compact = {0};
    struct bl_json j;

    bl_json_begin(&j, &compact);
    bl_json_object(&j, NULL);
    json_view(&j, view);
    if (one) {
        bl_json_string(&j, "alert_mail", "");
        bl_json_string(&j, "webhooks", "");
    }
    bl_json_object_end(&j);
    bl_json_indent(&r->out, compact.data, compact.len, level);
    r->out.failed |= compact.failed;
    bl_text_free(&compact);
}

static enum bl_step next_views(struct bl_http_request *r)
{
    const struct bl_views_generation *g = bl_lovebeat_views(r->api);
    struct alarms *a = r->state;

    if (!a->begun)
        bl_text_append(&r->out, "[", 1);
    a->begun = true;
    for (; a->view < bl_views_end(g); a->view++) {
        const struct bl_view *view = bl_view_at(g, a->view);
        if (r->out.len >= BL_PIECE_BYTES)
            return BL_STEP_MORE;
        if (view == NULL)
            continue;
        bl_lovebeat_item(&r->out, &a->any, 1);
        write_view(r, view, false, 1);
    }
    bl_text_printf(&r->out, "\n]\n"); /* `all` is always there */
    return BL_STEP_DONE;
}

static void lovebeat_views_views(struct bl_http_request *r)
{
    bl_http_stream(r, BL_HTTP_JSON, next_views);
}

/* Who is told of a view, and how, is the config's business now. */
static void lovebeat_views_view(struct bl_http_request *r)
{
    uint32_t id = bl_lovebeat_find_view(r, bl_http_path(r, "name"));
    if (id == BL_VIEW_NONE)
        return;
    write_view(r, bl_view_at(bl_lovebeat_views(r->api), id), true, 0);
    bl_text_append(&r->out, "\n", 1);
    bl_http_reply(r, 200, BL_HTTP_JSON);
}

#define ALARMS .end = lovebeat_views_end, .state_bytes = sizeof(struct alarms)
const struct bl_http_ops bl_http_lovebeat_alarms = {.run = lovebeat_views_alarms, ALARMS};
const struct bl_http_ops bl_http_lovebeat_alarms_slash = {.run = lovebeat_views_alarms, ALARMS};
const struct bl_http_ops bl_http_lovebeat_alarm_delete = {.run = delete_alarm};
const struct bl_http_ops bl_http_lovebeat_alarm = {.run = lovebeat_views_alarm, ALARMS};
const struct bl_http_ops bl_http_lovebeat_views_old = {.run = lovebeat_views_views, ALARMS};
const struct bl_http_ops bl_http_lovebeat_views_old_bare = {.run = lovebeat_views_views, ALARMS};
const struct bl_http_ops bl_http_lovebeat_view_old = {.run = lovebeat_views_view};
