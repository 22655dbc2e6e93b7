/* SPDX-License-Identifier: Apache-2.0 */
/* fleet: all that control knows, and what it concludes: the registry,
 * the tables with their sweeps and ingest clocks, and the verdict on
 * each node. The daemon's control core is a thread around it; the
 * embedded tracker and a simulator drive the same code with a time of
 * their own.
 *
 * In come: reports of workers (a key seen first, a setting, a bye), what
 * people ask (set, pause, resume, remove) and the time. Out go calls of
 * `struct bl_fleet_out`: a transition, and requests to a worker (delete
 * a key). Nothing blocks; nothing is kept for later but the sweep and
 * the deletions that workers have yet to do.
 *
 * A worker deletes a key some time after it was asked (a socket worker
 * naps 20 ms). Until it has, its table holds a record that counts for
 * nobody: no verdict, no reader and no saved age looks at it, and a node
 * that is made anew meanwhile is in no table and so `new`. A report of
 * the key that the worker made before it deleted it is ignored. Should
 * the node be alive, its next beat after the deletion is unknown to the
 * table, is reported and makes it ok; a beat before it is lost. So a node
 * that a report makes ok has a record that stays, and is judged by it.
 *
 * Time: three clocks. Silence is measured on the ingest clock of the
 * table. Durations (a pause of an hour, the creation rate's second) are
 * measured on the counting clock, which only ever goes on
 * (bl_fleet_set_now). The wall clock may jump at any time: it is written
 * into records for people to read, and decides when a pause ends that was
 * asked for until some time of day; nothing else.
 *
 * A beat of an unknown node whose report meets a full ring is told of
 * with the node's next beat. Where none comes, its slot has no node: it is
 * retired when it has not beaten for BL_NODELESS_TICKS (a slow walk with
 * the sweep, while the table counts such slots), and growth drops it.
 *
 * Before a node is called expired its key is looked up in every other
 * table that may hold it (bl_fleet_latest_beat): those whose reports told so,
 * and those that bl_fleet_set_untold names. The latest beat wins, a
 * stale record is retired. The latest is the one that came last in true
 * time, also if its table's clock stood still since; the node is then
 * judged by that beat's age on that clock. While the clock stands still no
 * other record is retired: the node may be beating unheard. That one
 * function is where a fleet of appliances will ask its peers.
 *
 * Threads: control only, RCU-registered. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/counter.h"
#include "engine/base/histogram.h"
#include "engine/base/role.h"
#include "engine/detect/state.h"
#include "engine/fleet/ingest_clock.h"
#include "engine/fleet/sweep.h"
#include "engine/registry/registry.h"
#include "engine/table/table.h"

#define BL_TABLES_MAX 128u

/* A node's change of state. Pointers are good for the call only. */
struct bl_transition {
    uint32_t node;
    const char *name;
    enum bl_state from, to;
    int64_t time_unix_ms;
    int64_t last_beat_unix_ms; /* 0: never */
    uint32_t incident;         /* the node's, +1 each time it leaves ok */
    uint32_t lateness_ticks;   /* how long after its threshold it was noticed */
    /* "timeout" "beat" "paused" "pause ended" "resumed" "bye" "policy" "first beat"
     * "ingest frozen" */
    const char *reason;
};

struct bl_fleet_out {
    void *ctx;
    void (*transition)(void *ctx, const struct bl_transition *t);
    /* Ask the table's worker to delete `key`. False: its ring is full;
     * the fleet asks again with the next sweep, in the same order. */
    bool (*retire)(void *ctx, uint32_t table, uint64_t key);
    /* How many of the deletions that `retire` took the table's worker has
     * done; it does them in order. Who has popped a report that the worker
     * made after a deletion must see it counted (release / acquire). NULL:
     * `retire` itself deletes. */
    uint64_t (*retired)(void *ctx, uint32_t table);
    /* Ask it to begin (or end) measuring the node's intervals, with
     * bl_table_measure. False as above. NULL: nobody can, and every node
     * is judged by fixed timeouts. */
    bool (*measure)(void *ctx, uint32_t table, uint64_t key, bool on);
    /* For whoever saves the fleet: what bl_node_past tells of a node has
     * changed (but its last beat); the node is about to be removed. NULL:
     * nobody asks. */
    void (*changed)(void *ctx, uint32_t node);
    void (*removed)(void *ctx, uint32_t node);
    /* An unknown node was registered: "first beat", "setting" or "hello", or
     * "asked" (by a person, or a program of theirs). NULL: nobody asks. */
    void (*registered)(void *ctx, uint32_t node, const char *reason);
};

