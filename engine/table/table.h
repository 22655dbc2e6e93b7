/* SPDX-License-Identifier: Apache-2.0 */
/* table: the nodes one worker has heard from, by key.
 *
 * Shape: lines of four 16-byte hot slots (key; last beat and sequence),
 * one cache line each, key[4] first so that one SIMD compare looks at all
 * four. A key lives in its home line or, where that is full, in one of
 * the next lines: probing goes past full lines only. Beside the lines
 * four arrays by slot number (line x 4 + place) that a beat does not
 * touch: policy (control's), anomalies, interval statistics (of nodes on
 * the auto or phi detector) and attention (worker's). 16 + 8 + 16 + 32 +
 * 1 bytes a slot; pages of anomalies and statistics that nobody ever
 * touched cost nothing, on 4 KiB pages.
 *
 * Threads: one worker owns structure and beats. Control reads under RCU
 * and writes the policy words. Any RCU-registered thread may read.
 *
 *   worker   beat, insert, delete, attend, measure, grow_begin, grow_step
 *   control  find, read, policy words, limit; allocates and frees bl_slots
 *
 * A reader sees each word whole (aligned, relaxed), a key only after its
 * slot's other words (release / acquire on the key). It may see a record
 * between two beats, which for an age does not matter.
 *
 * Deletion: the slot becomes BL_KEY_EMPTY if its line had an empty place
 * (no probe went past it), else BL_KEY_GONE, which probing passes and
 * insertion reuses. Control resets a slot's policy word *before* it asks
 * for the deletion, so that a reused slot never shows an old policy.
 *
 * Growth: control builds `next` (bl_slots_new, prefaulted in steps),
 * asks the worker for it; the worker moves a few lines per poll from the
 * front. A key whose home line is behind the cursor is looked up in
 * `next` first, else in the old one first, then in the other. Each move
 * writes the new slot, policy word included, then marks the old one
 * BL_KEY_GONE; a reader that looks in the old, then in the next, finds
 * the key in at least one. New nodes go to `next`. When the cursor is
 * through, the worker publishes `next` as `slots`; control frees the old
 * after a grace period. A policy word that control wrote into the old
 * slot after the worker had copied it is lost with it: control keeps a
 * list of what it wrote since growth began and writes it again. A slot
 * whose report met a full ring (BL_SLOT_UNREPORTED), without a node, that
 * has not beaten for BL_NODELESS_TICKS is dropped instead of moved.
 *
 * Limits: BL_SLOTS_MAX slots; a probe of BL_PROBE_LINES lines, past which
 * an insertion is refused. Grow at 6/10: of 8 million slots filled at
 * random, 7 % of the nodes are past their home line at 0.60, 11 % at
 * 0.70 and 13 % at 0.75, none refused; at 0.80 one insertion in a
 * million is refused, at 0.85 one in 20 000. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/beat.h"
#include "engine/base/counter.h"
#include "engine/base/role.h"
#include "engine/detect/interval.h"

#define BL_LINE_SLOTS  4u
#define BL_PROBE_LINES 64u

#define BL_KEY_EMPTY UINT64_C(0)
#define BL_KEY_GONE  UINT64_C(2)
/* Low bit of a stored key: the worker must look at slot_flags[slot]. */
#define BL_KEY_FLAGGED UINT64_C(1)

/* A slot as the worker's calls name it: the slot number, and while the
 * table grows this bit for a slot of `next`. Opaque to callers; readers
 * have struct bl_place. */
#define BL_SLOT_IN_NEXT UINT32_C(0x80000000)
#define BL_SLOT_NONE    UINT32_MAX
#define BL_SLOTS_MAX    (BL_SLOT_IN_NEXT - BL_LINE_SLOTS)

struct bl_line {
    uint64_t key[BL_LINE_SLOTS];
    uint64_t stamp[BL_LINE_SLOTS]; /* bl_stamp: last beat, in ingest ticks of this worker; sequence */
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct bl_line) == 64, "one cache line: one miss per beat");

/* What a sequence number that is not the next one tells; see sequence.h.
 * Counts saturate. */
struct bl_anomaly {
    uint32_t incarnation;
    uint32_t lost;
    uint16_t duplicate, reordered, restarted;
    uint16_t run; /* sequence.c: of reordered ones that may be a restart; 0 as long as none was reordered */
};
_Static_assert(sizeof(struct bl_anomaly) == 16, "four to a line");

