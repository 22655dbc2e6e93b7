/* SPDX-License-Identifier: Apache-2.0 */
/* views_internal: what views.c (life, one generation after another),
 * view_life.c (one view), views_place.c (nodes in views) and
 * views_generation.c (one generation's memory) share. Nobody else
 * includes it. Control only, but for the published words.
 *
 * A generation's memory is taken in pieces that never move, and given
 * back whole: sets and names lie one after the other in blocks of 8-byte
 * units, and are referred to by their first unit's number. Unit 0 is left
 * free: reference 0 is "no set". */
#pragma once

#include "engine/registry/registry_index.h"
#include "engine/views/views.h"

#define BL_SET_NONE 0u

/* Up to 2^28 units, 2 GiB: what an entry of an index can refer to. */
#define BL_SET_BLOCK_UNITS 32768u
#define BL_SET_BLOCKS      8191u
#define BL_NODE_CHUNK      32768u
#define BL_NODE_CHUNKS     ((BL_NODE_MAX / BL_NODE_CHUNK) + 1u)
#define BL_VIEW_CHUNK      1024u
#define BL_VIEW_CHUNKS     (BL_VIEW_MAX / BL_VIEW_CHUNK)

/* An interned set of views. */
struct bl_view_ids {
    uint64_t key;
    uint32_t refs; /* nodes that have it; control's */
    uint32_t count;
    uint32_t id[]; /* ascending */
};

/* A plan, and how many generations use it. */
struct bl_plan_use {
    struct bl_views_plan plan;
    uint32_t users;
    uint32_t view_of[]; /* entry -> id of its static view, or BL_VIEW_NONE */
};

struct bl_views_generation {
    /* published: control stores, readers load (acquire) */
    uint32_t *set_of[BL_NODE_CHUNKS];
    uint64_t *block[BL_SET_BLOCKS];
    struct bl_view *view[BL_VIEW_CHUNKS];
    uint32_t view_count; /* dormant ones included */
    /* read by any thread, for the figures */
    uint32_t live; /* views for people to see */
    uint64_t bytes, sets;
    struct bl_registry_index by_name; /* key of a view's name -> id */
    struct bl_registry_index by_key;  /* key of a set's ids -> reference */
    /* constant */
    struct bl_memory memory;
    const struct bl_key_secret *secret;
    struct bl_plan_use *plan;
    uint64_t number; /* from when it is published */
    /* control's */
    uint32_t units, units_unused; /* taken, and those of sets that no node has */
    uint32_t empty;               /* live views of templates that have no node */
    uint32_t dirty;               /* list of views to settle */
    struct bl_views_generation *retired_next;
};

/* NULL: out of memory. Takes one use of the plan. */
struct bl_views_generation *bl_generation_new(const struct bl_memory *m, const struct bl_key_secret *secret,
                                              struct bl_plan_use *plan) BL_ON_CONTROL;
/* Gives its use of the plan back too. */
void bl_generation_free(struct bl_views_generation *g) BL_ON_CONTROL;
/* One user less (or none yet): released after the last. */
void bl_plan_drop(const struct bl_memory *m, struct bl_plan_use *use) BL_ON_CONTROL;

/* The view of any kind with that name, BL_VIEW_NONE. Readers too. */
uint32_t bl_generation_find(const struct bl_views_generation *g, const char *name, unsigned len);
/* The view of that id, which is there. */
struct bl_view *bl_generation_view(const struct bl_views_generation *g, uint32_t id);
/* One more view, dormant, ok. *id; or -EINVAL (name), -ENOSPC, -ENOMEM. */
int bl_generation_add(struct bl_views_generation *g, const char *name, unsigned len, uint32_t *id)
    BL_ON_CONTROL;

/* The set of these ids (ascending), made if there is none; BL_SET_NONE:
 * out of memory. */
uint32_t bl_generation_intern(struct bl_views_generation *g, const uint32_t *id, uint32_t count)
    BL_ON_CONTROL;
struct bl_view_ids *bl_generation_set(const struct bl_views_generation *g, uint32_t ref);

/* A node's set. Putting may fail for want of memory: false. */
uint32_t bl_generation_set_of(const struct bl_views_generation *g, uint32_t node);
bool bl_generation_put(struct bl_views_generation *g, uint32_t node, uint32_t ref) BL_ON_CONTROL;

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

/* ---- view_life.c ---------------------------------------------------------- */

/* Puts a view of g among those that bl_views_settle looks at. */
void bl_views_mark(struct bl_views_generation *g, struct bl_view *view, uint32_t id);
/* A view of g, made if there is none; what its namesake in force has been
 * through is its own past. Returns what bl_generation_add does. */
int bl_views_find_or_add(struct bl_views *v, struct bl_views_generation *g, const char *name, unsigned len,
                         uint32_t *id) BL_ON_CONTROL;
/* Shows a view to people, as one of `entry`. */
void bl_views_enliven(struct bl_views_generation *g, struct bl_view *view, uint32_t id, uint32_t entry);

/* ---- views_place.c -------------------------------------------------------- */

/* Puts the node into the views of its name, out of those it was in. */
void bl_views_place(struct bl_views *v, struct bl_views_generation *g, uint32_t node) BL_ON_CONTROL;

/* ---- views.c -------------------------------------------------------------- */

/* Keeps the number of a view in force that may come back, in the
 * generation under way. */
void bl_views_carry(struct bl_views *v, const struct bl_view *view) BL_ON_CONTROL;
