/* SPDX-License-Identifier: Apache-2.0 */
/* All the views: their life, and how one generation follows another. */
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

/* ---- life ------------------------------------------------------------------------------ */

/* Makes a live view of g. 0 or what bl_generation_add says. */
BL_ON_CONTROL static int add_live(struct bl_views *v, struct bl_views_generation *g, const char *name,
                                  uint32_t entry, uint32_t *id)
{
    int r = bl_views_find_or_add(v, g, name, (unsigned)strlen(name), id);
    if (r == 0)
        bl_views_enliven(g, bl_generation_view(g, *id), *id, entry);
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

void bl_views_carry(struct bl_views *v, const struct bl_view *view)
{
    uint32_t same;

    /* Without memory a number begins anew; nothing else is lost. */
    if (view->incident > 0 && v->next->view_count - v->next->live < KEPT_MAX)
        bl_views_find_or_add(v, v->next, view->name, view->name_len, &same);
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
        bl_views_carry(v, bl_generation_view(v->now, v->carried));
    for (; max_nodes && v->cursor < nodes; max_nodes--) {
        uint32_t node = v->cursor++;
        if (bl_registry_get(v->registry, node))
            bl_views_place(v, v->next, node);
    }
    if (v->carried < views || v->cursor < nodes)
        return true;
    views_publish(v);
    return false;
}
