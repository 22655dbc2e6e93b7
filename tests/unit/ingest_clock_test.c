/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/fleet/ingest_clock.h"

#define MS    UINT64_C(1000000)
#define T0    (UINT64_C(5000) * 1000 * MS) /* monotonic at the start: 5000 s of uptime */
#define START 1000u                        /* first tick */

/* A clock with a worker that polls and a control that looks, each ms. */
struct ingest {
    struct bl_ingest_clock clock;
    uint64_t now_ns, alive_ns;
    uint32_t why; /* of the last look */
};

static struct ingest begin(void)
{
    struct ingest g = {.now_ns = T0, .alive_ns = T0};
    bl_role_assume_control();
    bl_ingest_clock_init(&g.clock, T0, START);
    return g;
}

static void look(struct ingest *g)
{
    bl_role_assume_control();
    g->why = bl_ingest_clock_advance(&g->clock, g->now_ns, g->alive_ns);
}

static void both_run(struct ingest *g, unsigned ms)
{
    for (unsigned i = 0; i < ms; i++) {
        g->alive_ns = g->now_ns += MS;
        look(g);
    }
}

static void worker_is_stuck(struct ingest *g, unsigned ms)
{
    for (unsigned i = 0; i < ms; i++) {
        g->now_ns += MS;
        look(g);
    }
}

static void hold_link(struct ingest *g, bool down)
{
    bl_role_assume_control();
    bl_ingest_clock_hold(&g->clock, BL_FREEZE_LINK_DOWN, down);
}

/* Ticks since the start. */
static uint32_t passed(const struct ingest *g)
{
    bl_role_assume_control();
    return bl_ingest_clock_now(&g->clock) - START;
}

static uint64_t frozen_ms(const struct ingest *g)
{
    bl_role_assume_control();
    return g->clock.frozen_ns / MS;
}

static uint32_t freezes(const struct ingest *g)
{
    bl_role_assume_control();
    return g->clock.freezes;
}

static void it_starts_at_its_first_tick_and_runs(void **state)
{
    (void)state;
    struct ingest g = begin();
    assert_int_equal(passed(&g), 0);
    assert_int_equal(bl_ingest_clock_tick(&g.clock, T0), START);
    assert_int_equal(g.clock.frozen, 0);
}

static void it_keeps_pace_with_a_worker_that_polls(void **state)
{
    (void)state;
    struct ingest g = begin();
    both_run(&g, 3600 * 1000);
    assert_int_equal(passed(&g), 3600 * 1000);
    assert_int_equal(g.why, 0);
    assert_int_equal(frozen_ms(&g), 0);
    assert_int_equal(freezes(&g), 0);
}

static void polls_at_odd_times_lose_nothing(void **state)
{
    (void)state;
    struct ingest g = begin();
    for (unsigned i = 0; i < 100000; i++) {
        g.now_ns += 333333 + i % 1000;
        if (i % 7 == 0)
            g.alive_ns = g.now_ns - 12345;
        look(&g);
    }
    g.alive_ns = g.now_ns;
    look(&g);
    assert_int_equal(passed(&g), (g.now_ns - T0) / MS);
}

static void a_gap_of_100_ms_is_none(void **state)
{
    (void)state;
    struct ingest g = begin();
    worker_is_stuck(&g, 99);
    both_run(&g, 1);
    assert_int_equal(passed(&g), 100);
    assert_int_equal(freezes(&g), 0);
    assert_int_equal(frozen_ms(&g), 0);
}

static void a_gap_over_when_control_looks_counts_for_nothing(void **state)
{
    (void)state;
    struct ingest g = begin();
    worker_is_stuck(&g, 100);
    assert_int_equal(g.why, 0);
    both_run(&g, 1); /* polled again after 101 ms */
    assert_int_equal(g.why, 0);
    assert_int_equal(passed(&g), 0);
    assert_int_equal(freezes(&g), 0);
    assert_int_equal(frozen_ms(&g), 101);
}

static void a_stuck_worker_stops_it_at_the_last_poll(void **state)
{
    (void)state;
    struct ingest g = begin();
    both_run(&g, 500);
    worker_is_stuck(&g, 101);
    assert_int_equal(g.why, BL_FREEZE_POLL_GAP);
    assert_int_equal(g.clock.frozen, BL_FREEZE_POLL_GAP);
    assert_int_equal(passed(&g), 500);
    worker_is_stuck(&g, 7899);
    assert_int_equal(passed(&g), 500);
    assert_int_equal(frozen_ms(&g), 8000);
    assert_int_equal(freezes(&g), 1);
}