/* The policy word of a slot, as control writes it: 64 bits at once, so
 * that the sweep never sees half of it. In memory it is xor-ed with
 * BL_POLICY_BLANK, so that a fresh page, all zeros, reads NEVER /
 * BL_NODE_NONE and nobody has to initialise it: use bl_slots_policy and
 * bl_slots_set_policy. */
#define BL_NODE_NONE UINT32_C(0x0fffffff) /* no registry entry yet */
#define BL_NODE_MAX  (BL_NODE_NONE - 1)

enum bl_slot_policy_flags {
    BL_POLICY_WATCH = 1,    /* not ok now: a fresh beat is news */
    BL_POLICY_ADAPTS = 2,   /* beside WATCH: ok, but a fresh beat may move its threshold */
    BL_POLICY_MEASURED = 4, /* control's note: the worker was asked to measure it */
};

struct bl_slot_policy {
    uint32_t threshold_ticks; /* older than this is news; NEVER: none */
    uint32_t node : 28;       /* index in the registry, or BL_NODE_NONE */
    uint32_t flags : 4;       /* bl_slot_policy_flags */
};
_Static_assert(sizeof(struct bl_slot_policy) == 8, "one aligned word");
/* NEVER, BL_NODE_NONE and no flags as a word (bit fields from the low end). */
#define BL_POLICY_BLANK UINT64_C(0x0fffffffffffffff)

/* Why a worker must look closer at a slot (slot_flags[slot]; its key has
 * BL_KEY_FLAGGED set as long as any bit is). */
enum bl_slot_flag {
    BL_SLOT_UNREPORTED = 1, /* control was not told of it yet (ring full) */
    BL_SLOT_STATS = 2,      /* interval statistics wanted (auto, phi) */
    BL_SLOT_FIRST = 4,      /* its sequence is not known: bl_table_first */
    BL_SLOT_RESTORED = 8,   /* its last beat was none: of bl_table_restore */
};

/* A slot that has no node belongs to nobody who still beats, once it is
 * older than this: its report met a full ring, and no beat told again. A
 * minute: control takes reports within milliseconds, and who beats less
 * often is taken in anew. */
#define BL_NODELESS_TICKS UINT32_C(60000)

/* One generation of the table. Constant but for the arrays' content. */
struct bl_slots {
    uint32_t line_count, slot_count;
    struct bl_line *line;            /* worker writes */
    uint64_t *policy;                /* xor BLANK; control writes (worker: moving, deleting) */
    struct bl_anomaly *anomaly;      /* worker writes */
    struct bl_interval_stats *stats; /* worker writes; of slots with BL_SLOT_STATS */
    uint8_t *slot_flags;             /* worker writes */
    size_t bytes;                    /* of the mapping */
    size_t prefaulted;               /* its owner's: how far bl_slots_prefault got */
    bool huge;                       /* on explicit huge pages */
};

struct bl_table {
    /* published by the worker, followed by readers under RCU */
    struct bl_slots *slots, *next;
    /* the worker's */
    uint32_t used BL_OWNED_BY(bl_role_worker);      /* nodes, in both generations; read via bl_table_used */
    uint32_t gone BL_OWNED_BY(bl_role_worker);      /* BL_KEY_GONE slots of `slots`; read via bl_table_gone */
    uint32_t next_gone BL_OWNED_BY(bl_role_worker); /* of `next` */
    uint32_t move_line BL_OWNED_BY(bl_role_worker); /* growth cursor */
    uint32_t unreported BL_OWNED_BY(bl_role_worker); /* slots with BL_SLOT_UNREPORTED; bl_table_unreported */
    uint32_t dropped BL_OWNED_BY(bl_role_worker);    /* of those, by growth; bl_table_dropped */
    /* control's; the worker loads it when an unknown node comes */
    uint32_t limit BL_OWNED_BY(bl_role_control); /* nodes at most (max_nodes) */
};

/* ---- control: generations ---------------------------------------- */

/* A generation of at least `slots` slots (rounded up to lines), policy
 * words all NEVER / BL_NODE_NONE, memory reserved, not touched; usable
 * as it is, at the price of page faults. Tries explicit huge pages, then
 * transparent ones, then plain ones. Returns NULL if the kernel refuses
 * or `slots` is over BL_SLOTS_MAX (errno says why). */
