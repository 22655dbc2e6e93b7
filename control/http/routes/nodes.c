/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/nodes: the nodes, in pages of the registry as the client
 * takes them. A cursor is a place in the registry: who follows `next` sees
 * each node that was there all the time once. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/http/request.h"

/* Nodes looked at for one piece: about 2 ms. */
#define NODES_PER_PIECE 8000u

/* What bl_node_json writes, for `fields`. */
#define FIELDS                                                                                               \
    "name,id,state,timeout_ms,warn_ms,err_ms,retries,detector,interval_ms,last_beat,age_ms,state_since,"     \
    "incident,paused_until,paused_until_beat"

struct list {
    struct bl_node_filter filter;
    const char *only;    /* NULL: all fields */
    const char *view;    /* NULL: all nodes */
    uint64_t generation; /* of which view_id is */
    uint32_t view_id;
    uint32_t next;
    uint64_t listed, limit;
    bool lines; /* an object a line, no list around them */
    bool begun;
};

static void write_node(struct bl_http_request *r, const struct list *l, const struct bl_node_view *v)
{
    struct bl_json j;

    if (l->listed > 0 && !l->lines)
        bl_text_append(&r->out, ",\n", 2);
    bl_json_begin(&j, &r->out);
    bl_json_object(&j, NULL);
    bl_json_only(&j, l->only);
    bl_node_json(&j, v);
    bl_json_object_end(&j);
    if (l->lines)
        bl_text_append(&r->out, "\n", 1);
}

static enum bl_step nodes_finish(struct bl_http_request *r, const struct list *l, bool all)
{
    if (l->lines)
        return BL_STEP_DONE;
    bl_text_printf(&r->out, "\n],\"listed\":%" PRIu64 ",\"next\":", l->listed);
    if (all)
        bl_text_printf(&r->out, "null}\n");
    else
        bl_text_printf(&r->out, "\"%" PRIu32 "\"}\n", l->next);
    return BL_STEP_DONE;
}

/* Ids are of one generation: the view is looked up again in the next. One
 * that went has no nodes any more. */
static bool is_in_view(const struct bl_http_request *r, struct list *l, uint32_t node)
{
    const struct bl_views_generation *g = bl_views_now(bl_core_views(r->api->core));

    if (l->view == NULL)
        return true;
    if (l->generation != bl_views_number(g))
        l->view_id = bl_view_find(g, l->view, (unsigned)strlen(l->view));
    l->generation = bl_views_number(g);
    return l->view_id != BL_VIEW_NONE && bl_view_has(g, l->view_id, node);
}

static enum bl_step nodes_next(struct bl_http_request *r)
{
    struct list *l = r->state;
    const struct bl_registry *registry = bl_fleet_registry(bl_core_fleet(r->api->core));
    uint32_t end = bl_registry_end(registry);

    if (!l->begun && !l->lines)
        bl_text_printf(&r->out, "{\"nodes\":[\n");
    l->begun = true;
    for (uint32_t looked = 0; l->next < end; l->next++, looked++) {
        struct bl_node_view v;
        if (looked == NODES_PER_PIECE || r->out.len >= BL_PIECE_BYTES)
            return BL_STEP_MORE;
        if (!bl_node_is_wanted(&l->filter, bl_registry_get(registry, l->next)) ||
            !is_in_view(r, l, l->next) || !bl_node_look(&v, r->api, l->next))
            continue;
        if (l->listed == l->limit)
            return nodes_finish(r, l, false);
        write_node(r, l, &v);
        l->listed++;
    }
    return nodes_finish(r, l, true);
}

static void nodes_run(struct bl_http_request *r)
{
    static const char *const names[] = {"state", "view", "match", "limit", "cursor", "fields", NULL};
    struct list *l = r->state;
    uint64_t cursor = 0;
    bool given;

    l->limit = UINT64_MAX;
    l->filter.match = bl_http_param(r, "match");
    l->lines = bl_http_prefers(r, BL_HTTP_NDJSON, BL_HTTP_JSON);
    if (!bl_http_params_are(r, names) || !bl_http_states(r, &l->filter.states) ||
        !bl_http_only(r, FIELDS, &l->only) || !bl_http_number(r, "limit", UINT64_MAX, &l->limit, &given) ||
        !bl_http_number(r, "cursor", UINT32_MAX, &cursor, &given))
        return;
    l->view = bl_http_param(r, "view");
    if (l->view != NULL && bl_http_find_view(r, l->view) == NULL)
        return;
    l->next = (uint32_t)cursor;
    bl_http_stream(r, l->lines ? BL_HTTP_NDJSON : BL_HTTP_JSON, nodes_next);
}

const struct bl_http_ops bl_http_nodes = {.run = nodes_run, .state_bytes = sizeof(struct list)};
