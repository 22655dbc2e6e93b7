/* SPDX-License-Identifier: Apache-2.0 */
/* The registry's life and its records: added, named, changed, removed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/counter.h"
#include "engine/base/rcu.h"
#include "engine/registry/registry_internal.h"

#define FIRST_DIR 16u

_Static_assert(sizeof(struct bl_node) == 80, "what a node costs, without name and index");

static void *libc_alloc(void *ctx, size_t bytes)
{
    (void)ctx;
    return malloc(bytes);
}

static void libc_free(void *ctx, void *p)
{
    (void)ctx;
    free(p);
}

const struct bl_memory bl_memory_libc = {.alloc = libc_alloc, .free = libc_free};

static void *registry_take(const struct bl_registry *r, size_t bytes)
{
    return r->memory.alloc(r->memory.ctx, bytes);
}

void bl_registry_give(const struct bl_registry *r, void *p)
{
    if (p)
        r->memory.free(r->memory.ctx, p);
}

/* After the change itself: who reads the new number sees the change. */
static void count_change(uint64_t *changes)
{
    __atomic_store_n(changes, *changes + 1, __ATOMIC_RELEASE);
}

/* ---- life ------------------------------------------------------------- */

static struct bl_registry_directory *directory_new(const struct bl_registry *r, uint32_t capacity)
{
    struct bl_registry_directory *d = registry_take(r, sizeof(*d) + capacity * sizeof(d->chunk[0]));
    if (d) {
        d->capacity = capacity;
        memset(d->chunk, 0, capacity * sizeof(d->chunk[0]));
    }
    return d;
}

struct bl_registry *bl_registry_new(const struct bl_memory *m, const struct bl_key_secret *secret,
                                    uint32_t max_nodes)
{
    bl_role_assume_control();
    struct bl_registry *r = m->alloc(m->ctx, sizeof(*r));
    if (!r)
        return NULL;
    *r = (struct bl_registry){.memory = *m,
                              .secret = secret,
                              .unused = BL_NODE_NONE,
                              .removed = BL_NODE_NONE,
                              .leaving.removed = BL_NODE_NONE};
    bl_name_pool_init(&r->names, &r->memory);
    bl_registry_set_max(r, max_nodes);
    r->directory = directory_new(r, FIRST_DIR);
    if (!r->directory || bl_registry_index_init(&r->index, &r->memory, bl_registry_same_node, r) != 0) {
        bl_registry_give(r, r->directory);
        bl_registry_give(r, r);
        return NULL;
    }
    return r;
}

void bl_registry_free(struct bl_registry *r)
{
    if (!r)
        return;
    bl_role_assume_control();
    bl_registry_reclaim(r);
    bl_name_pool_fini(&r->names);
    for (uint32_t c = 0; c < r->directory->capacity; c++)
        bl_registry_give(r, r->directory->chunk[c]);
    bl_registry_index_fini(&r->index);
    bl_registry_give(r, r->directory);
    bl_registry_give(r, r);
}

void bl_registry_set_max(struct bl_registry *r, uint32_t max_nodes)
{
    r->max_nodes = max_nodes < BL_NODE_MAX ? max_nodes : BL_NODE_MAX;
}

void bl_registry_watch(struct bl_registry *r, const struct bl_registry_watch *w)
{
    r->watched = w != NULL;
    r->watch = w ? *w : (struct bl_registry_watch){0};
}

struct bl_node *bl_registry_at(struct bl_registry *r, uint32_t index)
{
    return (struct bl_node *)(uintptr_t)bl_registry_get(r, index);
}

/* ---- adding ----------------------------------------------------------- */

BL_ON_CONTROL static int grow_directory(struct bl_registry *r)
{
    struct bl_registry_directory *old = r->directory;
    struct bl_registry_directory *d = directory_new(r, old->capacity * 2);
    struct bl_registry_retired *note = registry_take(r, sizeof(*note));
    if (!d || !note) {
        bl_registry_give(r, d);
        bl_registry_give(r, note);
        return -ENOMEM;
    }
    memcpy(d->chunk, old->chunk, old->capacity * sizeof(old->chunk[0]));
    bl_rcu_publish(&r->directory, d);
    bl_registry_retire(r, note, old, false);
    return 0;
}