struct bl_fleet_config {
    uint32_t max_nodes;
    uint32_t create_per_s;     /* unknown nodes registered per second, 0: no limit */
    bool reject_unknown;       /* unknown nodes off the wire are refused */
    struct bl_policy defaults; /* of a node that has no policy of its own */
    uint32_t max_freeze_ms;    /* a clock that stands still for longer: see bl_fleet_sweep; 0: never */
    uint32_t grace_ms;         /* of a node whose interval is not known: see bl_fleet_take_places */
    uint8_t phi;               /* level of the phi detector, 1..BL_PHI_MAX; 0: BL_PHI_DEFAULT */
    struct bl_memory memory;
};

struct bl_fleet_stats {
    uint64_t registered;        /* unknown nodes registered */
    uint64_t refused_max_nodes; /* unknown nodes refused: the registry is full */
    uint64_t refused_rate;      /* unknown nodes refused: too many this second */
    uint64_t refused_unknown;   /* unknown nodes refused: reject_unknown */
    uint64_t retired_stale;     /* records whose node beats in another table now */
    uint64_t retired_nodeless;  /* records of one beat whose report met a full ring */
    uint64_t name_conflicts; /* hellos with a name that is another node's, text beats with a binary one's */
    uint64_t retire_waits;   /* deletions that met a full ring and wait for room in it */
    uint64_t in_no_table;    /* nodes ok or in warning that the walk found in no table */
    struct bl_histogram lateness_ms;
};

/* Per table: what the fleet and its reader threads share. */
struct bl_fleet_table {
    struct bl_table *table;
    struct bl_ingest_clock *clock;
    struct bl_sweep *sweep;
};

struct bl_fleet;

struct bl_fleet *bl_fleet_new(const struct bl_fleet_config *c, const struct bl_key_secret *secret,
                              const struct bl_fleet_out *out);
void bl_fleet_free(struct bl_fleet *f);

/* New defaults and limits (reload). Nodes on the default policy follow,
 * a batch of them with each bl_fleet_sweep. */
void bl_fleet_configure(struct bl_fleet *f, const struct bl_fleet_config *c) BL_ON_CONTROL;

/* Takes a table and its clock in; both stay the caller's. Returns its
 * index, or -ENOMEM / -ENOSPC. */
int bl_fleet_add_table(struct bl_fleet *f, struct bl_table *t, struct bl_ingest_clock *clock) BL_ON_CONTROL;

const struct bl_registry *bl_fleet_registry(const struct bl_fleet *f);
/* Control's own access, for bl_registry_reclaim after a grace period. */
struct bl_registry *bl_fleet_registry_own(struct bl_fleet *f) BL_ON_CONTROL;
const struct bl_fleet_stats *bl_fleet_stats_of(const struct bl_fleet *f);
const struct bl_fleet_table *bl_fleet_table_at(const struct bl_fleet *f, uint32_t table);
uint32_t bl_fleet_table_count(const struct bl_fleet *f);

/* The policy a node is judged by: its own fields, else the defaults. A
 * node with any timeout of its own uses none of the default timeouts, nor
 * the default detector. Any reader, under RCU. */
struct bl_policy bl_fleet_policy_of(const struct bl_fleet *f, const struct bl_node *n);

/* The ages at which a node is news. `at`: its slot, whose statistics the
 * auto and phi detectors draw on; NULL: it is in no table. Any reader,
 * under RCU. */
struct bl_thresholds bl_fleet_thresholds_of(const struct bl_fleet *f, const struct bl_node *n,
                                            const struct bl_place *at);

