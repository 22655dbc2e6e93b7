/* SPDX-License-Identifier: Apache-2.0 */
/* The density map: GET /api/v1/map?by=auto&have=VERSION answers with the
 * picture (control/model/density.h) as it is now, or with nothing if it is
 * the one that the client has; /api/v1/map/cell with the node of a cell. */
#include <inttypes.h>
#include <stdlib.h>

#include "control/http/request.h"
#include "control/model/maps.h"
#include "control/model/node_view.h"

/* A call goes on for so long, in steps of so many nodes (0.2 ms). */
#define CALL_NS    UINT64_C(2000000)
#define STEP_NODES 4096u

#define OCTETS "application/octet-stream"

struct sending {
    enum bl_map_by by;
    uint64_t have;
    struct bl_density_picture *picture; /* held; NULL: still being made */
    size_t sent;
};

static bool read_by(struct bl_http_request *r, enum bl_map_by *by)
{
    const char *name = bl_http_param(r, "by");

    *by = name != NULL ? bl_map_by_of_name(name) : BL_MAP_BY_FIT;
    if (*by == BL_MAP_BY_COUNT)
        bl_http_problem(r, 422,
                        "by: \"%.40s\" is no way to group nodes; use auto, view, or how many parts "
                        "of the name, 0 to %u",
                        name, BL_DENSITY_DEPTH_MAX);
    return *by != BL_MAP_BY_COUNT;
}

static bool read_have(struct bl_http_request *r, uint64_t *have)
{
    const char *text = bl_http_param(r, "have");
    char *end = NULL;

    *have = text != NULL ? strtoull(text, &end, 16) : 0;
    if (text == NULL || (text[0] != '\0' && *end == '\0'))
        return true;
    bl_http_problem(r, 422, "have: \"%.40s\" is no version; give the one of the picture you have, in hex",
                    text);
    return false;
}

static enum bl_step send_piece(struct bl_http_request *r, struct sending *s)
{
    size_t left = s->picture->bytes.len - s->sent, n = left < BL_PIECE_BYTES ? left : BL_PIECE_BYTES;

    bl_text_append(&r->out, s->picture->bytes.data + s->sent, n);
    s->sent += n;
    return s->sent == s->picture->bytes.len ? BL_STEP_DONE : BL_STEP_MORE;
}

/* True: finished, or there is no memory for it. */
BL_ON_API static bool make_some(struct bl_http_request *r, enum bl_map_by by)
{
    uint64_t until_ns = r->api->now_ns + CALL_NS;

    do {
        struct bl_density *d = bl_maps_want(&r->api->maps, by, r->api->core, r->api->now_ns);
        if (d == NULL || !bl_density_step(d, bl_fleet_registry(bl_core_fleet(r->api->core)), STEP_NODES))
            return true;
        bl_api_yield(r->api);
    } while (r->api->now_ns < until_ns);
    return false;
}

BL_ON_API static enum bl_step map_next(struct bl_http_request *r)
{
    struct sending *s = r->state;

    if (s->picture != NULL)
        return send_piece(r, s);
    if (!make_some(r, s->by))
        return BL_STEP_MORE;
    struct bl_density *d = bl_maps_want(&r->api->maps, s->by, r->api->core, r->api->now_ns);
    s->picture = d != NULL ? bl_density_picture(d) : NULL;
    if (s->picture == NULL) {
        r->out.failed = true; /* out of memory: the client sees a cut off answer */
        return BL_STEP_DONE;
    }
    bl_density_hold(s->picture);
    return s->picture->version == s->have ? BL_STEP_DONE : send_piece(r, s);
}

BL_ON_API static void map_run(struct bl_http_request *r)
{
    static const char *const names[] = {"by", "have", NULL};
    struct sending *s = r->state;

    if (!bl_http_params_are(r, names) || !read_by(r, &s->by) || !read_have(r, &s->have))
        return;
    struct bl_density *d = bl_maps_want(&r->api->maps, s->by, r->api->core, r->api->now_ns);
    if (d == NULL) {
        bl_http_problem(r, 503, "out of memory; try again later");
        return;
    }
    bl_density_refresh(d, bl_fleet_registry(bl_core_fleet(r->api->core)));
    bl_http_stream(r, OCTETS, map_next);
}

static void map_end(struct bl_http_request *r)
{
    struct sending *s = r->state;
    bl_density_release(s->picture);
}

const struct bl_http_ops bl_http_map = {
    .run = map_run, .end = map_end, .state_bytes = sizeof(struct sending)};

BL_ON_API static void map_cell(struct bl_http_request *r)
{
    static const char *const names[] = {"by", "layout", "cell", NULL};
    uint64_t layout = 0, number = 0;
    bool has_layout, has_cell;
    enum bl_map_by by;
    struct bl_node_view v;
    struct bl_json j;

    if (!bl_http_params_are(r, names) || !read_by(r, &by) ||
        !bl_http_number(r, "layout", UINT32_MAX, &layout, &has_layout) ||
        !bl_http_number(r, "cell", UINT32_MAX, &number, &has_cell))
        return;
    struct bl_density *d = bl_maps_want(&r->api->maps, by, r->api->core, r->api->now_ns);
    uint32_t index = d != NULL ? bl_density_at(d, (uint32_t)layout, (uint32_t)number) : BL_NODE_NONE;
    if (index == BL_NODE_NONE || !bl_node_look(&v, r->api, index)) {
        bl_http_problem(r, 404, "cell %" PRIu64 " of layout %" PRIu64 ": no node; get the map again", number,
                        layout);
        return;
    }
    bl_json_line_begin(&j, &r->out);
    bl_node_json(&j, &v);
    bl_json_line_end(&j);
    bl_http_reply(r, 200, BL_HTTP_JSON);
}

const struct bl_http_ops bl_http_map_cell = {.run = map_cell};
