/* SPDX-License-Identifier: Apache-2.0 */
/* registry_index: the registry's table from key to node.
 *
 * Shape: open addressing, linear probing, one 64-bit entry a slot: the
 * top 35 bits of the key, an alias bit, node + 1 in 28 bits. A slot's
 * home is the key's top bits, so an entry knows its home without a look
 * at the node. 35 bits do not tell keys apart: whoever looks something
 * up brings a function that does.
 *
 * Threads: control inserts and removes; any reader finds, under RCU.
 * Entries are single words, stored with release after the node they
 * name; a reader sees each one old or new. An entry that is there during
 * the whole lookup is found.
 *
 * Growth: at 6/10 full (removed entries included) the next array is
 * taken, zeroed a few pages per insertion, then published as `next` and
 * filled a few slots per insertion; meanwhile new entries go to `next`
 * only, moved ones stay in the old one too, and removal clears both. A
 * reader looks in `next` first, then in `current`, which it loads only
 * then: what it missed in `next` because it was moved a moment later is
 * still in the old one, or `current` is the full new one by then. Growth
 * ends before 7/10; the outgrown array is the caller's to free after a
 * grace period. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/role.h"

struct bl_memory;

struct bl_index_array {
    struct bl_index_array *retired_next; /* control's, once outgrown */
    unsigned bits;                       /* 2^bits slots */
    uint64_t slot[];
};

/* Whether `node`, entered under `key` as its own or as its alias, is the
 * one. Called for the few entries whose top 35 bits agree. */
typedef bool bl_index_same(const void *ctx, uint32_t node, bool alias, uint64_t key);

struct bl_registry_index {
    /* published: control stores, readers load (acquire) */
    struct bl_index_array *current;
    struct bl_index_array *next; /* NULL: not growing */
    /* constant */
    const struct bl_memory *memory;
    bl_index_same *same;
    const void *same_ctx;
    /* control's */
    struct bl_index_array *fresh BL_OWNED_BY(bl_role_control);   /* being zeroed */
    uint64_t cursor BL_OWNED_BY(bl_role_control);                /* zeroed / moved so far */
    uint64_t live BL_OWNED_BY(bl_role_control);                  /* entries */
    uint64_t taken BL_OWNED_BY(bl_role_control);                 /* slots not empty in the array that grows */
    struct bl_index_array *retired BL_OWNED_BY(bl_role_control); /* since the last reclaim_begin */
    struct bl_index_array *leaving BL_OWNED_BY(bl_role_control); /* in their grace period */
    uint32_t retired_count BL_OWNED_BY(bl_role_control);
};

/* 0 or -ENOMEM. */
int bl_registry_index_init(struct bl_registry_index *x, const struct bl_memory *m, bl_index_same *same,
                           const void *same_ctx) BL_ON_CONTROL;
/* Frees all arrays; no reader is left. */
void bl_registry_index_fini(struct bl_registry_index *x) BL_ON_CONTROL;

/* Asks the caches for what a find, or a put, of `key` will touch. */
void bl_registry_index_prefetch(const struct bl_registry_index *x, uint64_t key);

/* The node under `key`, BL_NODE_NONE if there is none. */
uint32_t bl_registry_index_find(const struct bl_registry_index *x, uint64_t key);

/* Makes room for `n` <= 2 entries, so that as many puts cannot fail. Does
 * a step of growth. 0 or -ENOMEM. */
int bl_registry_index_reserve(struct bl_registry_index *x, unsigned n) BL_ON_CONTROL;
/* Enters a key that is not in yet. */
void bl_registry_index_put(struct bl_registry_index *x, uint64_t key, uint32_t node, bool alias)
    BL_ON_CONTROL;
/* Takes the entry of `key` for `node` out. */
void bl_registry_index_remove(struct bl_registry_index *x, uint64_t key, uint32_t node, bool alias)
    BL_ON_CONTROL;

/* Frees the outgrown arrays, after a grace period, or before there were
 * readers. */
void bl_registry_index_reclaim(struct bl_registry_index *x) BL_ON_CONTROL;
/* The same in two halves, with the grace period between them: those that
 * are outgrown now, and no others. */
void bl_registry_index_reclaim_begin(struct bl_registry_index *x) BL_ON_CONTROL;
void bl_registry_index_reclaim_end(struct bl_registry_index *x) BL_ON_CONTROL;
