/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/registry/registry_index.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/base/rcu.h"
#include "engine/registry/registry.h"

#define NODE_BITS  28u
#define NODE_MASK  ((UINT64_C(1) << NODE_BITS) - 1)
#define ALIAS_BIT  (UINT64_C(1) << NODE_BITS)
#define KEY_MASK   (~(ALIAS_BIT | NODE_MASK))
#define ENTRY_NONE UINT64_C(0)
#define ENTRY_GONE ALIAS_BIT /* removed; probing passes it, insertion takes it */

_Static_assert(BL_NODE_MAX + 1u <= NODE_MASK, "node + 1 fits an entry");

#define FIRST_BITS 6u
#define HUGE_PAGE  ((size_t)2 << 20) /* bytes; see slots.c */
/* Steps per insertion. A page to zero and 16 slots to move: growth from
 * S slots, begun at 0.6 S entries, ends after S / 256 + S / 16 more. */
#define ZERO_SLOTS 512u
#define MOVE_SLOTS 16u

static uint64_t slot_count(const struct bl_index_array *a)
{
    return UINT64_C(1) << a->bits;
}

static uint64_t home_of(const struct bl_index_array *a, uint64_t key_or_entry)
{
    return key_or_entry >> (64 - a->bits);
}

static uint64_t entry_of(uint64_t key, uint32_t node, bool alias)
{
    return (key & KEY_MASK) | (alias ? ALIAS_BIT : 0) | (node + UINT64_C(1));
}

static uint64_t registry_index_load(const struct bl_index_array *a, uint64_t i)
{
    return __atomic_load_n(&a->slot[i], __ATOMIC_ACQUIRE);
}

static void registry_index_store(struct bl_index_array *a, uint64_t i, uint64_t entry)
{
    __atomic_store_n(&a->slot[i], entry, __ATOMIC_RELEASE);
}

/* A lookup in a large array misses the TLB too, unless its pages are
 * huge. A refusal means plain ones: slower, not wrong. */
