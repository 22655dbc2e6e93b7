/* SPDX-License-Identifier: Apache-2.0 */
/* Slots without a node: somebody sent a beat whose report met a full ring,
 * or whose deletion found no memory, and no other beat. */
#include "engine/base/counter.h"
#include "engine/base/rcu.h"
#include "engine/fleet/fleet_internal.h"

/* Deletions ordered in one batch: as many as a worker takes in a poll. */
#define NODELESS_DELETIONS 64u
/* Walks through a table begin so far apart, in ms. */
#define NODELESS_WALK_MS 10000u

void bl_fleet_note_nodeless(struct bl_fleet *f, uint32_t table)
{
    f->table[table].nodeless_until_ms = f->now_ms + 2 * (uint64_t)BL_NODELESS_TICKS;
}

/* Whether the walk is under way, or begins now. */
BL_ON_CONTROL static bool nodeless_walks(struct bl_fleet *f, struct bl_fleet_table_state *t)
{
    if (t->nodeless_at > 0)
        return true;
    if (f->now_ms < t->nodeless_next_ms)
        return false;
    if (bl_table_unreported(t->shared.table) == 0 && f->now_ms >= t->nodeless_until_ms)
        return false;
    t->nodeless_next_ms = f->now_ms + NODELESS_WALK_MS;
    return true;
}

/* A node that is known after all has lost its policy word to growth, and
 * gets it again. */
BL_ON_CONTROL static void nodeless_found(struct bl_fleet *f, uint32_t table, uint64_t key)
{
    uint32_t node = bl_registry_find_key(f->registry, key);

    if (node != BL_NODE_NONE) {
        bl_fleet_write_slot(f, table, node);
        return;
    }
    bl_fleet_retire(f, table, key);
    BL_ADD(f->stats.retired_nodeless, 1);
}

void bl_fleet_retire_nodeless(struct bl_fleet *f, uint32_t table, uint32_t max_slots)
{
    struct bl_fleet_table_state *t = &f->table[table];
    const struct bl_slots *s = bl_rcu_read(&t->shared.table->slots);
    uint32_t now = bl_ingest_clock_now(t->shared.clock), slot = t->nodeless_at;
    unsigned deletions = NODELESS_DELETIONS;

    if (!nodeless_walks(f, t))
        return;
    for (; max_slots > 0 && slot < s->slot_count; max_slots--, slot++) {
        if (!bl_slots_is_nodeless(s, slot, now) || bl_fleet_is_retiring(f, table, bl_slots_key(s, slot)))
            continue;
        if (deletions == 0 || t->retiring.sent < t->retiring.asked)
            break; /* the ring is full: on with it in the next batch */
        nodeless_found(f, table, bl_slots_key(s, slot));
        deletions--;
    }
    t->nodeless_at = slot < s->slot_count ? slot : 0;
}
