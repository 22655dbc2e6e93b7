/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/views: the views, worst first; GET /api/v1/incidents: those
 * of them that are not ok, as the incidents that they are in.
 *
 *   {"views": [...], "listed": 2, "next": null,
 *    "states": {"ok": 7, "unknown": 0, "warning": 1, "failed": 1}}
 *
 * Worst first: by state, then by how many nodes are in that state, then
 * in the order of the config. A first walk over the views ranks them, a
 * second takes them in that order; neither holds anybody up. `states`
 * counts the views of the whole list, whatever the limit. A cursor goes
 * on behind the last one listed; the views' next plan ends it (410). */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/http/min_heap.h"
#include "control/http/request.h"
#include "control/match/glob.h"
#include "control/model/view_json.h"
#include "engine/base/counter.h"

/* Views ranked for one piece, 1 to 2 ms. */
#define VIEWS_PER_PIECE 20000u

/* A rank: what is worse is smaller. State, nodes, id. */
#define ID_BITS    24u
#define COUNT_BITS 32u
static_assert(BL_VIEW_MAX <= UINT32_C(1) << ID_BITS, "an id fits its place in a rank");

struct list {
    const char *match, *only; /* NULL: all */
    unsigned states;          /* 0: all */
    bool of_incidents;
    bool lines; /* an object a line, no list around them */
    bool ranked, begun;
    uint64_t generation; /* of which ids and ranks are */
    uint32_t walk;       /* the view to rank next */
    uint64_t behind;     /* the cursor's rank; 0: from the start */
    struct bl_min_heap ranks;
    uint64_t listed, limit, last;
    uint32_t of_state[BL_STATE_COUNT];
};

static void views_end(struct bl_http_request *r)
{
    struct list *l = r->state;
    bl_min_heap_free(&l->ranks);
}

/* ---- ranking -------------------------------------------------------------- */

static uint64_t rank_of(const struct bl_view *view, enum bl_state state, uint32_t id)
{
    uint64_t nodes = state != BL_STATE_OK ? bl_view_count(view, state) : 0;

    return (uint64_t)(BL_STATE_COUNT - state) << (COUNT_BITS + ID_BITS) | (UINT32_MAX - nodes) << ID_BITS |
           id;
}

static bool is_wanted(const struct list *l, const struct bl_view *view, enum bl_state state)
{
    return (l->states == 0 || (l->states & 1u << state) != 0) && (!l->of_incidents || state != BL_STATE_OK) &&
           (l->match == NULL || bl_glob_match(l->match, view->name));
}

/* Some more of them; false: out of memory. */
static bool rank_some(struct list *l, const struct bl_views_generation *g)
{
    for (uint32_t looked = 0; l->walk < bl_views_end(g); l->walk++, looked++) {
        const struct bl_view *view = bl_view_at(g, l->walk);
        if (looked == VIEWS_PER_PIECE)
            return true;
        enum bl_state state = view != NULL ? (enum bl_state)BL_READ(view->state) : BL_STATE_COUNT;
        if (view == NULL || !is_wanted(l, view, state))
            continue;
        uint64_t rank = rank_of(view, state, l->walk);
        l->of_state[state]++;
        if (rank > l->behind && !bl_min_heap_push(&l->ranks, rank))
            return false;
    }
    l->ranked = true;
    return true;
}

/* ---- writing ---------------------------------------------------------------- */

/* The view's open incident, if it is in the log already. */
static const struct bl_incident *open_one(const struct bl_api *api, const struct bl_view *view)
{
    const struct bl_incident *i = bl_incident_at(&api->incidents, view, 0);
    return i != NULL && i->until_unix_ms == 0 && i->number == BL_READ(view->incident) ? i : NULL;
}

static void write_one(struct bl_http_request *r, struct list *l, const struct bl_view *view)
{
    struct bl_json j;

    if (l->listed++ > 0 && !l->lines)
        bl_text_append(&r->out, ",\n", 2);
    bl_json_begin(&j, &r->out);
    bl_json_object(&j, NULL);
    bl_json_only(&j, l->only);
    if (l->of_incidents)
        bl_incident_json(&j, view, open_one(r->api, view), r->api->now_unix_ms);
    else
        bl_view_json(&j, view);
    bl_json_object_end(&j);
    if (l->lines)
        bl_text_append(&r->out, "\n", 1);
}

