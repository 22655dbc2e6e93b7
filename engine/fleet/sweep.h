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
 *   returned   BL_POLICY_WATCH and the last beat is another one than when
 *              the slot was last reported or looked at while watched.
 *              (Not a younger one: a relay's beat is old on arrival, and
 *              a beat 49.7 days old looks young.)
 *
 * Where BL_POLICY_ADAPTS says that beats move the threshold, a fresh beat
 * is `returned`, too, so that somebody draws it anew, and the block is
 * looked at as often as the node beats (bl_sweep_pace): before the least
 * threshold that a beat can bring is over.
 *
 * `returned` may come once without a new beat, where the sweep has not
 * seen the slot watched before: after a rebuild, or when somebody watches
 * a slot that was not just reported. Compare last_beat with the one that
 * the node was judged on.
 *
 * A block with watched members, or with a finding, is looked at again
 * after `recheck`: 100 ticks while such blocks are few, stretched up to
 * 1000 so that rechecks cost no more than BL_RECHECK_BLOCKS_PER_S as long
 * as those suffice. So an expired slot whose policy word nobody changed
 * is reported again then. No block waits longer than BL_BLOCK_MAX_TICKS,
 * so ages stay away from the wrap.
 *
 * Looks are spread: a block with more than 2 s left is looked at a
 * little earlier than it needs, and one that was due together with many
 * others (all of them at the start) at some time before it needs. So
 * blocks do not stay in step, and one tick costs about what any other
 * does. What is news is found in the same tick either way.
 *
 * Threads: control. Reads the table's arrays under RCU; the per-block
 * times are control's own. Per generation: when a table has grown, call
 * bl_sweep_rebuild; while it grows, moved nodes wait for that.
 * Memory: 5 bytes a block, and 4 bytes a slot on pages with watched
 * slots. Cost: a scan of 4 bytes per 64 blocks and tick, and each due
 * block's lines and policy words at the speed of memory (70 to 150 ns);
 * 10 million nodes with 30 s timeouts 0.25 % of a core, no second of it
 * more than 0.8 %. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/role.h"
#include "engine/table/table.h"

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
 * Call under RCU, before the old generation is freed. 0 or -ENOMEM:
 * the sweep has let go of the old one and sees no slot until a later
 * call succeeds. */
int bl_sweep_rebuild(struct bl_sweep *s) BL_ON_CONTROL;

/* The slot's block must be looked at by `tick` at the latest: in the
 * first round at or after it. A slot of another generation than the
 * sweep's is ignored (rebuild sees it). `tick` is within 24 days of now
 * (half the wrap); the block is looked at within BL_BLOCK_MAX_TICKS
 * anyway. */
void bl_sweep_lower(struct bl_sweep *s, const struct bl_place *place, uint32_t tick) BL_ON_CONTROL;

/* How long a slot that adapts may go without a look, in ticks: its mean
 * interval, at least BL_RECHECK_TICKS. */
uint32_t bl_sweep_pace(const struct bl_slots *slots, uint32_t slot);

/* Looks at due blocks, going on where the last call stopped, until
 * `max_slots` slots were looked at, fewer than BL_BLOCK_SLOTS of `max`
 * findings are free (`max` is at least that many), or the round is
 * complete. Looks at one block at least if one is due. Returns the number
 * of findings; *done says that every block due at `now` was seen, but for
 * those lowered meanwhile behind the round's place: the next round's. */
unsigned bl_sweep_run(struct bl_sweep *s, uint32_t now, uint32_t max_slots, struct bl_finding *findings,
                      unsigned max, bool *done) BL_ON_CONTROL;

struct bl_sweep_stats {
    uint64_t rounds, blocks_seen, blocks_skipped, slots_seen, findings;
    uint32_t blocks, blocks_watched;
};
/* Any thread; each number whole. */
void bl_sweep_stats(const struct bl_sweep *s, struct bl_sweep_stats *out);