struct bl_slots *bl_slots_new(uint64_t slots);

/* Touches the next `bytes` of it (rounded up to its pages), so that the
 * worker takes no page fault but for the first anomaly of 256 slots. For
 * who owns it alone: a generation whose huge pages are not to be had (a
 * limit of the control group) begins anew on plain ones. Returns 1 when
 * all is touched, 0 while there is more, or negative errno: no memory,
 * give it up. Any thread. Cost about 0.2 ms a MiB. */
int bl_slots_prefault(struct bl_slots *s, size_t bytes);

/* After a grace period. NULL is fine. */
void bl_slots_free(struct bl_slots *s);

/* Takes `first` over. Call before the worker starts. `limit`: nodes at
 * most. */
void bl_table_init(struct bl_table *t, struct bl_slots *first, uint32_t limit);
/* Another limit. Nodes beyond a lower one stay. */
void bl_table_set_limit(struct bl_table *t, uint32_t limit) BL_ON_CONTROL;
/* Frees both generations; nobody uses the table any more. */
void bl_table_fini(struct bl_table *t);

/* ---- worker: the hot path ----------------------------------------- */

enum bl_exception_why {
    BL_EXCEPTION_UNKNOWN = 1,  /* no such key: bl_table_insert */
    BL_EXCEPTION_FLAGGED = 2,  /* slot_flags[slot] has a bit */
    BL_EXCEPTION_SEQUENCE = 4, /* not the next sequence: bl_table_anomaly */
};

struct bl_exception {
    const struct bl_beat *beat;
    uint32_t slot; /* BL_SLOT_NONE if unknown; valid until delete, grow_begin or grow_step */
    uint32_t why;  /* bl_exception_why, or-ed */
};

/* Beats at most that one feed takes. */
#define BL_FEED_MAX 160u
/* Feeds after its own for which a beat must stay where it is. */
#define BL_FEEDS_KEPT 3u

/* A stream of beats on its way through the table: begun, fed as the beats
 * are parsed, ended. What a beat waits for is fetched while the next ones
 * are parsed and fed; only its end waits for memory. Between begin and
 * end the worker may insert, attend, learn and settle sequences, not
 * delete or grow. Opaque to callers, but for `exception`; 17 KiB, of which a
 * stream of known nodes touches one. */
struct bl_table_burst {
    const struct bl_table *table;
    uint32_t now;
    unsigned waiting; /* beats whose lines were asked for by the last feed */
    const struct bl_beat *first_waiting;
    unsigned straggler_count;
    unsigned exception_count;
    struct bl_line *line[BL_FEED_MAX]; /* where each of those is looked for first */
    struct bl_straggler {              /* where the probe of one beat stands */
        const struct bl_slots *in;
        const struct bl_beat *beat;
        uint32_t line;
        uint8_t walked; /* lines past the home line */
        uint8_t turns;  /* that it has had */
        bool last;      /* of the generations to look in */
    } straggler[2 * BL_FEED_MAX];
    /* The exceptions of the last call, exception_count of them: two beats of one
     * node in their order. To be dealt with before the next feed. */
    struct bl_exception exception[3 * BL_FEED_MAX];
};

/* `now`: this worker's ingest tick, no earlier than any beat's. */
void bl_table_begin(struct bl_table_burst *b, const struct bl_table *t, uint32_t now) BL_ON_WORKER;
/* `n` <= BL_FEED_MAX more beats, best 128 at a time; may be none. Beats
 * those of the feed before: last beat (never backwards) and sequence of
 * every known key are stored, but for the stragglers, which a later feed
 * finds. Never allocates, blocks or fails.
 * With BL_EXCEPTION_SEQUENCE the stored sequence is left as it was: the
 * caller's bl_table_anomaly decides. */
void bl_table_feed(struct bl_table_burst *b, const struct bl_beat *beats, unsigned n) BL_ON_WORKER;
/* Beats all that are on their way. */
void bl_table_end(struct bl_table_burst *b) BL_ON_WORKER;

/* Asks for what settling these beats of known slots will touch beside
 * their lines. Worth it for many: no cache has the statistics of a node on
 * auto or phi. */
void bl_table_prefetch_exceptions(const struct bl_table *t, const struct bl_exception *exception, unsigned n)
    BL_ON_WORKER;