static void a_node_gets_the_time_it_had_left(void **state)
{
    (void)state;
    struct ingest g = begin();
    both_run(&g, 200);
    uint32_t beat = bl_ingest_clock_tick(&g.clock, g.now_ns);
    both_run(&g, 700); /* 700 of 1000 ms are up */
    worker_is_stuck(&g, 60000);
    both_run(&g, 1); /* the poll that ends the gap */
    assert_int_equal(g.why, 0);
    bl_role_assume_control();
    assert_int_equal(bl_age_ticks(bl_ingest_clock_now(&g.clock), beat), 700);
    both_run(&g, 300);
    assert_int_equal(bl_age_ticks(bl_ingest_clock_now(&g.clock), beat), 1000);
    assert_int_equal(frozen_ms(&g), 60001);
    assert_int_equal(freezes(&g), 1);
}

static void control_away_8_s_counts_for_nothing(void **state)
{
    (void)state;
    struct ingest g = begin();
    both_run(&g, 100);
    g.alive_ns = g.now_ns += 8000 * MS; /* the worker polled all the time */
    look(&g);
    assert_int_equal(g.why, BL_FREEZE_OWN_GAP);
    assert_int_equal(passed(&g), 100);
    assert_int_equal(frozen_ms(&g), 8000);
    both_run(&g, 50);
    assert_int_equal(g.why, 0);
    assert_int_equal(passed(&g), 150);
    assert_int_equal(freezes(&g), 1);
}

static void the_process_stopped_8_s_counts_for_nothing(void **state)
{
    (void)state;
    struct ingest g = begin();
    both_run(&g, 100);
    g.now_ns += 8000 * MS; /* control comes back before the worker polls */
    look(&g);
    assert_int_equal(g.why, BL_FREEZE_OWN_GAP | BL_FREEZE_POLL_GAP);
    assert_int_equal(passed(&g), 100);
    both_run(&g, 51); /* the first of them ends the gap */
    assert_int_equal(passed(&g), 150);
    assert_int_equal(freezes(&g), 1);
}

static void what_a_poll_vouched_for_before_control_left_counts(void **state)
{
    (void)state;
    struct ingest g = begin();
    both_run(&g, 100);
    worker_is_stuck(&g, 20); /* naps; control saw that much */
    g.alive_ns = g.now_ns += 8000 * MS;
    look(&g);
    assert_int_equal(passed(&g), 120);
}

static void a_link_down_holds_it_until_thaw(void **state)
{
    (void)state;
    struct ingest g = begin();
    both_run(&g, 100);
    hold_link(&g, true);
    both_run(&g, 5000);
    assert_int_equal(g.why, BL_FREEZE_LINK_DOWN);
    assert_int_equal(passed(&g), 100);
    assert_int_equal(frozen_ms(&g), 5000);
    hold_link(&g, false);
    both_run(&g, 1); /* the link came back some time in this ms */
    assert_int_equal(g.why, 0);
    assert_int_equal(passed(&g), 100);
    both_run(&g, 30);
    assert_int_equal(passed(&g), 130);
    assert_int_equal(freezes(&g), 1);
}

static void two_reasons_at_once_are_one_freeze(void **state)
{
    (void)state;
    struct ingest g = begin();
    hold_link(&g, true);
    both_run(&g, 10);
    worker_is_stuck(&g, 300);
    assert_int_equal(g.why, BL_FREEZE_LINK_DOWN | BL_FREEZE_POLL_GAP);
    hold_link(&g, false);
    worker_is_stuck(&g, 1);
    assert_int_equal(g.why, BL_FREEZE_POLL_GAP);
    both_run(&g, 11);
    assert_int_equal(g.why, 0);
    assert_int_equal(passed(&g), 10);
    assert_int_equal(freezes(&g), 1);
}

static void only_the_link_can_be_held(void **state)
{
    (void)state;
    struct ingest g = begin();
    bl_role_assume_control();
    bl_ingest_clock_hold(&g.clock, BL_FREEZE_OWN_GAP, true);
    both_run(&g, 10);
    assert_int_equal(g.why, 0);
    assert_int_equal(passed(&g), 10);
}

static void a_worker_stamps_between_control_s_looks(void **state)
{
    (void)state;
    struct ingest g = begin();
    both_run(&g, 10);
    assert_int_equal(bl_ingest_clock_tick(&g.clock, g.now_ns + 7 * MS), START + 17);
    assert_int_equal(bl_ingest_clock_tick(&g.clock, g.now_ns + 7 * MS + MS / 2), START + 17);
    assert_int_equal(bl_ingest_clock_tick(&g.clock, g.now_ns + 100 * MS), START + 110);
}

static void a_stamp_is_at_most_100_ms_past_control_s_last_look(void **state)
{
    (void)state;
    struct ingest g = begin();
    both_run(&g, 10);
    assert_int_equal(bl_ingest_clock_tick(&g.clock, g.now_ns + 8000 * MS), START + 110);
    worker_is_stuck(&g, 20); /* the look is what counts, not the poll before it */
    assert_int_equal(bl_ingest_clock_tick(&g.clock, g.now_ns + 8000 * MS), START + 130);
}

