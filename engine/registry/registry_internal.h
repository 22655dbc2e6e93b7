/* SPDX-License-Identifier: Apache-2.0 */
/* registry_internal: what registry.c (records: added, changed, removed),
 * registry_find.c (readers, names) and registry_reclaim.c (memory after
 * its grace period) share. Nobody else includes it. */
#pragma once

#include "engine/registry/name_pool.h"
#include "engine/registry/registry.h"
#include "engine/registry/registry_index.h"

/* Records to a chunk: 320 KiB, a size that jemalloc does not round up,
 * untouched until used. */
#define BL_REGISTRY_CHUNK_NODES 4096u

#define BL_ID_NAME_LEN 19u /* "id:" and 16 hex digits */

/* Memory that readers may still hold. */
struct bl_registry_retired {
    struct bl_registry_retired *next;
    void *memory;
    bool is_name; /* of the pool, a binary node's */
};

/* What a grace period is waited for. */
struct bl_registry_leaving {
    uint32_t removed; /* list of records */
    struct bl_registry_retired *retired;
};

/* Chunk pointers. Grown by copying, so that a small registry is small. */
struct bl_registry_directory {
    uint32_t capacity;
    struct bl_node *chunk[];
};

struct bl_registry {
    /* published: control stores, readers load */
    struct bl_registry_directory *directory;
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
    uint32_t unused BL_OWNED_BY(bl_role_control);  /* list of records to use again */
    uint32_t removed BL_OWNED_BY(bl_role_control); /* list of records, since the last reclaim_begin */
    struct bl_registry_retired *retired BL_OWNED_BY(bl_role_control); /* likewise */
    struct bl_registry_leaving leaving BL_OWNED_BY(bl_role_control); /* those before: in their grace period */
    uint32_t waiting BL_OWNED_BY(bl_role_control);                   /* how many of all these */
    struct bl_name_pool names BL_OWNED_BY(bl_role_control);
    struct bl_registry_watch watch BL_OWNED_BY(bl_role_control);
    bool watched BL_OWNED_BY(bl_role_control);
};

/* Gives memory of the registry's back at once; NULL: nothing to do. */
void bl_registry_give(const struct bl_registry *r, void *p);

/* Control's way to a record, live or not. */
static inline struct bl_node *bl_registry_record(const struct bl_registry *r, uint32_t index)
{
    return &r->directory->chunk[index / BL_REGISTRY_CHUNK_NODES][index % BL_REGISTRY_CHUNK_NODES];
}

/* ---- registry_find.c; readers too ------------------------------------- */

/* "id:%016x", not terminated. */
void bl_registry_name_of_id(uint64_t id, char name[BL_ID_NAME_LEN]);
bool bl_registry_is_named(const struct bl_node *n, const char *name, size_t len);
/* A binary node that a hello has named is in the index by that name too. */
bool bl_registry_has_alias(const struct bl_node *n);
/* The key of the name that it has now. */
uint64_t bl_registry_name_key(const struct bl_registry *r, const struct bl_node *n);
/* Whether an entry of the index is of that key: for bl_registry_index_init,
 * `ctx` is the registry. */
bool bl_registry_same_node(const void *ctx, uint32_t node, bool alias, uint64_t key);
/* The binary node of that id; BL_NODE_NONE. */
uint32_t bl_registry_find_id(const struct bl_registry *r, uint64_t id);

/* ---- registry_reclaim.c ------------------------------------------------- */

/* Remembers `memory` until the next reclaim; cannot fail: the caller got
 * `note` beforehand. */
void bl_registry_retire(struct bl_registry *r, struct bl_registry_retired *note, void *memory, bool is_name)
    BL_ON_CONTROL;
