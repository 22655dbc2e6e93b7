/* SPDX-License-Identifier: Apache-2.0 */
/* Slots of one beat whose report met a full ring: none stays for ever, and
 * none goes whose node may still be told of. */
#include <errno.h>

#include "engine/table/table_line.h"
#include "tests/unit/fleet_world.h"

#define TIMEOUT_1S ((struct bl_policy){.timeout_ms = 1000})

static uint64_t key_of(const struct world *w, const char *name)
{
    return bl_key_of_name(&w->secret, name, (unsigned)strlen(name));
}

static bool is_in(const struct world *w, unsigned table, const char *name)
{
    struct bl_place place;
    return bl_table_find(&w->table[table], key_of(w, name), &place);
}

static void attend_report(struct world *w, unsigned table, const char *name, bool on)
{
    uint32_t slot;
    bl_role_assume_worker();
    assert_true(bl_table_own(&w->table[table], key_of(w, name), &slot));
    bl_table_set_flag(&w->table[table], slot, BL_SLOT_UNREPORTED, on);
}

/* A beat of an unknown node; the ring is full. */
static void beat_unreported(struct world *w, unsigned table, const char *name)
{
    assert_true(take_beat(w, table, name));
    attend_report(w, table, name, true);
}

static void many_unreported(struct world *w, unsigned from, unsigned n)
{
    char name[16];
    for (unsigned i = from; i < from + n; i++) {
        snprintf(name, sizeof(name), "spoofed%u", i);
        beat_unreported(w, 0, name);
    }
}

static uint64_t retired_nodeless(const struct world *w)
{
    return bl_fleet_stats_of(w->fleet)->retired_nodeless;
}

static void a_slot_without_a_node_is_retired_after_a_minute(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    beat(&w, 0, "real");
    beat_unreported(&w, 0, "spoofed");
    assert_int_equal(bl_table_unreported(&w.table[0]), 1);
    pass(&w, BL_NODELESS_TICKS);
    assert_true(is_in(&w, 0, "spoofed"));
    assert_int_equal(w.retired, 0);
    pass(&w, BL_NODELESS_TICKS / 2);
    assert_false(is_in(&w, 0, "spoofed"));
    assert_true(is_in(&w, 0, "real"));
    assert_int_equal(retired_nodeless(&w), 1);
    assert_int_equal(bl_table_unreported(&w.table[0]), 0);
    assert_int_equal(bl_table_used(&w.table[0]), 1);
    pass(&w, 2 * BL_NODELESS_TICKS);
    assert_int_equal(w.retired, 1);
    teardown(&w);
}

static void who_beats_on_is_told_of_and_stays(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    beat_unreported(&w, 0, "a");
    beat_unreported(&w, 1, "b");
    for (unsigned i = 0; i < 9; i++) { /* and the ring stays full */
        pass(&w, BL_NODELESS_TICKS / 2);
        take_beat(&w, 0, "a");
    }
    assert_true(is_in(&w, 0, "a"));
    assert_false(is_in(&w, 1, "b"));
    attend_report(&w, 0, "a", false);
    assert_int_equal(report(&w, 0, "a"), 0);
    pass(&w, 2 * BL_NODELESS_TICKS);
    assert_true(is_in(&w, 0, "a"));
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    assert_int_equal(retired_nodeless(&w), 1);
    teardown(&w);
}

/* The node beats just when its slot is about to be deleted. */
static void a_beat_during_the_deletion_is_taken_in_anew(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    beat_unreported(&w, 0, "a");
    w.orders_wait = true;
    pass(&w, 2 * BL_NODELESS_TICKS);
    assert_int_equal(w.orders, 1);
    take_beat(&w, 0, "a");
    assert_int_equal(report(&w, 0, "a"), -ESTALE);
    w.orders_wait = false;
    pass(&w, 10);
    assert_false(is_in(&w, 0, "a"));
    assert_int_equal(beat(&w, 0, "a"), 0);
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    teardown(&w);
}