static void a_beat_stamped_ahead_is_0_old(void **state)
{
    (void)state;
    struct ingest g = begin();
    both_run(&g, 10);
    uint32_t beat = bl_ingest_clock_tick(&g.clock, g.now_ns + 4000 * MS);
    g.alive_ns = g.now_ns += 8000 * MS;
    look(&g);
    bl_role_assume_control();
    assert_int_equal(bl_age_ticks(bl_ingest_clock_now(&g.clock), beat), 0);
    both_run(&g, 200);
    assert_int_equal(bl_age_ticks(bl_ingest_clock_now(&g.clock), beat), 100);
}

static void stamps_stand_still_while_it_is_frozen(void **state)
{
    (void)state;
    struct ingest g = begin();
    both_run(&g, 10);
    worker_is_stuck(&g, 500);
    assert_int_equal(bl_ingest_clock_tick(&g.clock, g.now_ns), START + 10);
    assert_int_equal(bl_ingest_clock_tick(&g.clock, g.now_ns + 50 * MS), START + 10);
    hold_link(&g, true);
    both_run(&g, 5);
    assert_int_equal(bl_ingest_clock_tick(&g.clock, g.now_ns + 50 * MS), START + 10);
}

static void stamps_run_on_at_once_after_control_s_own_gap(void **state)
{
    (void)state;
    struct ingest g = begin();
    both_run(&g, 10);
    g.alive_ns = g.now_ns += 8000 * MS;
    look(&g);
    assert_int_equal(bl_ingest_clock_tick(&g.clock, g.now_ns + MS), START + 11);
}

static uint64_t since_ms(const struct ingest *g, uint32_t tick)
{
    return bl_ingest_clock_since_ms(&g->clock, g->now_ns, tick);
}

static uint32_t beat(const struct ingest *g)
{
    return bl_ingest_clock_tick(&g->clock, g->now_ns);
}

static void a_beat_came_as_long_ago_as_it_is_old_while_it_runs(void **state)
{
    (void)state;
    struct ingest g = begin();
    both_run(&g, 10);
    uint32_t then = beat(&g);
    assert_int_equal(since_ms(&g, then), 0);
    assert_int_equal(since_ms(&g, then + 50), 0); /* stamped ahead */
    both_run(&g, 700);
    assert_int_equal(since_ms(&g, then), 700);
}

static void what_it_stands_still_counts_as_time_since_a_beat(void **state)
{
    (void)state;
    struct ingest g = begin();
    both_run(&g, 10);
    uint32_t then = beat(&g);
    both_run(&g, 700);
    uint32_t last = beat(&g);
    worker_is_stuck(&g, 5000);
    assert_int_equal(bl_ingest_clock_frozen(&g.clock), BL_FREEZE_POLL_GAP);
    assert_int_equal(since_ms(&g, then), 5700);
    assert_int_equal(since_ms(&g, last), 5000);
    g.now_ns += 60 * MS; /* a reader's, between control's looks */
    assert_int_equal(since_ms(&g, then), 5760);
}

static void what_it_stood_still_counts_for_beats_before_that_only(void **state)
{
    (void)state;
    struct ingest g = begin();
    both_run(&g, 10);
    uint32_t then = beat(&g);
    both_run(&g, 300);
    hold_link(&g, true);
    both_run(&g, 5000);
    hold_link(&g, false);
    both_run(&g, 101);
    uint32_t between = beat(&g);
    both_run(&g, 200);
    worker_is_stuck(&g, 3000);
    both_run(&g, 1); /* the poll that ends the gap */
    both_run(&g, 40);
    assert_int_equal(bl_ingest_clock_frozen(&g.clock), 0);
    assert_int_equal(since_ms(&g, then), 300 + 5000 + 101 + 200 + 3001 + 40);
    assert_int_equal(since_ms(&g, between), 200 + 3001 + 40);
    assert_int_equal(since_ms(&g, beat(&g) - 20), 20);
}

static void a_gap_of_control_counts_as_time_since_a_beat(void **state)
{
    (void)state;
    struct ingest g = begin();
    both_run(&g, 10);
    uint32_t then = beat(&g);
    both_run(&g, 100);
    g.alive_ns = g.now_ns += 8000 * MS;
    look(&g);
    assert_int_equal(since_ms(&g, then), 8100);
    both_run(&g, 50);
    assert_int_equal(since_ms(&g, then), 8150);
}

