/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/registry/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/counter.h"
#include "engine/base/rcu.h"
#include "engine/registry/name_pool.h"
#include "engine/registry/registry_index.h"

/* Records to a chunk: 320 KiB, a size that jemalloc does not round up,
 * untouched until used. */
#define CHUNK_NODES 4096u
#define FIRST_DIR   16u

#define ID_NAME_LEN 19u /* "id:" and 16 hex digits */

_Static_assert(sizeof(struct bl_node) == 80, "what a node costs, without name and index");

/* Memory that readers may still hold. */
struct retired {
    struct retired *next;
    void *memory;
    bool is_name; /* of the pool, a binary node's */
};

/* What a grace period is waited for. */
struct leaving {
    uint32_t removed; /* list of records */
    struct retired *retired;
};

/* Chunk pointers. Grown by copying, so that a small registry is small. */
struct directory {
    uint32_t capacity;
    struct bl_node *chunk[];
};

struct bl_registry {
    /* published: control stores, readers load */
    struct directory *directory;
    uint32_t end; /* stored after the record below it is ready */
    uint32_t total;
    uint32_t count[BL_STATE_COUNT];
    struct bl_registry_changes changes;
    struct bl_registry_index index;
    /* constant */
    struct bl_memory memory;
    const struct bl_key_secret *secret;
    /* control's */
    uint32_t max_nodes BL_OWNED_BY(bl_role_control);
    uint32_t unused BL_OWNED_BY(bl_role_control);         /* list of records to use again */
    uint32_t removed BL_OWNED_BY(bl_role_control);        /* list of records, since the last reclaim_begin */
    struct retired *retired BL_OWNED_BY(bl_role_control); /* likewise */
    struct leaving leaving BL_OWNED_BY(bl_role_control);  /* those before: in their grace period */
    uint32_t waiting BL_OWNED_BY(bl_role_control);        /* how many of all these */
    struct bl_name_pool names BL_OWNED_BY(bl_role_control);
    struct bl_registry_watch watch BL_OWNED_BY(bl_role_control);
    bool watched BL_OWNED_BY(bl_role_control);
};

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

static void registry_give(const struct bl_registry *r, void *p)
{
    if (p)
        r->memory.free(r->memory.ctx, p);
}

/* ---- names ------------------------------------------------------------ */

bool bl_name_is_valid(const char *name, size_t len)
{
    if (len < 1 || len > BL_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char b = (unsigned char)name[i];
        if (b <= ' ' || b == 0x7f || b == ':' || b == '|')
            return false;
    }
    return true;
}

/* 16 if it is none. */
static unsigned hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c | 0x20 : c) : NULL;
    return at ? (unsigned)(at - digits) : 16;
}

/* The id that an "id:%016x" name tells. */
static bool id_of_name(const char *name, size_t len, uint64_t *id)
{
    if (len != ID_NAME_LEN || memcmp(name, "id:", 3) != 0)
        return false;
    *id = 0;
    for (unsigned i = 3; i < ID_NAME_LEN; i++) {
        unsigned digit = hex_digit(name[i]);
        if (digit == 16)
            return false;
        *id = *id << 4 | digit;
    }
    return true;
}

static void name_of_id(uint64_t id, char name[ID_NAME_LEN])
{
    memcpy(name, "id:", 3);
    for (unsigned i = ID_NAME_LEN; i-- > 3; id >>= 4)
        name[i] = "0123456789abcdef"[id & 15];
}

static bool is_named(const struct bl_node *n, const char *name, size_t len)
{
    const char *own = bl_node_name(n);
    return strncmp(own, name, len) == 0 && own[len] == '\0';
}

/* A binary node that a hello has named is in the index by that name too. */
static bool has_alias(const struct bl_node *n)
{
    return (n->flags & BL_NODE_BINARY) && strncmp(n->name, "id:", 3) != 0;
}

static uint64_t name_key(const struct bl_registry *r, const struct bl_node *n)
{
    const char *name = bl_node_name(n);
    return bl_key_of_name(r->secret, name, (unsigned)strlen(name));
}

/* ---- readers ---------------------------------------------------------- */

const struct bl_node *bl_registry_get(const struct bl_registry *r, uint32_t index)
{
    if (index >= bl_registry_end(r))
        return NULL;
    const struct directory *d = bl_rcu_read(&r->directory);
    const struct bl_node *chunk = bl_rcu_read(&d->chunk[index / CHUNK_NODES]);
    const struct bl_node *n = &chunk[index % CHUNK_NODES];
    return __atomic_load_n(&n->flags, __ATOMIC_ACQUIRE) & BL_NODE_LIVE ? n : NULL;
}

