/* SPDX-License-Identifier: Apache-2.0 */
/* table_line: the table's inner steps, shared by table*.c and used by
 * nobody else: where a key's probe starts, what
 * one line holds, and the stores into a slot with their order.
 *
 * The worker is the only writer of lines, so its own loads need no
 * order; its stores are relaxed, but for the key, which is released
 * after the slot's other words (a plain store on x86). */
#pragma once

#include "engine/base/counter.h"
#include "engine/table/table.h"

/* Asks for a cache line that will be written, to L2: prefetches to L1
 * stall at its few fill buffers, and a feed has more lines than it holds. */
#define BL_LINE_PREFETCH(p) __builtin_prefetch((p), 1, 2)

/* First line of a key's probe: its upper half scaled to the number of
 * lines, so that any number of lines will do and no division is needed.
 * Keeps the order of keys: growth from the front writes to the front. */
static inline uint32_t bl_line_home(const struct bl_slots *s, uint64_t key)
{
    return (uint32_t)(((key >> 32) * s->line_count) >> 32);
}

static inline uint32_t bl_line_after(const struct bl_slots *s, uint32_t line)
{
    return line + 1 == s->line_count ? 0 : line + 1;
}

/* Whether growth has been through all lines of the key's probe in the old
 * generation: it is not there, and a look would go past all of them, for
 * moved slots are no end of a probe. */
BL_ON_WORKER static inline bool bl_line_is_moved(const struct bl_table *t, uint64_t key)
{
    return (uint64_t)bl_line_home(t->slots, key) + BL_PROBE_LINES <= t->move_line;
}

static inline uint64_t bl_line_key(const struct bl_line *l, unsigned place)
{
    return __atomic_load_n(&l->key[place], __ATOMIC_ACQUIRE);
}

static inline void bl_line_set_key(struct bl_line *l, unsigned place, uint64_t key)
{
    __atomic_store_n(&l->key[place], key, __ATOMIC_RELEASE);
}

static inline void bl_line_set_stamp(struct bl_line *l, unsigned place, uint64_t stamp)
{
    BL_WRITE(l->stamp[place], stamp);
}

static inline void bl_line_set_sequence(struct bl_line *l, unsigned place, uint32_t sequence)
{
    bl_line_set_stamp(l, place, bl_stamp(bl_stamp_tick(l->stamp[place]), sequence));
}

/* Bit i: place i holds `key`, marked or not. Any thread. */
static inline unsigned bl_line_hit(const struct bl_line *l, uint64_t key)
{
    unsigned hit = 0;
    for (unsigned i = 0; i < BL_LINE_SLOTS; i++)
        hit |= (unsigned)((bl_line_key(l, i) & ~BL_KEY_FLAGGED) == key) << i;
    return hit;
}

/* A place was never used: no probe went past this line. */
static inline bool bl_line_has_empty(const struct bl_line *l)
{
    for (unsigned i = 0; i < BL_LINE_SLOTS; i++)
        if (bl_line_key(l, i) == BL_KEY_EMPTY)
            return true;
    return false;
}

/* Counters of the worker that others read. */
static inline void bl_line_count(uint32_t *counter, int32_t n)
{
    BL_ADD(*counter, (uint32_t)n);
}

/* Finds a key in one generation. Any thread. */
bool bl_slots_search(const struct bl_slots *s, uint64_t key, uint32_t *slot);

/* A place for `key`, which is not there. False: BL_PROBE_LINES full
 * lines. */
bool bl_slots_room(const struct bl_slots *s, uint64_t key, uint32_t *slot);

/* Turns an occupied slot into a deleted one. Returns whether it had to
 * become BL_KEY_GONE, because probes may have gone past its line. */
bool bl_slots_vacate(struct bl_slots *s, uint32_t slot) BL_ON_WORKER;

void bl_slots_set_anomaly(struct bl_slots *s, uint32_t slot, const struct bl_anomaly *a) BL_ON_WORKER;
void bl_slots_set_stats(struct bl_slots *s, uint32_t slot, const struct bl_interval_stats *stats)
    BL_ON_WORKER;

/* What the worker's names of slots stand for, and the name of a key's. */
struct bl_place bl_table_place(const struct bl_table *t, uint32_t slot);
bool bl_table_own(const struct bl_table *t, uint64_t key, uint32_t *slot) BL_ON_WORKER;

/* bl_table_feed and bl_table_end by the vector or by the scalar compare,
 * which give the same answers: the tests' handle. `simd` only where there
 * is some. */
void bl_table_feed_with(struct bl_table_burst *b, const struct bl_beat *beats, unsigned n, bool simd)
    BL_ON_WORKER;
void bl_table_end_with(struct bl_table_burst *b, bool simd) BL_ON_WORKER;
bool bl_table_beat_has_simd(void);

/* The last beat becomes `tick`, unless a younger one is there. Both ages
 * are shifted by what bl_age_ticks takes for a stamp ahead of `now`, so
 * that such a stamp is the youngest, and one comparison works for every
 * age that there is. */
static inline void bl_line_beat(struct bl_line *l, unsigned place, uint32_t tick, uint32_t now)
{
    const uint32_t ahead = UINT32_MAX - BL_AGE_MAX;
    uint64_t stored = l->stamp[place];
    if (now - tick + ahead < now - bl_stamp_tick(stored) + ahead)
        bl_line_set_stamp(l, place, bl_stamp(tick, bl_stamp_sequence(stored)));
}
