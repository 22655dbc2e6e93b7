/* SPDX-License-Identifier: Apache-2.0 */
/* views: named subsets of the nodes, each with the counts of its nodes'
 * states, the worst of them, and an incident number: +1 each time it
 * leaves ok. `all` is one of them, always.
 *
 * Which views a node is in is not decided here: a plan brings a function
 * that says it of a name. It is asked once per node, at registration and
 * rename, and for every node again when the plan changes. A view of a
 * plan is static (its name is in the plan), or made by a template, one
 * for each name that the plan's function comes up with.
 *
 * State of a view: the worst of failed, warning, unknown among its nodes;
 * ok if there is none such. New and paused nodes are counted, but make no
 * view worse; a view without nodes is ok.
 *
 * Shape: everything of one plan is a generation: the views, and for each
 * node a reference (4 bytes) to an interned set of view ids, which all
 * nodes with the same views share. A new plan makes a new generation
 * beside the one in force, in steps, while both are kept up to date; the
 * old one stays visible until the new one is complete, and views of the
 * same name keep incident number, state and since. What nobody refers to
 * any more (sets, empty views of templates) goes when it is more than
 * half, by a new generation with the same plan.
 *
 * Threads: control changes and settles. Any reader under RCU: it gets
 * the generation once (bl_views_now), and everything that it reaches from
 * there holds until its next quiescent state. Words are whole; counts of
 * a view that is just changing may disagree by one.
 *
 * Settling: a change of a node moves counts at once, and what follows for
 * the state of its views is concluded by bl_views_settle, once per turn
 * of control: a view that left ok and came back within one turn did not
 * leave it.
 *
 * Memory: 4 bytes a node, 16 bytes and 4 per view for each distinct set,
 * about 100 bytes and its name for each view. Cost: a change of a node's
 * state is O(the views it is in), each about 2 ns.
 *
 * Limits: BL_VIEW_MAX views, BL_VIEWS_PER_NODE views of one node, names
 * of 1..BL_VIEW_NAME_MAX bytes. What is beyond a limit, or finds no
 * memory, is left out and counted in bl_views_stats. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/counter.h"
#include "engine/base/role.h"
#include "engine/detect/state.h"
#include "engine/registry/registry.h"

#define BL_VIEW_MAX       (UINT32_C(1) << 20)
#define BL_VIEW_NAME_MAX  BL_NAME_MAX
#define BL_VIEWS_PER_NODE 4096u
#define BL_VIEW_NONE      UINT32_MAX
#define BL_VIEW_ALL       UINT32_C(0) /* the id of `all`, in every generation */

/* A view that no entry of the plan stands for: `all`, and those that only
 * keep their number. */
#define BL_VIEW_NO_ENTRY UINT32_MAX

enum bl_view_flags {
    BL_VIEW_LIVE = 1,     /* is there for people; else it only keeps its number */
    BL_VIEW_NOTIFY = 2,   /* people want to be told of its changes */
    BL_VIEW_TEMPLATE = 4, /* made for a name that a template came up with */
    BL_VIEW_DIRTY = 8,    /* control's: to be settled */
};

/* One view of one generation. Readers use BL_READ on what is not
 * constant. */
struct bl_view {
    /* constant */
    const char *name; /* terminated */
    uint64_t key;
    uint8_t name_len;
    /* control's */
    uint8_t state;         /* bl_state: ok, unknown, warning or failed */
    uint8_t flags;         /* bl_view_flags */
    uint32_t entry;        /* of the plan, or BL_VIEW_NO_ENTRY */
    uint32_t incident;     /* +1 each time it leaves ok */
    uint32_t next_dirty;   /* list of what to settle */
    int64_t since_unix_ms; /* of its state; 0: not settled yet */
    uint32_t count[BL_STATE_COUNT];
};

struct bl_views;
struct bl_views_generation;

/* ---- any reader, under RCU ------------------------------------------ */

/* The generation in force. Ids are of one generation: remember names. */
const struct bl_views_generation *bl_views_now(const struct bl_views *v);

/* Which one it is, 1..: who lists in pieces learns by it that the ids are
 * others now. */
uint64_t bl_views_number(const struct bl_views_generation *g);

/* One past the highest id: the loop bound of a listing. */
uint32_t bl_views_end(const struct bl_views_generation *g);
/* The view, NULL if there is none for people to see (it only keeps its
 * number, see bl_view_kept). `all` is first, static ones follow in the
 * order of the plan, then those of templates as they came. */
const struct bl_view *bl_view_at(const struct bl_views_generation *g, uint32_t id);
/* The same, also if it only keeps its number: for who saves them. */
const struct bl_view *bl_view_kept(const struct bl_views_generation *g, uint32_t id);
/* By name; BL_VIEW_NONE if there is none for people to see. */
uint32_t bl_view_find(const struct bl_views_generation *g, const char *name, unsigned len);

/* All nodes in it, whatever their state. */
uint32_t bl_view_total(const struct bl_view *view);
/* One count of it. */
static inline uint32_t bl_view_count(const struct bl_view *view, enum bl_state s)
{
    return BL_READ(view->count[s]);
}

/* The ids of the views that a node is in, ascending, `*count` of them;
 * `all` is the first. None for a node that is not known (yet). */
