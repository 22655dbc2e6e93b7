/* SPDX-License-Identifier: Apache-2.0 */
/* Deletions that workers do some time after control has asked for them:
 * until then a record counts for nobody, and none of them is lost. */
#include <errno.h>

#include "tests/unit/fleet_world.h"

#define TIMEOUT_1S ((struct bl_policy){.timeout_ms = 1000})

static bool is_in(const struct world *w, unsigned table, const char *name)
{
    struct bl_place place;
    uint64_t key = bl_key_of_name(&w->secret, name, (unsigned)strlen(name));
    return bl_table_find(&w->table[table], key, &place);
}

static void take_out(struct world *w, const char *name)
{
    bl_role_assume_control();
    assert_int_equal(bl_fleet_remove(w->fleet, node_of(w, name)), 0);
}

/* As PUT does it. */
static void make(struct world *w, const char *name)
{
    bl_role_assume_control();
    struct bl_node_ref who = ref(name);
    who.asked = true;
    struct bl_policy_patch patch = {.set = BL_SET_TIMEOUT, .policy = TIMEOUT_1S};
    assert_int_equal(bl_fleet_set(w->fleet, &who, &patch, unix_ms(w)), 0);
}

/* "a" has beaten `silent_ms` ago, was removed and made again; its record
 * still waits for its deletion. */
static void setup_made_anew(struct world *w, unsigned silent_ms)
{
    setup(w, TIMEOUT_1S);
    beat(w, 0, "a");
    pass(w, silent_ms);
    w->orders_wait = true;
    take_out(w, "a");
    make(w, "a");
    assert_true(is_in(w, 0, "a"));
    w->transitions = w->failures = 0;
}

static void expect_new_until_it_beats(struct world *w)
{
    assert_int_equal(state_of(w, "a"), BL_STATE_NEW);
    pass(w, 5000);
    worker_do_commands(w);
    assert_false(is_in(w, 0, "a"));
    w->orders_wait = false;
    pass(w, 5000);
    assert_int_equal(state_of(w, "a"), BL_STATE_NEW);
    assert_int_equal(w->transitions, 0);
    assert_int_equal(beat(w, 0, "a"), 0);
    assert_int_equal(state_of(w, "a"), BL_STATE_OK);
    pass(w, 1010);
    assert_int_equal(state_of(w, "a"), BL_STATE_FAILED);
    assert_int_equal(w->transitions, 2);
}

static void a_node_made_anew_is_not_ok_by_its_old_record(void **state)
{
    (void)state;
    struct world w;
    setup_made_anew(&w, 100);
    expect_new_until_it_beats(&w);
    teardown(&w);
}

static void a_node_made_anew_does_not_fail_by_its_old_record(void **state)
{
    (void)state;
    struct world w;
    setup_made_anew(&w, 20000);
    expect_new_until_it_beats(&w);
    teardown(&w);
}

static void readers_do_not_see_a_record_that_goes(void **state)
{
    (void)state;
    struct world w;
    struct bl_latest_beat seen;
    struct bl_node_past past;
    setup_made_anew(&w, 100);
    const struct bl_node *n = bl_registry_get(bl_fleet_registry(w.fleet), node_of(&w, "a"));
    assert_false(bl_fleet_latest_beat(w.fleet, n, w.now_ns, &seen));
    assert_true(bl_fleet_past_of(w.fleet, node_of(&w, "a"), w.now_ns, unix_ms(&w), &past));
    assert_int_equal(past.last_beat_unix_ms, 0);
    teardown(&w);
}

/* It is alive: what it beats into the record that goes is lost. */
static void the_first_beat_after_the_deletion_makes_it_ok(void **state)
{
    (void)state;
    struct world w;
    setup_made_anew(&w, 100);
    assert_int_equal(beat(&w, 0, "a"), 0);
    pass(&w, 500);
    assert_int_equal(state_of(&w, "a"), BL_STATE_NEW);
    worker_do_commands(&w);
    assert_int_equal(beat(&w, 0, "a"), 0); /* control has not looked since */
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    pass(&w, 1010);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    teardown(&w);
}

static void a_report_from_before_a_deletion_counts_for_nothing(void **state)
{
    (void)state;
    for (int done = 0; done < 2; done++) {
        struct world w;
        setup(&w, TIMEOUT_1S);
        beat(&w, 0, "a");
        assert_true(take_beat(&w, 1, "a")); /* its report is under way */
        take_out(&w, "a");
        make(&w, "a");
        if (done)
            worker_do_commands(&w);
        assert_int_equal(report(&w, 1, "a"), -ESTALE);
        worker_do_commands(&w);
        pass(&w, 5000);
        assert_int_equal(state_of(&w, "a"), BL_STATE_NEW);
        assert_int_equal(w.transitions, 0);
        assert_int_equal(beat(&w, 1, "a"), 0);
        assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
        pass(&w, 1010);
        assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
        teardown(&w);
    }
}

