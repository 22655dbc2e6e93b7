/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "engine/rcu.h"

/* Blocks whose times are compared at once: four cache lines. */
#define GROUP 64u

#define CACHE_LINE 64u

struct bl_sweep {
    const struct bl_table *table;
    const struct bl_slots *slots; /* NULL after a rebuild without memory */
    uint32_t *due;                /* per block: the tick to look at it */
    bool *recheck;                /* per block: due because of watched members or findings */
    uint32_t *seen;               /* per slot, while watched: last beat when last looked at */
    uint32_t cursor;              /* where the round goes on */
    bool all_due;                 /* `due` is not filled yet: that takes a `now` */
    struct bl_sweep_stats stats;  /* read by any thread */
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

static void detach(struct bl_sweep *s)
{
    free(s->due);
    free(s->recheck);
    if (s->seen != NULL)
        munmap(s->seen, seen_bytes(s));
    s->due = NULL;
    s->recheck = NULL;
    s->seen = NULL;
    s->slots = NULL;
}

static int attach(struct bl_sweep *s)
{
    s->slots = bl_rcu_read(&s->table->slots);
    uint32_t blocks = (s->slots->slot_count + BL_BLOCK_SLOTS - 1) / BL_BLOCK_SLOTS;
    s->due = calloc(blocks, sizeof(*s->due));
    s->recheck = calloc(blocks, sizeof(*s->recheck));
    /* Zero pages until touched, which an allocator does not promise. */
    void *seen =
        mmap(NULL, seen_bytes(s), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    s->seen = seen == MAP_FAILED ? NULL : seen;
    s->cursor = 0;
    s->all_due = true;
    __atomic_store_n(&s->stats.blocks, blocks, __ATOMIC_RELAXED);
    __atomic_store_n(&s->stats.blocks_watched, 0, __ATOMIC_RELAXED);
    if (s->due != NULL && s->recheck != NULL && s->seen != NULL)
        return 0;
    detach(s);
    __atomic_store_n(&s->stats.blocks, 0, __ATOMIC_RELAXED);
    return -ENOMEM;
}

struct bl_sweep *bl_sweep_new(const struct bl_table *t)
{
    struct bl_sweep *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    s->table = t;
    if (attach(s) != 0) {
        free(s);
        return NULL;
    }
    return s;
}

void bl_sweep_free(struct bl_sweep *s)
{
    if (s == NULL)
        return;
    detach(s);
    free(s);
}

int bl_sweep_rebuild(struct bl_sweep *s)
{
    detach(s);
    return attach(s);
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
        *recheck = true;
    }
    if (expired)
        return k->recheck_ticks;
    uint32_t left = p.threshold_ticks - age;
    left = left < BL_BLOCK_MAX_TICKS ? left + 1 : BL_BLOCK_MAX_TICKS;
    return watched && left > k->recheck_ticks ? k->recheck_ticks : left;
}

static void look_at_block(struct bl_sweep *s, struct look *k, uint32_t block)
{
    uint32_t slot = block * BL_BLOCK_SLOTS, next = BL_BLOCK_MAX_TICKS;
    uint32_t end =
        slot + BL_BLOCK_SLOTS < s->slots->slot_count ? slot + BL_BLOCK_SLOTS : s->slots->slot_count;
    bool recheck = false;
    k->blocks++;
    k->slots += end - slot;
    for (; slot < end; slot++) {
        uint32_t wanted = look_at_slot(s, k, slot, &recheck);
        if (wanted < next)
            next = wanted;
    }
    s->due[block] = k->now + next;
    uint32_t watched = s->stats.blocks_watched + recheck - s->recheck[block];
    __atomic_store_n(&s->stats.blocks_watched, watched, __ATOMIC_RELAXED);
    s->recheck[block] = recheck;
}

/* ---- a round ------------------------------------------------------------- */

/* No branch and no early end, so that the compiler makes vectors of it:
 * the sign of ~(now - due) is set if it is due. */
static bool any_due(const uint32_t *due, unsigned n, uint32_t now)
{
    uint32_t signs = 0;
    for (unsigned i = 0; i < n; i++)
        signs |= ~(now - due[i]);
    return (int32_t)signs < 0;
}

static unsigned list_due(const struct bl_sweep *s, uint32_t first, unsigned n, uint32_t now,
                         uint32_t list[GROUP])
{
    unsigned count = 0;
    if (!any_due(&s->due[first], n, now))
        return 0;
    for (uint32_t block = first; block < first + n; block++)
        if (is_due(s->due[block], now))
            list[count++] = block;
    return count;
}

/* The block after the one that is looked at: two streams, lines and
 * policy words. */
static void prefetch_block(const struct bl_slots *slots, uint32_t block)
{
    const char *line = (const char *)&slots->line[(size_t)block * (BL_BLOCK_SLOTS / BL_LINE_SLOTS)];
    const char *policy = (const char *)&slots->policy[(size_t)block * BL_BLOCK_SLOTS];
    for (unsigned i = 0; i < BL_BLOCK_SLOTS / BL_LINE_SLOTS * sizeof(struct bl_line); i += CACHE_LINE)
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
    for (uint32_t block = 0; block < s->stats.blocks; block++)
        s->due[block] = now;
    s->all_due = false;
}

/* Goes on from the cursor. Returns whether the round is complete. */
static bool go_on(struct bl_sweep *s, struct look *k, uint32_t max_slots, unsigned max)
{
    uint32_t list[GROUP];
    while (s->cursor < s->stats.blocks) {
        uint32_t left = s->stats.blocks - s->cursor;
        unsigned n = left < GROUP ? left : GROUP;
        unsigned due = list_due(s, s->cursor, n, k->now, list);
        for (unsigned i = 0; i < due; i++) {
            if ((k->slots >= max_slots && k->blocks > 0) || k->findings + BL_BLOCK_SLOTS > max) {
                k->skipped += list[i] - s->cursor - i;
                s->cursor = list[i];
                return false;
            }
            if (i + 1 < due)
                prefetch_block(s->slots, list[i + 1]);
            look_at_block(s, k, list[i]);
        }
        k->skipped += n - due;
        s->cursor += n;
    }
    s->cursor = 0;
    return true;
}

static void add(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
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
    add(&s->stats.rounds, *done);
    add(&s->stats.blocks_seen, k.blocks);
    add(&s->stats.blocks_skipped, k.skipped);
    add(&s->stats.slots_seen, k.slots);
    add(&s->stats.findings, k.findings);
    return k.findings;
}

void bl_sweep_lower(struct bl_sweep *s, const struct bl_place *place, uint32_t tick)
{
    if (place->slots != s->slots || s->all_due)
        return;
    uint32_t *due = &s->due[place->slot / BL_BLOCK_SLOTS];
    if (is_due(*due, tick)) /* then it is early enough */
        return;
    *due = tick;
}

void bl_sweep_stats(const struct bl_sweep *s, struct bl_sweep_stats *out)
{
    const struct bl_sweep_stats *from = &s->stats;
    out->rounds = __atomic_load_n(&from->rounds, __ATOMIC_RELAXED);
    out->blocks_seen = __atomic_load_n(&from->blocks_seen, __ATOMIC_RELAXED);
    out->blocks_skipped = __atomic_load_n(&from->blocks_skipped, __ATOMIC_RELAXED);
    out->slots_seen = __atomic_load_n(&from->slots_seen, __ATOMIC_RELAXED);
    out->findings = __atomic_load_n(&from->findings, __ATOMIC_RELAXED);
    out->blocks = __atomic_load_n(&from->blocks, __ATOMIC_RELAXED);
    out->blocks_watched = __atomic_load_n(&from->blocks_watched, __ATOMIC_RELAXED);
}
