/* SPDX-License-Identifier: Apache-2.0 */
#include "control/model/maps.h"

#include <string.h>
#include <sys/random.h>

enum bl_map_by bl_map_by_of_name(const char *name)
{
    if (strcmp(name, "auto") == 0)
        return BL_MAP_BY_FIT;
    if (strcmp(name, "view") == 0)
        return BL_MAP_BY_VIEW;
    bool depth = name[0] >= '0' && name[0] <= '0' + (int)BL_DENSITY_DEPTH_MAX && name[1] == '\0';
    return depth ? (enum bl_map_by)(name[0] - '0') : BL_MAP_BY_COUNT;
}

/* The first view of the node behind `all`, which is every node's first. */
static const char *view_of(void *ctx, uint32_t node, unsigned *len)
{
    const struct bl_views_generation *g = bl_views_now(bl_core_views(ctx));
    uint32_t count;
    const uint32_t *ids = bl_views_of(g, node, &count);
    const struct bl_view *view = bl_view_at(g, count > 1 ? ids[1] : BL_VIEW_ALL);

    *len = view != NULL ? view->name_len : 0;
    return view != NULL ? view->name : "";
}

static uint64_t views_changes(void *ctx)
{
    struct bl_views_stats stats;
    bl_views_stats_of(bl_core_views(ctx), &stats);
    return stats.generations;
}

static struct bl_density *maps_make(enum bl_map_by by, struct bl_core *core)
{
    struct bl_density_by rule = {.depth = by};
    uint64_t seed = 0;

    if (by == BL_MAP_BY_VIEW)
        rule = (struct bl_density_by){.group = view_of, .changes = views_changes, .ctx = core};
    /* Without entropy the hash is merely one that can be guessed. */
    (void)!getrandom(&seed, sizeof(seed), GRND_NONBLOCK);
    return bl_density_new(&rule, seed);
}

struct bl_density *bl_maps_want(struct bl_maps *m, enum bl_map_by by, struct bl_core *core, uint64_t now_ns)
{
    if (m->by[by].density == NULL)
        m->by[by].density = maps_make(by, core);
    m->by[by].wanted_ns = now_ns;
    return m->by[by].density;
}

static void maps_drop(struct bl_maps *m, unsigned by)
{
    bl_density_free(m->by[by].density);
    m->by[by].density = NULL;
}

void bl_maps_forget(struct bl_maps *m, uint64_t now_ns)
{
    for (unsigned by = 0; by < BL_MAP_BY_COUNT; by++) {
        if (m->by[by].density != NULL && now_ns - m->by[by].wanted_ns > BL_MAPS_UNWANTED_NS)
            maps_drop(m, by);
    }
}

void bl_maps_free(struct bl_maps *m)
{
    for (unsigned by = 0; by < BL_MAP_BY_COUNT; by++)
        maps_drop(m, by);
}