static void a_clock_that_stands_still_retires_nobody(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    beat_unreported(&w, 0, "a");
    w.silent[0] = true;
    pass(&w, 3 * BL_NODELESS_TICKS);
    assert_true(is_in(&w, 0, "a"));
    teardown(&w);
}

/* Growth moved it before its policy word was written: it is no spoofed one. */
static void a_known_node_without_a_policy_word_gets_it_again(void **state)
{
    (void)state;
    struct world w;
    struct bl_place place;
    bl_role_assume_control();
    setup(&w, (struct bl_policy){.timeout_ms = 600000});
    beat(&w, 0, "a");
    beat_unreported(&w, 0, "b");
    assert_true(bl_table_find(&w.table[0], key_of(&w, "a"), &place));
    bl_slots_set_policy(place.slots, place.slot,
                        (struct bl_slot_policy){.threshold_ticks = BL_THRESHOLD_NEVER, .node = BL_NODE_NONE});
    pass(&w, 2 * BL_NODELESS_TICKS);
    assert_int_equal(w.retired, 1);
    assert_int_equal(bl_slots_policy(place.slots, place.slot).node, node_of(&w, "a"));
    assert_int_equal(bl_slots_policy(place.slots, place.slot).threshold_ticks, 600000);
    teardown(&w);
}

/* No more than a worker takes in a poll, and none while some wait. */
static void deletions_are_ordered_a_few_at_a_time(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    many_unreported(&w, 0, 220);
    w.ring_full = true;
    pass(&w, 2 * BL_NODELESS_TICKS);
    assert_int_equal(bl_fleet_stats_of(w.fleet)->retire_waits, 1);
    w.ring_full = false;
    w.orders_wait = true;
    unsigned before = w.retired;
    for (unsigned i = 0; i < 10; i++) {
        pass(&w, 10);
        assert_in_range(w.retired - before, 0, 64 + 1);
        before = w.retired;
    }
    w.orders_wait = false;
    pass(&w, 30000);
    assert_int_equal(w.retired, 220);
    assert_int_equal(retired_nodeless(&w), 220);
    assert_int_equal(bl_table_used(&w.table[0]), 0);
    teardown(&w);
}

static void growth_drops_slots_without_a_node(void **state)
{
    (void)state;
    struct world w;
    bl_role_assume_control();
    bl_role_assume_worker();
    setup(&w, TIMEOUT_1S);
    beat(&w, 0, "real");
    many_unreported(&w, 0, 100);
    w.ring_full = true; /* the walk retires none */
    pass(&w, BL_NODELESS_TICKS + 10);
    beat_unreported(&w, 0, "young");
    bl_fleet_grow_begun(w.fleet, 0);
    bl_table_grow_begin(&w.table[0], bl_slots_new(1024));
    uint32_t now = bl_ingest_clock_tick(&w.clock[0], w.now_ns);
    struct bl_slots *old = NULL;
    while (old == NULL)
        old = bl_table_grow_step(&w.table[0], now, 8);
    bl_fleet_grow_done(w.fleet, 0);
    bl_slots_free(old);
    assert_int_equal(bl_table_used(&w.table[0]), 2);
    assert_int_equal(bl_table_unreported(&w.table[0]), 1);
    assert_true(is_in(&w, 0, "real") && is_in(&w, 0, "young"));
    assert_in_range(retired_nodeless(&w), 100, 101);
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slot_without_a_node_is_retired_after_a_minute),
        cmocka_unit_test(who_beats_on_is_told_of_and_stays),
        cmocka_unit_test(a_beat_during_the_deletion_is_taken_in_anew),
        cmocka_unit_test(a_clock_that_stands_still_retires_nobody),
        cmocka_unit_test(a_known_node_without_a_policy_word_gets_it_again),
        cmocka_unit_test(deletions_are_ordered_a_few_at_a_time),
        cmocka_unit_test(growth_drops_slots_without_a_node),
    };
    bl_rcu_thread_register();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bl_rcu_thread_unregister();
    return failed;
}