/* A record that nobody uses, not taken yet. 0, -ENOSPC, -ENOMEM. */
BL_ON_CONTROL static int unused_record(struct bl_registry *r, uint32_t *index)
{
    if (r->total >= r->max_nodes)
        return -ENOSPC;
    if (r->unused != BL_NODE_NONE) {
        *index = r->unused;
        return 0;
    }
    /* Removed records in their grace period may fill the numbers. */
    if (r->end >= BL_NODE_MAX)
        return -ENOSPC;
    uint32_t c = r->end / BL_REGISTRY_CHUNK_NODES;
    if (c == r->directory->capacity && grow_directory(r) != 0)
        return -ENOMEM;
    if (!r->directory->chunk[c]) {
        struct bl_node *chunk = registry_take(r, BL_REGISTRY_CHUNK_NODES * sizeof(*chunk));
        if (!chunk)
            return -ENOMEM;
        bl_rcu_publish(&r->directory->chunk[c], chunk);
    }
    *index = r->end;
    return 0;
}

/* `next_unused`: what the record said before it was filled. */
BL_ON_CONTROL static void take_record(struct bl_registry *r, uint32_t index, uint32_t next_unused)
{
    if (index == r->end)
        __atomic_store_n(&r->end, index + 1, __ATOMIC_RELEASE);
    else
        r->unused = next_unused;
}

/* A listing may ask about a record that is being filled: it sees LIVE
 * clear, or LIVE set and all the rest. */
static void fill_record(struct bl_node *n, const struct bl_node *from)
{
    uint8_t flags = from->flags;
    BL_WRITE(n->flags, 0);
    n->key = from->key;
    n->name = from->name;
    n->name_len = from->name_len;
    n->first_seen_unix_ms = n->state_since_unix_ms = n->last_beat_unix_ms = 0;
    n->policy = (struct bl_policy){0};
    n->interval_ms = n->incident = n->judged_tick = n->pause_end_s = 0;
    n->table = 0;
    for (unsigned i = 0; i < BL_NODE_TABLES; i++)
        n->held[i] = 0;
    n->state = BL_STATE_NEW;
    __atomic_store_n(&n->flags, flags | BL_NODE_LIVE, __ATOMIC_RELEASE);
}

/* Enters a node whose key is not in the index. `node`: key, flags. */
BL_ON_CONTROL static int registry_enter(struct bl_registry *r, struct bl_node *node,
                                        const struct bl_unknown_node *s, uint32_t *index)
{
    int err = unused_record(r, index);
    if (err == 0)
        err = bl_registry_index_reserve(&r->index, 1);
    if (err != 0)
        return err;
    bool is_binary = node->flags & BL_NODE_BINARY;
    node->name = bl_name_pool_copy(&r->names, is_binary ? &s->id : NULL, s->name, s->name_len);
    if (!node->name)
        return -ENOMEM;
    node->name_len = (uint8_t)s->name_len;
    /* A fresh record is not read: its page would be one of zeros first, and
     * taking that away again costs every CPU a flush. */
    uint32_t next_unused = *index < r->end ? bl_registry_record(r, *index)->next_unused : BL_NODE_NONE;
    fill_record(bl_registry_record(r, *index), node);
    take_record(r, *index, next_unused);
    bl_registry_index_put(&r->index, node->key, *index, false);
    BL_ADD(r->total, 1);
    BL_ADD(r->count[BL_STATE_NEW], 1);
    count_change(&r->changes.nodes);
    if (r->watched)
        r->watch.added(r->watch.ctx, *index);
    return 0;
}

int bl_registry_add(struct bl_registry *r, const struct bl_unknown_node *s, uint32_t *index)
{
    struct bl_node node = {.key = s->key};
    struct bl_unknown_node binary = *s;
    char name[BL_ID_NAME_LEN];

    if (s->name)
        return bl_name_is_valid(s->name, s->name_len) ? registry_enter(r, &node, s, index) : -EINVAL;
    node.flags = BL_NODE_BINARY;
    bl_registry_name_of_id(s->id, name);
    binary.name = name;
    binary.name_len = BL_ID_NAME_LEN;
    return registry_enter(r, &node, &binary, index);
}