/* ---- what workers report ------------------------------------------- */

/* A change of policy: fields named in `set` (bl_policy_field), ms. */
enum bl_policy_field {
    BL_SET_TIMEOUT = 1,
    BL_SET_WARN = 2,
    BL_SET_ERR = 4,
    BL_SET_RETRIES = 8,
    BL_SET_DETECTOR = 16,
    BL_SET_INTERVAL = 32,
    BL_SET_CLEAR = 64, /* first: all of its own away, the defaults again */
};
struct bl_policy_patch {
    uint32_t set; /* bl_policy_field, or-ed */
    struct bl_policy policy;
    uint32_t interval_ms;
};

/* Who is meant: by name (text) or by id (binary). */
struct bl_node_ref {
    const char *name; /* NULL: by id */
    unsigned name_len;
    uint64_t id;
    uint64_t key; /* of the name or id, where the caller knows it; 0: made from them */
    bool asked;   /* by a person or the API, not off the wire: let in whatever the creation limits say */
};

/* A worker saw a key first (in its table). Registers the node if it is a
 * unknown node (ok at once, which is no transition: nobody waited for it),
 * gives the slot its policy word. 0, -ENOSPC (max_nodes), -EAGAIN
 * (creation rate), -EPERM (reject_unknown; a worker that follows
 * bl_worker.known turns most away itself), -EEXIST (a text beat under the name that a
 * binary node has from its hello: two senders, one name), -EINVAL,
 * -ENOMEM; on these errors the slot is asked to be retired. -ESTALE: the
 * slot is about to be deleted or is so already; the report counts for
 * nothing. */
int bl_fleet_seen(struct bl_fleet *f, uint32_t table, const struct bl_node_ref *who, uint32_t interval_ms,
                  int64_t unix_ms) BL_ON_CONTROL;
/* Asks the caches for what bl_fleet_seen will touch: for who has many to
 * tell, some ahead. */
void bl_fleet_seen_soon(const struct bl_fleet *f, uint32_t table, const struct bl_node_ref *who)
    BL_ON_CONTROL;

/* A sender's own policy, a hello's name, a planned leave. set and hello
 * create the node if it is an unknown node (state new). */
int bl_fleet_set(struct bl_fleet *f, const struct bl_node_ref *who, const struct bl_policy_patch *patch,
                 int64_t unix_ms) BL_ON_CONTROL;
int bl_fleet_hello(struct bl_fleet *f, uint64_t id, const char *name, unsigned name_len,
                   const struct bl_policy_patch *patch, int64_t unix_ms) BL_ON_CONTROL;
void bl_fleet_bye(struct bl_fleet *f, const struct bl_node_ref *who, int64_t unix_ms) BL_ON_CONTROL;

/* Whether a table may hold keys that no bl_fleet_seen has told of yet:
 * its worker's reports wait, or met a full ring (bl_table_unreported).
 * Verdicts look into such tables for every node; into the others only
 * for nodes that were told of. Whoever takes reports of other threads
 * calls this for each table, after it advanced the clocks and before it
 * sweeps. Cost of each that is untold: a lookup a verdict. */
void bl_fleet_set_untold(struct bl_fleet *f, uint32_t table, bool untold) BL_ON_CONTROL;

/* ---- the past: what was saved, and comes back ------------------------ */

/* A node as it is saved. */
struct bl_node_past {
    const char *name; /* not terminated; a binary node's from its hello, or none */
    uint8_t name_len;
    bool binary, until_beat, own_retries, own_detector;
    uint8_t state;  /* bl_state */
    uint16_t table; /* that it beat in */
    uint64_t id;
    struct bl_policy policy;
    uint32_t interval_ms, incident;
    uint32_t pause_end_s; /* Unix time, of a pause for so long, too; 0: none */
    int64_t first_seen_unix_ms, state_since_unix_ms;
    int64_t last_beat_unix_ms; /* 0: never */
    /* For how long we have listened for it in vain, on the ingest clock,
     * over all restarts since its last beat; 0 also: not known. */
    uint32_t silent_ms;
    struct bl_interval_stats rhythm; /* of a node on auto or phi; count 0: none. last_tick is not kept. */
};

