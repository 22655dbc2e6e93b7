/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/key.h"
#include "engine/fleet/sweep.h"
#include "tests/unit/random.h"

#define FINDINGS 256u

/* A table of one worker, its sweep, and nodes 0.. with key 4 + 2 i
 * spread over the lines. */
struct swept {
    struct bl_table table;
    struct bl_sweep *sweep;
    struct bl_finding finding[FINDINGS];
    bool done;
};

static uint64_t key_of(uint32_t node)
{
    return bl_key_clean((uint64_t)node * UINT64_C(0x9e3779b97f4a7c15) + 4);
}

/* The test is the table's worker and its control from here on. */
static void setup(struct swept *w, uint32_t slots) BL_TSA(assert_capability(bl_role_worker, bl_role_control));
static void setup(struct swept *w, uint32_t slots)
{
    bl_table_init(&w->table, bl_slots_new(slots), UINT32_MAX);
    w->sweep = bl_sweep_new(&w->table);
    assert_non_null(w->sweep);
}

static void teardown(struct swept *w)
{
    bl_sweep_free(w->sweep);
    bl_table_fini(&w->table);
}

BL_ON_WORKER static void beat(struct swept *w, uint32_t node, uint32_t now, uint32_t age)
{
    struct bl_beat b = {.key = key_of(node), .stamp = now - age};
    struct bl_exception exception[BL_BURST];
    uint32_t slot;
    if (bl_table_beat(&w->table, &b, 1, now, exception) == 1)
        assert_int_equal(bl_table_insert(&w->table, &b, now, &slot), BL_INSERT_NEW);
}

BL_ON_CONTROL static void set_policy(struct swept *w, uint32_t node, uint32_t threshold, unsigned flags,
                                     uint32_t now)
{
    struct bl_slot_policy p = {threshold, node & BL_NODE_NONE, flags & 15u};
    struct bl_place place;
    assert_true(bl_table_find(&w->table, key_of(node), &place));
    bl_slots_set_policy(place.slots, place.slot, p);
    uint32_t age = bl_age_ticks(now, bl_slots_last_beat(place.slots, place.slot));
    if (threshold != BL_THRESHOLD_NEVER) {
        uint32_t left = age > threshold ? 0 : threshold - age + 1;
        bl_sweep_lower(w->sweep, &place, now + (left < BL_BLOCK_MAX_TICKS ? left : BL_BLOCK_MAX_TICKS));
    }
    if (flags & BL_POLICY_WATCH)
        bl_sweep_lower(w->sweep, &place, now + BL_RECHECK_TICKS);
}

/* setup(), and nodes 0.. that beat at tick 1000. */
static void setup_with_nodes(struct swept *w, uint32_t slots, uint32_t nodes, uint32_t threshold,
                             unsigned flags) BL_TSA(assert_capability(bl_role_worker, bl_role_control));
static void setup_with_nodes(struct swept *w, uint32_t slots, uint32_t nodes, uint32_t threshold,
                             unsigned flags)
{
    setup(w, slots);
    for (uint32_t node = 0; node < nodes; node++) {
        beat(w, node, 1000, 0);
        set_policy(w, node, threshold, flags, 1000);
    }
}

/* setup(), and node 1 that beats at tick 1000. */
static void setup_with_node_1(struct swept *w, uint32_t threshold)
    BL_TSA(assert_capability(bl_role_worker, bl_role_control));
static void setup_with_node_1(struct swept *w, uint32_t threshold)
{
    setup(w, 1000);
    beat(w, 1, 1000, 0);
    set_policy(w, 1, threshold, 0, 1000);
}

BL_ON_CONTROL static unsigned run(struct swept *w, uint32_t now)
{
    unsigned n = bl_sweep_run(w->sweep, now, UINT32_MAX, w->finding, FINDINGS, &w->done);
    assert_true(w->done);
    return n;
}

static void a_node_expires_when_it_is_older_than_its_threshold(void **state)
{
    (void)state;
    struct swept w;
    setup_with_node_1(&w, 300);
    for (uint32_t now = 1000; now <= 1300; now++)
        assert_int_equal(run(&w, now), 0);
    assert_int_equal(run(&w, 1301), 1);
    assert_true(w.finding[0].key == key_of(1));
    assert_int_equal(w.finding[0].node, 1);
    assert_int_equal(w.finding[0].last_beat, 1000);
    assert_int_equal(w.finding[0].age_ticks, 301);
    assert_int_equal(w.finding[0].why, BL_FINDING_EXPIRED);
    teardown(&w);
}

