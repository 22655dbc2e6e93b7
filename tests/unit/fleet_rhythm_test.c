/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes on the auto and phi detectors in virtual time: what is learned
 * of their beats, and that the sweep keeps up with it. */
#include "engine/detect/detector.h"
#include "tests/unit/fleet_world.h"
#include "tests/unit/random.h"

#define AUTO ((struct bl_policy){.detector = BL_DETECTOR_AUTO})
#define PHI  ((struct bl_policy){.detector = BL_DETECTOR_PHI})

static void autobeat(struct world *w, const char *name)
{
    assert_int_equal(beat(w, 0, name), 0);
    set(w, name, BL_SET_DETECTOR, AUTO);
}

static void beats(struct world *w, const char *name, unsigned n, unsigned every_ms)
{
    while (n-- > 0) {
        pass(w, every_ms);
        assert_int_equal(beat(w, 0, name), 0);
    }
}

/* A fleet in which "a" is on auto and has beaten so often. */
static void setup_rhythm(struct world *w, struct bl_policy defaults, unsigned n, unsigned every_ms)
{
    setup(w, defaults);
    autobeat(w, "a");
    beats(w, "a", n, every_ms);
}

static struct bl_interval_stats stats_of(const struct world *w, unsigned table, const char *name)
{
    struct bl_place p;
    assert_true(
        bl_table_find(&w->table[table], bl_key_of_name(&w->secret, name, (unsigned)strlen(name)), &p));
    return bl_slots_stats(p.slots, p.slot);
}

/* How long a node that has just beaten lasts, in ms, to the next 10. */
static unsigned lasts_ms(struct world *w, const char *name)
{
    unsigned ms = 0;
    for (; state_of(w, name) == BL_STATE_OK && ms < 10000000; ms += 10)
        pass(w, 10);
    return ms;
}