static bool same_node(const void *ctx, uint32_t node, bool alias, uint64_t key)
{
    const struct bl_registry *r = ctx;
    const struct bl_node *n = bl_registry_get(r, node);
    if (!n)
        return false;
    return alias ? name_key(r, n) == key : BL_READ(n->key) == key;
}

uint32_t bl_registry_find_key(const struct bl_registry *r, uint64_t key)
{
    return bl_registry_index_find(&r->index, key);
}

void bl_registry_prefetch(const struct bl_registry *r, uint64_t key)
{
    bl_registry_index_prefetch(&r->index, key);
}

static uint32_t find_id(const struct bl_registry *r, uint64_t id)
{
    uint32_t index = bl_registry_find_key(r, bl_key_of_id(r->secret, id));
    const struct bl_node *n = index == BL_NODE_NONE ? NULL : bl_registry_get(r, index);
    bool same = n && (BL_READ(n->flags) & BL_NODE_BINARY) && bl_node_id(n) == id;
    return same ? index : BL_NODE_NONE;
}

uint32_t bl_registry_find_name(const struct bl_registry *r, const char *name, unsigned len)
{
    uint64_t id;
    if (id_of_name(name, len, &id))
        return find_id(r, id);
    if (!bl_name_is_valid(name, len))
        return BL_NODE_NONE;
    uint32_t index = bl_registry_find_key(r, bl_key_of_name(r->secret, name, len));
    const struct bl_node *n = index == BL_NODE_NONE ? NULL : bl_registry_get(r, index);
    return n && is_named(n, name, len) ? index : BL_NODE_NONE;
}

uint32_t bl_registry_end(const struct bl_registry *r)
{
    return __atomic_load_n(&r->end, __ATOMIC_ACQUIRE);
}

struct bl_registry_changes bl_registry_changes(const struct bl_registry *r)
{
    return (struct bl_registry_changes){
        .nodes = __atomic_load_n(&r->changes.nodes, __ATOMIC_ACQUIRE),
        .states = __atomic_load_n(&r->changes.states, __ATOMIC_ACQUIRE),
    };
}

/* After the change itself: who reads the new number sees the change. */
static void count_change(uint64_t *changes)
{
    __atomic_store_n(changes, *changes + 1, __ATOMIC_RELEASE);
}

uint32_t bl_registry_total(const struct bl_registry *r)
{
    return BL_READ(r->total);
}

uint32_t bl_registry_count(const struct bl_registry *r, enum bl_state s)
{
    return (unsigned)s < BL_STATE_COUNT ? BL_READ(r->count[s]) : 0;
}

/* ---- life ------------------------------------------------------------- */

