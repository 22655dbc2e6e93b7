/* SPDX-License-Identifier: Apache-2.0 */
/* fleet_internal: what fleet.c (the parts and their life), fleet_node.c
 * (who is told what of a node), fleet_nodeless.c (slots without one) and
 * fleet_judge.c (time) share. Nobody
 * else includes it. Control only. */
#pragma once

#include "engine/base/counter.h"
#include "engine/fleet/fleet.h"
#include "engine/fleet/pause_ends.h"
#include "engine/fleet/retiring.h"

/* What restored nodes bring with them, by node. */
struct bl_fleet_restored {
    uint32_t *silent_ms; /* once in a table: what was heard in vain beyond its slot's age */
    uint32_t *rhythm_of; /* place in `rhythm`, from 1; 0: none */
    struct bl_interval_stats *rhythm;
    uint32_t nodes, rhythms, rhythm_capacity;
};

/* A growing list of keys. */
struct bl_key_list {
    uint64_t *key;
    uint32_t count, capacity;
};

/* False: out of memory, the key is not in the list. */
bool bl_key_list_add(struct bl_key_list *l, uint64_t key);

struct bl_fleet_table_state {
    struct bl_fleet_table shared;
    bool growing;                /* asked, not yet published */
    bool rebuild;                /* the sweep has not seen the newest generation yet */
    const struct bl_slots *left; /* while growing: the generation that keys are moved out of */
    bool touched_lost;           /* no memory for the list below: write them all */
    struct bl_key_list touched;  /* whose policy words were written there: once more, after growth */
    struct bl_retiring retiring; /* deletions that its worker has yet to do */
    uint32_t nodeless_at;        /* where the walk for slots without a node is; 0: none is under way */
    uint64_t nodeless_next_ms;   /* when the next one may begin */
    uint64_t nodeless_until_ms;  /* there may be some that the table does not count; 0: none */
    uint32_t dropped;            /* by the table's growths, as of the last one */
    struct bl_key_list unasked;  /* nodes whose measuring (or its end) met a full ring */
    uint64_t frozen_ns;          /* bl_fleet_doubt has seen the clock stand still since; 0: it runs */
    uint32_t doubt_slot;         /* where bl_fleet_doubt goes on */
    uint64_t doubt_ns;           /* and when it begins again */
};

#define BL_FINDINGS 256u

/* Tables, a bit each. */
struct bl_table_set {
    uint64_t word[BL_TABLES_MAX / 64];
};

struct bl_fleet {
    struct bl_registry *registry;
    struct bl_fleet_config config;
    struct bl_key_secret secret;
    struct bl_fleet_out out;
    struct bl_fleet_table_state table[BL_TABLES_MAX];
    uint32_t table_count;
    uint32_t sweep_table;     /* where the round is */
    uint32_t follow_defaults; /* next node to re-judge after new defaults; NONE: through */
    uint64_t now_ms;          /* the counting clock */
    uint64_t create_second;   /* of it: the creation rate's window */
    uint32_t created;         /* in it */
    uint32_t overage;         /* next node to look at for it; NONE: through */
    uint64_t overage_ms;      /* when the next walk begins */
    uint32_t walk;            /* next node that bl_fleet_walk looks at */
    struct bl_pause_ends wall_ends, counted_ends;
    struct bl_fleet_restored restored; /* of bl_fleet_restore; constant once workers run */
    float phi_sigmas;                  /* of config.phi; read by any thread */
    struct bl_fleet_stats stats;
    struct bl_finding finding[BL_FINDINGS];
    struct bl_table_set untold; /* those that may hold a node which is not known to be there */
};

/* Counts in stats, which the api thread reads. */
static inline void bl_fleet_count_more(uint64_t *counter, uint64_t n)
{
    BL_ADD(*counter, n);
}

/* Writes the node's policy word into its slot of one table, if it has
 * one there, and lowers its block's time. Returns whether it has. */
bool bl_fleet_write_slot(struct bl_fleet *f, uint32_t table, uint32_t node) BL_ON_CONTROL;
/* The same in every table that is known to hold it. */
void bl_fleet_write_slots(struct bl_fleet *f, uint32_t node) BL_ON_CONTROL;

/* The same at a place where the node was just found. */
void bl_fleet_write_place(struct bl_fleet *f, uint32_t table, uint32_t node, const struct bl_place *place)
    BL_ON_CONTROL;

/* Whether the table's worker has yet to delete the key: what the table
 * holds of it counts for nobody. Whoever finds the key after a no finds
 * a record that stays. Cost: a compare while no deletion is under way. */
bool bl_fleet_is_retiring(const struct bl_fleet *f, uint32_t table, uint64_t key) BL_ON_CONTROL;

/* Makes room in mind for one more deletion. False: out of memory. */
bool bl_fleet_can_retire(struct bl_fleet *f, uint32_t table) BL_ON_CONTROL;

/* Takes the node out of one table: policy word back to NONE, then the
 * deletion, which waits for room in the worker's ring if that is full.
 * Nothing is asked twice. Out of memory, nothing is done: a stale record
 * is found again, and so is one without a node. */
