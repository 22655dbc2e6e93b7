/* SPDX-License-Identifier: Apache-2.0 */
/* registry: every node control knows, whatever table it beats in: name,
 * policy, state, incident number.
 *
 * Shape: records in chunks that never move (index -> chunk, place), names
 * in a pool of theirs, an open-addressing index key -> node. A node has one
 * key (of its name, or of its binary id); a binary node that said hello
 * has its name as a second, alias entry in the index.
 *
 * Threads: control writes all of it. The api thread reads under RCU: a
 * record that it reached stays readable until its next quiescent state,
 * also after a removal; every field is one aligned word, so it sees each
 * field old or new, never half. Removed records and names are reused
 * after a grace period, which the caller tells with
 * bl_registry_reclaim().
 *
 * Memory: everything through `struct bl_memory`, so that the daemon can
 * put the registry in an arena of its own and say what a node costs.
 * Index growth is spread over the insertions that follow (a few slots
 * each), so no call takes longer than about 0.1 ms; bl_registry_reclaim
 * alone takes as long as there is to free, about 0.1 us a node.
 *
 * Keys: two names or ids whose 63-bit keys collide cannot both be known;
 * the second is refused with -EINVAL, never taken for the first. Among
 * 10 million nodes that happens with a chance of 5e-6 per start.
 *
 * Limits: BL_NODE_MAX nodes, names of 1..BL_NAME_MAX bytes without
 * control bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/beat.h"
#include "engine/base/counter.h"
#include "engine/base/key.h"
#include "engine/base/role.h"
#include "engine/detect/state.h"
#include "engine/registry/name_pool.h"
#include "engine/table/table.h"

/* Where memory comes from; bl_memory_libc is malloc and free. */
struct bl_memory {
    void *(*alloc)(void *ctx, size_t bytes); /* zeroed not; NULL: none left */
    void (*free)(void *ctx, void *p);
    void *ctx;
};
extern const struct bl_memory bl_memory_libc;

enum bl_node_flags {
    BL_NODE_BINARY = 1,         /* key is of an id, not of a name */
    BL_NODE_UNTIL_BEAT = 2,     /* paused until the next beat (bye, or so asked) */
    BL_NODE_OWN_RETRIES = 4,    /* policy.retries is the node's own, not the default */
    BL_NODE_LIVE = 8,           /* the record is in use */
    BL_NODE_RESTORED = 16,      /* of a saved fleet: see bl_fleet_take_places */
    BL_NODE_OWN_DETECTOR = 32,  /* policy.detector is the node's own, not the default */
    BL_NODE_OVERAGE = 64,       /* silent for longer than ticks tell: see bl_node_is_overage */
    BL_NODE_PAUSE_COUNTS = 128, /* pause_end_s is of the counting clock, not of the wall's */
};

/* In bl_node.table: it was found to be in no table. Its judged_tick is when
 * that was, on the clock of the table it was in. */
#define BL_NODE_TABLE_LOST 0x8000u

/* Tables that a record names, see bl_fleet_tables_of. */
#define BL_NODE_TABLES 3u

/* One node. Written by control only; each field is an aligned
 * word, whole: BL_WRITE, and the api thread's BL_READ (counter.h); the
 * name has bl_node_name. Times are Unix
 * time in ms; 0 is never. */
struct bl_node {
    uint64_t key;
    const char *name; /* terminated; "id:%016x" until a hello names it; bl_node_id lies before it */
    int64_t first_seen_unix_ms;
    int64_t state_since_unix_ms;
    int64_t last_beat_unix_ms; /* as of the last change of state */
    struct bl_policy policy;   /* its own; see bl_fleet_policy_of */
    uint32_t interval_ms;      /* the sender's promise; 0: none */
    uint32_t incident;         /* +1 each time it leaves ok */
    union {
        uint32_t judged_tick; /* slot's last_beat that the state was judged on */
        uint32_t next_unused; /* once removed: the registry's list of such records */
    };
    uint16_t table; /* index of the table it was last seen in, maybe with BL_NODE_TABLE_LOST */
    uint8_t state;  /* bl_state */
    uint8_t flags;  /* bl_node_flags */
    uint8_t name_len;
    uint8_t held[BL_NODE_TABLES]; /* the fleet's: see bl_fleet_tables_of; [0] is 0: in no table yet */
    uint32_t pause_end_s;         /* when its pause ends, Unix time or BL_NODE_PAUSE_COUNTS; 0: none set */
};

/* The name, terminated: what a reader uses. Stays readable until its
 * next quiescent state, also when the node is renamed meanwhile. */
static inline const char *bl_node_name(const struct bl_node *n)
{
    return __atomic_load_n(&n->name, __ATOMIC_ACQUIRE);
}

/* The id of a binary node; 0 for text nodes. */
static inline uint64_t bl_node_id(const struct bl_node *n)
{
    return BL_READ(n->flags) & BL_NODE_BINARY ? bl_name_pool_id(bl_node_name(n)) : 0;
}

struct bl_registry;

/* Who is told of what changes, on control's thread. `removed` comes while
 * the record is still there. Must not change the registry. */
