/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/fleet/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "engine/base/counter.h"
#include "engine/base/rcu.h"
#include "engine/detect/detector.h"
#include "engine/fleet/sweep_scan.h"

/* Blocks that share an earliest time: a round passes this many at a
 * glance. */
#define GROUP 64u

#define CACHE_LINE  64u
#define BLOCK_LINES (BL_BLOCK_SLOTS / BL_LINE_SLOTS)

/* Blocks that the prefetch is ahead: 3 KiB, about 100 ns of reading; twice
 * as far costs a fifth of the speed here. */
#define AHEAD_BLOCKS 2u

/* A block's next look is brought forward by up to this share of what it
 * has left, so that groups drift apart; then to the group's phase in so
 * many ticks, a power of two, for the 32-bit tick wraps. */
#define SPREAD_DIVISOR 8u
#define PHASES         1024u

/* What is said of a block beside its time. */
enum block_marks {
    BLOCK_RECHECK = 1, /* due because of watched members or findings */
    BLOCK_LOWERED = 2, /* due when somebody else said, maybe for many blocks at once */
};

struct bl_sweep {
    const struct bl_table *table;
    const struct bl_slots *slots; /* NULL after a rebuild without memory */
    uint32_t *due;                /* per block: the tick to look at it */
    uint32_t *group_due;          /* per group: no block of it is due before this */
    uint8_t *mark;                /* per block: block_marks */
    uint32_t *seen;               /* per slot, while watched: last beat when last looked at */
    enum bl_scan_how how;
    uint32_t cursor;             /* where the round goes on */
    bool all_due;                /* `due` is not filled yet: that takes a `now` */
    struct bl_sweep_stats stats; /* read by any thread */
};

/* One call of bl_sweep_run. */
struct look {
    uint32_t now, recheck_ticks;
    uint64_t blocks, skipped, slots;
    struct bl_finding *finding;
    unsigned findings;
};

/* ---- memory ----------------------------------------------------------- */

static size_t seen_bytes(const struct bl_sweep *s)
{
    return (size_t)s->slots->slot_count * sizeof(*s->seen);
}

static void sweep_detach(struct bl_sweep *s)
{
    free(s->due);
    free(s->group_due);
    free(s->mark);
    if (s->seen != NULL)
        munmap(s->seen, seen_bytes(s));
    s->due = s->group_due = NULL;
    s->mark = NULL;
    s->seen = NULL;
    s->slots = NULL;
}

