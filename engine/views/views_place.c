/* SPDX-License-Identifier: Apache-2.0 */
/* Which views a node is in, and the counts of its states there: placed by
 * its name, moved by what the registry says. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/counter.h"
#include "engine/views/views_internal.h"

struct bl_views_found {
    struct bl_views *views;
    struct bl_views_generation *g;
    uint32_t count;
    bool sorted;
};

/* ---- counts -------------------------------------------------------------------- */

static void views_count(struct bl_views_generation *g, uint32_t ref, enum bl_state s, uint32_t by)
{
    const struct bl_view_ids *set = bl_generation_set(g, ref);

    for (uint32_t i = 0; i < set->count; i++) {
        struct bl_view *view = bl_generation_view(g, set->id[i]);
        BL_ADD(view->count[s], by);
        if (s > BL_STATE_OK)
            bl_views_mark(g, view, set->id[i]);
        if (view->flags & BL_VIEW_TEMPLATE && view->count[s] == (by == 1 ? 1 : 0) &&
            bl_view_total(view) == (by == 1 ? 1 : 0))
            g->empty -= by;
    }
}

static void views_recount(struct bl_views_generation *g, uint32_t ref, enum bl_state from, enum bl_state to)
{
    const struct bl_view_ids *set = bl_generation_set(g, ref);
    bool matters = from > BL_STATE_OK || to > BL_STATE_OK;

    for (uint32_t i = 0; i < set->count; i++) {
        struct bl_view *view = bl_generation_view(g, set->id[i]);
        BL_WRITE(view->count[from], view->count[from] - 1);
        BL_ADD(view->count[to], 1);
        if (matters)
            bl_views_mark(g, view, set->id[i]);
    }
}

/* ---- which views a node is in ----------------------------------------------------- */

static void leave_out(struct bl_views *v)
{
    BL_ADD(v->left_out, 1);
}

void bl_views_found(struct bl_views_found *f, uint32_t entry, const char *name, unsigned len)
{
    struct bl_views *v = f->views;
    uint32_t id = f->g->plan->view_of[entry];

    if (f->count == BL_VIEWS_PER_NODE || (name && bl_views_find_or_add(v, f->g, name, len, &id) != 0) ||
        id == BL_VIEW_NONE) {
        leave_out(v);
        return;
    }
    if (name)
        bl_views_enliven(f->g, bl_generation_view(f->g, id), id, entry);
    f->sorted = f->sorted && id > v->id[f->count - 1];
    v->id[f->count++] = id;
}

static int views_compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void sort_once(struct bl_views *v, struct bl_views_found *f)
{
    uint32_t kept = 1;

    if (f->sorted)
        return;
    qsort(v->id, f->count, sizeof(v->id[0]), views_compare);
    for (uint32_t i = 1; i < f->count; i++)
        if (v->id[i] != v->id[kept - 1])
            v->id[kept++] = v->id[i];
    f->count = kept;
}

/* The set of a name's views; BL_SET_NONE: out of memory. */
BL_ON_CONTROL static uint32_t look_up(struct bl_views *v, struct bl_views_generation *g, const char *name)
{
    struct bl_views_found f = {.views = v, .g = g, .count = 1, .sorted = true};

    v->id[0] = BL_VIEW_ALL;
    if (g->plan)
        g->plan->plan.match(g->plan->plan.ctx, name, (unsigned)strlen(name), &f);
    sort_once(v, &f);
    return bl_generation_intern(g, v->id, f.count);
}

void bl_views_place(struct bl_views *v, struct bl_views_generation *g, uint32_t node)
{
    const struct bl_node *n = bl_registry_get(v->registry, node);
    uint32_t was = bl_generation_set_of(g, node);
    uint32_t ref = look_up(v, g, n->name);

    if (ref == BL_SET_NONE || !bl_generation_put(g, node, ref)) {
        leave_out(v);
        ref = BL_SET_NONE;
        bl_generation_put(g, node, ref); /* needs no memory */
    }
    if (ref != BL_SET_NONE)
        views_count(g, ref, (enum bl_state)n->state, 1);
    if (was != BL_SET_NONE)
        views_count(g, was, (enum bl_state)n->state, UINT32_MAX);
}

BL_ON_CONTROL static void views_unplace(struct bl_views_generation *g, uint32_t node, enum bl_state s)
{
    uint32_t ref = bl_generation_set_of(g, node);

    if (ref == BL_SET_NONE)
        return;
    views_count(g, ref, s, UINT32_MAX);
    bl_generation_put(g, node, BL_SET_NONE);
}

/* ---- what the registry says ---------------------------------------------------------- */

static void on_named(void *ctx, uint32_t node)
{
    struct bl_views *v = ctx;
    bl_role_assume_control(); /* the registry's writer calls */
    bl_views_place(v, v->now, node);
    if (v->next && node < v->cursor)
        bl_views_place(v, v->next, node);
}

static void on_removed(void *ctx, uint32_t node)
{
    struct bl_views *v = ctx;
    enum bl_state s = (enum bl_state)bl_registry_get(v->registry, node)->state;
    bl_role_assume_control();
    views_unplace(v->now, node, s);
    if (v->next)
        views_unplace(v->next, node, s);
}

static void on_changed(void *ctx, uint32_t node, enum bl_state from, enum bl_state to)
{
    struct bl_views *v = ctx;
    uint32_t ref = bl_generation_set_of(v->now, node);
    if (ref != BL_SET_NONE)
        views_recount(v->now, ref, from, to);
    ref = v->next ? bl_generation_set_of(v->next, node) : BL_SET_NONE;
    if (ref != BL_SET_NONE)
        views_recount(v->next, ref, from, to);
}

struct bl_registry_watch bl_views_watch(struct bl_views *v)
{
    return (struct bl_registry_watch){
        .ctx = v, .added = on_named, .renamed = on_named, .removed = on_removed, .changed = on_changed};
}
