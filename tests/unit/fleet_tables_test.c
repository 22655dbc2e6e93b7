/* SPDX-License-Identifier: Apache-2.0 */
/* Which tables hold a node: verdicts look into those only, and miss none
 * of its beats. */
#define WORLD_TABLES 70u
#include "tests/unit/fleet_world.h"

#define TIMEOUT_3S ((struct bl_policy){.timeout_ms = 3000})

static unsigned tables_with(const struct world *w, const char *name)
{
    uint64_t key = bl_key_of_name(&w->secret, name, (unsigned)strlen(name));
    struct bl_place place;
    unsigned count = 0;

    for (unsigned i = 0; i < WORLD_TABLES; i++)
        count += bl_table_find(&w->table[i], key, &place);
    return count;
}

/* Beats every 500 ms for `ms` in one table. */
static void beat_on(struct world *w, unsigned table, unsigned ms)
{
    for (unsigned t = 0; t < ms; t += 500) {
        assert_int_equal(beat(w, table, "a"), 0);
        pass(w, 500);
    }
}

/* "a" has beaten for the last time 500 ms ago. */
static void expect_death_on_time(struct world *w)
{
    assert_int_equal(w->transitions, 0);
    pass(w, 2500);
    assert_int_equal(w->transitions, 0);
    pass(w, 20);
    assert_int_equal(w->failures, 1);
    assert_int_equal(state_of(w, "a"), BL_STATE_FAILED);
    pass(w, 5000);
    assert_int_equal(w->transitions, 1);
}

static void a_node_that_beats_in_every_table_in_turn_stays_ok(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_3S);
    for (unsigned i = 0; i < 3 * WORLD_TABLES; i++)
        beat_on(&w, i * 11 % WORLD_TABLES, 500);
    assert_true(tables_with(&w, "a") > BL_NODE_TABLES);
    expect_death_on_time(&w);
    teardown(&w);
}

/* From many tables, which it leaves, back to one and another. */
static void a_node_that_was_in_many_tables_is_watched_in_the_last(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_3S);
    for (unsigned i = 0; i < 6; i++)
        beat_on(&w, 60 + i, 500);
    beat_on(&w, 69, 10000);
    assert_int_equal(tables_with(&w, "a"), 1);
    beat_on(&w, 3, 2000);
    expect_death_on_time(&w);
    teardown(&w);
}

static void a_record_that_was_retired_and_comes_back_counts(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_3S);
    for (unsigned i = 0; i < 6; i++) {
        beat_on(&w, i % 2 ? 68 : 1, 5000);
        assert_int_equal(tables_with(&w, "a"), 1);
    }
    assert_int_equal(w.retired, 5);
    expect_death_on_time(&w);
    teardown(&w);
}

/* Its reports met a full ring: control knows the old table only. */
static void a_beat_that_control_was_not_told_of_counts(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_3S);
    beat_on(&w, 0, 2000);
    w.reports_full = true;
    beat_on(&w, 65, 20000);
    assert_int_equal(w.transitions, 0);
    w.reports_full = false;
    beat_on(&w, 65, 5000);
    assert_int_equal(tables_with(&w, "a"), 1);
    expect_death_on_time(&w);
    teardown(&w);
}

/* One beat there, and its report never comes. */
static void the_last_beat_counts_though_control_was_never_told(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_3S);
    beat_on(&w, 0, 2000);
    w.reports_full = true;
    beat_on(&w, 65, 500);
    expect_death_on_time(&w);
    teardown(&w);
}

/* Between a beat and its report the worker hangs. */
static void what_a_hung_worker_did_not_tell_counts(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_3S);
    bl_role_assume_worker();
    beat_on(&w, 0, 2000);
    struct bl_beat b = {.key = bl_key_of_name(&w.secret, "a", 1),
                        .stamp = bl_ingest_clock_tick(&w.clock[7], w.now_ns)};
    uint32_t slot;
    assert_int_equal(bl_table_insert(&w.table[7], &b, (uint32_t)b.stamp, &slot), BL_INSERT_NEW);
    w.silent[7] = true;
    pass(&w, 10000);
    assert_int_equal(w.transitions, 0); /* nobody knows whether it beats there */
    teardown(&w);
}

static void a_restored_node_is_watched_where_it_beats(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_3S);
    bl_role_assume_control();
    struct bl_node_past past = {
        .name = "a", .name_len = 1, .state = BL_STATE_OK, .table = 67, .last_beat_unix_ms = unix_ms(&w)};
    assert_int_equal(bl_fleet_restore(w.fleet, &past), 0);
    assert_int_equal(bl_fleet_take_places(w.fleet), 0);
    beat_on(&w, 67, 5000);
    beat_on(&w, 2, 5000);
    assert_int_equal(tables_with(&w, "a"), 1);
    expect_death_on_time(&w);
    teardown(&w);
}

static void a_setting_reaches_every_table_that_holds_the_node(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_3S);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(beat(&w, 64 + i, "a"), 0);
    set(&w, "a", BL_SET_ERR, (struct bl_policy){.err_ms = 700});
    for (unsigned i = 0; i < 3; i++) {
        struct bl_place place;
        assert_true(bl_table_find(&w.table[64 + i], bl_key_of_name(&w.secret, "a", 1), &place));
        assert_int_equal(bl_slots_policy(place.slots, place.slot).threshold_ticks, 700);
    }
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_that_beats_in_every_table_in_turn_stays_ok),
        cmocka_unit_test(a_node_that_was_in_many_tables_is_watched_in_the_last),
        cmocka_unit_test(a_record_that_was_retired_and_comes_back_counts),
        cmocka_unit_test(a_beat_that_control_was_not_told_of_counts),
        cmocka_unit_test(the_last_beat_counts_though_control_was_never_told),
        cmocka_unit_test(what_a_hung_worker_did_not_tell_counts),
        cmocka_unit_test(a_restored_node_is_watched_where_it_beats),
        cmocka_unit_test(a_setting_reaches_every_table_that_holds_the_node),
    };
    bl_rcu_thread_register();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bl_rcu_thread_unregister();
    return failed;
}
