/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/table/table.h"

#include "engine/base/counter.h"
#include "engine/base/interleave.h"
#include "engine/base/rcu.h"
#include "engine/table/sequence.h"
#include "engine/table/table_line.h"

void bl_table_init(struct bl_table *t, struct bl_slots *first, uint32_t limit)
{
    bl_role_assume_worker(); /* it has not started yet */
    *t = (struct bl_table){.slots = first, .limit = limit};
}

void bl_table_set_limit(struct bl_table *t, uint32_t limit)
{
    BL_WRITE(t->limit, limit);
}

void bl_table_fini(struct bl_table *t)
{
    bl_slots_free(t->slots);
    bl_slots_free(t->next);
    t->slots = t->next = NULL;
}

/* ---- one generation ------------------------------------------------ */

bool bl_slots_search(const struct bl_slots *s, uint64_t key, uint32_t *slot)
{
    uint32_t line = bl_line_home(s, key);
    for (unsigned walked = 0; walked < BL_PROBE_LINES; walked++) {
        const struct bl_line *l = &s->line[line];
        unsigned hit = bl_line_hit(l, key);
        if (hit != 0) {
            *slot = line * BL_LINE_SLOTS + (uint32_t)__builtin_ctz(hit);
            return true;
        }
        if (bl_line_has_empty(l))
            return false;
        line = bl_line_after(s, line);
    }
    return false;
}

bool bl_slots_room(const struct bl_slots *s, uint64_t key, uint32_t *slot)
{
    uint32_t line = bl_line_home(s, key);
    for (unsigned walked = 0; walked < BL_PROBE_LINES; walked++) {
        for (unsigned place = 0; place < BL_LINE_SLOTS; place++) {
            uint64_t there = bl_line_key(&s->line[line], place);
            if (there == BL_KEY_EMPTY || there == BL_KEY_GONE) {
                *slot = line * BL_LINE_SLOTS + place;
                return true;
            }
        }
        line = bl_line_after(s, line);
    }
    return false;
}

bool bl_slots_vacate(struct bl_slots *s, uint32_t slot)
{
    struct bl_line *l = &s->line[slot / BL_LINE_SLOTS];
    bool passed = !bl_line_has_empty(l);
    bl_line_set_key(l, slot % BL_LINE_SLOTS, passed ? BL_KEY_GONE : BL_KEY_EMPTY);
    return passed;
}

/* ---- slots as the worker names them --------------------------------- */

struct bl_place bl_table_place(const struct bl_table *t, uint32_t slot)
{
    bool in_next = (slot & BL_SLOT_IN_NEXT) != 0;
    return (struct bl_place){in_next ? t->next : t->slots, slot & ~BL_SLOT_IN_NEXT};
}

static struct bl_line *line_of(const struct bl_place *p)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): IN_NEXT slots come from a `next` that is there */
    return &p->slots->line[p->slot / BL_LINE_SLOTS];
}

bool bl_table_own(const struct bl_table *t, uint64_t key, uint32_t *slot)
{
    if (!bl_line_is_moved(t, key) && bl_slots_search(t->slots, key, slot))
        return true;
    if (t->next == NULL || !bl_slots_search(t->next, key, slot))
        return false;
    *slot |= BL_SLOT_IN_NEXT;
    return true;
}

/* ---- insert and delete ---------------------------------------------- */

/* The second beat of an unknown node in one burst. */
BL_ON_WORKER static void beat_again(struct bl_table *t, uint32_t slot, const struct bl_beat *beat,
                                    uint32_t now)
{
    struct bl_place p = bl_table_place(t, slot);
    bl_line_beat(line_of(&p), p.slot % BL_LINE_SLOTS, bl_stamp_tick(beat->stamp), now);
    if (beat->flags & BL_BEAT_HAS_SEQUENCE)
        bl_table_anomaly(t, slot, beat, 0);
}

static void table_occupy(struct bl_place *p, const struct bl_beat *beat)
{
    struct bl_line *l = line_of(p);
    unsigned place = p->slot % BL_LINE_SLOTS;
    bl_line_set_stamp(l, place, beat->stamp);
    bl_line_set_key(l, place, beat->key);
}

#define CACHED_SLOTS (UINT32_C(1) << 17)

/* How many nodes unknown nodes may make it. Whoever is still in the old
 * generation must find room in `next`, or growth would never end: they
 * fill it to 3/4 at most, where every probe finds a place. While growth
 * is prepared, a table that no cache holds to 7/8: beyond that every
 * probe, and not only theirs, is long. */
static uint32_t most_nodes(const struct bl_table *t)
{
    if (t->next != NULL)
        return t->next->slot_count - t->next->slot_count / 4;
    uint32_t slots = t->slots->slot_count;
    return slots < CACHED_SLOTS ? slots : slots - slots / 8;
}

