/* SPDX-License-Identifier: Apache-2.0 */
/* sweep: the batched scan of one table for nodes that are news.
 *
 * Slots are grouped in blocks of BL_BLOCK_SLOTS. Each block keeps the
 * earliest tick at which any member *could* be news. Beats only push
 * deadlines out, so a block is not looked at before then; whoever lowers
 * a threshold calls bl_sweep_lower(). A look at a block reports the
 * slots that are news and sets the block's next time from the rest:
 *
 *   expired    age > threshold of the policy word
 *   returned   BL_POLICY_WATCH and the last beat is younger than the
 *              time since this block was last looked at
 *
 * A block with watched members is looked at again after `recheck`: 100
 * ticks while few blocks are watched, stretched up to 1000 so that
 * rechecks never cost more than BL_RECHECK_BLOCKS_PER_S. No block waits
 * longer than BL_BLOCK_MAX_TICKS, so ages stay away from the wrap.
 *
 * Threads: control. Reads the table's arrays under RCU; the per-block
 * times are control's own. Per generation: when a table has grown, call
 * bl_sweep_rebuild; while it grows, moved nodes wait for that.
 * Cost: a scan of 4 bytes per block and tick, and each due block's
 * lines and policy words. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/role.h"
#include "engine/table.h"

#define BL_BLOCK_SLOTS          64u
#define BL_BLOCK_MAX_TICKS      UINT32_C(3600000) /* 1 h */
#define BL_RECHECK_TICKS        UINT32_C(100)
#define BL_RECHECK_MAX_TICKS    UINT32_C(1000)
#define BL_RECHECK_BLOCKS_PER_S UINT32_C(200000)

enum bl_finding_why { BL_FINDING_EXPIRED = 1, BL_FINDING_RETURNED };

/* A slot that is news. */
struct bl_finding {
    uint64_t key;
    uint32_t slot;
    uint32_t node;      /* of the policy word */
    uint32_t last_beat; /* as read */
    uint32_t age_ticks; /* at the scan's `now` */
    uint32_t why;       /* bl_finding_why */
};

struct bl_sweep;

/* For the table's current generation. NULL: out of memory. */
struct bl_sweep *bl_sweep_new(const struct bl_table *t);
void bl_sweep_free(struct bl_sweep *s);

/* The table has a new generation: start over on it, every block due.
 * Call under RCU, before the old generation is freed. 0 or -ENOMEM. */
int bl_sweep_rebuild(struct bl_sweep *s) BL_ON_CONTROL;

/* The slot's block must be looked at by `tick` at the latest. A slot of
 * another generation than the sweep's is ignored (rebuild sees it). */
void bl_sweep_lower(struct bl_sweep *s, const struct bl_place *place, uint32_t tick) BL_ON_CONTROL;

/* Looks at due blocks, going on where the last call stopped, until
 * `max_slots` slots were looked at, `max` findings are filled (at least
 * BL_BLOCK_SLOTS), or the round is complete. Returns the number of
 * findings; *done says that every block due at `now` was seen. */
unsigned bl_sweep_run(struct bl_sweep *s, uint32_t now, uint32_t max_slots, struct bl_finding *findings,
                      unsigned max, bool *done) BL_ON_CONTROL;

struct bl_sweep_stats {
    uint64_t rounds, blocks_seen, blocks_skipped, slots_seen, findings;
    uint32_t blocks, blocks_watched;
};
void bl_sweep_stats(const struct bl_sweep *s, struct bl_sweep_stats *out);
