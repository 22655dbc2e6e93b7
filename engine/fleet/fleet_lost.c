/* SPDX-License-Identifier: Apache-2.0 */
/* A slow walk over all nodes: who is ok or in warning, but in no table, is
 * found by no sweep. */
#include "engine/base/counter.h"
#include "engine/fleet/fleet_internal.h"

/* Rounds of the sweep that a walk takes: five minutes at a tick of 10 ms.
 * Few nodes are walked faster. */
#define WALK_ROUNDS      30000u
#define WALK_NODES_LEAST 16u
/* Nodes between the one that is looked up and the one whose line is asked
 * of the caches. */
#define WALK_AHEAD 8u

/* How long a node that was judged by its rhythm alone may be in no table:
 * the rhythm was in its slot. 10 min. */
#define RHYTHM_LOST_TICKS 600000u

static uint32_t table_of(const struct bl_node *n)
{
    return n->table & ~BL_NODE_TABLE_LOST;
}

/* Most are where they were last told of. Who is in no table that is known
 * to hold it is looked for in all of them the next time. */
BL_ON_CONTROL static bool is_in_a_table(struct bl_fleet *f, uint32_t node)
{
    const struct bl_node *n = bl_registry_at(f->registry, node);
    uint32_t table = table_of(n);
    struct bl_latest_beat seen;
    struct bl_place place;

    if (n->held[0] && table < f->table_count && !bl_fleet_is_retiring(f, table, n->key) &&
        bl_table_find(f->table[table].shared.table, n->key, &place))
        return true;
    return bl_fleet_latest_beat_now(f, node, &seen);
}

/* What its silence since it was found makes of a lost node. */
static enum bl_state state_when_lost(const struct bl_fleet *f, const struct bl_node *n, uint32_t age_ticks)
{
    struct bl_thresholds t = bl_fleet_thresholds_of(f, n, NULL);

    if (bl_fleet_policy_of(f, n).detector != BL_DETECTOR_FIXED && t.failed_ticks == BL_THRESHOLD_NEVER &&
        t.warning_ticks == BL_THRESHOLD_NEVER)
        return age_ticks > RHYTHM_LOST_TICKS ? BL_STATE_UNKNOWN : BL_STATE_OK;
    return bl_state_of_age(&t, age_ticks);
}

BL_ON_CONTROL static void walk_node(struct bl_fleet *f, uint32_t node, int64_t unix_ms)
{
    struct bl_node *n = bl_registry_at(f->registry, node);
    uint32_t table = table_of(n);

    if (n->state != BL_STATE_OK && n->state != BL_STATE_WARNING)
        return;
    if (is_in_a_table(f, node)) {
        if (n->table != table)
            BL_WRITE(n->table, (uint16_t)table);
        return;
    }
    uint32_t now = bl_ingest_clock_now(f->table[table < f->table_count ? table : 0].shared.clock);
    if (!(n->table & BL_NODE_TABLE_LOST)) {
        BL_ADD(f->stats.in_no_table, 1);
        BL_WRITE(n->judged_tick, now);
        BL_WRITE(n->table, (uint16_t)(table | BL_NODE_TABLE_LOST));
        return;
    }
    enum bl_state to = state_when_lost(f, n, bl_age_ticks(now, n->judged_tick));
    if (to > (enum bl_state)n->state)
        bl_fleet_change(f, node, &(struct bl_change){.to = to, .reason = "timeout", .unix_ms = unix_ms});
}

void bl_fleet_walk(struct bl_fleet *f, uint32_t max, int64_t unix_ms)
{
    uint32_t end = bl_registry_end(f->registry);
    uint32_t nodes = end / WALK_ROUNDS + WALK_NODES_LEAST;

    if (nodes > max)
        nodes = max;
    for (; nodes > 0 && f->walk < end; f->walk++, nodes--) {
        const struct bl_node *soon = bl_registry_get(f->registry, f->walk + WALK_AHEAD);
        if (soon && table_of(soon) < f->table_count)
            bl_table_prefetch(f->table[table_of(soon)].shared.table, soon->key);
        if (bl_registry_get(f->registry, f->walk))
            walk_node(f, f->walk, unix_ms);
    }
    if (f->walk >= end)
        f->walk = 0;
}