static void it_remembers_the_last_standstills(void **state)
{
    (void)state;
    struct ingest g = begin();
    both_run(&g, 10);
    uint32_t first = beat(&g), then = first;
    for (unsigned i = 0; i <= BL_STANDSTILLS_KEPT; i++) {
        if (i == 1)
            then = beat(&g);
        both_run(&g, 50);
        worker_is_stuck(&g, 1000);
        both_run(&g, 1);
    }
    both_run(&g, 10);
    uint32_t ran = 50 * BL_STANDSTILLS_KEPT + 10;
    assert_int_equal(since_ms(&g, then), ran + 1001 * BL_STANDSTILLS_KEPT);
    assert_int_equal(since_ms(&g, first), ran + 50 + 1001 * BL_STANDSTILLS_KEPT); /* one is forgotten */
}

static void a_standstill_of_50_days_ago_is_not_taken_for_a_new_one(void **state)
{
    (void)state;
    struct ingest g = begin();
    worker_is_stuck(&g, 1000);
    both_run(&g, 1);
    for (uint64_t ms = 0; ms < UINT64_C(50) * 86400 * 1000; ms += 90) {
        g.alive_ns = g.now_ns += 90 * MS;
        look(&g);
    }
    uint32_t then = beat(&g);
    both_run(&g, 500);
    assert_int_equal(since_ms(&g, then), 500);
    assert_int_equal(since_ms(&g, then - 86400000), 86400500);
}

static void ticks_wrap_and_ages_do_not_care(void **state)
{
    (void)state;
    struct ingest g = begin();
    bl_role_assume_control();
    bl_ingest_clock_init(&g.clock, T0, UINT32_MAX - 499);
    uint32_t beat = bl_ingest_clock_tick(&g.clock, T0);
    both_run(&g, 1000);
    assert_int_equal(bl_ingest_clock_now(&g.clock), 500);
    assert_int_equal(bl_ingest_clock_tick(&g.clock, g.now_ns), 500);
    assert_int_equal(bl_age_ticks(bl_ingest_clock_now(&g.clock), beat), 1000);
}

static void a_start_right_after_boot_is_fine(void **state)
{
    (void)state;
    struct ingest g = {.now_ns = 0, .alive_ns = 0};
    bl_role_assume_control();
    bl_ingest_clock_init(&g.clock, 0, UINT32_MAX);
    both_run(&g, 5);
    assert_int_equal(bl_ingest_clock_now(&g.clock), 4);
    assert_int_equal(bl_ingest_clock_tick(&g.clock, g.now_ns), 4);
}

static void times_that_run_backwards_are_ignored(void **state)
{
    (void)state;
    struct ingest g = begin();
    both_run(&g, 100);
    g.alive_ns -= 50 * MS;
    g.now_ns -= 10 * MS;
    look(&g);
    assert_int_equal(passed(&g), 100);
    both_run(&g, 60);
    assert_int_equal(passed(&g), 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_starts_at_its_first_tick_and_runs),
        cmocka_unit_test(it_keeps_pace_with_a_worker_that_polls),
        cmocka_unit_test(polls_at_odd_times_lose_nothing),
        cmocka_unit_test(a_gap_of_100_ms_is_none),
        cmocka_unit_test(a_gap_over_when_control_looks_counts_for_nothing),
        cmocka_unit_test(a_stuck_worker_stops_it_at_the_last_poll),
        cmocka_unit_test(a_node_gets_the_time_it_had_left),
        cmocka_unit_test(control_away_8_s_counts_for_nothing),
        cmocka_unit_test(the_process_stopped_8_s_counts_for_nothing),
        cmocka_unit_test(what_a_poll_vouched_for_before_control_left_counts),
        cmocka_unit_test(a_link_down_holds_it_until_thaw),
        cmocka_unit_test(two_reasons_at_once_are_one_freeze),
        cmocka_unit_test(only_the_link_can_be_held),
        cmocka_unit_test(a_worker_stamps_between_control_s_looks),
        cmocka_unit_test(a_stamp_is_at_most_100_ms_past_control_s_last_look),
        cmocka_unit_test(a_beat_stamped_ahead_is_0_old),
        cmocka_unit_test(stamps_stand_still_while_it_is_frozen),
        cmocka_unit_test(stamps_run_on_at_once_after_control_s_own_gap),
        cmocka_unit_test(a_beat_came_as_long_ago_as_it_is_old_while_it_runs),
        cmocka_unit_test(what_it_stands_still_counts_as_time_since_a_beat),
        cmocka_unit_test(what_it_stood_still_counts_for_beats_before_that_only),
        cmocka_unit_test(a_gap_of_control_counts_as_time_since_a_beat),
        cmocka_unit_test(it_remembers_the_last_standstills),
        cmocka_unit_test(a_standstill_of_50_days_ago_is_not_taken_for_a_new_one),
        cmocka_unit_test(ticks_wrap_and_ages_do_not_care),
        cmocka_unit_test(a_start_right_after_boot_is_fine),
        cmocka_unit_test(times_that_run_backwards_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