static struct directory *directory_new(const struct bl_registry *r, uint32_t capacity)
{
    struct directory *d = registry_take(r, sizeof(*d) + capacity * sizeof(d->chunk[0]));
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
    if (!r->directory || bl_registry_index_init(&r->index, &r->memory, same_node, r) != 0) {
        registry_give(r, r->directory);
        registry_give(r, r);
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
        registry_give(r, r->directory->chunk[c]);
    bl_registry_index_fini(&r->index);
    registry_give(r, r->directory);
    registry_give(r, r);
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

static struct bl_node *record_at(const struct bl_registry *r, uint32_t index)
{
    return &r->directory->chunk[index / CHUNK_NODES][index % CHUNK_NODES];
}

/* Remembers `memory` until the next reclaim; cannot fail: the caller got
 * `note` beforehand. */
BL_ON_CONTROL static void registry_retire(struct bl_registry *r, struct retired *note, void *memory,
                                          bool is_name)
{
    *note = (struct retired){.next = r->retired, .memory = memory, .is_name = is_name};
    r->retired = note;
    r->waiting++;
}

/* ---- adding ----------------------------------------------------------- */

BL_ON_CONTROL static int grow_directory(struct bl_registry *r)
{
    struct directory *old = r->directory;
    struct directory *d = directory_new(r, old->capacity * 2);
    struct retired *note = registry_take(r, sizeof(*note));
    if (!d || !note) {
        registry_give(r, d);
        registry_give(r, note);
        return -ENOMEM;
    }
    memcpy(d->chunk, old->chunk, old->capacity * sizeof(old->chunk[0]));
    bl_rcu_publish(&r->directory, d);
    registry_retire(r, note, old, false);
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
    uint32_t c = r->end / CHUNK_NODES;
    if (c == r->directory->capacity && grow_directory(r) != 0)
        return -ENOMEM;
    if (!r->directory->chunk[c]) {
        struct bl_node *chunk = registry_take(r, CHUNK_NODES * sizeof(*chunk));
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
    uint32_t next_unused = *index < r->end ? record_at(r, *index)->next_unused : BL_NODE_NONE;
    fill_record(record_at(r, *index), node);
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
    char name[ID_NAME_LEN];

    if (s->name)
        return bl_name_is_valid(s->name, s->name_len) ? registry_enter(r, &node, s, index) : -EINVAL;
    node.flags = BL_NODE_BINARY;
    name_of_id(s->id, name);
    binary.name = name;
    binary.name_len = ID_NAME_LEN;
    return registry_enter(r, &node, &binary, index);
}

int bl_registry_add_name(struct bl_registry *r, const char *name, unsigned len, uint32_t *index)
{
    if (!bl_name_is_valid(name, len))
        return -EINVAL;
    struct bl_unknown_node s = {.key = bl_key_of_name(r->secret, name, len), .name = name, .name_len = len};
    *index = bl_registry_find_key(r, s.key);
    if (*index != BL_NODE_NONE)
        return is_named(record_at(r, *index), name, len) ? -EEXIST : -EINVAL;
    return bl_registry_add(r, &s, index);
}

int bl_registry_add_id(struct bl_registry *r, uint64_t id, uint32_t *index)
{
    struct bl_unknown_node s = {.key = bl_key_of_id(r->secret, id), .id = id};
    *index = bl_registry_find_key(r, s.key);
    if (*index != BL_NODE_NONE)
        return find_id(r, id) == *index ? -EEXIST : -EINVAL;
    return bl_registry_add(r, &s, index);
}

/* ---- changing --------------------------------------------------------- */

/* Gives the node its new name. An alias entry is told from others by the
 * record's name: the old one goes before, the new one comes after. */
BL_ON_CONTROL static int swap_name(struct bl_registry *r, uint32_t index, const char *name, unsigned len,
                                   uint64_t key)
{
    struct bl_node *n = record_at(r, index);
    uint64_t id = bl_node_id(n);
    char *own = bl_name_pool_copy(&r->names, &id, name, len); /* only binary nodes are renamed */
    struct retired *note = registry_take(r, sizeof(*note));
    if (!own || !note || bl_registry_index_reserve(&r->index, 1) != 0) {
        if (own)
            bl_name_pool_give(&r->names, own, true);
        registry_give(r, note);
        return -ENOMEM;
    }
    if (has_alias(n))
        bl_registry_index_remove(&r->index, name_key(r, n), index, true);
    registry_retire(r, note, (void *)(uintptr_t)n->name, true);
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
    if (is_named(n, name, len))
        return 0;
    uint64_t key = bl_key_of_name(r->secret, name, len);
    uint32_t other = bl_registry_find_key(r, key);
    if (other != BL_NODE_NONE)
        return is_named(record_at(r, other), name, len) ? -EEXIST : -EINVAL;
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
    if (has_alias(n))
        bl_registry_index_remove(&r->index, name_key(r, n), index, true);
    uint32_t *count = &r->count[n->state];
    BL_WRITE(*count, *count - 1);
    BL_WRITE(r->total, r->total - 1);
    count_change(&r->changes.nodes);
    n->next_unused = r->removed;
    r->removed = index;
    r->waiting++;
}

uint32_t bl_registry_removed(const struct bl_registry *r)
{
    return r->waiting + r->index.retired_count;
}

void bl_registry_reclaim_begin(struct bl_registry *r)
{
    r->leaving = (struct leaving){.removed = r->removed, .retired = r->retired};
    r->removed = BL_NODE_NONE;
    r->retired = NULL;
    bl_registry_index_reclaim_begin(&r->index);
}

BL_ON_CONTROL static void take_back_record(struct bl_registry *r)
{
    uint32_t index = r->leaving.removed;
    struct bl_node *n = record_at(r, index);
    bl_name_pool_give(&r->names, (char *)(uintptr_t)n->name, n->flags & BL_NODE_BINARY);
    r->leaving.removed = n->next_unused;
    n->next_unused = r->unused;
    r->unused = index;
}

BL_ON_CONTROL static void take_back_retired(struct bl_registry *r)
{
    struct retired *note = r->leaving.retired;
    r->leaving.retired = note->next;
    if (note->is_name)
        bl_name_pool_give(&r->names, note->memory, true);
    else
        registry_give(r, note->memory);
    registry_give(r, note);
}

bool bl_registry_reclaim_end(struct bl_registry *r, uint32_t max)
{
    for (; r->leaving.removed != BL_NODE_NONE || r->leaving.retired; max--, r->waiting--) {
        if (max == 0)
            return false;
        if (r->leaving.removed != BL_NODE_NONE)
            take_back_record(r);
        else
            take_back_retired(r);
    }
    bl_registry_index_reclaim_end(&r->index);
    return true;
}

void bl_registry_reclaim(struct bl_registry *r)
{
    bl_registry_reclaim_end(r, UINT32_MAX);
    bl_registry_reclaim_begin(r);
    bl_registry_reclaim_end(r, UINT32_MAX);
}