static void a_report_from_before_a_removal_makes_no_node(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    beat(&w, 0, "a");
    assert_true(take_beat(&w, 1, "a"));
    take_out(&w, "a");
    assert_int_equal(report(&w, 1, "a"), -ESTALE);
    assert_int_equal(node_of(&w, "a"), BL_NODE_NONE);
    teardown(&w);
}

static void a_refused_node_that_is_then_made_by_its_setting_is_new(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    bl_role_assume_control();
    struct bl_fleet_config c = {.max_nodes = 1000, .create_per_s = 1};
    bl_fleet_configure(w.fleet, &c);
    w.orders_wait = true;
    assert_int_equal(beat(&w, 0, "first"), 0);
    assert_int_equal(beat(&w, 0, "a"), -EAGAIN);
    make(&w, "a");
    w.transitions = 0;
    expect_new_until_it_beats(&w);
    teardown(&w);
}

/* Removed and made over and over while the worker does nothing. */
static void only_the_last_life_of_a_node_counts(void **state)
{
    (void)state;
    struct world w;
    setup_made_anew(&w, 100);
    for (int i = 0; i < 100; i++) {
        take_out(&w, "a");
        make(&w, "a");
        pass(&w, 10);
    }
    assert_int_equal(w.retired, 1);
    expect_new_until_it_beats(&w);
    for (int i = 0; i < 100; i++) {
        take_out(&w, "a");
        worker_do_commands(&w);
        assert_int_equal(beat(&w, 0, "a"), 0);
        assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    }
    teardown(&w);
}

static void deletions_that_meet_a_full_ring_are_all_done_in_order(void **state)
{
    (void)state;
    struct world w;
    char name[16];
    setup(&w, TIMEOUT_1S);
    for (unsigned i = 0; i < 150; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        assert_int_equal(beat(&w, 0, name), 0);
    }
    w.ring_full = true;
    for (unsigned i = 0; i < 150; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        take_out(&w, name);
        make(&w, name);
        pass(&w, 10);
        if (i % 50 == 49) { /* some go through in between */
            w.ring_full = false;
            pass(&w, 10);
            w.ring_full = true;
        }
    }
    w.ring_full = false;
    pass(&w, 20);
    assert_int_equal(w.retired, 150);
    assert_int_equal(bl_fleet_stats_of(w.fleet)->retire_waits, 150);
    for (unsigned i = 0; i < 150; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        assert_false(is_in(&w, 0, name));
        assert_int_equal(state_of(&w, name), BL_STATE_NEW);
        assert_int_equal(beat(&w, 0, name), 0);
        assert_int_equal(state_of(&w, name), BL_STATE_OK);
    }
    assert_int_equal(bl_table_used(&w.table[0]), 150);
    teardown(&w);
}

/* It is stale in one table while it goes in the other: the record that
 * stays is the one that it is judged by. */
static void no_record_is_retired_in_favour_of_one_that_goes(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    beat(&w, 0, "a");
    pass(&w, 600);
    beat(&w, 1, "a");
    w.orders_wait = true;
    pass(&w, 500); /* the record in table 0 is stale and asked to go */
    assert_int_equal(w.retired, 1);
    assert_int_equal(beat(&w, 0, "a"), 0); /* into that */
    pass(&w, 600);
    assert_int_equal(w.retired, 1);
    worker_do_commands(&w);
    assert_true(is_in(&w, 1, "a"));
    assert_int_equal(beat(&w, 0, "a"), 0);
    pass(&w, 500);
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    teardown(&w);
}

/* ---- ok, but in no table ------------------------------------------------ */

/* What no order of control's does. */
static void lose_record(struct world *w, const char *name)
{
    bl_role_assume_worker();
    assert_true(bl_table_delete(&w->table[0], bl_key_of_name(&w->secret, name, (unsigned)strlen(name))));
}

static void who_is_in_no_table_fails_when_it_stays_silent(void **state)
{
    (void)state;
    struct world w;
    setup(&w, (struct bl_policy){.timeout_ms = 1000, .retries = 1});
    beat(&w, 0, "a");
    beat(&w, 0, "b");
    pass(&w, 500);
    lose_record(&w, "a");
    pass(&w, 500);
    beat(&w, 0, "b");
    pass(&w, 500); /* it has all its time from when it was found */
    assert_int_equal(w.transitions, 0);
    assert_int_equal(bl_fleet_stats_of(w.fleet)->in_no_table, 1);
    beat(&w, 0, "b");
    pass(&w, 20);
    assert_int_equal(state_of(&w, "a"), BL_STATE_WARNING);
    pass(&w, 970);
    beat(&w, 0, "b");
    pass(&w, 50);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    assert_string_equal(w.last.reason, "timeout");
    assert_int_equal(w.transitions, 2);
    assert_int_equal(bl_fleet_stats_of(w.fleet)->in_no_table, 1);
    beat(&w, 0, "a");
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    pass(&w, 2010);
    assert_int_equal(w.last.incident, 2);
    teardown(&w);
}