/* All three, for `n` <= BL_BURST beats that are there already. Returns
 * how many are exceptions; `exception` as in bl_table_burst. Cost on 10 million random
 * nodes at 6/10: 9 ns a beat in full bursts; in streams of 1024 beats fed
 * by 128, 8 ns (120 M/s). */
unsigned bl_table_beat(const struct bl_table *t, const struct bl_beat *beats, unsigned n, uint32_t now,
                       struct bl_exception exception[BL_BURST]) BL_ON_WORKER;

enum bl_insert {
    BL_INSERT_NEW,   /* *slot is its place */
    BL_INSERT_KNOWN, /* was there already (twice in one burst); beaten, sequence settled */
    BL_INSERT_FULL,  /* no room within the probe, or 7/8 full, `next` 3/4: growth is late */
    BL_INSERT_LIMIT, /* `limit` nodes are in */
};

/* Inserts one unknown key with its beat's stamp. Its sequence is the one
 * that the next beat is compared with. `now`: as in bl_table_begin. No
 * other key moves. */
enum bl_insert bl_table_insert(struct bl_table *t, const struct bl_beat *beat, uint32_t now, uint32_t *slot)
    BL_ON_WORKER;

/* The same, before the worker runs, for a key that has not beaten: its
 * age counts from the tick `since`, which may lie before the clock's
 * start, but no interval is learned from then on. `rhythm`, of which all
 * but the last tick is taken: it is measured, and goes on from there;
 * NULL: it is not. */
enum bl_insert bl_table_restore(struct bl_table *t, uint64_t key, uint32_t since,
                                const struct bl_interval_stats *rhythm, uint32_t *slot) BL_ON_WORKER;

/* Settles a beat whose sequence was not the next one, as sequence.h says,
 * against what the slot holds now (an earlier beat of the burst may have
 * been settled meanwhile). `incarnation`: the beat's, 0 if it has none. */
void bl_table_anomaly(struct bl_table *t, uint32_t slot, const struct bl_beat *beat, uint32_t incarnation)
    BL_ON_WORKER;

/* Takes the beat's sequence and incarnation as they are, as a new node's,
 * and clears BL_SLOT_FIRST. Of a beat without a sequence nothing is
 * taken. */
void bl_table_first(struct bl_table *t, uint32_t slot, const struct bl_beat *beat, uint32_t incarnation)
    BL_ON_WORKER;

/* First incarnation of a node just inserted. */
void bl_table_set_incarnation(struct bl_table *t, uint32_t slot, uint32_t incarnation) BL_ON_WORKER;

/* Sets / clears a bit of slot_flags[slot] and keeps the key's mark true. */
void bl_table_set_flag(struct bl_table *t, uint32_t slot, enum bl_slot_flag bit, bool on) BL_ON_WORKER;
uint8_t bl_table_flags_of(const struct bl_table *t, uint32_t slot) BL_ON_WORKER;

/* Begins to measure the time between a node's beats (auto, phi), from
 * its last one on, or ends that. A restored node is measured from its
 * first beat on. Measured already: goes on as it was. */
void bl_table_measure(struct bl_table *t, uint64_t key, bool on) BL_ON_WORKER;
/* Learns from the beat just taken of a slot with BL_SLOT_STATS. One with
 * BL_SLOT_RESTORED is heard with it, and has a last beat from now on. */
void bl_table_learn(struct bl_table *t, uint32_t slot) BL_ON_WORKER;
/* Whether a key is there and measured. */
bool bl_table_measures(const struct bl_table *t, uint64_t key) BL_ON_WORKER;

/* Removes a key from both generations. Returns whether it was there. */
bool bl_table_delete(struct bl_table *t, uint64_t key) BL_ON_WORKER;

/* Growth, on the worker: take `next` over, then call step once a poll
 * until it returns the old generation (NULL: not through yet, or nothing
 * grows). The old one is the caller's to hand to control. `lines`: moved
 * at most; about 0.1 us each. `next` may be of any size with room for
 * bl_table_used; where a key meets BL_PROBE_LINES full lines in it, the
 * cursor stays and the next step tries again: no node is ever dropped.
 * `now`: this worker's ingest tick. */
void bl_table_grow_begin(struct bl_table *t, struct bl_slots *next) BL_ON_WORKER;
struct bl_slots *bl_table_grow_step(struct bl_table *t, uint32_t now, unsigned lines) BL_ON_WORKER;

