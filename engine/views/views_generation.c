/* SPDX-License-Identifier: Apache-2.0 */
/* One generation's memory: views, interned sets, each node's set. */
#include <errno.h>
#include <string.h>

#include "engine/base/counter.h"
#include "engine/base/rcu.h"
#include "engine/views/views_internal.h"

#define UNIT sizeof(uint64_t)

static void *views_generation_take(struct bl_views_generation *g, size_t bytes)
{
    void *p = g->memory.alloc(g->memory.ctx, bytes);
    if (p)
        BL_ADD(g->bytes, bytes);
    return p;
}

static void views_generation_give(struct bl_views_generation *g, void *p)
{
    if (p)
        g->memory.free(g->memory.ctx, p);
}

static void *at_unit(const struct bl_views_generation *g, uint32_t ref)
{
    return &bl_rcu_read(&g->block[ref / BL_SET_BLOCK_UNITS])[ref % BL_SET_BLOCK_UNITS];
}

/* ---- readers ------------------------------------------------------------ */

struct bl_view *bl_generation_view(const struct bl_views_generation *g, uint32_t id)
{
    return &bl_rcu_read(&g->view[id / BL_VIEW_CHUNK])[id % BL_VIEW_CHUNK];
}

uint64_t bl_views_number(const struct bl_views_generation *g)
{
    return g->number;
}

uint32_t bl_views_end(const struct bl_views_generation *g)
{
    return bl_rcu_read(&g->view_count);
}

const struct bl_view *bl_view_kept(const struct bl_views_generation *g, uint32_t id)
{
    return id < bl_views_end(g) ? bl_generation_view(g, id) : NULL;
}

const struct bl_view *bl_view_at(const struct bl_views_generation *g, uint32_t id)
{
    const struct bl_view *view = bl_view_kept(g, id);
    return view && bl_rcu_read(&view->flags) & BL_VIEW_LIVE ? view : NULL;
}

uint32_t bl_generation_find(const struct bl_views_generation *g, const char *name, unsigned len)
{
    if (len < 1 || len > BL_VIEW_NAME_MAX)
        return BL_VIEW_NONE;
    uint32_t id = bl_registry_index_find(&g->by_name, bl_key_of_name(g->secret, name, len));
    if (id == BL_NODE_NONE)
        return BL_VIEW_NONE;
    const struct bl_view *view = bl_generation_view(g, id);
    bool same = view->name_len == len && memcmp(view->name, name, len) == 0;
    return same ? id : BL_VIEW_NONE;
}

uint32_t bl_view_find(const struct bl_views_generation *g, const char *name, unsigned len)
{
    uint32_t id = bl_generation_find(g, name, len);
    return id != BL_VIEW_NONE && bl_view_at(g, id) ? id : BL_VIEW_NONE;
}

uint32_t bl_view_total(const struct bl_view *view)
{
    uint32_t total = 0;
    for (unsigned s = 0; s < BL_STATE_COUNT; s++)
        total += bl_view_count(view, (enum bl_state)s);
    return total;
}

struct bl_view_ids *bl_generation_set(const struct bl_views_generation *g, uint32_t ref)
{
    return at_unit(g, ref);
}

uint32_t bl_generation_set_of(const struct bl_views_generation *g, uint32_t node)
{
    if (node > BL_NODE_MAX)
        return BL_SET_NONE;
    const uint32_t *chunk = bl_rcu_read(&g->set_of[node / BL_NODE_CHUNK]);
    return chunk ? bl_rcu_read(&chunk[node % BL_NODE_CHUNK]) : BL_SET_NONE;
}

const uint32_t *bl_views_of(const struct bl_views_generation *g, uint32_t node, uint32_t *count)
{
    uint32_t ref = bl_generation_set_of(g, node);
    const struct bl_view_ids *set = ref == BL_SET_NONE ? NULL : bl_generation_set(g, ref);
    *count = set ? set->count : 0;
    return set ? set->id : NULL;
}