static void a_finding_that_nobody_acts_on_is_reported_again_after_the_recheck(void **state)
{
    (void)state;
    struct swept w;
    setup_with_node_1(&w, 300);
    assert_int_equal(run(&w, 1301), 1);
    assert_int_equal(run(&w, 1301), 0);
    assert_int_equal(run(&w, 1300 + BL_RECHECK_TICKS), 0);
    assert_int_equal(run(&w, 1301 + BL_RECHECK_TICKS), 1);
    teardown(&w);
}

static void a_block_that_cannot_expire_yet_is_skipped(void **state)
{
    (void)state;
    struct bl_sweep_stats before, after;
    struct swept w;
    setup_with_nodes(&w, 64 * 100, 3000, 30000, 0);
    run(&w, 1000);
    bl_sweep_stats(w.sweep, &before);
    assert_int_equal(before.blocks, 100);
    for (uint32_t now = 1000; now <= 31000; now += 10)
        run(&w, now);
    bl_sweep_stats(w.sweep, &after);
    uint64_t seen = after.blocks_seen - before.blocks_seen;
    assert_true(seen <= 100 * 4); /* brought forward; each time it is nearer the end */
    assert_int_equal(after.blocks_skipped - before.blocks_skipped + seen, 100 * 3001);
    teardown(&w);
}

/* Every node has beaten within the last 10 s. */
static void all_beat(struct swept *w, uint32_t now)
{
    struct bl_slots *s = w->table.slots;
    for (uint32_t slot = 0; slot < s->slot_count; slot++)
        s->line[slot / BL_LINE_SLOTS].stamp[slot % BL_LINE_SLOTS] = now - slot * UINT32_C(2654435761) % 10000;
}

static void a_fleet_that_began_at_once_is_looked_at_evenly(void **state)
{
    (void)state;
    const uint32_t blocks = 8000;
    uint64_t worst_second = 0, worst_tick = 0, last_tick, last_second, first;
    struct bl_sweep_stats stats;
    struct swept w;
    setup_with_nodes(&w, 64 * blocks, blocks * 40, 30000, 0);
    uint32_t now = 1000;
    all_beat(&w, now);
    run(&w, now); /* everything */
    bl_sweep_stats(w.sweep, &stats);
    assert_int_equal(stats.blocks_seen, blocks);
    first = last_tick = last_second = stats.blocks_seen;
    for (uint32_t second = 0; second < 60; second++) {
        all_beat(&w, now);
        for (uint32_t tick = 0; tick < 100; tick++) {
            now += 10;
            assert_int_equal(run(&w, now), 0);
            bl_sweep_stats(w.sweep, &stats);
            if (stats.blocks_seen - last_tick > worst_tick)
                worst_tick = stats.blocks_seen - last_tick;
            last_tick = stats.blocks_seen;
        }
        if (stats.blocks_seen - last_second > worst_second)
            worst_second = stats.blocks_seen - last_second;
        last_second = stats.blocks_seen;
    }
    uint64_t mean = (stats.blocks_seen - first) / 60;
    assert_in_range(mean, blocks / 20, blocks / 14); /* 20 s between looks, a bit earlier */
    assert_true(worst_second < mean * 3);
    assert_true(worst_tick < blocks / 20);
    teardown(&w);
}

static void a_lowered_block_is_looked_at_by_that_tick(void **state)
{
    (void)state;
    struct swept w;
    setup_with_node_1(&w, BL_TIMEOUT_MAX_MS);
    run(&w, 1000);
    set_policy(&w, 1, 500, 0, 1200);
    assert_int_equal(run(&w, 1500), 0);
    assert_int_equal(run(&w, 1501), 1);
    teardown(&w);
}

