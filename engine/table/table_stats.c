/* SPDX-License-Identifier: Apache-2.0 */
/* The statistics of the intervals between a slot's beats: where the
 * worker keeps them and readers find them. */
#include "engine/base/counter.h"
#include "engine/table/table.h"
#include "engine/table/table_line.h"

void bl_slots_set_stats(struct bl_slots *s, uint32_t slot, const struct bl_interval_stats *stats)
{
    struct bl_interval_stats *at = &s->stats[slot], to = *stats;
    __atomic_store(&at->mean_ms, &to.mean_ms, __ATOMIC_RELAXED);
    __atomic_store(&at->variance_ms2, &to.variance_ms2, __ATOMIC_RELAXED);
    __atomic_store(&at->held_ms, &to.held_ms, __ATOMIC_RELAXED);
    __atomic_store(&at->quiet_ms, &to.quiet_ms, __ATOMIC_RELAXED);
    __atomic_store(&at->below_ms, &to.below_ms, __ATOMIC_RELAXED);
    __atomic_store(&at->owed_ms, &to.owed_ms, __ATOMIC_RELAXED);
    BL_WRITE(at->last_tick, to.last_tick);
    BL_WRITE(at->count, to.count);
    BL_WRITE(at->run, to.run);
    BL_WRITE(at->habit, to.habit);
    BL_WRITE(at->calm, to.calm);
}

struct bl_interval_stats bl_slots_stats(const struct bl_slots *s, uint32_t slot)
{
    const struct bl_interval_stats *at = &s->stats[slot];
    struct bl_interval_stats stats = {
        .last_tick = BL_READ(at->last_tick),
        .count = BL_READ(at->count),
        .run = BL_READ(at->run),
        .habit = BL_READ(at->habit),
        .calm = BL_READ(at->calm),
    };
    __atomic_load(&at->mean_ms, &stats.mean_ms, __ATOMIC_RELAXED);
    __atomic_load(&at->variance_ms2, &stats.variance_ms2, __ATOMIC_RELAXED);
    __atomic_load(&at->held_ms, &stats.held_ms, __ATOMIC_RELAXED);
    __atomic_load(&at->quiet_ms, &stats.quiet_ms, __ATOMIC_RELAXED);
    __atomic_load(&at->below_ms, &stats.below_ms, __ATOMIC_RELAXED);
    __atomic_load(&at->owed_ms, &stats.owed_ms, __ATOMIC_RELAXED);
    return stats;
}

void bl_table_measure(struct bl_table *t, uint64_t key, bool on)
{
    uint32_t slot;
    if (!bl_table_own(t, key, &slot) || ((bl_table_flags_of(t, slot) & BL_SLOT_STATS) != 0) == on)
        return;
    struct bl_place p = bl_table_place(t, slot);
    struct bl_interval_stats stats = {.last_tick = bl_slots_last_beat(p.slots, p.slot)};
    bl_slots_set_stats(p.slots, p.slot, &stats);
    bl_table_set_flag(t, slot, BL_SLOT_STATS, on);
}

void bl_table_learn(struct bl_table *t, uint32_t slot)
{
    struct bl_place p = bl_table_place(t, slot);
    uint8_t slot_flags = p.slots->slot_flags[p.slot];
    if (slot_flags & BL_SLOT_RESTORED)
        bl_table_set_flag(t, slot, BL_SLOT_RESTORED, false);
    if (!(slot_flags & BL_SLOT_STATS))
        return;
    struct bl_interval_stats stats = p.slots->stats[p.slot];
    uint32_t beat = bl_slots_last_beat(p.slots, p.slot);
    _Static_assert(BL_TICK_NS == 1000000, "intervals in ticks are intervals in ms");
    if (!(slot_flags & BL_SLOT_RESTORED)) /* else there was no beat then */
        bl_interval_learn(&stats, beat - stats.last_tick);
    stats.last_tick = beat;
    bl_slots_set_stats(p.slots, p.slot, &stats);
}

bool bl_table_measures(const struct bl_table *t, uint64_t key)
{
    uint32_t slot;
    return bl_table_own(t, key, &slot) && (bl_table_flags_of(t, slot) & BL_SLOT_STATS) != 0;
}