static void who_is_in_no_table_and_beats_is_ok(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    beat(&w, 0, "a");
    for (unsigned i = 0; i < 5; i++) {
        pass(&w, 900);
        lose_record(&w, "a");
        pass(&w, 900);
        assert_int_equal(beat(&w, 0, "a"), 0);
    }
    assert_int_equal(bl_fleet_stats_of(w.fleet)->in_no_table, 5);
    assert_int_equal(w.transitions, 0);
    pass(&w, 1010);
    assert_int_equal(w.failures, 1);
    teardown(&w);
}

static void who_is_in_no_table_waits_while_its_clock_stands_still(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    beat(&w, 0, "a");
    lose_record(&w, "a");
    pass(&w, 500);
    w.silent[0] = true;
    pass(&w, 60000);
    assert_int_equal(w.transitions, 0);
    w.silent[0] = false;
    pass(&w, 1000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    teardown(&w);
}

static void who_is_in_no_table_without_a_rhythm_is_unknown(void **state)
{
    (void)state;
    struct world w;
    setup(&w, (struct bl_policy){.detector = BL_DETECTOR_AUTO});
    beat(&w, 0, "learns");
    beat(&w, 0, "never");
    set(&w, "never", BL_SET_DETECTOR, (struct bl_policy){.detector = BL_DETECTOR_FIXED});
    pass(&w, 100);
    lose_record(&w, "learns");
    lose_record(&w, "never");
    pass(&w, 599000);
    assert_int_equal(w.transitions, 0);
    pass(&w, 2000);
    assert_int_equal(state_of(&w, "learns"), BL_STATE_UNKNOWN);
    assert_int_equal(state_of(&w, "never"), BL_STATE_OK);
    beat(&w, 0, "learns");
    assert_int_equal(state_of(&w, "learns"), BL_STATE_OK);
    teardown(&w);
}

static void a_restored_node_without_a_place_is_watched(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    bl_role_assume_control();
    struct bl_node_past past = {.name = "a", .name_len = 1, .state = BL_STATE_OK, .table = 9};
    assert_int_equal(bl_fleet_restore(w.fleet, &past), 0);
    pass(&w, 1000);
    assert_int_equal(w.transitions, 0);
    pass(&w, 50);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    teardown(&w);
}

/* More than one round's worth, all silent, one lost. */
static void the_walk_comes_to_all_nodes(void **state)
{
    (void)state;
    struct world w;
    char name[16];
    setup(&w, TIMEOUT_1S);
    for (unsigned i = 0; i < 150; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        assert_int_equal(beat(&w, 0, name), 0);
        lose_record(&w, name);
    }
    pass(&w, 150);
    assert_int_equal(bl_fleet_stats_of(w.fleet)->in_no_table, 150);
    pass(&w, 1200);
    assert_int_equal(w.failures, 150);
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_made_anew_is_not_ok_by_its_old_record),
        cmocka_unit_test(a_node_made_anew_does_not_fail_by_its_old_record),
        cmocka_unit_test(readers_do_not_see_a_record_that_goes),
        cmocka_unit_test(the_first_beat_after_the_deletion_makes_it_ok),
        cmocka_unit_test(a_report_from_before_a_deletion_counts_for_nothing),
        cmocka_unit_test(a_report_from_before_a_removal_makes_no_node),
        cmocka_unit_test(a_refused_node_that_is_then_made_by_its_setting_is_new),
        cmocka_unit_test(only_the_last_life_of_a_node_counts),
        cmocka_unit_test(deletions_that_meet_a_full_ring_are_all_done_in_order),
        cmocka_unit_test(no_record_is_retired_in_favour_of_one_that_goes),
        cmocka_unit_test(who_is_in_no_table_fails_when_it_stays_silent),
        cmocka_unit_test(who_is_in_no_table_and_beats_is_ok),
        cmocka_unit_test(who_is_in_no_table_waits_while_its_clock_stands_still),
        cmocka_unit_test(who_is_in_no_table_without_a_rhythm_is_unknown),
        cmocka_unit_test(a_restored_node_without_a_place_is_watched),
        cmocka_unit_test(the_walk_comes_to_all_nodes),
    };
    bl_rcu_thread_register();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bl_rcu_thread_unregister();
    return failed;
}
