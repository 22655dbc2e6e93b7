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
    const char *only; /* NULL: all fields */
    uint32_t next;
    uint64_t listed, limit;
    bool lines; /* an object a line, no list around them */
    bool begun;
};

static bool take_states(struct bl_http_request *r, struct list *l)
{
    unsigned at = 0;

    for (const char *word; (word = bl_http_param_next(r, "state", &at)) != NULL;) {
        enum bl_state s = bl_state_of_name(word);
        if (s == BL_STATE_COUNT) {
            bl_http_problem(r, 422,
                            "state: \"%.40s\" is none; there are new, ok, warning, failed, paused, unknown",
                            word);
            return false;
        }
        l->filter.states |= 1u << s;
    }
    return true;
}

static bool is_field(const char *word, size_t len)
{
    for (const char *at = FIELDS; at != NULL; at = strchr(at, ',') != NULL ? strchr(at, ',') + 1 : NULL) {
        if (strncmp(at, word, len) == 0 && (at[len] == ',' || at[len] == '\0'))
            return true;
    }
    return false;
}

static bool take_fields(struct bl_http_request *r, struct list *l)
{
    l->only = bl_http_param(r, "fields");
    for (const char *at = l->only; at != NULL && *at != '\0'; at += strcspn(at, ","), at += *at == ',') {
        size_t len = strcspn(at, ",");
        if (len > 0 && is_field(at, len))
            continue;
        bl_http_problem(r, 422, "fields: \"%.*s\" is none; there are %s", (int)(len < 40 ? len : 40), at,
                        FIELDS);
        return false;
    }
    return true;
}

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

static enum bl_step finish(struct bl_http_request *r, const struct list *l, bool all)
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

static enum bl_step next(struct bl_http_request *r)
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
            !bl_node_look(&v, r->api, l->next))
            continue;
        if (l->listed == l->limit)
            return finish(r, l, false);
        write_node(r, l, &v);
        l->listed++;
    }
    return finish(r, l, true);
}

static void run(struct bl_http_request *r)
{
    static const char *const names[] = {"state", "match", "limit", "cursor", "fields", NULL};
    struct list *l = r->state;
    uint64_t cursor = 0;
    bool given;

    l->limit = UINT64_MAX;
    l->filter.match = bl_http_param(r, "match");
    l->lines = bl_http_prefers(r, BL_HTTP_NDJSON, BL_HTTP_JSON);
    if (!bl_http_params_are(r, names) || !take_states(r, l) || !take_fields(r, l) ||
        !bl_http_number(r, "limit", UINT64_MAX, &l->limit, &given) ||
        !bl_http_number(r, "cursor", UINT32_MAX, &cursor, &given))
        return;
    l->next = (uint32_t)cursor;
    bl_http_stream(r, l->lines ? BL_HTTP_NDJSON : BL_HTTP_JSON, next);
}

const struct bl_http_ops bl_http_nodes = {.run = run, .state_bytes = sizeof(struct list)};