/* ---- any reader, under RCU ---------------------------------------- */

/* Where a key is: generation and slot. Valid until the caller's next
 * quiescent state; the slot may be moved or deleted under it at any
 * time, which a reader sees as BL_KEY_GONE in bl_place_key. */
struct bl_place {
    struct bl_slots *slots;
    uint32_t slot;
};

/* Finds `key`; false if it is not there. Two lookups at most, more only
 * if growth ends meanwhile. A key that stays in the table is always
 * found, however often it is moved. */
bool bl_table_find(const struct bl_table *t, uint64_t key, struct bl_place *place);
/* The same, faster for a key that was inserted while the table grows. */
bool bl_table_find_new(const struct bl_table *t, uint64_t key, struct bl_place *place);

/* Asks the caches for where `key` is, or would be: for who goes through
 * many, some ahead of the one it looks up. */
void bl_table_prefetch(const struct bl_table *t, uint64_t key);
/* The same for a key just inserted, whose policy word will be written. */
void bl_table_prefetch_new(const struct bl_table *t, uint64_t key);

uint32_t bl_table_used(const struct bl_table *t);
/* Slots that control was not told of (BL_SLOT_UNREPORTED). Who sees one
 * less sees the report, too, that was pushed before its bit was cleared. */
uint32_t bl_table_unreported(const struct bl_table *t);
/* How many of those growth has dropped since the start, wrapping. */
uint32_t bl_table_dropped(const struct bl_table *t);
/* Deleted slots of the current generation that still lengthen probes:
 * with `used` what says when a fresh generation is due. */
uint32_t bl_table_gone(const struct bl_table *t);
/* Slots of the newest generation, for growth and memory figures. */
uint32_t bl_table_slot_count(const struct bl_table *t);

static inline uint64_t bl_slots_key(const struct bl_slots *s, uint32_t slot)
{
    return __atomic_load_n(&s->line[slot / BL_LINE_SLOTS].key[slot % BL_LINE_SLOTS], __ATOMIC_ACQUIRE) &
           ~BL_KEY_FLAGGED;
}

static inline uint64_t bl_slots_stamp(const struct bl_slots *s, uint32_t slot)
{
    return BL_READ(s->line[slot / BL_LINE_SLOTS].stamp[slot % BL_LINE_SLOTS]);
}

static inline uint32_t bl_slots_last_beat(const struct bl_slots *s, uint32_t slot)
{
    return bl_stamp_tick(bl_slots_stamp(s, slot));
}

static inline uint32_t bl_slots_sequence(const struct bl_slots *s, uint32_t slot)
{
    return bl_stamp_sequence(bl_slots_stamp(s, slot));
}

/* Each field read whole; the four may be of two beats. */
struct bl_anomaly bl_slots_anomaly(const struct bl_slots *s, uint32_t slot);
/* The same; all zero where nothing is measured. */
struct bl_interval_stats bl_slots_stats(const struct bl_slots *s, uint32_t slot);

static inline struct bl_slot_policy bl_slots_policy(const struct bl_slots *s, uint32_t slot)
{
    union {
        uint64_t word;
        struct bl_slot_policy policy;
    } u = {.word = BL_READ(s->policy[slot]) ^ BL_POLICY_BLANK};
    return u.policy;
}

/* Whether the slot holds a key that has no node and has not beaten for
 * BL_NODELESS_TICKS. */
static inline bool bl_slots_is_nodeless(const struct bl_slots *s, uint32_t slot, uint32_t now)
{
    if (bl_slots_policy(s, slot).node != BL_NODE_NONE)
        return false;
    uint64_t key = bl_slots_key(s, slot);
    return key != BL_KEY_EMPTY && key != BL_KEY_GONE &&
           bl_age_ticks(now, bl_slots_last_beat(s, slot)) > BL_NODELESS_TICKS;
}

/* ---- control: policy ---------------------------------------------- */

BL_ON_CONTROL static inline void bl_slots_set_policy(struct bl_slots *s, uint32_t slot,
                                                     struct bl_slot_policy policy)
{
    union {
        struct bl_slot_policy policy;
        uint64_t word;
    } u = {.policy = policy};
    BL_WRITE(s->policy[slot], u.word ^ BL_POLICY_BLANK);
}
