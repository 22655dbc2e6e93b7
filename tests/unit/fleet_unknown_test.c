/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes of a port that stands still for longer than max_freeze. */
#include "tests/unit/fleet_world.h"

#define TIMEOUT_3S   ((struct bl_policy){.timeout_ms = 3000})
#define MAX_FREEZE_S 60u
#define A            0u
#define B            1u

static void setup_with(struct world *w, struct bl_policy defaults, uint32_t max_freeze_ms)
{
    bl_role_assume_control();
    setup(w, defaults);
    struct bl_fleet_config c = {
        .max_nodes = 1000, .defaults = defaults, .max_freeze_ms = max_freeze_ms, .memory = bl_memory_libc};
    bl_fleet_configure(w->fleet, &c);
}

static void hold_link(struct world *w, unsigned table, bool down)
{
    bl_role_assume_control();
    bl_ingest_clock_hold(&w->clock[table], BL_FREEZE_LINK_DOWN, down);
}

/* "a" beats in A, whose link goes down a second later. */
static void setup_frozen(struct world *w)
{
    setup_with(w, TIMEOUT_3S, MAX_FREEZE_S * 1000);
    beat(w, A, "a");
    pass(w, 1000);
    hold_link(w, A, true);
}

static void the_silent_are_unknown_after_max_freeze_and_not_before(void **state)
{
    (void)state;
    struct world w;
    setup_frozen(&w);
    pass(&w, MAX_FREEZE_S * 1000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    pass(&w, 6000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_UNKNOWN);
    assert_int_equal(w.transitions, 1);
    assert_string_equal(w.last.reason, "ingest frozen");
    assert_int_equal(w.last.incident, 1);
    int64_t silent_ms = w.last.time_unix_ms - w.last.last_beat_unix_ms;
    assert_in_range(silent_ms, 61000, 67100); /* in true time */
    pass(&w, 600000);
    assert_int_equal(w.transitions, 1);
    teardown(&w);
}

static void a_beat_after_the_freeze_is_ok_and_silence_fails_in_the_time_left(void **state)
{
    (void)state;
    struct world w;
    setup_frozen(&w);
    beat(&w, A, "b");
    pass(&w, 70000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_UNKNOWN);
    assert_int_equal(state_of(&w, "b"), BL_STATE_UNKNOWN);
    hold_link(&w, A, false);
    pass(&w, 1000);
    assert_int_equal(w.transitions, 2); /* running again is no beat */
    beat(&w, A, "b");
    pass(&w, 500);
    assert_int_equal(state_of(&w, "b"), BL_STATE_OK);
    assert_string_equal(w.last.reason, "beat");
    assert_int_equal(state_of(&w, "a"), BL_STATE_UNKNOWN);
    pass(&w, 600); /* 3 s and a bit of A's time since its beat */
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    assert_string_equal(w.last.reason, "timeout");
    assert_int_equal(w.last.incident, 1); /* the same one */
    teardown(&w);
}

static void who_beats_in_another_table_is_not_unknown(void **state)
{
    (void)state;
    struct world w;
    setup_frozen(&w);
    for (unsigned i = 0; i < 70; i++) {
        pass(&w, 1000);
        beat(&w, B, "a");
    }
    assert_int_equal(w.transitions, 0);
    pass(&w, 3100); /* and B judges it */
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    teardown(&w);
}

static void an_unknown_node_that_moves_is_ok(void **state)
{
    (void)state;
    struct world w;
    setup_frozen(&w);
    pass(&w, 70000);
    beat(&w, B, "a");
    pass(&w, 200);
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    pass(&w, 2000);
    assert_int_equal(w.transitions, 2);
    teardown(&w);
}

/* Whose timeout is longer than the freeze is judged by it as ever. */
static void who_has_time_left_in_truth_is_not_unknown(void **state)
{
    (void)state;
    struct world w;
    setup_frozen(&w);
    set(&w, "a", BL_SET_TIMEOUT, (struct bl_policy){.timeout_ms = 300000});
    beat(&w, A, "never");
    set(&w, "never", BL_SET_TIMEOUT, (struct bl_policy){.timeout_ms = BL_TIMEOUT_MAX_MS});
    pass(&w, 290000);
    assert_int_equal(w.transitions, 0);
    pass(&w, 20000);
    assert_int_equal(w.transitions, 1);
    assert_string_equal(w.last_name, "a");
    assert_int_equal(w.last.to, BL_STATE_UNKNOWN);
    teardown(&w);
}

static void paused_and_failed_stay_what_they_are(void **state)
{
    (void)state;
    struct world w;
    bl_role_assume_control();
    setup_with(&w, TIMEOUT_3S, MAX_FREEZE_S * 1000);
    beat(&w, A, "dead");
    pass(&w, 4000);
    beat(&w, A, "muted");
    bl_fleet_pause(w.fleet, node_of(&w, "muted"), NULL, unix_ms(&w));
    unsigned before = w.transitions;
    hold_link(&w, A, true);
    pass(&w, 200000);
    assert_int_equal(state_of(&w, "dead"), BL_STATE_FAILED);
    assert_int_equal(state_of(&w, "muted"), BL_STATE_PAUSED);
    assert_int_equal(w.transitions, before);
    bl_fleet_resume(w.fleet, node_of(&w, "muted"), unix_ms(&w)); /* watched, and nobody knows */
    pass(&w, 6000);
    assert_int_equal(state_of(&w, "muted"), BL_STATE_UNKNOWN);
    teardown(&w);
}

/* Its age is past the lower of its thresholds: no reason to go back and
 * forth between the two states. */
static void a_warning_becomes_unknown_once(void **state)
{
    (void)state;
    struct world w;
    setup_with(&w, (struct bl_policy){.warn_ms = 500, .err_ms = 3000}, MAX_FREEZE_S * 1000);
    beat(&w, A, "a");
    pass(&w, 1000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_WARNING);
    hold_link(&w, A, true);
    pass(&w, 200000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_UNKNOWN);
    assert_int_equal(w.transitions, 2);
    hold_link(&w, A, false);
    pass(&w, 2100);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    assert_int_equal(w.last.incident, 1);
    teardown(&w);
}

static void a_setting_does_not_make_an_unknown_node_ok(void **state)
{
    (void)state;
    struct world w;
    setup_frozen(&w);
    pass(&w, 70000);
    set(&w, "a", BL_SET_TIMEOUT, (struct bl_policy){.timeout_ms = 10000});
    pass(&w, 10000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_UNKNOWN);
    hold_link(&w, A, false);
    pass(&w, 8000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_UNKNOWN);
    pass(&w, 1100);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    teardown(&w);
}

/* No worker has polled yet when control runs again. */
static void a_machine_that_was_suspended_makes_nobody_unknown(void **state)
{
    (void)state;
    struct world w;
    bl_role_assume_control();
    setup_with(&w, TIMEOUT_3S, MAX_FREEZE_S * 1000);
    beat(&w, A, "a");
    pass(&w, 1000);
    uint64_t polled_ns = w.now_ns;
    w.now_ns += 600000 * MS;
    for (unsigned i = 0; i < 20; i++) {
        w.now_ns += MS;
        for (unsigned k = 0; k < 2; k++)
            bl_ingest_clock_advance(&w.clock[k], w.now_ns, polled_ns);
        bl_fleet_sweep(w.fleet, 1000000, unix_ms(&w));
    }
    pass(&w, 1500);
    assert_int_equal(w.transitions, 0);
    pass(&w, 1000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    teardown(&w);
}

static void without_max_freeze_nobody_is_unknown(void **state)
{
    (void)state;
    struct world w;
    setup_with(&w, TIMEOUT_3S, 0);
    beat(&w, A, "a");
    hold_link(&w, A, true);
    pass(&w, 600000);
    assert_int_equal(w.transitions, 0);
    teardown(&w);
}

/* A step looks at so many slots, and goes on with the next. */
static void many_become_unknown_step_by_step(void **state)
{
    (void)state;
    struct world w;
    char name[32];
    bl_role_assume_control();
    setup_with(&w, TIMEOUT_3S, MAX_FREEZE_S * 1000);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        beat(&w, A, name);
    }
    hold_link(&w, A, true);
    pass(&w, MAX_FREEZE_S * 1000);
    assert_int_equal(w.transitions, 0);
    unsigned steps = 0, most = 0;
    for (; w.transitions < 100 && steps < 100; steps++) {
        unsigned before = w.transitions;
        w.now_ns += 10 * MS;
        for (unsigned i = 0; i < 2; i++)
            bl_ingest_clock_advance(&w.clock[i], w.now_ns, w.now_ns);
        bl_fleet_sweep(w.fleet, 16, unix_ms(&w));
        most = w.transitions - before > most ? w.transitions - before : most;
    }
    assert_int_equal(w.transitions, 100);
    assert_true(most <= 16);
    assert_true(steps >= 256 / 16);
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_silent_are_unknown_after_max_freeze_and_not_before),
        cmocka_unit_test(a_beat_after_the_freeze_is_ok_and_silence_fails_in_the_time_left),
        cmocka_unit_test(who_beats_in_another_table_is_not_unknown),
        cmocka_unit_test(an_unknown_node_that_moves_is_ok),
        cmocka_unit_test(who_has_time_left_in_truth_is_not_unknown),
        cmocka_unit_test(paused_and_failed_stay_what_they_are),
        cmocka_unit_test(a_warning_becomes_unknown_once),
        cmocka_unit_test(a_setting_does_not_make_an_unknown_node_ok),
        cmocka_unit_test(a_machine_that_was_suspended_makes_nobody_unknown),
        cmocka_unit_test(without_max_freeze_nobody_is_unknown),
        cmocka_unit_test(many_become_unknown_step_by_step),
    };
    bl_rcu_thread_register();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bl_rcu_thread_unregister();
    return failed;
}
