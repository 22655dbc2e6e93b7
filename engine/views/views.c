/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/views/views.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/counter.h"
#include "engine/base/rcu.h"
#include "engine/views/views_internal.h"

/* Views that only keep their number, carried from generation to
 * generation: the first so many. */
#define KEPT_MAX 65536u
/* Less waste than this is not worth a new generation. */
#define WASTE_UNITS (4 * BL_SET_BLOCK_UNITS)
#define WASTE_VIEWS 1024u

struct bl_views {
    struct bl_views_generation *now; /* published */
    /* read by any thread, for the figures */
    uint64_t generations, left_out;
    bool building;
    /* constant */
    struct bl_memory memory;
    const struct bl_key_secret *secret;
    const struct bl_registry *registry;
    struct bl_views_out out;
    /* control's: the generation under way, and how far it is */
    struct bl_views_generation *next;
    uint32_t carried;                    /* views of `now` that it has looked at */
    uint32_t cursor;                     /* nodes that it has taken in */
    struct bl_views_generation *retired; /* since the last reclaim_begin */
    struct bl_views_generation *leaving; /* in their grace period */
    uint32_t retired_count;
    uint32_t id[BL_VIEWS_PER_NODE]; /* what a plan's function finds */
};

struct bl_views_found {
    struct bl_views *views;
    struct bl_views_generation *g;
    uint32_t count;
    bool sorted;
};

/* ---- a view ------------------------------------------------------------------ */

static void views_mark(struct bl_views_generation *g, struct bl_view *view, uint32_t id)
{
    if (view->flags & BL_VIEW_DIRTY)
        return;
    BL_WRITE(view->flags, (uint8_t)(view->flags | BL_VIEW_DIRTY));
    view->next_dirty = g->dirty;
    g->dirty = id;
}

/* A view of g, made if there is none; what its namesake in force has been
 * through is its own past. Returns what bl_generation_add does. */
BL_ON_CONTROL static int find_or_add(struct bl_views *v, struct bl_views_generation *g, const char *name,
                                     unsigned len, uint32_t *id)
{
    *id = bl_generation_find(g, name, len);
    if (*id != BL_VIEW_NONE)
        return 0;
    int r = bl_generation_add(g, name, len, id);
    if (r)
        return r;
    struct bl_view *view = bl_generation_view(g, *id);
    uint32_t was = g == v->now || !v->now ? BL_VIEW_NONE : bl_generation_find(v->now, name, len);
    if (was != BL_VIEW_NONE) {
        const struct bl_view *old = bl_generation_view(v->now, was);
        view->state = old->state;
        view->incident = old->incident;
        view->since_unix_ms = old->since_unix_ms;
    }
    views_mark(g, view, *id);
    return 0;
}

/* Shows a view to people, as one of `entry`. */
static void views_enliven(struct bl_views_generation *g, struct bl_view *view, uint32_t id, uint32_t entry)
{
    const struct bl_views_entry *e = entry == BL_VIEW_NO_ENTRY ? NULL : &g->plan->plan.entry[entry];
    unsigned flags = BL_VIEW_LIVE | (view->flags & BL_VIEW_DIRTY);

    if (view->flags & BL_VIEW_LIVE)
        return;
    if (e && e->notify)
        flags |= BL_VIEW_NOTIFY;
    if (e && !e->name) {
        flags |= BL_VIEW_TEMPLATE;
        g->empty++;
    }
    BL_WRITE(view->entry, entry);
    __atomic_store_n(&view->flags, (uint8_t)flags, __ATOMIC_RELEASE); /* who sees LIVE sees the entry */
    BL_ADD(g->live, 1);
    views_mark(g, view, id);
}

/* ---- counts -------------------------------------------------------------------- */