static enum bl_step views_finish(struct bl_http_request *r, const struct list *l)
{
    if (l->lines)
        return BL_STEP_DONE;
    bl_text_printf(&r->out, "\n],\"listed\":%" PRIu64 ",\"next\":", l->listed);
    if (l->ranks.count == 0)
        bl_text_printf(&r->out, "null");
    else
        bl_text_printf(&r->out, "\"%" PRIx64 "-%" PRIx64 "\"", l->generation, l->last);
    bl_text_printf(&r->out, ",\"states\":{\"ok\":%u,\"unknown\":%u,\"warning\":%u,\"failed\":%u}}\n",
                   l->of_state[BL_STATE_OK], l->of_state[BL_STATE_UNKNOWN], l->of_state[BL_STATE_WARNING],
                   l->of_state[BL_STATE_FAILED]);
    return BL_STEP_DONE;
}

static enum bl_step write_some(struct bl_http_request *r, struct list *l, const struct bl_views_generation *g)
{
    uint64_t rank;

    if (!l->begun && !l->lines)
        bl_text_printf(&r->out, "{\"%s\":[\n", l->of_incidents ? "incidents" : "views");
    l->begun = true;
    while (l->listed < l->limit && r->out.len < BL_PIECE_BYTES) {
        if (!bl_min_heap_pop(&l->ranks, &rank))
            return views_finish(r, l);
        uint32_t id = (uint32_t)rank & ((UINT32_C(1) << ID_BITS) - 1);
        const struct bl_view *view = bl_view_at(g, id);
        l->last = rank;
        if (view != NULL && (!l->of_incidents || BL_READ(view->state) != BL_STATE_OK))
            write_one(r, l, view);
    }
    return l->listed < l->limit ? BL_STEP_MORE : views_finish(r, l);
}

/* What was ranked is void: ids are others now. */
static void begin_again(struct list *l, const struct bl_views_generation *g)
{
    bl_min_heap_free(&l->ranks);
    memset(l->of_state, 0, sizeof(l->of_state));
    l->walk = 0;
    l->ranked = false;
    l->generation = bl_views_number(g);
}

static enum bl_step views_next(struct bl_http_request *r)
{
    const struct bl_views_generation *g = bl_views_now(bl_core_views(r->api->core));
    struct list *l = r->state;

    if (l->generation != bl_views_number(g)) {
        /* The client sees an answer that was cut off, rather than one that lacks views. */
        r->out.failed = l->begun || l->behind != 0;
        begin_again(l, g);
    }
    if (!l->ranked && !rank_some(l, g))
        r->out.failed = true;
    if (r->out.failed)
        return BL_STEP_DONE;
    return l->ranked ? write_some(r, l, g) : BL_STEP_MORE;
}

/* ---- asking ------------------------------------------------------------------- */

static bool read_cursor(struct bl_http_request *r, struct list *l)
{
    const char *text = bl_http_param(r, "cursor");
    char *end = NULL;

    if (text == NULL)
        return true;
    uint64_t generation = strtoull(text, &end, 16);
    const char *rank = end + 1;
    bool good = end > text && *end == '-';
    l->behind = good ? strtoull(rank, &end, 16) : 0;
    if (!good || end == rank || *end != '\0') {
        bl_http_problem(r, 422, "cursor: \"%.60s\" is none; give what the list before had as next", text);
        return false;
    }
    if (generation == l->generation)
        return true;
    bl_http_problem(r, 410, "cursor: the views are others meanwhile; begin again without it");
    return false;
}

static void views_list(struct bl_http_request *r, bool of_incidents)
{
    static const char *const names[] = {"state", "match", "limit", "cursor", "fields", NULL};
    struct list *l = r->state;
    bool given;

    l->of_incidents = of_incidents;
    l->generation = bl_views_number(bl_views_now(bl_core_views(r->api->core)));
    l->limit = UINT64_MAX;
    l->match = bl_http_param(r, "match");
    l->lines = bl_http_prefers(r, BL_HTTP_NDJSON, BL_HTTP_JSON);
    if (!bl_http_params_are(r, names) || !bl_http_states(r, &l->states) ||
        !bl_http_only(r, of_incidents ? BL_INCIDENT_FIELDS : BL_VIEW_FIELDS, &l->only) ||
        !bl_http_number(r, "limit", UINT64_MAX, &l->limit, &given) || !read_cursor(r, l))
        return;
    bl_http_stream(r, l->lines ? BL_HTTP_NDJSON : BL_HTTP_JSON, views_next);
}

static void views(struct bl_http_request *r)
{
    views_list(r, false);
}

static void views_incidents(struct bl_http_request *r)
{
    views_list(r, true);
}

const struct bl_http_ops bl_http_views = {.run = views, .end = views_end, .state_bytes = sizeof(struct list)};
const struct bl_http_ops bl_http_incidents = {
    .run = views_incidents, .end = views_end, .state_bytes = sizeof(struct list)};