const uint32_t *bl_views_of(const struct bl_views_generation *g, uint32_t node, uint32_t *count);
/* Whether a node is in a view. Cost: two loads and a binary search. */
bool bl_view_has(const struct bl_views_generation *g, uint32_t id, uint32_t node);

/* What the plan in force was given as ctx; NULL: there was no plan yet. */
const void *bl_views_plan_of(const struct bl_views_generation *g);

struct bl_views_stats {
    uint64_t views;       /* for people to see */
    uint64_t sets;        /* distinct ones, whether or not a node refers to them */
    uint64_t bytes;       /* of the generation in force */
    uint64_t generations; /* published, the first included */
    uint64_t left_out;    /* nodes' views beyond a limit or without memory, ever */
    bool building;        /* a new generation is under way */
};
void bl_views_stats_of(const struct bl_views *v, struct bl_views_stats *out);

/* ---- control ---------------------------------------------------------- */

/* Where a plan's function puts what it found. */
struct bl_views_found;

/* Says that the node is in the static view of `entry` (name NULL), or in
 * the one of that name, which is made if there is none. Twice the same is
 * once. */
void bl_views_found(struct bl_views_found *found, uint32_t entry, const char *name, unsigned name_len)
    BL_ON_CONTROL;

struct bl_views_entry {
    const char *name; /* of a static view; NULL: a template */
    bool notify;      /* its views get BL_VIEW_NOTIFY */
};

/* What says which views there are. Everything in it stays readable until
 * `release`, which is called (by bl_views_reclaim_end, or bl_views_free) when
 * no generation and no reader uses it. */
struct bl_views_plan {
    const struct bl_views_entry *entry;
    uint32_t entry_count;
    void *ctx;
    /* Calls bl_views_found for each view that the name is in, but `all`.
     * Control's thread; must not call anything else here. */
    void (*match)(void *ctx, const char *name, unsigned len, struct bl_views_found *found);
    void (*release)(void *ctx); /* NULL: nothing to do */
};

/* A view's change of state. Pointers are good for the call only. */
struct bl_view_transition {
    const struct bl_view *view;
    enum bl_state from, to;
    int64_t time_unix_ms;
    uint32_t incident; /* the view's, counted already */
};

struct bl_views_out {
    void *ctx;
    void (*transition)(void *ctx, const struct bl_view_transition *t); /* NULL: nobody asks */
};

/* Views over a registry: only `all` until there is a plan. Memory, secret
 * and registry stay the caller's. NULL: out of memory. */
struct bl_views *bl_views_new(const struct bl_memory *m, const struct bl_key_secret *secret,
                              const struct bl_registry *r, const struct bl_views_out *out);
/* No reader is left. */
void bl_views_free(struct bl_views *v);

/* What keeps the views up to date: for bl_registry_watch. Nodes that are
 * registered already are taken in by the next plan. */
struct bl_registry_watch bl_views_watch(struct bl_views *v);

/* Begins a generation with a new plan, which is released at once on an
 * error. One that is under way is given up. 0 or -ENOMEM. */
int bl_views_begin(struct bl_views *v, const struct bl_views_plan *plan) BL_ON_CONTROL;

/* Takes up to `max_nodes` more nodes into the generation under way, and
 * publishes it when it is complete. Returns whether there is more to do. */
bool bl_views_step(struct bl_views *v, uint32_t max_nodes) BL_ON_CONTROL;

/* Concludes the states of views whose counts have changed and tells those
 * that changed. Once per turn. */
void bl_views_settle(struct bl_views *v, int64_t unix_ms) BL_ON_CONTROL;

/* Gives a view its past: after a restart, before the first
 * bl_views_settle. A view that is not there yet keeps it until it is: the
 * number goes on, and what it was then is compared with what its nodes
 * say now (no event, no new incident if that is the same). To save, go
 * through bl_views_now with bl_view_kept. 0, -EINVAL (name, state),
 * -ENOSPC, -ENOMEM. */
struct bl_view_past {
    const char *name;
    unsigned name_len;
    enum bl_state state; /* ok, unknown, warning, failed */
    uint32_t incident;
    int64_t since_unix_ms;
};
int bl_views_remember(struct bl_views *v, const struct bl_view_past *past) BL_ON_CONTROL;

/* Takes an empty view of a template out of people's sight; it is back
 * with the next node, its number kept. 0, -ENOENT, -EINVAL (`all`, or it
 * is in the plan by name), -EBUSY (it has nodes). */
int bl_views_forget(struct bl_views *v, const char *name, unsigned len) BL_ON_CONTROL;

/* How much waits for a grace period. */
uint32_t bl_views_waiting(const struct bl_views *v) BL_ON_CONTROL;
/* Gives it back in two halves, with a grace period between them: what
 * waits at begin, and nothing that comes after it. */
void bl_views_reclaim_begin(struct bl_views *v) BL_ON_CONTROL;
void bl_views_reclaim_end(struct bl_views *v) BL_ON_CONTROL;
/* All of it: there is no reader, or the grace period began after the last
 * of it. */
void bl_views_reclaim(struct bl_views *v) BL_ON_CONTROL;