static void a_relays_old_beat_brings_a_watched_node_back(void **state)
{
    (void)state;
    struct swept w;
    setup_with_node_1(&w, 300);
    assert_int_equal(run(&w, 9000), 1);
    set_policy(&w, 1, BL_THRESHOLD_NEVER, BL_POLICY_WATCH, 9000);
    assert_int_equal(run(&w, 9200), 0);
    beat(&w, 1, 9250, 5000);
    assert_int_equal(run(&w, 9300), 1);
    assert_int_equal(w.finding[0].why, BL_FINDING_RETURNED);
    assert_int_equal(w.finding[0].last_beat, 4250);
    assert_int_equal(run(&w, 9500), 0);
    teardown(&w);
}

static void a_beat_so_old_that_ticks_have_wrapped_is_no_return(void **state)
{
    (void)state;
    struct swept w;
    setup_with_node_1(&w, 300);
    assert_int_equal(run(&w, 2000), 1);
    set_policy(&w, 1, BL_THRESHOLD_NEVER, BL_POLICY_WATCH, 2000);
    for (uint64_t now = 2000; now < (UINT64_C(1) << 32) + 10000; now += BL_BLOCK_MAX_TICKS / 2)
        assert_int_equal(run(&w, (uint32_t)now), 0);
    assert_int_equal(run(&w, 1050), 0);
    teardown(&w);
}

static void a_batch_stops_at_its_slots_and_the_next_goes_on(void **state)
{
    (void)state;
    struct swept w;
    unsigned found = 0, batches = 0;
    setup_with_nodes(&w, 64 * 50, 1500, 10, 0);
    do {
        unsigned n = bl_sweep_run(w.sweep, 2000, 128, w.finding, FINDINGS, &w.done);
        assert_true(n <= 128);
        found += n;
        batches++;
    } while (!w.done);
    assert_int_equal(found, 1500);
    assert_int_equal(batches, 25);
    /* and where the findings are what is short */
    found = 0;
    do
        found += bl_sweep_run(w.sweep, 3000, UINT32_MAX, w.finding, BL_BLOCK_SLOTS, &w.done);
    while (!w.done);
    assert_int_equal(found, 1500);
    teardown(&w);
}

static void rechecks_are_stretched_when_many_blocks_are_watched(void **state)
{
    (void)state;
    const uint32_t blocks = 60000; /* at 200 000 a second: 300 ticks */
    struct bl_sweep_stats before, after;
    struct swept w;
    setup_with_nodes(&w, 64 * blocks, blocks * 8, BL_THRESHOLD_NEVER, BL_POLICY_WATCH);
    for (uint32_t now = 1000; now < 3000; now += 100)
        do
            bl_sweep_run(w.sweep, now, UINT32_MAX, w.finding, FINDINGS, &w.done);
        while (!w.done);
    bl_sweep_stats(w.sweep, &before);
    for (uint32_t now = 3000; now < 6000; now += 10)
        run(&w, now);
    bl_sweep_stats(w.sweep, &after);
    assert_true(after.blocks_watched > blocks * 99 / 100);
    uint64_t per_s = (after.blocks_seen - before.blocks_seen) / 3;
    assert_in_range(per_s, BL_RECHECK_BLOCKS_PER_S * 9 / 10, BL_RECHECK_BLOCKS_PER_S * 11 / 10);
    teardown(&w);
}

static void a_rebuild_after_growth_sees_every_node(void **state)
{
    (void)state;
    struct swept w;
    struct bl_slots *old;
    struct bl_place stale;
    setup_with_nodes(&w, 300, 200, 500, 0);
    run(&w, 1000);
    assert_true(bl_table_find(&w.table, key_of(7), &stale));
    bl_table_grow_begin(&w.table, bl_slots_new(1000));
    while ((old = bl_table_grow_step(&w.table, 0, 8)) == NULL)
        ;
    assert_int_equal(bl_sweep_rebuild(w.sweep), 0);
    bl_sweep_lower(w.sweep, &stale, 1400); /* of the old generation: ignored */
    bl_slots_free(old);
    assert_int_equal(run(&w, 1500), 0);
    assert_int_equal(run(&w, 1501), 200);
    teardown(&w);
}

/* ---- against brute force ------------------------------------------------ */

#define MODEL_MAX   2000u
#define MODEL_STEP  30u /* ticks between two rounds, jumps apart */
#define MODEL_NEVER UINT64_MAX