static int sweep_attach(struct bl_sweep *s)
{
    s->slots = bl_rcu_read(&s->table->slots);
    uint32_t blocks = (s->slots->slot_count + BL_BLOCK_SLOTS - 1) / BL_BLOCK_SLOTS;
    s->due = calloc(blocks, sizeof(*s->due));
    s->group_due = calloc((blocks + GROUP - 1) / GROUP, sizeof(*s->group_due));
    s->mark = calloc(blocks, sizeof(*s->mark));
    /* Zero pages until touched, which an allocator does not promise. */
    void *seen =
        mmap(NULL, seen_bytes(s), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    s->seen = seen == MAP_FAILED ? NULL : seen;
    s->cursor = 0;
    s->all_due = true;
    BL_WRITE(s->stats.blocks, blocks);
    BL_WRITE(s->stats.blocks_watched, 0);
    if (s->due != NULL && s->group_due != NULL && s->mark != NULL && s->seen != NULL)
        return 0;
    sweep_detach(s);
    BL_WRITE(s->stats.blocks, 0);
    return -ENOMEM;
}

struct bl_sweep *bl_sweep_new(const struct bl_table *t)
{
    struct bl_sweep *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    s->table = t;
    s->how = bl_sweep_scan_best();
    if (sweep_attach(s) != 0) {
        free(s);
        return NULL;
    }
    return s;
}

void bl_sweep_free(struct bl_sweep *s)
{
    if (s == NULL)
        return;
    sweep_detach(s);
    free(s);
}

int bl_sweep_rebuild(struct bl_sweep *s)
{
    sweep_detach(s);
    return sweep_attach(s);
}

uint32_t bl_sweep_pace(const struct bl_slots *slots, uint32_t slot)
{
    struct bl_interval_stats stats = bl_slots_stats(slots, slot);
    uint32_t ticks = stats.count > 0 ? bl_interval_floor_ms(&stats) : BL_RECHECK_MAX_TICKS;
    if (ticks < BL_RECHECK_TICKS)
        return BL_RECHECK_TICKS;
    return ticks < BL_BLOCK_MAX_TICKS ? ticks : BL_BLOCK_MAX_TICKS;
}

/* ---- one block --------------------------------------------------------- */

static bool is_due(uint32_t due, uint32_t now)
{
    return (int32_t)(now - due) >= 0;
}

/* Which beat of which node was seen, in one word: a slot that has another
 * node now, beaten in the same tick, is not taken for the one before. */
static uint32_t beat_mark(uint64_t key, uint32_t last_beat)
{
    return last_beat ^ (uint32_t)(key >> 16);
}

/* Reports the slot if it is news. Returns in how many ticks it wants to
 * be looked at again. */
static uint32_t look_at_slot(struct bl_sweep *s, struct look *k, uint32_t slot, bool *recheck)
{
    struct bl_slot_policy p = bl_slots_policy(s->slots, slot);
    uint64_t key = bl_slots_key(s->slots, slot);
    if (p.node == BL_NODE_NONE || key == BL_KEY_EMPTY || key == BL_KEY_GONE)
        return BL_BLOCK_MAX_TICKS;
    uint32_t last_beat = bl_slots_last_beat(s->slots, slot);
    uint32_t age = bl_age_ticks(k->now, last_beat);
    bool expired = age > p.threshold_ticks, watched = p.flags & BL_POLICY_WATCH;
    bool adapts = p.flags & BL_POLICY_ADAPTS;
    uint32_t mark = beat_mark(key, last_beat);
    if (expired || (watched && mark != s->seen[slot]))
        k->finding[k->findings++] = (struct bl_finding){
            .key = key,
            .slot = slot,
            .node = p.node,
            .last_beat = last_beat,
            .age_ticks = age,
            .why = expired ? BL_FINDING_EXPIRED : BL_FINDING_RETURNED,
        };
    if (expired || watched) {
        s->seen[slot] = mark;
        *recheck |= expired || !adapts;
    }
    if (expired)
        return k->recheck_ticks;
    uint32_t left = p.threshold_ticks - age;
    left = left < BL_BLOCK_MAX_TICKS ? left + 1 : BL_BLOCK_MAX_TICKS;
    uint32_t pace = adapts ? bl_sweep_pace(s->slots, slot) : watched ? k->recheck_ticks : left;
    return left > pace ? pace : left;
}

/* A number from the two, any of 2^32 as likely. */
static uint32_t sweep_scatter(uint32_t group, uint32_t now)
{
    uint64_t x = (group ^ (uint64_t)now << 32) * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(x >> 32);
}

/* When to look at a block that need not be looked at for `left` ticks:
 * earlier, if that is long, so that every tick has about as much to do.
 * Blocks that were due together (a start, growth, a mass return) would
 * stay together, and one second in 20 would pay for all: they are
 * scattered over the whole time they have, and all others kept from
 * drifting together. Blocks of a group share a phase: neighbours in
 * memory are read in one go, groups in different ticks. */
static uint32_t next_look(uint32_t block, uint32_t now, uint32_t left, uint8_t marks)
{
    uint32_t group = block / GROUP;
    if (left < 2 * PHASES)
        return now + left;
    uint32_t most = marks != 0 ? left : left / SPREAD_DIVISOR;
    uint32_t ticks = left - (uint32_t)((uint64_t)sweep_scatter(group, now) * most >> 32);
    uint32_t early = (now + ticks - sweep_scatter(group, 0)) % PHASES;
    return now + (early < ticks ? ticks - early : 1);
}

static unsigned lines_of(const struct bl_sweep *s, uint32_t block)
{
    uint32_t left = s->slots->line_count - block * BLOCK_LINES;
    return left < BLOCK_LINES ? left : BLOCK_LINES;
}

BL_ON_CONTROL static void look_at_block(struct bl_sweep *s, struct look *k, uint32_t block)
{
    unsigned lines = lines_of(s, block);
    struct bl_scan scan = bl_sweep_scan_with(s->slots, block * BLOCK_LINES, lines, k->now, s->how);
    uint32_t next = scan.left_ticks < BL_BLOCK_MAX_TICKS ? scan.left_ticks + 1 : BL_BLOCK_MAX_TICKS;
    bool recheck = false;
    k->blocks++;
    k->slots += (uint64_t)lines * BL_LINE_SLOTS;
    for (; scan.closer != 0; scan.closer &= scan.closer - 1) {
        uint32_t slot = block * BL_BLOCK_SLOTS + (uint32_t)__builtin_ctzll(scan.closer);
        uint32_t wanted = look_at_slot(s, k, slot, &recheck);
        if (wanted < next)
            next = wanted;
    }
    s->due[block] = recheck ? k->now + next : next_look(block, k->now, next, s->mark[block]);
    uint32_t watched = s->stats.blocks_watched + recheck - (s->mark[block] & BLOCK_RECHECK);
    BL_WRITE(s->stats.blocks_watched, watched);
    s->mark[block] = recheck ? BLOCK_RECHECK : 0;
}

/* ---- a round ------------------------------------------------------------- */

static unsigned list_due(const struct bl_sweep *s, uint32_t first, unsigned n, uint32_t now,
                         uint32_t list[GROUP])
{
    unsigned count = 0;
    for (uint32_t block = first; block < first + n; block++) {
        list[count] = block;
        count += is_due(s->due[block], now);
    }
    return count;
}

/* The group has been through: when is it due again? */
static void close_group(struct bl_sweep *s, uint32_t group, uint32_t now)
{
    uint32_t first = group * GROUP, left = s->stats.blocks - first;
    unsigned n = left < GROUP ? left : GROUP;
    int32_t earliest = INT32_MAX;
    for (unsigned i = 0; i < n; i++) {
        int32_t in = (int32_t)(s->due[first + i] - now);
        earliest = in < earliest ? in : earliest;
    }
    s->group_due[group] = now + (uint32_t)earliest;
}

/* A block that is looked at soon: two streams, lines and policy words. */
static void prefetch_block(const struct bl_slots *slots, uint32_t block)
{
    const char *line = (const char *)&slots->line[(size_t)block * BLOCK_LINES];
    const char *policy = (const char *)&slots->policy[(size_t)block * BL_BLOCK_SLOTS];
    for (unsigned i = 0; i < BLOCK_LINES * sizeof(struct bl_line); i += CACHE_LINE)
        __builtin_prefetch(line + i, 0, 2);
    for (unsigned i = 0; i < BL_BLOCK_SLOTS * sizeof(*slots->policy); i += CACHE_LINE)
        __builtin_prefetch(policy + i, 0, 2);
}

static uint32_t recheck_ticks(uint32_t blocks_watched)
{
    uint32_t ticks = blocks_watched / (BL_RECHECK_BLOCKS_PER_S / 1000);
    if (ticks < BL_RECHECK_TICKS)
        return BL_RECHECK_TICKS;
    return ticks < BL_RECHECK_MAX_TICKS ? ticks : BL_RECHECK_MAX_TICKS;
}

static void fill_due(struct bl_sweep *s, uint32_t now)
{
    for (uint32_t block = 0; block < s->stats.blocks; block++) {
        s->due[block] = s->group_due[block / GROUP] = now;
        s->mark[block] = BLOCK_LOWERED;
    }
    s->all_due = false;
}

/* Looks at the group's due blocks from the cursor on. Returns whether it
 * is through. */
BL_ON_CONTROL static bool look_at_group(struct bl_sweep *s, struct look *k, unsigned n, uint32_t max_slots,
                                        unsigned max)
{
    uint32_t list[GROUP];
    unsigned due = list_due(s, s->cursor, n, k->now, list);
    for (unsigned i = 0; i < due && i < AHEAD_BLOCKS; i++)
        prefetch_block(s->slots, list[i]);
    for (unsigned i = 0; i < due; i++) {
        if ((k->slots >= max_slots && k->blocks > 0) || k->findings + BL_BLOCK_SLOTS > max) {
            k->skipped += list[i] - s->cursor - i;
            s->cursor = list[i];
            return false;
        }
        if (i + AHEAD_BLOCKS < due)
            prefetch_block(s->slots, list[i + AHEAD_BLOCKS]);
        look_at_block(s, k, list[i]);
    }
    k->skipped += n - due;
    return true;
}

/* Goes on from the cursor. Returns whether the round is complete. */
BL_ON_CONTROL static bool go_on(struct bl_sweep *s, struct look *k, uint32_t max_slots, unsigned max)
{
    while (s->cursor < s->stats.blocks) {
        uint32_t group = s->cursor / GROUP, end = (group + 1) * GROUP;
        if (end > s->stats.blocks)
            end = s->stats.blocks;
        if (is_due(s->group_due[group], k->now)) {
            if (!look_at_group(s, k, end - s->cursor, max_slots, max))
                return false;
            close_group(s, group, k->now);
        } else {
            k->skipped += end - s->cursor;
        }
        s->cursor = end;
    }
    s->cursor = 0;
    return true;
}

unsigned bl_sweep_run(struct bl_sweep *s, uint32_t now, uint32_t max_slots, struct bl_finding *findings,
                      unsigned max, bool *done)
{
    struct look k = {.now = now, .finding = findings};
    *done = true;
    if (s->slots == NULL)
        return 0;
    if (s->all_due)
        fill_due(s, now);
    k.recheck_ticks = recheck_ticks(s->stats.blocks_watched);
    *done = go_on(s, &k, max_slots, max);
    BL_ADD(s->stats.rounds, *done);
    BL_ADD(s->stats.blocks_seen, k.blocks);
    BL_ADD(s->stats.blocks_skipped, k.skipped);
    BL_ADD(s->stats.slots_seen, k.slots);
    BL_ADD(s->stats.findings, k.findings);
    return k.findings;
}

void bl_sweep_lower(struct bl_sweep *s, const struct bl_place *place, uint32_t tick)
{
    if (place->slots != s->slots || s->all_due)
        return;
    uint32_t block = place->slot / BL_BLOCK_SLOTS, group = block / GROUP;
    if (is_due(s->due[block], tick)) /* then it is early enough */
        return;
    s->due[block] = tick;
    s->mark[block] |= BLOCK_LOWERED;
    if (!is_due(s->group_due[group], tick))
        s->group_due[group] = tick;
}

void bl_sweep_stats(const struct bl_sweep *s, struct bl_sweep_stats *out)
{
    const struct bl_sweep_stats *from = &s->stats;
    out->rounds = BL_READ(from->rounds);
    out->blocks_seen = BL_READ(from->blocks_seen);
    out->blocks_skipped = BL_READ(from->blocks_skipped);
    out->slots_seen = BL_READ(from->slots_seen);
    out->findings = BL_READ(from->findings);
    out->blocks = BL_READ(from->blocks);
    out->blocks_watched = BL_READ(from->blocks_watched);
}