/* A node as it is now; false: there is none. Its name is good until the
 * caller's next quiescent state. Any reader, under RCU. Cost: a record, and for a node
 * that may be beating a lookup per table. */
bool bl_fleet_past_of(const struct bl_fleet *f, uint32_t node, uint64_t now_ns, int64_t now_unix_ms,
                      struct bl_node_past *out);

/* Asks the caches for what the call after next of bl_fleet_past_of, or of
 * bl_fleet_restore, will need: for who goes through all nodes. */
void bl_fleet_past_soon(const struct bl_fleet *f, uint32_t node);
void bl_fleet_restore_soon(const struct bl_fleet *f, const struct bl_node_past *past);

/* Takes a saved node in, or sets one that is known to what was saved.
 * Nobody is told. Before any worker runs. 0, -EINVAL (its name, or what
 * it says), -EEXIST (its name is another node's), -ENOSPC, -ENOMEM. */
int bl_fleet_restore(struct bl_fleet *f, const struct bl_node_past *past) BL_ON_CONTROL;

/* What was saved does not tell how long each node was silent: it may have
 * beaten until a crash. After the last bl_fleet_restore: every node has
 * its full timeout. */
void bl_fleet_forget_silence(struct bl_fleet *f) BL_ON_CONTROL;

/* Puts every restored node that has ever beaten into a table, the one it
 * beat in where there is that one. Its rhythm goes on. Who was warning or
 * failed stays so until it beats, without being told again.
 *
 * A node that was silent has what it had left of its timeout, and a grace
 * in which it can be heard, at most its full timeout: the beat that it
 * sent while we were away is nobody's silence. The grace is as long as
 * its interval: the promised one, or what its detector makes of the
 * rhythm. Where no interval is known it is config.grace_ms, 0: as long as
 * the timeout, and it is given once, not with each restart: silence adds
 * up to the timeout and the grace, but after each restart a quarter of
 * the timeout (of the grace, if that is shorter) is listened to.
 *
 * Makes the tables as large as that takes. Before any worker runs.
 * Returns how many found no place: they are watched from their next beat
 * on. */
uint32_t bl_fleet_take_places(struct bl_fleet *f) BL_ON_CONTROL;

/* Whether a restored node has not been heard since: `last_beat`, of its
 * slot, is the one that bl_fleet_take_places put there. Its true last
 * beat is the record's then. Any reader, under RCU. */
static inline bool bl_node_is_unheard(const struct bl_node *n, uint32_t last_beat)
{
    return (BL_READ(n->flags) & BL_NODE_RESTORED) && BL_READ(n->judged_tick) == last_beat;
}

/* The node that is meant, BL_NODE_NONE if it is not known. Any reader. */
uint32_t bl_fleet_find(const struct bl_fleet *f, const struct bl_node_ref *who);

/* Whether a node was silent for so long (over BL_TIMEOUT_MAX_MS) that its
 * slot's age begins anew: `last_beat`, of its slot, is the one that was
 * noted then. The record's last beat is the true one. Any reader, under RCU. */
static inline bool bl_node_is_overage(const struct bl_node *n, uint32_t last_beat)
{
    return (BL_READ(n->flags) & BL_NODE_OVERAGE) && BL_READ(n->judged_tick) == last_beat;
}

/* ---- what people ask ------------------------------------------------ */

/* How a pause ends: somebody resumes the node, or what comes first of
 * these. At most one of the first two; each is rounded up to a second. */
struct bl_pause {
    int64_t end_unix_ms; /* when the wall clock says so; 0: no such end */
    uint32_t for_ms;     /* after so long, whatever the wall clock does; 0: no such end */
    bool until_beat;     /* with its next beat */
};

/* When the pause of a paused node ends, on the wall clock, to the second;
 * 0: no end is set. That of a pause for so long moves with the wall clock.
 * Any reader, under RCU. */