struct watched {
    uint64_t last_beat, told, told_at; /* told: the last beat of the last finding */
    uint64_t news_at;                  /* since when a beat has been news, while watched */
    uint32_t threshold;
    bool in, watch, fresh; /* fresh: watched, but not looked at since */
    bool told_expired;     /* and its policy is as it was then */
};

struct world {
    struct swept w;
    struct test_random random;
    uint64_t now; /* does not wrap */
    unsigned nodes;
    struct watched node[MODEL_MAX];
};

static bool is_expired(const struct world *o, const struct watched *n)
{
    return n->in && n->threshold != BL_THRESHOLD_NEVER && o->now > n->last_beat + n->threshold;
}

BL_ON_CONTROL static void write_policy(struct world *o, uint32_t i, bool by_finding)
{
    static const uint32_t thresholds[] = {10, 100, 450, 3000, 100000, BL_TIMEOUT_MAX_MS, BL_THRESHOLD_NEVER};
    struct watched *n = &o->node[i];
    n->threshold = thresholds[test_random_below(&o->random, 7)];
    bool watch = test_random_below(&o->random, 3) == 0;
    n->fresh = watch && !by_finding && (n->fresh || !n->watch);
    if (watch && !n->watch)
        n->news_at = n->last_beat == n->told ? MODEL_NEVER : o->now;
    n->watch = watch;
    n->told_expired = false;
    set_policy(&o->w, i, n->threshold, watch ? BL_POLICY_WATCH : 0, (uint32_t)o->now);
}

static void random_beat(struct world *o, uint32_t i) BL_ON_WORKER BL_ON_CONTROL;
static void random_beat(struct world *o, uint32_t i)
{
    struct watched *n = &o->node[i];
    uint32_t age = test_random_below(&o->random, 5) == 0 ? test_random_below(&o->random, 2000) : 0;
    beat(&o->w, i, (uint32_t)o->now, age);
    if (!n->in) {
        /* `told` stays: back in its slot with the very beat that was told
         * before the deletion, it is no news. */
        *n = (struct watched){.in = true, .last_beat = o->now - age, .told = n->told, .news_at = MODEL_NEVER};
        write_policy(o, i, false);
        return;
    }
    if (o->now - age <= n->last_beat)
        return;
    n->last_beat = o->now - age;
    if (n->last_beat == n->told) /* a late beat that was told before a deletion */
        n->news_at = MODEL_NEVER;
    else if (n->watch && n->news_at == MODEL_NEVER)
        n->news_at = o->now;
}

static void random_delete(struct world *o, uint32_t i) BL_ON_WORKER BL_ON_CONTROL;
static void random_delete(struct world *o, uint32_t i)
{
    if (!o->node[i].in)
        return;
    set_policy(&o->w, i, BL_THRESHOLD_NEVER, 0, (uint32_t)o->now);
    assert_true(bl_table_delete(&o->w.table, key_of(i)));
    o->node[i].in = false;
}

BL_ON_CONTROL static void check_finding(struct world *o, const struct bl_finding *f)
{
    struct watched *n = &o->node[f->node];
    assert_true(f->node < o->nodes && n->in && f->key == key_of(f->node));
    assert_true(f->last_beat == (uint32_t)n->last_beat);
    assert_true(f->age_ticks == o->now - n->last_beat);
    if (f->why == BL_FINDING_EXPIRED) {
        assert_true(is_expired(o, n));
        n->told_expired = true;
    } else {
        assert_true(n->watch && (n->fresh || n->last_beat != n->told));
    }
    n->told = n->last_beat;
    n->told_at = o->now;
    n->news_at = MODEL_NEVER;
    n->fresh = false;
    if (test_random_below(&o->random, 4) != 0)
        write_policy(o, f->node, true);
}

BL_ON_CONTROL static void one_round(struct world *o)
{
    struct bl_finding found[FINDINGS];
    bool done = false;
    while (!done) {
        uint32_t max_slots = 1 + test_random_below(&o->random, 500);
        unsigned n = bl_sweep_run(o->w.sweep, (uint32_t)o->now, max_slots, found, FINDINGS, &done);
        for (unsigned i = 0; i < n; i++)
            check_finding(o, &found[i]);
    }
}