bool bl_view_has(const struct bl_views_generation *g, uint32_t id, uint32_t node)
{
    uint32_t count;
    const uint32_t *at = bl_views_of(g, node, &count);

    while (count > 0) {
        uint32_t half = count / 2;
        if (at[half] == id)
            return true;
        if (at[half] < id) {
            at += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return false;
}

const void *bl_views_plan_of(const struct bl_views_generation *g)
{
    return g->plan ? g->plan->plan.ctx : NULL;
}

/* ---- life ----------------------------------------------------------------- */

static bool same_name(const void *ctx, uint32_t id, bool alias, uint64_t key)
{
    (void)alias;
    return bl_generation_view(ctx, id)->key == key;
}

static bool same_ids(const void *ctx, uint32_t ref, bool alias, uint64_t key)
{
    (void)alias;
    return bl_generation_set(ctx, ref)->key == key;
}

struct bl_views_generation *bl_generation_new(const struct bl_memory *m, const struct bl_key_secret *secret,
                                              struct bl_plan_use *plan)
{
    struct bl_views_generation *g = m->alloc(m->ctx, sizeof(*g));
    if (!g)
        return NULL;
    memset(g, 0, sizeof(*g));
    g->memory = *m;
    g->secret = secret;
    g->units = 1;
    g->bytes = sizeof(*g);
    g->dirty = BL_VIEW_NONE;
    if (bl_registry_index_init(&g->by_name, &g->memory, same_name, g) != 0) {
        views_generation_give(g, g);
        return NULL;
    }
    if (bl_registry_index_init(&g->by_key, &g->memory, same_ids, g) != 0) {
        bl_registry_index_fini(&g->by_name);
        views_generation_give(g, g);
        return NULL;
    }
    g->plan = plan;
    if (plan)
        plan->users++;
    return g;
}

void bl_plan_drop(const struct bl_memory *m, struct bl_plan_use *use)
{
    if (!use || (use->users > 0 && --use->users > 0))
        return;
    if (use->plan.release)
        use->plan.release(use->plan.ctx);
    m->free(m->ctx, use);
}

void bl_generation_free(struct bl_views_generation *g)
{
    for (uint32_t i = 0; i < BL_VIEW_CHUNKS; i++)
        views_generation_give(g, g->view[i]);
    for (uint32_t i = 0; i < BL_SET_BLOCKS; i++)
        views_generation_give(g, g->block[i]);
    for (uint32_t i = 0; i < BL_NODE_CHUNKS; i++)
        views_generation_give(g, g->set_of[i]);
    bl_registry_index_fini(&g->by_name);
    bl_registry_index_fini(&g->by_key);
    bl_plan_drop(&g->memory, g->plan);
    views_generation_give(g, g);
}

/* Room in the blocks, 0 if there is none. What is taken lies in one
 * block: what is left of the one before stays unused. */
static uint32_t take_units(struct bl_views_generation *g, size_t bytes, uint32_t *units)
{
    *units = (uint32_t)((bytes + UNIT - 1) / UNIT);
    uint32_t left = BL_SET_BLOCK_UNITS - g->units % BL_SET_BLOCK_UNITS;
    uint32_t ref = *units <= left ? g->units : g->units + left;
    uint32_t b = ref / BL_SET_BLOCK_UNITS;

    if (b >= BL_SET_BLOCKS)
        return 0;
    if (!g->block[b]) {
        uint64_t *block = views_generation_take(g, BL_SET_BLOCK_UNITS * UNIT);
        if (!block)
            return 0;
        bl_rcu_publish(&g->block[b], block);
    }
    g->units = ref + *units;
    return ref;
}

/* ---- views ------------------------------------------------------------------ */

static bool is_name(const char *name, unsigned len)
{
    if (len < 1 || len > BL_VIEW_NAME_MAX)
        return false;
    for (unsigned i = 0; i < len; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
            return false;
    return true;
}

/* Where the next view goes; NULL: out of memory. */
static struct bl_view *next_view(struct bl_views_generation *g)
{
    uint32_t c = g->view_count / BL_VIEW_CHUNK;
    if (!g->view[c]) {
        struct bl_view *chunk = views_generation_take(g, BL_VIEW_CHUNK * sizeof(*chunk));
        if (!chunk)
            return NULL;
        bl_rcu_publish(&g->view[c], chunk);
    }
    return &g->view[c][g->view_count % BL_VIEW_CHUNK];
}

int bl_generation_add(struct bl_views_generation *g, const char *name, unsigned len, uint32_t *id)
{
    if (!is_name(name, len))
        return -EINVAL;
    uint64_t key = bl_key_of_name(g->secret, name, len);
    if (bl_registry_index_find(&g->by_name, key) != BL_NODE_NONE)
        return -EINVAL; /* another name's key */
    if (g->view_count == BL_VIEW_MAX)
        return -ENOSPC;
    struct bl_view *view = next_view(g);
    uint32_t units, ref = view ? take_units(g, len + 1u, &units) : 0;
    if (ref == 0 || bl_registry_index_reserve(&g->by_name, 1) != 0)
        return -ENOMEM;
    char *own = at_unit(g, ref);
    memcpy(own, name, len);
    own[len] = '\0';
    *view = (struct bl_view){.name = own,
                             .key = key,
                             .name_len = (uint8_t)len,
                             .state = BL_STATE_OK,
                             .entry = BL_VIEW_NO_ENTRY,
                             .next_dirty = BL_VIEW_NONE};
    *id = g->view_count;
    __atomic_store_n(&g->view_count, *id + 1, __ATOMIC_RELEASE);
    bl_registry_index_put(&g->by_name, key, *id, false);
    return 0;
}

/* ---- sets ------------------------------------------------------------------- */

static size_t bytes_of(uint32_t count)
{
    return sizeof(struct bl_view_ids) + count * sizeof(uint32_t);
}

static uint32_t units_of(const struct bl_view_ids *set)
{
    return (uint32_t)((bytes_of(set->count) + UNIT - 1) / UNIT);
}

uint32_t bl_generation_intern(struct bl_views_generation *g, const uint32_t *id, uint32_t count)
{
    size_t bytes = count * sizeof(*id);
    uint64_t key = bl_key_of_name(g->secret, (const char *)id, (unsigned)bytes);
    uint32_t ref, units;

    /* Another set's key: the next free one in a walk of its own. */
    while ((ref = bl_registry_index_find(&g->by_key, key)) != BL_NODE_NONE) {
        const struct bl_view_ids *set = bl_generation_set(g, ref);
        if (set->count == count && memcmp(set->id, id, bytes) == 0)
            return ref;
        key = bl_key_of_id(g->secret, key);
    }
    if (bl_registry_index_reserve(&g->by_key, 1) != 0)
        return BL_SET_NONE;
    ref = take_units(g, bytes_of(count), &units);
    if (ref == BL_SET_NONE)
        return BL_SET_NONE;
    struct bl_view_ids *set = bl_generation_set(g, ref);
    set->key = key;
    set->refs = 0;
    set->count = count;
    memcpy(set->id, id, bytes);
    g->units_unused += units;
    BL_ADD(g->sets, 1);
    bl_registry_index_put(&g->by_key, key, ref, false);
    return ref;
}

/* ---- a node's set ------------------------------------------------------------ */

/* The node's word, NULL: out of memory. */
static uint32_t *word_of(struct bl_views_generation *g, uint32_t node)
{
    uint32_t **chunk = &g->set_of[node / BL_NODE_CHUNK];
    if (!*chunk) {
        uint32_t *fresh = views_generation_take(g, BL_NODE_CHUNK * sizeof(*fresh));
        if (!fresh)
            return NULL;
        memset(fresh, 0, BL_NODE_CHUNK * sizeof(*fresh));
        bl_rcu_publish(chunk, fresh);
    }
    return &(*chunk)[node % BL_NODE_CHUNK];
}

bool bl_generation_put(struct bl_views_generation *g, uint32_t node, uint32_t ref)
{
    uint32_t was = bl_generation_set_of(g, node);
    uint32_t *word = was == ref ? NULL : word_of(g, node);

    if (!word)
        return was == ref;
    if (ref != BL_SET_NONE) {
        struct bl_view_ids *set = bl_generation_set(g, ref);
        if (set->refs++ == 0)
            g->units_unused -= units_of(set);
    }
    if (was != BL_SET_NONE) {
        struct bl_view_ids *set = bl_generation_set(g, was);
        if (--set->refs == 0)
            g->units_unused += units_of(set);
    }
    __atomic_store_n(word, ref, __ATOMIC_RELEASE);
    return true;
}