int64_t bl_node_pause_end_unix_ms(const struct bl_node *n, uint64_t now_ns, int64_t now_unix_ms);

/* Mutes a node; one that is paused already gets the new end. `how` NULL:
 * until somebody resumes it. Ends that are due are seen to by
 * bl_fleet_sweep (reason "pause ended"). 0, -ENOENT; -ENOMEM: paused, but
 * its end is not kept and it stays so until resumed. */
int bl_fleet_pause(struct bl_fleet *f, uint32_t node, const struct bl_pause *how, int64_t unix_ms)
    BL_ON_CONTROL;
/* Watches it again: it is at once what its last beat makes it. 0, -ENOENT. */
int bl_fleet_resume(struct bl_fleet *f, uint32_t node, int64_t unix_ms) BL_ON_CONTROL;
/* Forgets the node and asks for its records to be deleted. 0, -ENOENT;
 * -ENOMEM: to keep in mind what is asked of the workers; nothing is done. */
int bl_fleet_remove(struct bl_fleet *f, uint32_t node) BL_ON_CONTROL;

/* ---- time ----------------------------------------------------------- */

/* What the counting clock says: ms of a clock that only ever goes on
 * (CLOCK_MONOTONIC, the one that ages are measured with). To be told
 * before other calls whenever it has moved. */
void bl_fleet_set_now(struct bl_fleet *f, uint64_t now_ms) BL_ON_CONTROL;

/* While a table's clock stands still nothing of it fails. If that lasts
 * longer than max_freeze, nodes that are ok or warning and were last heard
 * in it become unknown once they have been silent, in true time, for
 * longer than the timeout that is next for them (reason "ingest frozen").
 * A beat, in any table, brings them back; after the freeze they have the
 * time that they had left, and then are warning or failed.
 *
 * One batch of the sweep: ends pauses that are due, looks at up to
 * `max_slots` slots of the tables in turn and judges what it finds.
 * Returns true when every table has been through its due blocks and
 * nothing of the following waits that the next call could do (the round
 * is complete): pauses that are due, nodes that new defaults are brought
 * to, slots that growth has moved meanwhile. Of each of these a call takes
 * one for 64 of `max_slots`, and one more; findings it takes 256. That is
 * what bounds a call's time: at 3.4 us a verdict, as of 64 tables that are
 * untold, and as much for telling it, 16,384 slots stay below 10 ms.
 *
 * With each round a few nodes are looked up in their tables, all of them
 * within about 30,000 rounds: who is ok or in warning but in no table (a
 * restored node that found no place; a fault of ours) is found by no
 * sweep. From when the walk finds it, it has its full timeouts, on the
 * clock of the table it was in, and then is warning or failed, at the
 * walk's pace. Where its timeout was learned from its beats, it is
 * `unknown` after 10 minutes: what was learned went with its record. A
 * beat makes it ok at any time. Cost: a lookup a node, 10 million nodes
 * within 5 minutes. */
bool bl_fleet_sweep(struct bl_fleet *f, uint32_t max_slots, int64_t unix_ms) BL_ON_CONTROL;

/* ---- growth ---------------------------------------------------------- */

/* The table's growth was asked for: policy words written from now on are
 * kept in a list. And: the worker has published the new generation. */
void bl_fleet_grow_begun(struct bl_fleet *f, uint32_t table) BL_ON_CONTROL;
void bl_fleet_grow_done(struct bl_fleet *f, uint32_t table) BL_ON_CONTROL;

/* ---- any reader, under RCU ------------------------------------------- */

/* The beat of a node that came last, over all tables. False: in none.
 * Cost: a lookup per table. */
struct bl_latest_beat {
    uint32_t table;
    struct bl_place place;
    uint32_t last_beat;
    uint32_t age_ticks; /* on that table's own clock */
    uint64_t since_ms;  /* in true time, as bl_ingest_clock_since_ms has it: what was compared */
};
bool bl_fleet_latest_beat(const struct bl_fleet *f, const struct bl_node *n, uint64_t now_ns,
                          struct bl_latest_beat *out);