enum bl_insert bl_table_insert(struct bl_table *t, const struct bl_beat *beat, uint32_t now, uint32_t *slot)
{
    struct bl_place p = {.slots = t->next != NULL ? t->next : t->slots};
    uint32_t *gone = t->next != NULL ? &t->next_gone : &t->gone;
    if (bl_table_own(t, beat->key, slot)) {
        beat_again(t, *slot, beat, now);
        return BL_INSERT_KNOWN;
    }
    if (t->used >= BL_READ(t->limit))
        return BL_INSERT_LIMIT;
    if (t->used >= most_nodes(t))
        return BL_INSERT_FULL;
    if (!bl_slots_room(p.slots, beat->key, &p.slot))
        return BL_INSERT_FULL;
    if (bl_slots_key(p.slots, p.slot) == BL_KEY_GONE)
        bl_line_count(gone, -1);
    table_occupy(&p, beat);
    bl_line_count(&t->used, 1);
    *slot = p.slot | (p.slots == t->next ? BL_SLOT_IN_NEXT : 0);
    return BL_INSERT_NEW;
}

enum bl_insert bl_table_restore(struct bl_table *t, uint64_t key, uint32_t since,
                                const struct bl_interval_stats *rhythm, uint32_t *slot)
{
    enum bl_insert r = bl_table_insert(t, &(struct bl_beat){.key = key, .stamp = since}, since, slot);
    if (r != BL_INSERT_NEW)
        return r;
    bl_table_set_flag(t, *slot, BL_SLOT_RESTORED, true);
    if (rhythm != NULL) {
        struct bl_place p = bl_table_place(t, *slot);
        bl_slots_set_stats(p.slots, p.slot, rhythm);
        bl_table_set_flag(t, *slot, BL_SLOT_STATS, true);
    }
    return r;
}

void bl_slots_set_anomaly(struct bl_slots *s, uint32_t slot, const struct bl_anomaly *a)
{
    struct bl_anomaly *at = &s->anomaly[slot];
    BL_WRITE(at->incarnation, a->incarnation);
    BL_WRITE(at->lost, a->lost);
    BL_WRITE(at->duplicate, a->duplicate);
    BL_WRITE(at->reordered, a->reordered);
    BL_WRITE(at->restarted, a->restarted);
    BL_WRITE(at->run, a->run);
}

BL_ON_WORKER static void count_unreported(struct bl_table *t, int32_t n)
{
    __atomic_store_n(&t->unreported, t->unreported + (uint32_t)n, __ATOMIC_RELEASE);
}

/* A slot that is reused starts with blank side arrays. */
BL_ON_WORKER static void clear_side(struct bl_table *t, struct bl_slots *s, uint32_t slot)
{
    const struct bl_anomaly blank = {0}, *a = &s->anomaly[slot];
    if (s->slot_flags[slot] & BL_SLOT_STATS)
        bl_slots_set_stats(s, slot, &(struct bl_interval_stats){0});
    if (s->slot_flags[slot] & BL_SLOT_UNREPORTED)
        count_unreported(t, -1);
    s->slot_flags[slot] = 0;
    /* Control has blanked its word, but maybe in the generation that the
     * slot was moved from. */
    BL_WRITE(s->policy[slot], 0);
    /* Only looked at: a store would make a page of its own of it. */
    if ((a->incarnation | a->lost | a->duplicate | a->reordered | a->restarted) != 0)
        bl_slots_set_anomaly(s, slot, &blank);
}

bool bl_table_delete(struct bl_table *t, uint64_t key)
{
    uint32_t slot;
    if (!bl_table_own(t, key, &slot))
        return false;
    struct bl_place p = bl_table_place(t, slot);
    if (bl_slots_vacate(p.slots, p.slot))
        bl_line_count(p.slots == t->next ? &t->next_gone : &t->gone, 1);
    clear_side(t, p.slots, p.slot);
    bl_line_count(&t->used, -1);
    return true;
}

/* ---- exceptions --------------------------------------- */

void bl_table_anomaly(struct bl_table *t, uint32_t slot, const struct bl_beat *beat, uint32_t incarnation)
{
    struct bl_place p = bl_table_place(t, slot);
    struct bl_anomaly a = p.slots->anomaly[p.slot];
    uint32_t stored = bl_slots_sequence(p.slots, p.slot);
    uint32_t next = bl_sequence_settle(&a, stored, bl_stamp_sequence(beat->stamp), incarnation);
    bl_line_set_sequence(line_of(&p), p.slot % BL_LINE_SLOTS, next);
    bl_slots_set_anomaly(p.slots, p.slot, &a);
}

void bl_table_prefetch_exceptions(const struct bl_table *t, const struct bl_exception *exception, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (exception[i].slot == BL_SLOT_NONE)
            continue;
        struct bl_place p = bl_table_place(t, exception[i].slot);
        if (exception[i].why & BL_EXCEPTION_FLAGGED) {
            BL_LINE_PREFETCH(&p.slots->slot_flags[p.slot]);
            BL_LINE_PREFETCH(&p.slots->stats[p.slot]);
        }
        if (exception[i].why & BL_EXCEPTION_SEQUENCE)
            BL_LINE_PREFETCH(&p.slots->anomaly[p.slot]);
    }
}

void bl_table_set_incarnation(struct bl_table *t, uint32_t slot, uint32_t incarnation)
{
    struct bl_place p = bl_table_place(t, slot);
    /* 0 is there already; a store would make a page of its own of it. */
    if (incarnation != 0)
        BL_WRITE(p.slots->anomaly[p.slot].incarnation, incarnation);
}