/* What must have been reported by now. A policy that was written in
 * answer to a finding is judged in the next round. */
static void nothing_was_missed(const struct world *o, uint64_t last_round)
{
    for (uint32_t i = 0; i < o->nodes; i++) {
        const struct watched *n = &o->node[i];
        bool answered = n->told_at == o->now;
        if (!n->in || answered)
            continue;
        /* told and not answered: again after the recheck */
        assert_true(!is_expired(o, n) || (n->told_expired && o->now < n->told_at + BL_RECHECK_TICKS));
        if (n->watch && n->news_at != MODEL_NEVER && n->last_beat != n->told)
            assert_true(o->now - n->news_at < BL_RECHECK_TICKS + (o->now - last_round));
    }
}

static void grow(struct world *o) BL_ON_WORKER BL_ON_CONTROL;
static void grow(struct world *o)
{
    struct bl_slots *old;
    bl_table_grow_begin(&o->w.table, bl_slots_new(o->nodes + test_random_below(&o->random, o->nodes) + 40));
    while ((old = bl_table_grow_step(&o->w.table, 0, 100)) == NULL)
        ;
    assert_int_equal(bl_sweep_rebuild(o->w.sweep), 0);
    bl_slots_free(old);
    for (uint32_t i = 0; i < o->nodes; i++)
        o->node[i].fresh = o->node[i].watch;
}

static void advance(struct world *o)
{
    o->now += 1 + test_random_below(&o->random, MODEL_STEP);
    if (test_random_below(&o->random, 60) == 0)
        o->now += test_random_below(&o->random, 2 * BL_BLOCK_MAX_TICKS);
}

static void live_a_while(struct world *o, uint64_t seed) BL_ON_WORKER BL_ON_CONTROL;
static void live_a_while(struct world *o, uint64_t seed)
{
    memset(o, 0, sizeof(*o));
    o->random.state = seed;
    o->nodes = 1 + test_random_below(&o->random, MODEL_MAX);
    /* the tick wraps on the way */
    o->now = (UINT64_C(1) << 32) - test_random_below(&o->random, 4 * BL_BLOCK_MAX_TICKS);
    setup(&o->w, o->nodes * 5 / 4 + 4);
    for (unsigned round = 0; round < 600; round++) {
        uint64_t last_round = o->now;
        advance(o);
        for (unsigned i = 0; i < o->nodes / 20 + 1; i++)
            random_beat(o, test_random_below(&o->random, o->nodes));
        uint32_t i = test_random_below(&o->random, o->nodes);
        if (o->node[i].in && test_random_below(&o->random, 2))
            write_policy(o, i, false);
        random_delete(o, test_random_below(&o->random, o->nodes));
        if (test_random_below(&o->random, 150) == 0)
            grow(o);
        one_round(o);
        nothing_was_missed(o, last_round);
    }
    teardown(&o->w);
}

static void all_news_is_reported_in_time_and_nothing_else(void **state)
{
    (void)state;
    bl_role_assume_worker();
    bl_role_assume_control();
    static struct world o;
    struct test_random r = {test_random_seed(__func__)};
    for (unsigned round = 0; round < 30; round++)
        live_a_while(&o, test_random_u64(&r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_expires_when_it_is_older_than_its_threshold),
        cmocka_unit_test(a_finding_that_nobody_acts_on_is_reported_again_after_the_recheck),
        cmocka_unit_test(a_block_that_cannot_expire_yet_is_skipped),
        cmocka_unit_test(a_fleet_that_began_at_once_is_looked_at_evenly),
        cmocka_unit_test(a_lowered_block_is_looked_at_by_that_tick),
        cmocka_unit_test(a_relays_old_beat_brings_a_watched_node_back),
        cmocka_unit_test(a_beat_so_old_that_ticks_have_wrapped_is_no_return),
        cmocka_unit_test(a_batch_stops_at_its_slots_and_the_next_goes_on),
        cmocka_unit_test(rechecks_are_stretched_when_many_blocks_are_watched),
        cmocka_unit_test(a_rebuild_after_growth_sees_every_node),
        cmocka_unit_test(all_news_is_reported_in_time_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