static void views_count(struct bl_views_generation *g, uint32_t ref, enum bl_state s, uint32_t by)
{
    const struct bl_view_ids *set = bl_generation_set(g, ref);

    for (uint32_t i = 0; i < set->count; i++) {
        struct bl_view *view = bl_generation_view(g, set->id[i]);
        BL_ADD(view->count[s], by);
        if (s > BL_STATE_OK)
            views_mark(g, view, set->id[i]);
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
            views_mark(g, view, set->id[i]);
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

    if (f->count == BL_VIEWS_PER_NODE || (name && find_or_add(v, f->g, name, len, &id) != 0) ||
        id == BL_VIEW_NONE) {
        leave_out(v);
        return;
    }
    if (name)
        views_enliven(f->g, bl_generation_view(f->g, id), id, entry);
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

/* Puts the node into the views of its name, out of those it was in. */
BL_ON_CONTROL static void views_place(struct bl_views *v, struct bl_views_generation *g, uint32_t node)
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
    views_place(v, v->now, node);
    if (v->next && node < v->cursor)
        views_place(v, v->next, node);
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

/* ---- life ------------------------------------------------------------------------------ */

/* Makes a live view of g. 0 or what bl_generation_add says. */
BL_ON_CONTROL static int add_live(struct bl_views *v, struct bl_views_generation *g, const char *name,
                                  uint32_t entry, uint32_t *id)
{
    int r = find_or_add(v, g, name, (unsigned)strlen(name), id);
    if (r == 0)
        views_enliven(g, bl_generation_view(g, *id), *id, entry);
    return r;
}

BL_ON_CONTROL static int add_static(struct bl_views *v, struct bl_views_generation *g,
                                    struct bl_plan_use *use)
{
    for (uint32_t e = 0; e < use->plan.entry_count; e++) {
        const char *name = use->plan.entry[e].name;
        use->view_of[e] = BL_VIEW_NONE;
        int r = name ? add_live(v, g, name, e, &use->view_of[e]) : 0;
        if (r)
            return r;
    }
    return 0;
}

/* A generation with `all` and the plan's static views. NULL: out of
 * memory. */
BL_ON_CONTROL static struct bl_views_generation *generation_of(struct bl_views *v, struct bl_plan_use *use)
{
    struct bl_views_generation *g = bl_generation_new(&v->memory, v->secret, use);
    uint32_t all;

    if (!g)
        return NULL;
    int r = add_live(v, g, "all", BL_VIEW_NO_ENTRY, &all);
    if (r == 0 && use)
        r = add_static(v, g, use);
    if (r == 0)
        return g;
    bl_generation_free(g);
    return NULL;
}

struct bl_views *bl_views_new(const struct bl_memory *m, const struct bl_key_secret *secret,
                              const struct bl_registry *r, const struct bl_views_out *out)
{
    struct bl_views *v = calloc(1, sizeof(*v));

    bl_role_assume_control();
    if (!v)
        return NULL;
    v->memory = *m;
    v->secret = secret;
    v->registry = r;
    v->out = *out;
    v->generations = 1;
    v->now = generation_of(v, NULL);
    if (!v->now) {
        free(v);
        return NULL;
    }
    v->now->number = v->generations;
    return v;
}

void bl_views_free(struct bl_views *v)
{
    if (!v)
        return;
    bl_role_assume_control();
    bl_views_reclaim(v);
    if (v->next)
        bl_generation_free(v->next);
    bl_generation_free(v->now);
    free(v);
}

const struct bl_views_generation *bl_views_now(const struct bl_views *v)
{
    return bl_rcu_read(&v->now);
}

void bl_views_stats_of(const struct bl_views *v, struct bl_views_stats *out)
{
    const struct bl_views_generation *g = bl_views_now(v);
    *out = (struct bl_views_stats){.views = BL_READ(g->live),
                                   .sets = BL_READ(g->sets),
                                   .bytes = BL_READ(g->bytes),
                                   .generations = BL_READ(v->generations),
                                   .left_out = BL_READ(v->left_out),
                                   .building = BL_READ(v->building)};
}

uint32_t bl_views_waiting(const struct bl_views *v)
{
    return v->retired_count + v->now->by_name.retired_count + v->now->by_key.retired_count;
}

void bl_views_reclaim_begin(struct bl_views *v)
{
    while (v->retired) {
        struct bl_views_generation *g = v->retired;
        v->retired = g->retired_next;
        g->retired_next = v->leaving;
        v->leaving = g;
    }
    bl_registry_index_reclaim_begin(&v->now->by_name);
    bl_registry_index_reclaim_begin(&v->now->by_key);
}

void bl_views_reclaim_end(struct bl_views *v)
{
    while (v->leaving) {
        struct bl_views_generation *g = v->leaving;
        v->leaving = g->retired_next;
        bl_generation_free(g);
        v->retired_count--;
    }
    /* A generation that came after begin has none; one that went since has
     * its own with it. */
    bl_registry_index_reclaim_end(&v->now->by_name);
    bl_registry_index_reclaim_end(&v->now->by_key);
}

void bl_views_reclaim(struct bl_views *v)
{
    bl_views_reclaim_begin(v);
    bl_views_reclaim_end(v);
}

/* ---- a new generation -------------------------------------------------------------------- */

BL_ON_CONTROL static void views_abandon(struct bl_views *v)
{
    if (v->next)
        bl_generation_free(v->next); /* no reader has seen it */
    v->next = NULL;
    BL_WRITE(v->building, false);
}

BL_ON_CONTROL static int views_begin(struct bl_views *v, struct bl_plan_use *use)
{
    views_abandon(v);
    v->next = generation_of(v, use);
    v->carried = v->cursor = 0;
    BL_WRITE(v->building, v->next != NULL);
    return v->next ? 0 : -ENOMEM;
}

int bl_views_begin(struct bl_views *v, const struct bl_views_plan *plan)
{
    size_t bytes = sizeof(struct bl_plan_use) + plan->entry_count * sizeof(uint32_t);
    struct bl_plan_use *use = v->memory.alloc(v->memory.ctx, bytes);

    if (!use) {
        if (plan->release)
            plan->release(plan->ctx);
        return -ENOMEM;
    }
    use->plan = *plan;
    use->users = 1; /* until it has begun */
    int r = views_begin(v, use);
    bl_plan_drop(&v->memory, use);
    return r;
}

/* Whether a generation is mostly what nobody refers to any more. */
static bool is_wasteful(const struct bl_views_generation *g)
{
    return (g->units_unused > WASTE_UNITS && g->units_unused > g->units / 2) ||
           (g->empty > WASTE_VIEWS && g->empty > g->live / 2) || g->view_count - g->live > 2 * KEPT_MAX;
}

/* Keeps the number of a view in force that may come back, in the
 * generation under way. */
BL_ON_CONTROL static void views_carry(struct bl_views *v, const struct bl_view *view)
{
    uint32_t same;

    /* Without memory a number begins anew; nothing else is lost. */
    if (view->incident > 0 && v->next->view_count - v->next->live < KEPT_MAX)
        find_or_add(v, v->next, view->name, view->name_len, &same);
}

BL_ON_CONTROL static void views_publish(struct bl_views *v)
{
    struct bl_views_generation *old = v->now;

    bl_registry_index_reclaim(&v->next->by_name); /* no reader has seen it */
    bl_registry_index_reclaim(&v->next->by_key);
    v->next->number = v->generations + 1;
    bl_rcu_publish(&v->now, v->next);
    v->next = NULL;
    old->retired_next = v->retired;
    v->retired = old;
    v->retired_count++;
    BL_WRITE(v->building, false);
    BL_ADD(v->generations, 1);
}

bool bl_views_step(struct bl_views *v, uint32_t max_nodes)
{
    if (!v->next && (!is_wasteful(v->now) || views_begin(v, v->now->plan) != 0))
        return false;
    uint32_t views = bl_views_end(v->now), nodes = bl_registry_end(v->registry);
    for (; max_nodes && v->carried < views; v->carried++, max_nodes--)
        views_carry(v, bl_generation_view(v->now, v->carried));
    for (; max_nodes && v->cursor < nodes; max_nodes--) {
        uint32_t node = v->cursor++;
        if (bl_registry_get(v->registry, node))
            views_place(v, v->next, node);
    }
    if (v->carried < views || v->cursor < nodes)
        return true;
    views_publish(v);
    return false;
}

/* ---- states ------------------------------------------------------------------------------- */

static enum bl_state worst_of(const struct bl_view *view)
{
    for (enum bl_state s = BL_STATE_COUNT - 1; s > BL_STATE_OK; s--)
        if (view->count[s] > 0)
            return s;
    return BL_STATE_OK;
}

/* What a generation under way must know of a view in force. */
BL_ON_CONTROL static void tell_next(struct bl_views *v, const struct bl_view *view)
{
    uint32_t id = bl_generation_find(v->next, view->name, view->name_len);
    if (id == BL_VIEW_NONE) {
        views_carry(v, view);
        return;
    }
    struct bl_view *next = bl_generation_view(v->next, id);
    next->state = view->state;
    next->incident = view->incident;
    next->since_unix_ms = view->since_unix_ms;
}

BL_ON_CONTROL static void views_conclude(struct bl_views *v, struct bl_view *view, int64_t unix_ms)
{
    enum bl_state from = (enum bl_state)view->state;
    enum bl_state to = view->flags & BL_VIEW_LIVE ? worst_of(view) : BL_STATE_OK;

    if (to == from && view->since_unix_ms != 0)
        return;
    if (from == BL_STATE_OK && to != from)
        BL_ADD(view->incident, 1);
    BL_WRITE(view->since_unix_ms, unix_ms);
    BL_WRITE(view->state, (uint8_t)to);
    if (v->next)
        tell_next(v, view);
    if (to != from && view->flags & BL_VIEW_LIVE && v->out.transition)
        v->out.transition(
            v->out.ctx,
            &(struct bl_view_transition){
                .view = view, .from = from, .to = to, .time_unix_ms = unix_ms, .incident = view->incident});
}

void bl_views_settle(struct bl_views *v, int64_t unix_ms)
{
    struct bl_views_generation *g = v->now;

    while (g->dirty != BL_VIEW_NONE) {
        struct bl_view *view = bl_generation_view(g, g->dirty);
        g->dirty = view->next_dirty;
        BL_WRITE(view->flags, (uint8_t)(view->flags & ~BL_VIEW_DIRTY));
        views_conclude(v, view, unix_ms);
    }
}

/* ---- the past, and out of sight ------------------------------------------------------------- */

BL_ON_CONTROL static int remember_in(struct bl_views *v, struct bl_views_generation *g,
                                     const struct bl_view_past *p)
{
    uint32_t id;
    int r = find_or_add(v, g, p->name, p->name_len, &id);
    if (r)
        return r;
    struct bl_view *view = bl_generation_view(g, id);
    BL_WRITE(view->state, (uint8_t)p->state);
    BL_WRITE(view->incident, p->incident);
    BL_WRITE(view->since_unix_ms, p->since_unix_ms);
    views_mark(g, view, id);
    return 0;
}

int bl_views_remember(struct bl_views *v, const struct bl_view_past *past)
{
    if (past->state < BL_STATE_OK || past->state >= BL_STATE_COUNT)
        return -EINVAL;
    int r = remember_in(v, v->now, past);
    return r == 0 && v->next ? remember_in(v, v->next, past) : r;
}

BL_ON_CONTROL static int forget_in(struct bl_views_generation *g, const char *name, unsigned len)
{
    uint32_t id = bl_view_find(g, name, len);
    if (id == BL_VIEW_NONE)
        return -ENOENT;
    struct bl_view *view = bl_generation_view(g, id);
    if (!(view->flags & BL_VIEW_TEMPLATE))
        return -EINVAL;
    if (bl_view_total(view) > 0)
        return -EBUSY;
    BL_WRITE(view->flags, (uint8_t)(view->flags & BL_VIEW_DIRTY));
    BL_WRITE(view->entry, BL_VIEW_NO_ENTRY);
    BL_WRITE(g->live, g->live - 1);
    g->empty--;
    views_mark(g, view, id);
    return 0;
}

int bl_views_forget(struct bl_views *v, const char *name, unsigned len)
{
    int r = forget_in(v->now, name, len);
    if (r == 0 && v->next)
        forget_in(v->next, name, len); /* may not be there */
    return r;
}
