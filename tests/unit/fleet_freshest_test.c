/* SPDX-License-Identifier: Apache-2.0 */
/* One node in two tables, one of whose clocks stands still: which record
 * is the fresher, who is judged on it and which is retired. */
#include "tests/unit/fleet_world.h"

#define TIMEOUT_3S ((struct bl_policy){.timeout_ms = 3000})
#define A          0u
#define B          1u

static void hold_link(struct world *w, unsigned table, bool down)
{
    bl_role_assume_control();
    bl_ingest_clock_hold(&w->clock[table], BL_FREEZE_LINK_DOWN, down);
}

/* Beats every 500 ms for `ms`, the last time at the end. */
static void beat_on(struct world *w, unsigned table, const char *name, unsigned ms)
{
    for (unsigned t = 0; t < ms; t += 500) {
        pass(w, 500);
        assert_int_equal(beat(w, table, name), 0);
    }
}

static bool is_in(const struct world *w, unsigned table, const char *name)
{
    struct bl_place place;
    uint64_t key = bl_key_of_name(&w->secret, name, (unsigned)strlen(name));
    return bl_table_find(&w->table[table], key, &place);
}

/* "a" beats in B, 0.6 s later B's clock stops, and it goes on over A. */
static void setup_moved_from_b(struct world *w, bool link)
{
    setup(w, TIMEOUT_3S);
    beat(w, B, "a");
    pass(w, 600);
    if (link)
        hold_link(w, B, true);
    else
        w->silent[B] = true;
    beat_on(w, A, "a", 20000);
    assert_int_equal(w->transitions, 0);
}

static void expect_death_on_a_s_time(struct world *w)
{
    pass(w, 2990);
    assert_int_equal(state_of(w, "a"), BL_STATE_OK);
    pass(w, 30);
    assert_int_equal(state_of(w, "a"), BL_STATE_FAILED);
    pass(w, 20000);
    assert_int_equal(w->transitions, 1);
    assert_true(is_in(w, A, "a"));
}

static void a_table_whose_link_is_down_hides_no_death(void **state)
{
    (void)state;
    struct world w;
    setup_moved_from_b(&w, true);
    expect_death_on_a_s_time(&w);
    teardown(&w);
}

static void a_table_whose_worker_hangs_hides_no_death(void **state)
{
    (void)state;
    struct world w;
    setup_moved_from_b(&w, false);
    expect_death_on_a_s_time(&w);
    teardown(&w);
}

static void a_table_that_runs_again_hides_no_death(void **state)
{
    (void)state;
    struct world w;
    setup_moved_from_b(&w, true);
    pass(&w, 2000);
    hold_link(&w, B, false); /* its record is 0.6 s old there, 22.6 s in truth */
    pass(&w, 990);
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    pass(&w, 30);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    pass(&w, 3000);
    assert_int_equal(w.transitions, 1);
    beat_on(&w, A, "a", 1000); /* B's record is the stale one */
    assert_true(is_in(&w, A, "a"));
    assert_false(is_in(&w, B, "a"));
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    teardown(&w);
}

static void a_table_that_stood_still_several_times_hides_no_death(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_3S);
    beat(&w, B, "a");
    for (unsigned i = 0; i < 5; i++) {
        pass(&w, 100);
        hold_link(&w, B, true);
        beat_on(&w, A, "a", 4000);
        pass(&w, 1000);
        hold_link(&w, B, false); /* its record is 0.1 to 0.5 s old there */
    }
    pass(&w, 1990);
    assert_int_equal(w.transitions, 0);
    pass(&w, 30);
    assert_int_equal(w.failures, 1);
    teardown(&w);
}

static void nobody_is_retired_for_a_beat_on_a_frozen_clock(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_3S);
    beat(&w, A, "a");
    beat_on(&w, B, "a", 2000);
    hold_link(&w, B, true); /* it may beat on, unheard */
    pass(&w, 20000);
    assert_int_equal(w.transitions, 0);
    assert_true(is_in(&w, A, "a"));
    assert_int_equal(w.retired, 0);
    hold_link(&w, B, false);
    pass(&w, 1500);
    assert_false(is_in(&w, A, "a"));
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    pass(&w, 1600);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    teardown(&w);
}

/* Both stop at once: their ages compare as before. */
static void an_own_gap_changes_no_choice(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_3S);
    beat(&w, B, "a");
    beat_on(&w, A, "a", 1000);
    w.now_ns += 20000 * MS;
    pass(&w, 2990);
    assert_int_equal(w.transitions, 0);
    assert_true(is_in(&w, A, "a"));
    pass(&w, 40);
    assert_int_equal(w.failures, 1);
    teardown(&w);
}

static void readers_and_the_saved_age_choose_alike(void **state)
{
    (void)state;
    struct world w;
    struct bl_latest_beat seen;
    struct bl_node_past past;
    setup_moved_from_b(&w, true);
    pass(&w, 1000);
    const struct bl_node *n = bl_registry_get(bl_fleet_registry(w.fleet), node_of(&w, "a"));
    assert_true(bl_fleet_latest_beat(w.fleet, n, w.now_ns, &seen));
    assert_int_equal(seen.table, A);
    assert_int_equal(seen.age_ticks, 1000);
    assert_int_equal(seen.since_ms, 1000);
    assert_true(bl_fleet_past_of(w.fleet, node_of(&w, "a"), w.now_ns, unix_ms(&w), &past));
    assert_int_equal(past.last_beat_unix_ms, unix_ms(&w) - 1000);
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_whose_link_is_down_hides_no_death),
        cmocka_unit_test(a_table_whose_worker_hangs_hides_no_death),
        cmocka_unit_test(a_table_that_runs_again_hides_no_death),
        cmocka_unit_test(a_table_that_stood_still_several_times_hides_no_death),
        cmocka_unit_test(nobody_is_retired_for_a_beat_on_a_frozen_clock),
        cmocka_unit_test(an_own_gap_changes_no_choice),
        cmocka_unit_test(readers_and_the_saved_age_choose_alike),
    };
    bl_rcu_thread_register();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bl_rcu_thread_unregister();
    return failed;
}