static void a_second_autobeat_may_come_any_time(void **state)
{
    (void)state;
    struct world w;
    setup(&w, (struct bl_policy){0});
    autobeat(&w, "a");
    pass(&w, 600000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    assert_int_equal(w.transitions, 0);
    teardown(&w);
}

static void fixed_timeouts_hold_until_a_rhythm_is_known(void **state)
{
    (void)state;
    struct world w;
    setup(&w, (struct bl_policy){.timeout_ms = 5000});
    autobeat(&w, "a");
    assert_int_equal(lasts_ms(&w, "a"), 5010);
    beat(&w, 0, "a");
    pass(&w, 200);
    beats(&w, "a", 24, 500);
    assert_in_range(lasts_ms(&w, "a"), 510, 4000);
    teardown(&w);
}

static void a_burst_of_autobeats_fails_no_living_node(void **state)
{
    (void)state;
    struct world w;
    setup(&w, (struct bl_policy){.timeout_ms = 30000});
    for (unsigned i = 0; i < 5; i++) {
        autobeat(&w, "a");
        pass(&w, 20);
    }
    beats(&w, "a", 30, 2000);
    pass(&w, 10);
    assert_int_equal(w.transitions, 0);
    assert_in_range(lasts_ms(&w, "a"), 2000, 3000);
    teardown(&w);
}

static void who_dies_after_a_burst_is_found_by_the_default(void **state)
{
    (void)state;
    struct world w;
    setup_rhythm(&w, (struct bl_policy){.timeout_ms = 5000}, 40, 20);
    assert_int_equal(lasts_ms(&w, "a"), 5010);
    teardown(&w);
}

/* ---- bursts of all shapes -------------------------------------------------
 *
 * A node lives, its beats come in bursts now and then: no alarm but for a
 * silence that its rhythm does not explain. Then it dies. */

struct shape {
    unsigned every_ms, jitter_ms; /* its rhythm, more or less */
    unsigned first;               /* beats in its first burst */
    unsigned apart_ms;            /* in a burst */
    unsigned again;               /* beats in a burst amid, with nothing held up before */
    unsigned stall;               /* intervals of a stall, whose beats come at once after it */
};

static struct shape some_shape(struct test_random *r)
{
    unsigned every_ms = 500 + 10 * test_random_below(r, 450);
    unsigned apart_ms = 10 + 10 * test_random_below(r, every_ms / 50);
    unsigned most = (unsigned)BL_INTERVAL_SPAN_MS / apart_ms - 1;
    return (struct shape){
        .every_ms = every_ms,
        .jitter_ms = every_ms / 12,
        .first = test_random_below(r, most < 40 ? most : 40),
        .apart_ms = apart_ms,
        .again = test_random_below(r, most < 40 ? most : 40),
        .stall = 10 + test_random_below(r, 40),
    };
}

static void rhythm(struct world *w, struct test_random *r, const struct shape *s, unsigned n)
{
    while (n-- > 0)
        beats(w, "a", 1, (s->every_ms + test_random_below(r, s->jitter_ms)) / 10 * 10);
}

static void bursts_fail_no_living_node(void **state)
{
    (void)state;
    struct test_random r = {test_random_seed("fleet_rhythm")};
    for (unsigned round = 0; round < 150; round++) {
        struct shape s = some_shape(&r);
        struct world w;
        setup(&w, (struct bl_policy){.timeout_ms = 60000,
                                     .detector = round % 2 ? BL_DETECTOR_AUTO : BL_DETECTOR_PHI});
        beat(&w, 0, "a");
        beats(&w, "a", s.first, s.apart_ms);
        rhythm(&w, &r, &s, 60);
        beats(&w, "a", s.again, s.apart_ms);
        rhythm(&w, &r, &s, 30);
        pass(&w, 10);
        if (w.transitions > 0)
            print_message("round %u: every %u ms, first %u, again %u, %u ms apart\n", round, s.every_ms,
                          s.first, s.again, s.apart_ms);
        assert_int_equal(w.transitions, 0);
        pass(&w, s.stall * s.every_ms);
        assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
        beats(&w, "a", s.stall, s.apart_ms);
        rhythm(&w, &r, &s, 60);
        pass(&w, 10);
        assert_int_equal(w.failures, 1);
        assert_in_range(lasts_ms(&w, "a"), s.every_ms, 2 * s.every_ms);
        teardown(&w);
    }
}

static void who_beats_in_bursts_is_failed_after_the_pause_only(void **state)
{
    (void)state;
    struct test_random r = {test_random_seed("fleet_rhythm")};
    for (unsigned round = 0; round < 50; round++) {
        struct world w;
        unsigned n = 2 + test_random_below(&r, 30), apart_ms = 10 + 10 * test_random_below(&r, 20);
        unsigned pause_ms = 1500 + 10 * test_random_below(&r, 2000);
        setup(&w, (struct bl_policy){.timeout_ms = 60000,
                                     .detector = round % 2 ? BL_DETECTOR_AUTO : BL_DETECTOR_PHI});
        beat(&w, 0, "a");
        for (unsigned i = 0; i < 60; i++) {
            beats(&w, "a", n, apart_ms);
            beats(&w, "a", 1, pause_ms);
        }
        pass(&w, 10);
        if (w.transitions > 0)
            print_message("round %u: %u beats %u ms apart, pauses of %u ms\n", round, n, apart_ms, pause_ms);
        assert_int_equal(w.transitions, 0);
        assert_in_range(lasts_ms(&w, "a"), pause_ms - 10, 60010);
        teardown(&w);
    }
}

static void a_node_on_auto_fails_soon_after_its_beat_is_due(void **state)
{
    (void)state;
    struct world w;
    setup_rhythm(&w, (struct bl_policy){0}, 20, 10000);
    assert_int_equal(w.transitions, 0);
    assert_in_range(lasts_ms(&w, "a"), 10010, 11000);
    assert_string_equal(w.last.reason, "timeout");
    assert_true(w.last.lateness_ticks <= 10);
    beat(&w, 0, "a");
    pass(&w, 200);
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    teardown(&w);
}

static void retries_of_a_learned_timeout_warn_first(void **state)
{
    (void)state;
    struct world w;
    setup_rhythm(&w, (struct bl_policy){.retries = 1}, 20, 10000);
    pass(&w, 11000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_WARNING);
    pass(&w, 11000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    teardown(&w);
}

static void twice_the_interval_is_learned_after_two_alarms(void **state)
{
    (void)state;
    struct world w;
    setup_rhythm(&w, (struct bl_policy){0}, 30, 6000);
    beats(&w, "a", 2, 12000);
    pass(&w, 200);
    assert_int_equal(w.failures, 2);
    beats(&w, "a", 1, 11800);
    beats(&w, "a", 40, 12000);
    assert_int_equal(w.failures, 2);
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    teardown(&w);
}

/* Rhythms that change all the time: whatever the timeout is when a node
 * dies, the sweep is there when it is over. */
static void no_threshold_that_shrinks_is_noticed_late(void **state)
{
    (void)state;
    struct test_random r = {test_random_seed("fleet_rhythm")};
    for (unsigned round = 0; round < 60; round++) {
        struct world w;
        setup(&w, (struct bl_policy){.detector = round % 2 ? BL_DETECTOR_AUTO : BL_DETECTOR_PHI});
        beat(&w, 0, "a");
        unsigned changes = 1 + test_random_below(&r, 4);
        for (unsigned i = 0; i < changes; i++) {
            unsigned every_ms = 100 + 10 * test_random_below(&r, 400), jitter_ms = test_random_below(&r, 900);
            for (unsigned n = 10 + test_random_below(&r, 30); n > 0; n--) {
                beats(&w, "a", 1, every_ms + 10 * test_random_below(&r, 1 + jitter_ms / 10));
                beat(&w, 0, "b"); /* neighbours have their own pace */
            }
        }
        struct bl_interval_stats stats = stats_of(&w, 0, "a");
        uint32_t timeout_ms = bl_detector_timeout_ms(&stats, round % 2 ? BL_DETECTOR_AUTO : BL_DETECTOR_PHI,
                                                     bl_phi_sigmas(BL_PHI_DEFAULT));
        if (state_of(&w, "a") == BL_STATE_OK && timeout_ms > 0)
            assert_in_range(lasts_ms(&w, "a"), timeout_ms + 1, timeout_ms + 10);
        teardown(&w);
    }
}

static void growth_takes_the_statistics_along(void **state)
{
    (void)state;
    struct world w;
    bl_role_assume_control();
    bl_role_assume_worker();
    setup_rhythm(&w, (struct bl_policy){0}, 20, 1000);
    struct bl_interval_stats before = stats_of(&w, 0, "a");
    bl_fleet_grow_begun(w.fleet, 0);
    bl_table_grow_begin(&w.table[0], bl_slots_new(1024));
    struct bl_slots *old = NULL;
    while (!old)
        old = bl_table_grow_step(&w.table[0], 0, 8);
    bl_fleet_grow_done(w.fleet, 0);
    bl_slots_free(old);
    struct bl_interval_stats after = stats_of(&w, 0, "a");
    assert_memory_equal(&after, &before, sizeof(after));
    beats(&w, "a", 20, 1000);
    assert_int_equal(w.transitions, 0);
    assert_in_range(lasts_ms(&w, "a"), 1010, 1300);
    teardown(&w);
}

static void a_full_ring_is_asked_again(void **state)
{
    (void)state;
    struct world w;
    setup(&w, (struct bl_policy){0});
    w.ring_full = true;
    autobeat(&w, "a");
    autobeat(&w, "b");
    pass(&w, 1000);
    assert_int_equal(w.measures, 0);
    w.ring_full = false;
    pass(&w, 10);
    assert_int_equal(w.measures, 2);
    beats(&w, "a", 5, 1000);
    assert_int_equal(stats_of(&w, 0, "a").count, 5);
    teardown(&w);
}

static void a_fixed_node_is_measured_no_longer(void **state)
{
    (void)state;
    struct world w;
    setup_rhythm(&w, (struct bl_policy){0}, 5, 1000);
    assert_int_equal(w.measures, 1);
    set(&w, "a", BL_SET_DETECTOR | BL_SET_TIMEOUT, (struct bl_policy){.timeout_ms = 3000});
    assert_int_equal(w.measures, 2);
    worker_do_commands(&w);
    assert_int_equal(stats_of(&w, 0, "a").count, 0);
    beats(&w, "a", 5, 2900);
    assert_int_equal(stats_of(&w, 0, "a").count, 0);
    assert_int_equal(lasts_ms(&w, "a"), 3010);
    teardown(&w);
}

static void a_slot_used_again_has_no_statistics(void **state)
{
    (void)state;
    struct world w;
    bl_role_assume_control();
    bl_role_assume_worker();
    setup(&w, AUTO);
    beat(&w, 0, "a");
    beats(&w, "a", 5, 1000);
    assert_int_equal(stats_of(&w, 0, "a").count, 5);
    bl_fleet_remove(w.fleet, node_of(&w, "a"));
    worker_do_commands(&w);
    beat(&w, 0, "a");
    assert_int_equal(stats_of(&w, 0, "a").count, 0);
    teardown(&w);
}

static void the_default_detector_is_for_nodes_without_timeouts(void **state)
{
    (void)state;
    struct world w;
    setup(&w, (struct bl_policy){.timeout_ms = 60000, .detector = BL_DETECTOR_AUTO});
    beat(&w, 0, "a");
    beat(&w, 0, "b");
    set(&w, "b", BL_SET_ERR, (struct bl_policy){.err_ms = 30000});
    beat(&w, 0, "c");
    set(&w, "c", BL_SET_DETECTOR, (struct bl_policy){.detector = BL_DETECTOR_FIXED});
    for (unsigned i = 0; i < 10; i++) {
        beats(&w, "a", 1, 1000);
        beat(&w, 0, "b");
        beat(&w, 0, "c");
    }
    pass(&w, 2000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    pass(&w, 28100);
    assert_int_equal(state_of(&w, "b"), BL_STATE_FAILED);
    assert_int_equal(state_of(&w, "c"), BL_STATE_OK);
    pass(&w, 30000);
    assert_int_equal(state_of(&w, "c"), BL_STATE_FAILED);
    teardown(&w);
}

static void new_defaults_have_nodes_measured(void **state)
{
    (void)state;
    struct world w;
    bl_role_assume_control();
    bl_role_assume_worker();
    setup(&w, (struct bl_policy){.timeout_ms = 60000});
    beat(&w, 0, "a");
    struct bl_fleet_config c = {.max_nodes = 1000, .defaults = PHI, .memory = bl_memory_libc};
    bl_fleet_configure(w.fleet, &c);
    pass(&w, 10);
    beats(&w, "a", 10, 1000);
    unsigned eight_ms = lasts_ms(&w, "a");
    assert_in_range(eight_ms, 1010, 2000);
    beat(&w, 0, "a");
    pass(&w, 1000);
    beats(&w, "a", 10, 1000);
    c.phi = 16;
    bl_fleet_configure(w.fleet, &c);
    assert_in_range(lasts_ms(&w, "a"), eight_ms + 50, 3000);
    teardown(&w);
}

static void the_promised_interval_is_a_floor(void **state)
{
    (void)state;
    struct world w;
    bl_role_assume_control();
    bl_role_assume_worker();
    setup(&w, (struct bl_policy){0});
    autobeat(&w, "a");
    bl_fleet_seen(w.fleet, 0, &(struct bl_node_ref){.name = "a", .name_len = 1}, 5000, unix_ms(&w));
    beats(&w, "a", 20, 1000);
    assert_int_equal(lasts_ms(&w, "a"), 5010);
    teardown(&w);
}

static void a_node_that_moves_learns_anew_and_is_not_failed(void **state)
{
    (void)state;
    struct world w;
    setup_rhythm(&w, (struct bl_policy){0}, 20, 1000);
    for (unsigned i = 0; i < 12; i++) {
        beat(&w, 1, "a");
        pass(&w, 1000);
    }
    assert_int_equal(w.transitions, 0);
    assert_int_equal(w.retired, 1);
    assert_true(stats_of(&w, 1, "a").count > BL_INTERVAL_LEARNED);
    pass(&w, 1000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    teardown(&w);
}

/* The last beats that a restore puts into the table were none: whenever
 * the first one comes, no interval ends with it. */
static void a_restored_node_is_measured_from_its_first_beat_on(void **state)
{
    (void)state;
    struct world w;
    setup(&w, (struct bl_policy){.timeout_ms = 60000});
    struct bl_node_past was_auto = {.name = "a", .name_len = 1, .state = BL_STATE_OK, .policy = AUTO};
    struct bl_node_past was_fixed = {.name = "f", .name_len = 1, .state = BL_STATE_OK};
    bl_role_assume_control();
    assert_int_equal(bl_fleet_restore(w.fleet, &was_auto), 0);
    assert_int_equal(bl_fleet_restore(w.fleet, &was_fixed), 0);
    assert_int_equal(bl_fleet_take_places(w.fleet), 0);
    pass(&w, 100);
    autobeat(&w, "new");
    set(&w, "f", BL_SET_DETECTOR, AUTO);
    pass(&w, 7300);
    for (unsigned n = 0; n < 6; n++) {
        beat(&w, 0, "f");
        beat(&w, 0, "a");
        pass(&w, 1000);
    }
    assert_int_equal(stats_of(&w, 0, "a").count, 5);
    assert_int_equal(stats_of(&w, 0, "f").count, 5);
    assert_true(stats_of(&w, 0, "a").mean_ms == 1000 && stats_of(&w, 0, "a").variance_ms2 == 0);
    assert_true(stats_of(&w, 0, "f").mean_ms == 1000 && stats_of(&w, 0, "f").variance_ms2 == 0);
    beat(&w, 0, "new");
    assert_int_equal(stats_of(&w, 0, "new").count, 1);
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_autobeat_may_come_any_time),
        cmocka_unit_test(fixed_timeouts_hold_until_a_rhythm_is_known),
        cmocka_unit_test(a_burst_of_autobeats_fails_no_living_node),
        cmocka_unit_test(who_dies_after_a_burst_is_found_by_the_default),
        cmocka_unit_test(bursts_fail_no_living_node),
        cmocka_unit_test(who_beats_in_bursts_is_failed_after_the_pause_only),
        cmocka_unit_test(a_node_on_auto_fails_soon_after_its_beat_is_due),
        cmocka_unit_test(retries_of_a_learned_timeout_warn_first),
        cmocka_unit_test(twice_the_interval_is_learned_after_two_alarms),
        cmocka_unit_test(no_threshold_that_shrinks_is_noticed_late),
        cmocka_unit_test(growth_takes_the_statistics_along),
        cmocka_unit_test(a_full_ring_is_asked_again),
        cmocka_unit_test(a_fixed_node_is_measured_no_longer),
        cmocka_unit_test(a_slot_used_again_has_no_statistics),
        cmocka_unit_test(the_default_detector_is_for_nodes_without_timeouts),
        cmocka_unit_test(new_defaults_have_nodes_measured),
        cmocka_unit_test(the_promised_interval_is_a_floor),
        cmocka_unit_test(a_node_that_moves_learns_anew_and_is_not_failed),
        cmocka_unit_test(a_restored_node_is_measured_from_its_first_beat_on),
    };
    bl_rcu_thread_register();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bl_rcu_thread_unregister();
    return failed;
}