struct bl_registry_watch {
    void *ctx;
    void (*added)(void *ctx, uint32_t node);
    void (*renamed)(void *ctx, uint32_t node);
    void (*removed)(void *ctx, uint32_t node);
    void (*changed)(void *ctx, uint32_t node, enum bl_state from, enum bl_state to);
};

/* `max_nodes` <= BL_NODE_MAX. NULL: out of memory. */
struct bl_registry *bl_registry_new(const struct bl_memory *m, const struct bl_key_secret *secret,
                                    uint32_t max_nodes);
void bl_registry_free(struct bl_registry *r);

/* One watcher, from now on; all of its functions are there. NULL: nobody. */
void bl_registry_watch(struct bl_registry *r, const struct bl_registry_watch *w) BL_ON_CONTROL;

/* Changes how many nodes may be known; never removes any. */
void bl_registry_set_max(struct bl_registry *r, uint32_t max_nodes) BL_ON_CONTROL;

/* Adds a text node. *index is its number. Returns 0, -EEXIST (*index is
 * the one there, which may be a binary node that a hello named so),
 * -EINVAL (bad name, or its key collides), -ENOSPC (max_nodes), -ENOMEM.
 * The new record: state NEW, policy all 0, caller fills the rest with
 * BL_WRITE: readers see it from here on. */
int bl_registry_add_name(struct bl_registry *r, const char *name, unsigned len, uint32_t *index)
    BL_ON_CONTROL;

/* Adds a binary node by id, named "id:%016x". Same returns. */
int bl_registry_add_id(struct bl_registry *r, uint64_t id, uint32_t *index) BL_ON_CONTROL;

/* Adds a node of either kind for who has looked its key up and not found
 * it: spares the hash and the lookup. `name` NULL: by id. Returns 0,
 * -EINVAL (bad name), -ENOSPC, -ENOMEM. */
struct bl_unknown_node {
    uint64_t key; /* of the name, or of the id */
    const char *name;
    unsigned name_len;
    uint64_t id;
};
int bl_registry_add(struct bl_registry *r, const struct bl_unknown_node *s, uint32_t *index) BL_ON_CONTROL;

/* Names a binary node (hello), or names it anew. 0 also if it has that
 * name already; -EEXIST: the name is another node's; -EINVAL: bad name,
 * its key collides, or not a binary node; -ENOMEM. */
int bl_registry_rename(struct bl_registry *r, uint32_t index, const char *name, unsigned len) BL_ON_CONTROL;

/* Takes a node out; its index and memory come back into use only after
 * bl_registry_reclaim. No-op if there is none. */
void bl_registry_remove(struct bl_registry *r, uint32_t index) BL_ON_CONTROL;

/* How many removed records, replaced names and outgrown arrays wait for a
 * grace period. */
uint32_t bl_registry_removed(const struct bl_registry *r) BL_ON_CONTROL;
/* Takes them back in two halves, with a grace period between them in
 * which the registry is used as ever: begin says that those until now are
 * the ones; end takes up to `max` of them back and returns whether all
 * are. The next begin comes after that. */
void bl_registry_reclaim_begin(struct bl_registry *r) BL_ON_CONTROL;
bool bl_registry_reclaim_end(struct bl_registry *r, uint32_t max) BL_ON_CONTROL;
/* Takes all of them back: there is no reader, or the grace period began
 * after the last of them. */
void bl_registry_reclaim(struct bl_registry *r) BL_ON_CONTROL;

/* Sets a node's state and keeps the counts. */
void bl_registry_set_state(struct bl_registry *r, uint32_t index, enum bl_state s) BL_ON_CONTROL;

/* Control's write access. The record of a live index. */
struct bl_node *bl_registry_at(struct bl_registry *r, uint32_t index) BL_ON_CONTROL;

/* ---- control, or any reader under RCU ------------------------------ */

/* The node whose key or alias it is; BL_NODE_NONE if unknown. A node that
 * is there during the whole call is found. */
uint32_t bl_registry_find_key(const struct bl_registry *r, uint64_t key);
/* Asks the caches for what a lookup of that key will touch. */
void bl_registry_prefetch(const struct bl_registry *r, uint64_t key);
/* By name; also "id:%016x", which finds a binary node under whatever
 * name. Compares the name itself, not only its key. */
uint32_t bl_registry_find_name(const struct bl_registry *r, const char *name, unsigned len);

/* The record at `index`, NULL if there is none (never used, removed). */
const struct bl_node *bl_registry_get(const struct bl_registry *r, uint32_t index);

/* One past the highest index ever used: the loop bound of a listing. */
uint32_t bl_registry_end(const struct bl_registry *r);

/* How often something changed: nodes added, removed or renamed, and
 * states. Who keeps something made from the registry compares these
 * before it makes it anew; read them before the registry itself. */
struct bl_registry_changes {
    uint64_t nodes, states;
};
struct bl_registry_changes bl_registry_changes(const struct bl_registry *r);

uint32_t bl_registry_total(const struct bl_registry *r);
uint32_t bl_registry_count(const struct bl_registry *r, enum bl_state s);

/* Whether a name may be registered: 1..BL_NAME_MAX bytes, none of them a
 * control byte (0x00..0x1f, 0x7f), space, ':' or '|'. Bytes from 0x80 on
 * (UTF-8) are fine. */
bool bl_name_is_valid(const char *name, size_t len);