static void want_huge_pages(struct bl_index_array *a, size_t bytes)
{
    uintptr_t from = ((uintptr_t)a + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    uintptr_t end = ((uintptr_t)a + bytes) / HUGE_PAGE * HUGE_PAGE;
    if (from < end)
        (void)madvise((char *)a + (from - (uintptr_t)a), end - from, MADV_HUGEPAGE);
}

static struct bl_index_array *array_new(const struct bl_memory *m, unsigned bits)
{
    size_t bytes = sizeof(struct bl_index_array) + (sizeof(uint64_t) << bits);
    struct bl_index_array *a = m->alloc(m->ctx, bytes);
    if (a) {
        a->retired_next = NULL;
        a->bits = bits;
        want_huge_pages(a, bytes);
    }
    return a;
}

int bl_registry_index_init(struct bl_registry_index *x, const struct bl_memory *m, bl_index_same *same,
                           const void *same_ctx)
{
    *x = (struct bl_registry_index){.memory = m, .same = same, .same_ctx = same_ctx};
    x->current = array_new(m, FIRST_BITS);
    if (!x->current)
        return -ENOMEM;
    memset(x->current->slot, 0, sizeof(uint64_t) << FIRST_BITS);
    return 0;
}

void bl_registry_index_fini(struct bl_registry_index *x)
{
    bl_registry_index_reclaim(x);
    x->memory->free(x->memory->ctx, x->current);
    if (x->next)
        x->memory->free(x->memory->ctx, x->next);
    if (x->fresh)
        x->memory->free(x->memory->ctx, x->fresh);
}

/* ---- readers ---------------------------------------------------------- */

static uint32_t find_in(const struct bl_registry_index *x, const struct bl_index_array *a, uint64_t key)
{
    uint64_t mask = slot_count(a) - 1;
    for (uint64_t i = home_of(a, key);; i = (i + 1) & mask) {
        uint64_t entry = registry_index_load(a, i);
        if (entry == ENTRY_NONE)
            return BL_NODE_NONE;
        if (((entry ^ key) & KEY_MASK) || !(entry & NODE_MASK))
            continue;
        uint32_t node = (uint32_t)((entry & NODE_MASK) - 1);
        if (x->same(x->same_ctx, node, (entry & ALIAS_BIT) != 0, key))
            return node;
    }
}

void bl_registry_index_prefetch(const struct bl_registry_index *x, uint64_t key)
{
    const struct bl_index_array *next = bl_rcu_read(&x->next), *current = bl_rcu_read(&x->current);
    if (next)
        __builtin_prefetch(&next->slot[home_of(next, key)]);
    __builtin_prefetch(&current->slot[home_of(current, key)]);
}

uint32_t bl_registry_index_find(const struct bl_registry_index *x, uint64_t key)
{
    const struct bl_index_array *next = bl_rcu_read(&x->next);
    uint32_t node = next ? find_in(x, next, key) : BL_NODE_NONE;
    if (node != BL_NODE_NONE)
        return node;
    /* Loaded now, not before: see the header. */
    const struct bl_index_array *current = bl_rcu_read(&x->current);
    return find_in(x, current, key);
}

/* ---- growth ----------------------------------------------------------- */

/* Puts an entry into the first free place of its probe. Returns whether
 * that place had been empty, not a removed entry's. */
static bool put_in(struct bl_index_array *a, uint64_t entry)
{
    uint64_t mask = slot_count(a) - 1;
    uint64_t i = home_of(a, entry);
    while (registry_index_load(a, i) & NODE_MASK)
        i = (i + 1) & mask;
    bool was_empty = registry_index_load(a, i) == ENTRY_NONE;
    registry_index_store(a, i, entry);
    return was_empty;
}

BL_ON_CONTROL static void grow_begin(struct bl_registry_index *x)
{
    /* Mostly removed entries: the same size again, without them. */
    bool twice = x->live * 10 > slot_count(x->current) * 3;
    x->fresh = array_new(x->memory, x->current->bits + (twice ? 1 : 0));
    x->cursor = 0;
}

BL_ON_CONTROL static void grow_zero(struct bl_registry_index *x)
{
    uint64_t left = slot_count(x->fresh) - x->cursor;
    uint64_t n = left < ZERO_SLOTS ? left : ZERO_SLOTS;
    memset(&x->fresh->slot[x->cursor], 0, n * sizeof(uint64_t));
    x->cursor += n;
    if (n < left)
        return;
    bl_rcu_publish(&x->next, x->fresh);
    x->fresh = NULL;
    x->cursor = 0;
    x->taken = 0;
}

BL_ON_CONTROL static void grow_move(struct bl_registry_index *x)
{
    struct bl_index_array *old = x->current;
    uint64_t end = x->cursor + MOVE_SLOTS;
    for (; x->cursor < end; x->cursor++) {
        uint64_t entry = registry_index_load(old, x->cursor);
        if (entry & NODE_MASK)
            x->taken += put_in(x->next, entry);
    }
    if (x->cursor < slot_count(old))
        return;
    bl_rcu_publish(&x->current, x->next);
    bl_rcu_publish(&x->next, NULL);
    old->retired_next = x->retired;
    x->retired = old;
    x->retired_count++;
}

BL_ON_CONTROL static void grow_step(struct bl_registry_index *x)
{
    if (x->next)
        grow_move(x);
    else if (x->fresh)
        grow_zero(x);
    else if (x->taken * 10 > slot_count(x->current) * 6)
        grow_begin(x);
}

/* ---- control ---------------------------------------------------------- */

int bl_registry_index_reserve(struct bl_registry_index *x, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        grow_step(x);
    /* Only a growth that got no memory comes near this. One slot stays
     * empty, or a lookup would not end. */
    const struct bl_index_array *a = x->next ? x->next : x->current;
    return (x->taken + n) * 10 <= slot_count(a) * 9 ? 0 : -ENOMEM;
}

void bl_registry_index_put(struct bl_registry_index *x, uint64_t key, uint32_t node, bool alias)
{
    x->taken += put_in(x->next ? x->next : x->current, entry_of(key, node, alias));
    x->live++;
}

/* Returns whether a slot became empty by it. */
static bool remove_in(struct bl_index_array *a, uint64_t entry)
{
    uint64_t mask = slot_count(a) - 1;
    uint64_t i = home_of(a, entry);
    for (; registry_index_load(a, i) != entry; i = (i + 1) & mask) {
        if (registry_index_load(a, i) == ENTRY_NONE)
            return false;
    }
    /* No probe goes past a slot that an empty one follows. */
    bool last = registry_index_load(a, (i + 1) & mask) == ENTRY_NONE;
    registry_index_store(a, i, last ? ENTRY_NONE : ENTRY_GONE);
    return last;
}

void bl_registry_index_remove(struct bl_registry_index *x, uint64_t key, uint32_t node, bool alias)
{
    uint64_t entry = entry_of(key, node, alias);
    bool emptied = remove_in(x->current, entry);
    if (x->next)
        emptied = remove_in(x->next, entry);
    x->taken -= emptied;
    x->live--;
}

void bl_registry_index_reclaim_begin(struct bl_registry_index *x)
{
    while (x->retired) {
        struct bl_index_array *a = x->retired;
        x->retired = a->retired_next;
        a->retired_next = x->leaving;
        x->leaving = a;
    }
}

void bl_registry_index_reclaim_end(struct bl_registry_index *x)
{
    while (x->leaving) {
        struct bl_index_array *a = x->leaving;
        x->leaving = a->retired_next;
        x->memory->free(x->memory->ctx, a);
        x->retired_count--;
    }
}

void bl_registry_index_reclaim(struct bl_registry_index *x)
{
    bl_registry_index_reclaim_begin(x);
    bl_registry_index_reclaim_end(x);
}