void bl_fleet_retire(struct bl_fleet *f, uint32_t table, uint64_t key) BL_ON_CONTROL;

/* Asks for the deletion of slots that have had no node for
 * BL_NODELESS_TICKS, where the table says that there are some: on from
 * where the last call stopped, at most `max_slots` of them looked at, and
 * no more deletions than the worker takes in a poll. Cost: a compare, or
 * about 2 ns a slot. */
void bl_fleet_retire_nodeless(struct bl_fleet *f, uint32_t table, uint32_t max_slots) BL_ON_CONTROL;
/* The table has a slot without a node that it does not count. */
void bl_fleet_note_nodeless(struct bl_fleet *f, uint32_t table) BL_ON_CONTROL;

/* Changes the node's state (not to the one it has), tells it, writes the
 * slots. `seen` NULL: the node is in no table. */
struct bl_change {
    enum bl_state to;
    const char *reason;
    int64_t unix_ms;
    const struct bl_latest_beat *seen;
    uint32_t lateness_ticks;
};
void bl_fleet_change(struct bl_fleet *f, uint32_t node, const struct bl_change *c) BL_ON_CONTROL;

/* The policy that is judged by, with what the detector makes of `stats`. */
struct bl_policy bl_fleet_learned_policy(const struct bl_fleet *f, const struct bl_node *n,
                                         const struct bl_interval_stats *stats, uint32_t *learned_ms);

void bl_fleet_free_restored(struct bl_fleet_restored *r);

/* Says that a node would have to be saved again. */
static inline void bl_fleet_note(struct bl_fleet *f, uint32_t node)
{
    if (f->out.changed)
        f->out.changed(f->out.ctx, node);
}

/* Says that a node is new. */
static inline void bl_fleet_welcome(struct bl_fleet *f, uint32_t node, const char *reason)
{
    if (f->out.registered)
        f->out.registered(f->out.ctx, node, reason);
}

/* Sets the end of a paused node's pause: Unix time in s, or the counting
 * clock's where it `counts`; 0: none. 0 or -ENOMEM. */
int bl_fleet_pause_until(struct bl_fleet *f, uint32_t node, uint32_t end_s, bool counts) BL_ON_CONTROL;

/* Ends a node's pause: from here on it is what its latest beat makes
 * it, ok, warning or failed; new if it is in no table. */
void bl_fleet_wake(struct bl_fleet *f, uint32_t node, const char *reason, int64_t unix_ms) BL_ON_CONTROL;

/* Wakes the nodes whose pause ends by now, at most `max`. True: there may
 * be more. */
bool bl_fleet_end_pauses(struct bl_fleet *f, uint32_t max, int64_t unix_ms) BL_ON_CONTROL;

/* While the table's clock stands still for longer than max_freeze: looks
 * at up to `max_slots` of its slots, and makes nodes that have been silent
 * for longer than their timeout unknown, a thousand at once at most. */
void bl_fleet_doubt(struct bl_fleet *f, uint32_t table, uint32_t max_slots, int64_t unix_ms) BL_ON_CONTROL;

/* The tables that are known to hold the node: those whose worker told of
 * it, until a look finds that it is not there any more. All, if they are
 * more than its record has room for; none, if no worker has told of it
 * since it was made. */
struct bl_table_set bl_fleet_tables_of(const struct bl_fleet *f, const struct bl_node *n) BL_ON_CONTROL;
/* Adds one. */
void bl_fleet_hold(struct bl_node *n, uint32_t table) BL_ON_CONTROL;

/* Takes the lowest out; false: the set is empty. */
static inline bool bl_table_set_take(struct bl_table_set *s, uint32_t *table)
{
    for (uint32_t i = 0; i < BL_TABLES_MAX / 64; i++)
        if (s->word[i]) {
            *table = i * 64 + (uint32_t)__builtin_ctzll(s->word[i]);
            s->word[i] &= s->word[i] - 1;
            return true;
        }
    return false;
}

static inline void bl_table_set_add(struct bl_table_set *s, uint32_t table)
{
    s->word[table / 64] |= UINT64_C(1) << table % 64;
}

/* The latest beat on control's own clocks, as of its last look, in the
 * tables that may hold the node: those that are known to, and those of
 * bl_fleet_set_untold. Those where it was found are the known ones from
 * then on. */
bool bl_fleet_latest_beat_now(struct bl_fleet *f, uint32_t node, struct bl_latest_beat *out) BL_ON_CONTROL;

/* The next nodes, at most `max`, of the walk that finds those that no
 * table holds and puts them right, see fleet.h. */
void bl_fleet_walk(struct bl_fleet *f, uint32_t max, int64_t unix_ms) BL_ON_CONTROL;

/* Judges a node on its latest beat and its policy right now, whatever
 * its slot's threshold says, and writes its slots. */
void bl_fleet_judge(struct bl_fleet *f, uint32_t node, int64_t unix_ms) BL_ON_CONTROL;
