/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that nobody can judge: their table's clock has stood still for
 * longer than max_freeze, and they for longer than their timeout. */
#include "engine/base/rcu.h"
#include "engine/fleet/fleet_internal.h"

/* A table is gone through again so long after the last time began, while
 * its clock stands still: for nodes whose timeout is over now. */
#define WALK_EVERY_NS UINT64_C(5000000000)

/* What one step may cost, in looks at a node's record, a miss of memory
 * each (about 100 ns); to find out what its beats say, and to tell it, is
 * as much as some more: a step is a millisecond or two. */
#define LOOKS_PER_STEP 8192u
#define LOOKS_OF_NODE  8u

/* The node of a slot that has one, if it could become unknown. */
static uint32_t unknown_candidate(const struct bl_fleet *f, const struct bl_slots *slots, uint32_t slot)
{
    uint32_t node = bl_slots_policy(slots, slot).node;
    const struct bl_node *n = bl_registry_get(f->registry, node);

    if (!n || n->key != bl_slots_key(slots, slot))
        return BL_NODE_NONE;
    return n->state == BL_STATE_OK || n->state == BL_STATE_WARNING ? node : BL_NODE_NONE;
}

/* Whether it would have been news by now, had the clock run: in true time
 * it has been silent for longer than the next of its thresholds. */
BL_ON_CONTROL static void unknown_weigh(struct bl_fleet *f, uint32_t table, uint32_t node, int64_t unix_ms)
{
    const struct bl_node *n = bl_registry_at(f->registry, node);
    struct bl_latest_beat seen;

    /* Of a node that beat in another table since, that one decides. */
    if (!bl_fleet_latest_beat_now(f, node, &seen) || seen.table != table)
        return;
    struct bl_thresholds t = bl_fleet_thresholds_of(f, n, &seen.place);
    uint32_t threshold_ticks = bl_state_next_threshold(&t, (enum bl_state)n->state);
    if (threshold_ticks == BL_THRESHOLD_NEVER || seen.since_ms <= threshold_ticks)
        return;
    bl_fleet_change(
        f, node,
        &(struct bl_change){
            .to = BL_STATE_UNKNOWN, .reason = "ingest frozen", .unix_ms = unix_ms, .seen = &seen});
}

/* Whether the table's clock has stood still for longer than max_freeze
 * while control looked on: a machine that was suspended gives its workers
 * the time to poll again. */
BL_ON_CONTROL static bool unknown_is_due(struct bl_fleet *f, uint32_t table)
{
    struct bl_fleet_table_state *t = &f->table[table];
    const struct bl_ingest_clock *clock = t->shared.clock;
    uint32_t why = bl_ingest_clock_frozen(clock);
    uint64_t now_ns = bl_ingest_clock_seen_ns(clock);

    if (!why || why & BL_FREEZE_OWN_GAP)
        t->frozen_ns = 0;
    else if (!t->frozen_ns)
        t->frozen_ns = now_ns;
    return f->config.max_freeze_ms && t->frozen_ns &&
           (now_ns - t->frozen_ns) / BL_TICK_NS > f->config.max_freeze_ms &&
           bl_ingest_clock_stood_ms(clock) > f->config.max_freeze_ms;
}

/* One step of a walk over the table's slots. */
BL_ON_CONTROL static void unknown_step(struct bl_fleet *f, uint32_t table, uint32_t max_slots,
                                       int64_t unix_ms)
{
    struct bl_fleet_table_state *t = &f->table[table];
    const struct bl_slots *slots = bl_rcu_read(&t->shared.table->slots);
    uint32_t looks = 0;

    for (; max_slots && looks < LOOKS_PER_STEP && t->doubt_slot < slots->slot_count; max_slots--) {
        uint32_t slot = t->doubt_slot++;
        if (bl_slots_policy(slots, slot).node == BL_NODE_NONE)
            continue;
        uint32_t node = unknown_candidate(f, slots, slot);
        looks += node == BL_NODE_NONE ? 1 : LOOKS_OF_NODE;
        if (node != BL_NODE_NONE)
            unknown_weigh(f, table, node, unix_ms);
    }
    if (t->doubt_slot >= slots->slot_count) /* what growth has moved meanwhile the next walk sees */
        t->doubt_slot = 0;
}

void bl_fleet_doubt(struct bl_fleet *f, uint32_t table, uint32_t max_slots, int64_t unix_ms)
{
    struct bl_fleet_table_state *t = &f->table[table];
    uint64_t now_ns = bl_ingest_clock_seen_ns(t->shared.clock);

    if (!unknown_is_due(f, table)) {
        t->doubt_slot = 0;
        t->doubt_ns = 0;
        return;
    }
    if (t->doubt_slot == 0 && now_ns < t->doubt_ns)
        return;
    if (t->doubt_slot == 0)
        t->doubt_ns = now_ns + WALK_EVERY_NS;
    unknown_step(f, table, max_slots, unix_ms);
}