void bl_table_first(struct bl_table *t, uint32_t slot, const struct bl_beat *beat, uint32_t incarnation)
{
    struct bl_place p = bl_table_place(t, slot);
    if (!(beat->flags & BL_BEAT_HAS_SEQUENCE))
        return;
    bl_line_set_sequence(line_of(&p), p.slot % BL_LINE_SLOTS, bl_stamp_sequence(beat->stamp));
    bl_table_set_incarnation(t, slot, incarnation);
    bl_table_set_flag(t, slot, BL_SLOT_FIRST, false);
}

void bl_table_set_flag(struct bl_table *t, uint32_t slot, enum bl_slot_flag bit, bool on)
{
    struct bl_place p = bl_table_place(t, slot);
    uint8_t *slot_flags = &p.slots->slot_flags[p.slot];
    uint64_t key = bl_slots_key(p.slots, p.slot);
    if (bit == BL_SLOT_UNREPORTED && on != ((*slot_flags & BL_SLOT_UNREPORTED) != 0))
        count_unreported(t, on ? 1 : -1);
    *slot_flags = (uint8_t)(on ? *slot_flags | bit : *slot_flags & ~bit);
    bl_line_set_key(line_of(&p), p.slot % BL_LINE_SLOTS, *slot_flags != 0 ? key | BL_KEY_FLAGGED : key);
}

uint8_t bl_table_flags_of(const struct bl_table *t, uint32_t slot)
{
    struct bl_place p = bl_table_place(t, slot);
    return p.slots->slot_flags[p.slot];
}

/* ---- any reader, under RCU ------------------------------------------- */

/* The race with growth: the worker publishes `next` before it moves the
 * first key, releases a key in `next` before it marks the old slot, and
 * publishes `next` as `slots` before it takes `next` away. So whoever
 * misses a key in the old generation because it was moved sees `next`
 * afterwards, and the key in it; and if not even `next`, then `slots`
 * has changed, and the loop looks again. */
bool bl_table_find(const struct bl_table *t, uint64_t key, struct bl_place *place)
{
    struct bl_slots *s;
    do {
        s = bl_rcu_read(&t->slots);
        BL_INTERLEAVE("find: has slots");
        place->slots = s;
        if (bl_slots_search(s, key, &place->slot))
            return true;
        BL_INTERLEAVE("find: not in slots");
        place->slots = bl_rcu_read(&t->next);
        if (place->slots != NULL && bl_slots_search(place->slots, key, &place->slot))
            return true;
        BL_INTERLEAVE("find: not in next");
    } while (bl_rcu_read(&t->slots) != s);
    return false;
}

/* Unknown nodes are put into `next`, and in the old generation a lookup goes
 * past all that was moved. */
bool bl_table_find_new(const struct bl_table *t, uint64_t key, struct bl_place *place)
{
    place->slots = bl_rcu_read(&t->next);
    if (place->slots != NULL && bl_slots_search(place->slots, key, &place->slot))
        return true;
    return bl_table_find(t, key, place);
}

void bl_table_prefetch(const struct bl_table *t, uint64_t key)
{
    const struct bl_slots *s = bl_rcu_read(&t->slots);
    __builtin_prefetch(&s->line[bl_line_home(s, key)]);
}

static void prefetch_slot(const struct bl_slots *s, uint64_t key)
{
    uint32_t line = bl_line_home(s, key);
    __builtin_prefetch(&s->line[line], 0, 2);
    __builtin_prefetch(&s->policy[(size_t)line * BL_LINE_SLOTS], 1, 2);
}

void bl_table_prefetch_new(const struct bl_table *t, uint64_t key)
{
    const struct bl_slots *next = bl_rcu_read(&t->next);
    prefetch_slot(bl_rcu_read(&t->slots), key);
    if (next != NULL)
        prefetch_slot(next, key);
}

uint32_t bl_table_unreported(const struct bl_table *t)
{
    return __atomic_load_n(&t->unreported, __ATOMIC_ACQUIRE);
}

uint32_t bl_table_used(const struct bl_table *t)
{
    return BL_READ(t->used);
}

uint32_t bl_table_dropped(const struct bl_table *t)
{
    return BL_READ(t->dropped);
}

uint32_t bl_table_gone(const struct bl_table *t)
{
    return BL_READ(t->gone);
}

uint32_t bl_table_slot_count(const struct bl_table *t)
{
    const struct bl_slots *next = bl_rcu_read(&t->next);
    return (next != NULL ? next : bl_rcu_read(&t->slots))->slot_count;
}

struct bl_anomaly bl_slots_anomaly(const struct bl_slots *s, uint32_t slot)
{
    const struct bl_anomaly *a = &s->anomaly[slot];
    return (struct bl_anomaly){
        .incarnation = BL_READ(a->incarnation),
        .lost = BL_READ(a->lost),
        .duplicate = BL_READ(a->duplicate),
        .reordered = BL_READ(a->reordered),
        .restarted = BL_READ(a->restarted),
        .run = BL_READ(a->run),
    };
}
