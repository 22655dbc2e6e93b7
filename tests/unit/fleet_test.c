/* SPDX-License-Identifier: Apache-2.0 */
/* The fleet in virtual time: one thread plays workers and control. */
#include <errno.h>

#include "tests/unit/fleet_world.h"

#define TIMEOUT_1S ((struct bl_policy){.timeout_ms = 1000})

static void an_unknown_node_is_ok_at_once_and_silently(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    assert_int_equal(beat(&w, 0, "a"), 0);
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    assert_int_equal(w.transitions, 0);
    teardown(&w);
}

static void a_silent_node_fails_once_and_within_a_tick(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    beat(&w, 0, "a");
    pass(&w, 1000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    pass(&w, 20);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    assert_string_equal(w.last_name, "a");
    assert_string_equal(w.last.reason, "timeout");
    assert_int_equal(w.last.incident, 1);
    assert_int_equal(w.last.last_beat_unix_ms, UNIX_MS + 1000);
    assert_true(w.last.lateness_ticks <= 10);
    pass(&w, 60000);
    assert_int_equal(w.transitions, 1);
    teardown(&w);
}

static void a_node_that_beats_stays_ok(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    for (unsigned i = 0; i < 50; i++) {
        beat(&w, 0, "a");
        pass(&w, 990);
    }
    assert_int_equal(w.transitions, 0);
    teardown(&w);
}

static void a_beat_brings_a_failed_node_back(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    beat(&w, 0, "a");
    pass(&w, 5000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    beat(&w, 0, "a");
    pass(&w, BL_RECHECK_TICKS + 10);
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    assert_string_equal(w.last.reason, "beat");
    pass(&w, 1020);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    assert_int_equal(w.last.incident, 2);
    assert_int_equal(w.transitions, 3);
    teardown(&w);
}

static void retries_make_a_warning_first(void **state)
{
    (void)state;
    struct world w;
    setup(&w, (struct bl_policy){.timeout_ms = 1000, .retries = 2});
    beat(&w, 0, "a");
    pass(&w, 1020);
    assert_int_equal(state_of(&w, "a"), BL_STATE_WARNING);
    pass(&w, 1950);
    assert_int_equal(state_of(&w, "a"), BL_STATE_WARNING);
    pass(&w, 60);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    assert_int_equal(w.last.incident, 1);
    assert_int_equal(w.transitions, 2);
    teardown(&w);
}

static void a_lowered_timeout_counts_from_the_last_beat(void **state)
{
    (void)state;
    struct world w;
    setup(&w, (struct bl_policy){0});
    beat(&w, 0, "a");
    pass(&w, 1000);
    set(&w, "a", BL_SET_ERR, (struct bl_policy){.err_ms = 2000});
    pass(&w, 990);
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    pass(&w, 40);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    teardown(&w);
}

static void a_timeout_set_on_a_long_silent_node_is_judged_at_once(void **state)
{
    (void)state;
    struct world w;
    setup(&w, (struct bl_policy){0});
    beat(&w, 0, "a");
    pass(&w, 60000);
    set(&w, "a", BL_SET_ERR, (struct bl_policy){.err_ms = 2000});
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    set(&w, "a", BL_SET_ERR, (struct bl_policy){.err_ms = 0});
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    assert_string_equal(w.last.reason, "policy");
    teardown(&w);
}

static void the_latest_beat_of_all_tables_wins(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    beat(&w, 0, "a");
    pass(&w, 500);
    for (unsigned i = 0; i < 10; i++) {
        beat(&w, 1, "a");
        pass(&w, 500);
    }
    assert_int_equal(w.transitions, 0);
    assert_int_equal(w.retired, 1); /* the stale record in table 0 */
    struct bl_place place;
    assert_false(bl_table_find(&w.table[0], bl_key_of_name(&w.secret, "a", 1), &place));
    pass(&w, 1000);
    assert_int_equal(w.failures, 1);
    teardown(&w);
}

static void a_retire_that_met_a_full_ring_is_asked_again(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    bl_role_assume_control();
    beat(&w, 0, "a");
    w.ring_full = true;
    assert_int_equal(bl_fleet_remove(w.fleet, node_of(&w, "a")), 0);
    pass(&w, 50);
    assert_int_equal(w.retired, 0);
    w.ring_full = false;
    pass(&w, 10);
    assert_int_equal(w.retired, 1);
    worker_do_commands(&w);
    assert_int_equal(beat(&w, 0, "a"), 0); /* an unknown node again */
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    teardown(&w);
}

static void a_paused_node_neither_fails_nor_wakes(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    bl_role_assume_control();
    beat(&w, 0, "a");
    assert_int_equal(bl_fleet_pause(w.fleet, node_of(&w, "a"), NULL, unix_ms(&w)), 0);
    pass(&w, 5000);
    beat(&w, 0, "a");
    pass(&w, 500);
    assert_int_equal(state_of(&w, "a"), BL_STATE_PAUSED);
    assert_int_equal(w.failures, 0);
    assert_int_equal(bl_fleet_resume(w.fleet, node_of(&w, "a"), unix_ms(&w)), 0);
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    pass(&w, 1000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    teardown(&w);
}

static int pause_for(struct world *w, const char *name, unsigned ms, bool until_beat)
{
    bl_role_assume_control();
    struct bl_pause how = {.for_ms = ms, .until_beat = until_beat};
    return bl_fleet_pause(w->fleet, node_of(w, name), &how, unix_ms(w));
}

static void a_pause_with_an_end_ends_by_itself(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    beat(&w, 0, "a");
    assert_int_equal(pause_for(&w, "a", 5000, false), 0);
    pass(&w, 4990);
    beat(&w, 0, "a");
    assert_int_equal(state_of(&w, "a"), BL_STATE_PAUSED);
    pass(&w, 500);
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    assert_string_equal(w.last.reason, "pause ended");
    assert_int_equal(w.transitions, 2);
    pass(&w, 1010);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    teardown(&w);
}

static void who_wakes_dead_is_told_once_as_a_new_incident(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    beat(&w, 0, "a");
    pass(&w, 1010);
    assert_int_equal(w.last.incident, 1);
    assert_int_equal(pause_for(&w, "a", 5000, true), 0);
    pass(&w, 6000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    assert_int_equal(w.last.from, BL_STATE_PAUSED);
    assert_int_equal(w.last.incident, 2);
    assert_int_equal(w.transitions, 3);
    pass(&w, 6000);
    assert_int_equal(w.transitions, 3);
    teardown(&w);
}

static void the_next_beat_ends_a_pause_that_waits_for_it(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    beat(&w, 0, "a");
    assert_int_equal(pause_for(&w, "a", 0, false), 0);
    pass(&w, 500);
    beat(&w, 0, "a");
    pass(&w, 500);
    assert_int_equal(pause_for(&w, "a", 0, true), 0); /* from now on, that beat was before */
    pass(&w, BL_RECHECK_TICKS + 3000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_PAUSED);
    beat(&w, 0, "a");
    pass(&w, BL_RECHECK_TICKS + 10);
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    assert_string_equal(w.last.reason, "beat");
    teardown(&w);
}

static void a_pause_asked_again_has_the_new_end(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    bl_role_assume_control();
    beat(&w, 0, "a");
    assert_int_equal(pause_for(&w, "a", 2000, false), 0);
    assert_int_equal(pause_for(&w, "a", 9000, false), 0);
    pass(&w, 8000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_PAUSED);
    assert_int_equal(pause_for(&w, "a", 0, false), 0);
    pass(&w, 8000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_PAUSED);
    assert_int_equal(bl_fleet_resume(w.fleet, node_of(&w, "a"), unix_ms(&w)), 0);
    assert_int_equal(w.transitions, 2);
    for (int i = 0; i < 1000; i++) { /* what is left behind is cleared away */
        assert_int_equal(pause_for(&w, "a", 1000000 + (unsigned)i * 1000, false), 0);
        assert_int_equal(bl_fleet_resume(w.fleet, node_of(&w, "a"), unix_ms(&w)), 0);
    }
    teardown(&w);
}

static void unknown_nodes_are_turned_away_but_not_who_was_asked_for(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    bl_role_assume_control();
    beat(&w, 0, "before");
    struct bl_fleet_config c = {
        .max_nodes = 1000, .create_per_s = 1, .reject_unknown = true, .defaults = TIMEOUT_1S};
    bl_fleet_configure(w.fleet, &c);
    assert_int_equal(beat(&w, 0, "stranger"), -EPERM);
    assert_int_equal(w.retired, 1);
    struct bl_node_ref off_the_wire = ref("wire"), asked[2] = {ref("asked"), ref("too")};
    struct bl_policy_patch patch = {.set = BL_SET_TIMEOUT, .policy = TIMEOUT_1S};
    assert_int_equal(bl_fleet_set(w.fleet, &off_the_wire, &patch, unix_ms(&w)), -EPERM);
    for (int i = 0; i < 2; i++) {
        asked[i].asked = true;
        assert_int_equal(bl_fleet_set(w.fleet, &asked[i], &patch, unix_ms(&w)), 0);
    }
    assert_int_equal(beat(&w, 0, "asked"), 0);
    assert_int_equal(state_of(&w, "asked"), BL_STATE_OK);
    assert_int_equal(bl_fleet_stats_of(w.fleet)->refused_unknown, 2);
    assert_int_equal(bl_registry_total(bl_fleet_registry(w.fleet)), 3);
    teardown(&w);
}

static void a_bye_is_no_alarm_and_the_next_beat_ends_it(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    bl_role_assume_control();
    beat(&w, 0, "a");
    pass(&w, 100);
    struct bl_node_ref who = ref("a");
    bl_fleet_bye(w.fleet, &who, unix_ms(&w));
    pass(&w, 10000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_PAUSED);
    assert_int_equal(w.failures, 0);
    beat(&w, 0, "a");
    pass(&w, BL_RECHECK_TICKS + 10);
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    teardown(&w);
}

static void a_worker_that_does_not_poll_stops_its_nodes_clock(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    beat(&w, 0, "a");
    beat(&w, 1, "b");
    pass(&w, 500);
    w.silent[0] = true;
    pass(&w, 60000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    assert_int_equal(state_of(&w, "b"), BL_STATE_FAILED);
    w.silent[0] = false;
    pass(&w, 400);
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK); /* the time it had left */
    pass(&w, 200);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    teardown(&w);
}

static void control_away_for_eight_seconds_fails_nobody(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    beat(&w, 0, "a");
    pass(&w, 100);
    w.now_ns += 8000 * MS;
    pass(&w, 100);
    beat(&w, 0, "a");
    pass(&w, 900);
    assert_int_equal(w.transitions, 0);
    teardown(&w);
}

/* 2^32 ms on the ingest clock, in steps that it takes for healthy, with a
 * round of the sweep every half an hour. */
static void pass_a_wrap(struct world *w)
{
    bl_role_assume_control();
    for (uint32_t step = 0; step < UINT32_MAX / 99; step++) {
        w->now_ns += 99 * MS;
        bl_ingest_clock_advance(&w->clock[0], w->now_ns, w->now_ns);
        bl_ingest_clock_advance(&w->clock[1], w->now_ns, w->now_ns);
        if (step % 18182 == 0)
            pass(w, 10);
    }
}

static void silence_longer_than_ticks_last_is_not_forgotten(void **state)
{
    (void)state;
    struct world w;
    struct bl_node_past p;
    setup(&w, TIMEOUT_1S);
    bl_role_assume_control();
    beat(&w, 0, "failed");
    beat(&w, 0, "paused");
    beat(&w, 0, "free");
    beat(&w, 0, "warning");
    set(&w, "free", BL_SET_WARN, (struct bl_policy){.warn_ms = BL_TIMEOUT_MAX_MS});
    set(&w, "warning", BL_SET_WARN, (struct bl_policy){.warn_ms = 1000});
    assert_int_equal(pause_for(&w, "paused", 0, false), 0);
    int64_t beat_unix_ms = unix_ms(&w);
    pass(&w, 2000);
    assert_int_equal(state_of(&w, "failed"), BL_STATE_FAILED);
    assert_int_equal(state_of(&w, "warning"), BL_STATE_WARNING);
    w.jump_ms = -UNIX_MS; /* nobody asks it */
    pass_a_wrap(&w);
    assert_int_equal(w.transitions, 4); /* "free" has a warning by now */
    set(&w, "failed", BL_SET_TIMEOUT, (struct bl_policy){.timeout_ms = 2000});
    set(&w, "warning", BL_SET_WARN, (struct bl_policy){.warn_ms = 2000});
    set(&w, "free", BL_SET_ERR, (struct bl_policy){.err_ms = BL_TIMEOUT_MAX_MS});
    assert_int_equal(bl_fleet_resume(w.fleet, node_of(&w, "paused"), unix_ms(&w)), 0);
    pass(&w, 50);
    assert_int_equal(state_of(&w, "failed"), BL_STATE_FAILED);
    assert_int_equal(state_of(&w, "warning"), BL_STATE_WARNING);
    assert_int_equal(state_of(&w, "free"), BL_STATE_FAILED);
    assert_int_equal(state_of(&w, "paused"), BL_STATE_FAILED);
    assert_true(bl_fleet_past_of(w.fleet, node_of(&w, "paused"), w.now_ns, unix_ms(&w), &p));
    assert_int_equal(p.last_beat_unix_ms, beat_unix_ms - UNIX_MS);
    beat(&w, 0, "paused");
    pass(&w, BL_RECHECK_TICKS + 10);
    assert_int_equal(state_of(&w, "paused"), BL_STATE_OK);
    teardown(&w);
}

/* ---- the wall clock ------------------------------------------------------- */

#define DAYS_MS INT64_C(86400000)

static void a_jump_of_the_wall_clock_changes_no_verdict(void **state)
{
    (void)state;
    static const int64_t jumps[] = {46 * DAYS_MS, 20000 * DAYS_MS, -46 * DAYS_MS, -UNIX_MS};
    for (unsigned i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
        struct world w;
        setup(&w, (struct bl_policy){.warn_ms = 1000, .err_ms = 3000});
        bl_role_assume_control();
        beat(&w, 0, "late");
        beat(&w, 0, "paused");
        assert_int_equal(pause_for(&w, "paused", 0, false), 0);
        pass(&w, 2000);
        assert_int_equal(state_of(&w, "late"), BL_STATE_WARNING);
        w.jump_ms = jumps[i];
        pass(&w, 500);
        assert_int_equal(w.transitions, 2);
        assert_int_equal(bl_fleet_resume(w.fleet, node_of(&w, "paused"), unix_ms(&w)), 0);
        assert_int_equal(state_of(&w, "paused"), BL_STATE_WARNING); /* beat 2.5 s ago */
        pass(&w, 600);
        assert_int_equal(state_of(&w, "late"), BL_STATE_FAILED);
        assert_int_equal(state_of(&w, "paused"), BL_STATE_FAILED);
        teardown(&w);
    }
}

static void a_pause_for_so_long_lasts_so_long_whatever_the_wall_clock_does(void **state)
{
    (void)state;
    static const int64_t jumps[] = {DAYS_MS, -DAYS_MS};
    for (unsigned i = 0; i < 2; i++) {
        struct world w;
        setup(&w, TIMEOUT_1S);
        bl_role_assume_control();
        beat(&w, 0, "a");
        int64_t end = (unix_ms(&w) + 60000 + 999) / 1000 * 1000;
        assert_int_equal(pause_for(&w, "a", 60000, false), 0);
        const struct bl_node *n = bl_registry_get(bl_fleet_registry(w.fleet), node_of(&w, "a"));
        assert_int_equal(bl_node_pause_end_unix_ms(n, w.now_ns, unix_ms(&w)), end);
        pass(&w, 30000);
        w.jump_ms = jumps[i];
        pass(&w, 29000);
        assert_int_equal(state_of(&w, "a"), BL_STATE_PAUSED);
        assert_int_equal(bl_node_pause_end_unix_ms(n, w.now_ns, unix_ms(&w)), end + jumps[i]);
        pass(&w, 2000);
        assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
        assert_string_equal(w.last.reason, "pause ended");
        teardown(&w);
    }
}

static void a_pause_until_a_time_follows_the_wall_clock(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    bl_role_assume_control();
    beat(&w, 0, "a");
    struct bl_pause how = {.end_unix_ms = unix_ms(&w) + 3600000};
    assert_int_equal(bl_fleet_pause(w.fleet, node_of(&w, "a"), &how, unix_ms(&w)), 0);
    pass(&w, 1000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_PAUSED);
    w.jump_ms = 3600000;
    pass(&w, 1000);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    assert_string_equal(w.last.reason, "pause ended");
    teardown(&w);
}

static void the_creation_rate_counts_seconds_of_its_own(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    bl_role_assume_control();
    struct bl_fleet_config c = {.max_nodes = 1000, .create_per_s = 1, .defaults = TIMEOUT_1S};
    bl_fleet_configure(w.fleet, &c);
    assert_int_equal(beat(&w, 0, "a"), 0);
    w.jump_ms = 5000; /* not one second later */
    assert_int_equal(beat(&w, 0, "b"), -EAGAIN);
    pass(&w, 1000);
    w.jump_ms -= 1000; /* the same second again */
    assert_int_equal(beat(&w, 0, "b"), 0);
    teardown(&w);
}

static void clearing_a_policy_gives_the_defaults_back(void **state)
{
    (void)state;
    struct world w;
    setup(&w, (struct bl_policy){.timeout_ms = 1000, .retries = 1});
    beat(&w, 0, "a");
    set(&w, "a", BL_SET_TIMEOUT | BL_SET_RETRIES, (struct bl_policy){.timeout_ms = 60000});
    pass(&w, 1500);
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    set(&w, "a", BL_SET_CLEAR, (struct bl_policy){0});
    assert_int_equal(state_of(&w, "a"), BL_STATE_WARNING);
    pass(&w, 600);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    teardown(&w);
}

static void a_text_beat_under_a_binary_nodes_name_is_a_conflict(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    bl_role_assume_control();
    assert_int_equal(bl_fleet_hello(w.fleet, 7, "web1", 4, &(struct bl_policy_patch){0}, unix_ms(&w)), 0);
    assert_int_equal(beat(&w, 0, "web1"), -EEXIST);
    assert_int_equal(bl_fleet_stats_of(w.fleet)->name_conflicts, 1);
    assert_int_equal(w.retired, 1);
    assert_int_equal(bl_fleet_remove(w.fleet, node_of(&w, "web1")), 0);
    assert_int_equal(beat(&w, 0, "web1"), 0);
    teardown(&w);
}

static void new_defaults_reach_the_nodes_without_a_policy_of_their_own(void **state)
{
    (void)state;
    struct world w;
    setup(&w, (struct bl_policy){0});
    bl_role_assume_control();
    beat(&w, 0, "a");
    beat(&w, 0, "own");
    set(&w, "own", BL_SET_TIMEOUT, (struct bl_policy){.timeout_ms = 100000});
    pass(&w, 3000);
    struct bl_fleet_config c = {.max_nodes = 1000, .defaults = TIMEOUT_1S, .memory = bl_memory_libc};
    bl_fleet_configure(w.fleet, &c);
    pass(&w, 20);
    assert_int_equal(state_of(&w, "a"), BL_STATE_FAILED);
    assert_int_equal(state_of(&w, "own"), BL_STATE_OK);
    teardown(&w);
}

/* 150 nodes get a timeout of their own, one per line that is moved. */
static void grow_under_settings(struct world *w, uint32_t slots, uint32_t err_ms)
{
    struct bl_slots *next = bl_slots_new(slots), *old = NULL;
    char name[16];
    bl_role_assume_control();
    bl_role_assume_worker();
    while (bl_slots_prefault(next, SIZE_MAX) == 0)
        ;
    bl_fleet_grow_begun(w->fleet, 0);
    bl_table_grow_begin(&w->table[0], next);
    for (unsigned i = 0; !old; i++) {
        old = bl_table_grow_step(&w->table[0], 0, 1);
        snprintf(name, sizeof(name), "n%u", i % 150);
        set(w, name, BL_SET_ERR, (struct bl_policy){.err_ms = err_ms});
    }
    bl_fleet_grow_done(w->fleet, 0);
    bl_slots_free(old);
}

static void policy_words_written_while_growing_are_not_lost(void **state)
{
    (void)state;
    struct world w;
    setup(&w, (struct bl_policy){0});
    bl_role_assume_control();
    bl_role_assume_worker();
    char name[16];
    for (unsigned i = 0; i < 150; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        assert_int_equal(beat(&w, 0, name), 0);
    }
    grow_under_settings(&w, 1024, 900);
    grow_under_settings(&w, 2048, 1000); /* the next one begins at once */
    for (unsigned i = 0; i < 150; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        set(&w, name, BL_SET_TIMEOUT, (struct bl_policy){.timeout_ms = 0});
    }
    pass(&w, 1100);
    unsigned expected = 0;
    for (uint32_t i = 0; i < 150; i++)
        expected += bl_registry_get(bl_fleet_registry(w.fleet), i)->policy.err_ms == 1000;
    assert_true(expected > 50);
    assert_int_equal(w.failures, expected);
    teardown(&w);
}

static void unknown_nodes_past_max_nodes_are_turned_away_and_counted(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    bl_role_assume_control();
    struct bl_fleet_config c = {.max_nodes = 2, .defaults = TIMEOUT_1S, .memory = bl_memory_libc};
    bl_fleet_configure(w.fleet, &c);
    assert_int_equal(beat(&w, 0, "a"), 0);
    assert_int_equal(beat(&w, 1, "b"), 0);
    assert_int_equal(beat(&w, 0, "c"), -ENOSPC);
    assert_int_equal(w.retired, 1);
    assert_int_equal(bl_fleet_stats_of(w.fleet)->refused_max_nodes, 1);
    assert_int_equal(state_of(&w, "a"), BL_STATE_OK);
    teardown(&w);
}

static enum bl_insert insert(struct world *w, uint64_t key)
{
    uint32_t slot;
    bl_role_assume_worker();
    return bl_table_insert(&w->table[0], &(struct bl_beat){.key = key}, 1, &slot);
}

static void a_new_max_nodes_reaches_the_tables(void **state)
{
    (void)state;
    struct world w;
    setup(&w, TIMEOUT_1S);
    bl_role_assume_control();
    struct bl_fleet_config c = {.max_nodes = 1, .defaults = TIMEOUT_1S, .memory = bl_memory_libc};
    assert_int_equal(insert(&w, 10), BL_INSERT_NEW);
    bl_fleet_configure(w.fleet, &c);
    assert_int_equal(insert(&w, 20), BL_INSERT_LIMIT);
    c.max_nodes = 2;
    bl_fleet_configure(w.fleet, &c);
    assert_int_equal(insert(&w, 20), BL_INSERT_NEW);
    assert_int_equal(insert(&w, 30), BL_INSERT_LIMIT);
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_node_is_ok_at_once_and_silently),
        cmocka_unit_test(a_silent_node_fails_once_and_within_a_tick),
        cmocka_unit_test(a_node_that_beats_stays_ok),
        cmocka_unit_test(a_beat_brings_a_failed_node_back),
        cmocka_unit_test(retries_make_a_warning_first),
        cmocka_unit_test(a_lowered_timeout_counts_from_the_last_beat),
        cmocka_unit_test(a_timeout_set_on_a_long_silent_node_is_judged_at_once),
        cmocka_unit_test(the_latest_beat_of_all_tables_wins),
        cmocka_unit_test(a_retire_that_met_a_full_ring_is_asked_again),
        cmocka_unit_test(a_paused_node_neither_fails_nor_wakes),
        cmocka_unit_test(a_pause_with_an_end_ends_by_itself),
        cmocka_unit_test(who_wakes_dead_is_told_once_as_a_new_incident),
        cmocka_unit_test(the_next_beat_ends_a_pause_that_waits_for_it),
        cmocka_unit_test(a_pause_asked_again_has_the_new_end),
        cmocka_unit_test(unknown_nodes_are_turned_away_but_not_who_was_asked_for),
        cmocka_unit_test(a_bye_is_no_alarm_and_the_next_beat_ends_it),
        cmocka_unit_test(a_worker_that_does_not_poll_stops_its_nodes_clock),
        cmocka_unit_test(control_away_for_eight_seconds_fails_nobody),
        cmocka_unit_test(silence_longer_than_ticks_last_is_not_forgotten),
        cmocka_unit_test(a_jump_of_the_wall_clock_changes_no_verdict),
        cmocka_unit_test(a_pause_for_so_long_lasts_so_long_whatever_the_wall_clock_does),
        cmocka_unit_test(a_pause_until_a_time_follows_the_wall_clock),
        cmocka_unit_test(the_creation_rate_counts_seconds_of_its_own),
        cmocka_unit_test(clearing_a_policy_gives_the_defaults_back),
        cmocka_unit_test(a_text_beat_under_a_binary_nodes_name_is_a_conflict),
        cmocka_unit_test(new_defaults_reach_the_nodes_without_a_policy_of_their_own),
        cmocka_unit_test(policy_words_written_while_growing_are_not_lost),
        cmocka_unit_test(unknown_nodes_past_max_nodes_are_turned_away_and_counted),
        cmocka_unit_test(a_new_max_nodes_reaches_the_tables),
    };
    bl_rcu_thread_register();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bl_rcu_thread_unregister();
    return failed;
}