int bl_registry_add_name(struct bl_registry *r, const char *name, unsigned len, uint32_t *index)
{
    if (!bl_name_is_valid(name, len))
        return -EINVAL;
    struct bl_unknown_node s = {.key = bl_key_of_name(r->secret, name, len), .name = name, .name_len = len};
    *index = bl_registry_find_key(r, s.key);
    if (*index != BL_NODE_NONE)
        return bl_registry_is_named(bl_registry_record(r, *index), name, len) ? -EEXIST : -EINVAL;
    return bl_registry_add(r, &s, index);
}

int bl_registry_add_id(struct bl_registry *r, uint64_t id, uint32_t *index)
{
    struct bl_unknown_node s = {.key = bl_key_of_id(r->secret, id), .id = id};
    *index = bl_registry_find_key(r, s.key);
    if (*index != BL_NODE_NONE)
        return bl_registry_find_id(r, id) == *index ? -EEXIST : -EINVAL;
    return bl_registry_add(r, &s, index);
}

/* ---- changing --------------------------------------------------------- */

/* Gives the node its new name. An alias entry is told from others by the
 * record's name: the old one goes before, the new one comes after. */
BL_ON_CONTROL static int swap_name(struct bl_registry *r, uint32_t index, const char *name, unsigned len,
                                   uint64_t key)
{
    struct bl_node *n = bl_registry_record(r, index);
    uint64_t id = bl_node_id(n);
    char *own = bl_name_pool_copy(&r->names, &id, name, len); /* only binary nodes are renamed */
    struct bl_registry_retired *note = registry_take(r, sizeof(*note));
    if (!own || !note || bl_registry_index_reserve(&r->index, 1) != 0) {
        if (own)
            bl_name_pool_give(&r->names, own, true);
        bl_registry_give(r, note);
        return -ENOMEM;
    }
    if (bl_registry_has_alias(n))
        bl_registry_index_remove(&r->index, bl_registry_name_key(r, n), index, true);
    bl_registry_retire(r, note, (void *)(uintptr_t)n->name, true);
    bl_rcu_publish(&n->name, own);
    BL_WRITE(n->name_len, (uint8_t)len);
    bl_registry_index_put(&r->index, key, index, true);
    count_change(&r->changes.nodes);
    if (r->watched)
        r->watch.renamed(r->watch.ctx, index);
    return 0;
}

int bl_registry_rename(struct bl_registry *r, uint32_t index, const char *name, unsigned len)
{
    const struct bl_node *n = bl_registry_get(r, index);
    if (!n || !(n->flags & BL_NODE_BINARY) || !bl_name_is_valid(name, len))
        return -EINVAL;
    if (bl_registry_is_named(n, name, len))
        return 0;
    uint64_t key = bl_key_of_name(r->secret, name, len);
    uint32_t other = bl_registry_find_key(r, key);
    if (other != BL_NODE_NONE)
        return bl_registry_is_named(bl_registry_record(r, other), name, len) ? -EEXIST : -EINVAL;
    return swap_name(r, index, name, len, key);
}

void bl_registry_set_state(struct bl_registry *r, uint32_t index, enum bl_state s)
{
    struct bl_node *n = bl_registry_at(r, index);
    if (!n || n->state == s)
        return;
    enum bl_state was = (enum bl_state)n->state;
    BL_WRITE(r->count[was], r->count[was] - 1);
    BL_ADD(r->count[s], 1);
    BL_WRITE(n->state, (uint8_t)s);
    count_change(&r->changes.states);
    if (r->watched)
        r->watch.changed(r->watch.ctx, index, was, s);
}

/* ---- removing --------------------------------------------------------- */

void bl_registry_remove(struct bl_registry *r, uint32_t index)
{
    struct bl_node *n = bl_registry_at(r, index);
    if (!n)
        return;
    if (r->watched)
        r->watch.removed(r->watch.ctx, index);
    BL_WRITE(n->flags, (uint8_t)(n->flags & ~BL_NODE_LIVE));
    bl_registry_index_remove(&r->index, n->key, index, false);
    if (bl_registry_has_alias(n))
        bl_registry_index_remove(&r->index, bl_registry_name_key(r, n), index, true);
    uint32_t *count = &r->count[n->state];
    BL_WRITE(*count, *count - 1);
    BL_WRITE(r->total, r->total - 1);
    count_change(&r->changes.nodes);
    n->next_unused = r->removed;
    r->removed = index;
    r->waiting++;
}
