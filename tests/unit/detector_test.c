/* SPDX-License-Identifier: Apache-2.0 */
/* Rhythms and what the detectors make of them: lovebeat's eight series
 * against lovebeat's rule, then one behaviour each. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench/detect/compare.h"
#include "bench/detect/lovebeat.h"
#include "bench/detect/quality.h"
#include "engine/base/beat.h"
#include "engine/detect/detector.h"

#define SEEDS 200u

static struct bl_interval_stats after(unsigned n, uint32_t interval_ms)
{
    struct bl_interval_stats s = {0};
    while (n-- > 0)
        bl_interval_learn(&s, interval_ms);
    return s;
}

static uint32_t timeout_ms(const struct bl_interval_stats *s)
{
    return bl_detector_timeout_ms(s, BL_DETECTOR_AUTO, 0);
}

/* ---- against lovebeat ------------------------------------------------------ */

/* The three values that lovebeat's own test names, but for its 1000 ms
 * after no beat at all. */
static void the_reference_is_lovebeats_rule(void **state)
{
    (void)state;
    const double steady[] = {60000, 60000, 60000, 60000, 60000, 60000};
    assert_float_equal(bl_lovebeat_timeout_ms(steady, 1), 61000, 0.01);
    assert_float_equal(bl_lovebeat_timeout_ms(steady, 2), 61000, 0.01);
    assert_float_equal(bl_lovebeat_timeout_ms(steady, 6), 61000, 0.01);
}

static void no_series_brings_more_false_alarms_than_lovebeat_nor_a_higher_median(void **state)
{
    (void)state;
    static struct bl_series s;
    static struct bl_compared lovebeat, ours;
    for (unsigned which = 0; which < BL_SERIES; which++) {
        unsigned alarms[2] = {0};
        double median_ms[2] = {0};
        for (unsigned seed = 1; seed <= SEEDS; seed++) {
            bl_series_make(&s, which, seed);
            bl_compare_lovebeat(&s, &lovebeat);
            bl_compare_ours(&s, BL_DETECTOR_AUTO, &ours);
            alarms[0] += lovebeat.false_alarms;
            alarms[1] += ours.false_alarms;
            median_ms[0] += lovebeat.median_ms / SEEDS;
            median_ms[1] += ours.median_ms / SEEDS;
        }
        printf("%-8s false alarms %4u, lovebeat %4u; median %11.1f ms, lovebeat %11.1f ms\n", s.name,
               alarms[1], alarms[0], median_ms[1], median_ms[0]);
        assert_true(alarms[1] <= alarms[0]);
        assert_true(median_ms[1] <= median_ms[0]);
    }
}

/* ---- learning ----------------------------------------------------------------- */

static void no_verdict_is_given_before_a_rhythm_is_known(void **state)
{
    (void)state;
    for (unsigned n = 0; n < BL_INTERVAL_LEARNED; n++) {
        struct bl_interval_stats s = after(n, 60000);
        assert_int_equal(timeout_ms(&s), 0);
        assert_int_equal(bl_detector_timeout_ms(&s, BL_DETECTOR_PHI, 5.6f), 0);
        assert_true(bl_phi_of_age(&s, 1000000) == 0);
    }
    struct bl_interval_stats s = after(BL_INTERVAL_LEARNED, 60000);
    assert_in_range(timeout_ms(&s), 60001, 61000);
    assert_int_equal(bl_detector_timeout_ms(&s, BL_DETECTOR_FIXED, 0), 0);
}

static void two_beats_in_one_tick_teach_nothing(void **state)
{
    (void)state;
    struct bl_interval_stats s = after(10, 5000), before = s;
    bl_interval_learn(&s, 0);
    bl_interval_learn(&s, BL_TIMEOUT_MAX_MS + 1);
    assert_memory_equal(&s, &before, sizeof(s));
}

static void a_spike_is_held_down(void **state)
{
    (void)state;
    struct bl_interval_stats s = after(50, 30000);
    uint32_t before = timeout_ms(&s);
    bl_interval_learn(&s, 600000);
    assert_in_range(timeout_ms(&s), before, before + 100);
}

static void the_second_long_interval_in_a_row_is_the_new_rhythm(void **state)
{
    (void)state;
    struct bl_interval_stats s = after(50, 60000);
    bl_interval_learn(&s, 120000);
    assert_true(timeout_ms(&s) < 120000);
    bl_interval_learn(&s, 120100);
    assert_in_range(timeout_ms(&s), 120100, 122000);
}

static void outages_that_recur_are_a_habit_for_a_while(void **state)
{
    (void)state;
    struct bl_interval_stats s = after(50, 30000);
    bl_interval_learn(&s, 300000);
    for (unsigned i = 0; i < 10; i++)
        bl_interval_learn(&s, 30000);
    assert_true(timeout_ms(&s) < 40000);
    bl_interval_learn(&s, 290000);
    assert_in_range(timeout_ms(&s), 300000, 301000);
    for (unsigned i = 0; i < BL_INTERVAL_RECUR; i++)
        bl_interval_learn(&s, 30000);
    assert_true(timeout_ms(&s) < 40000);
}

static void double_beats_change_nothing(void **state)
{
    (void)state;
    struct bl_interval_stats s = after(50, 30000);
    uint32_t before = timeout_ms(&s);
    for (unsigned i = 0; i < 100; i++) {
        bl_interval_learn(&s, 2);
        bl_interval_learn(&s, 29998);
    }
    assert_in_range(timeout_ms(&s), before - 10, before + 10);
}

static void learns_faster(uint32_t interval_ms, unsigned beats)
{
    struct bl_interval_stats s = after(50, 60000);
    for (unsigned i = 0; i < beats; i++) {
        assert_true(timeout_ms(&s) > 60000);
        bl_interval_learn(&s, interval_ms);
    }
    assert_in_range(timeout_ms(&s), interval_ms, 2 * interval_ms);
}

/* After 8 beats, and not before an old interval and a quarter are over:
 * until then nobody looks. */
static void a_faster_rhythm_is_learned_after_a_few_beats(void **state)
{
    (void)state;
    learns_faster(14000, BL_INTERVAL_FASTER);
    learns_faster(10000, BL_INTERVAL_FASTER);
    learns_faster(1000, 75);
    learns_faster(250, 300);
}

static void a_look_once_in_a_floor_misses_no_faster_rhythm(void **state)
{
    (void)state;
    struct bl_interval_stats s = after(50, 60000);
    uint32_t floor_ms = bl_interval_floor_ms(&s), now_ms = 0, looked_ms = 0;
    while (timeout_ms(&s) > 60000) {
        bl_interval_learn(&s, 100);
        now_ms += 100;
        if (now_ms - looked_ms >= floor_ms) {
            looked_ms = now_ms;
            floor_ms = bl_interval_floor_ms(&s);
        }
    }
    assert_true(now_ms > 60000);
    assert_true(looked_ms + floor_ms <= now_ms + timeout_ms(&s));
}

static void two_long_outages_in_a_row_are_forgotten_soon(void **state)
{
    (void)state;
    struct bl_interval_stats s = after(50, 30000);
    bl_interval_learn(&s, 600000);
    bl_interval_learn(&s, 300000);
    for (int i = 0; i < BL_INTERVAL_FASTER + 20; i++)
        bl_interval_learn(&s, 30000);
    assert_true(timeout_ms(&s) < 60000);
}

static void fast_rhythms_are_judged_within_less_than_a_second(void **state)
{
    (void)state;
    struct bl_interval_stats s = after(60, 200);
    assert_in_range(timeout_ms(&s), 201, 300);
}

/* However many beats it has, and whatever comes after it. */
static void a_burst_is_no_rhythm(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 300; n++) {
        struct bl_interval_stats s = after(n, 25);
        assert_true(timeout_ms(&s) == 0 || (float)n * 25 >= BL_INTERVAL_SPAN_MS);
        assert_true((bl_phi_of_age(&s, 60000) > 0) == (timeout_ms(&s) > 0));
        while (timeout_ms(&s) == 0)
            bl_interval_learn(&s, 2000);
        assert_true(timeout_ms(&s) > 2000 || (float)n * 25 >= BL_INTERVAL_SPAN_MS);
    }
}

static void one_long_silence_first_is_no_rhythm(void **state)
{
    (void)state;
    struct bl_interval_stats s = after(1, 3600000);
    for (unsigned i = 0; i < 12 + BL_INTERVAL_LEARNED; i++)
        bl_interval_learn(&s, 1000);
    assert_in_range(timeout_ms(&s), 1001, 1400);
}

/* What a stall of 5 minutes held up: as many beats as were due, within a
 * fifth of the time. */
static void a_queue_that_drains_is_no_rhythm(void **state)
{
    (void)state;
    struct bl_interval_stats s = after(50, 2000);
    uint32_t before = timeout_ms(&s);
    bl_interval_learn(&s, 300000);
    for (unsigned i = 0; i < 80; i++) {
        bl_interval_learn(&s, 400);
        assert_in_range(timeout_ms(&s), before, before + 100);
    }
}

static void pauses_between_bursts_are_a_habit(void **state)
{
    (void)state;
    struct bl_interval_stats s = {0};
    unsigned alarms = 0;
    for (unsigned round = 0; round < 100; round++) {
        for (unsigned i = 0; i < 80; i++)
            bl_interval_learn(&s, 100);
        alarms += timeout_ms(&s) > 0 && timeout_ms(&s) < 5000;
        bl_interval_learn(&s, 5000);
    }
    assert_int_equal(alarms, 0);
    assert_in_range(timeout_ms(&s), 5001, 6000);
}

static void the_longest_intervals_do_not_overflow(void **state)
{
    (void)state;
    struct bl_interval_stats s = after(20, BL_TIMEOUT_MAX_MS);
    assert_int_equal(timeout_ms(&s), BL_TIMEOUT_MAX_MS);
    bl_interval_learn(&s, 1);
    assert_true(isfinite(s.mean_ms) && isfinite(s.variance_ms2));
}

/* No timeout comes before the next beat is due on average: what the
 * sweep relies on. */
static void no_timeout_is_below_the_floor(void **state)
{
    (void)state;
    static struct bl_series s;
    static struct bl_compared ours;
    for (unsigned which = 0; which < BL_SERIES; which++) {
        struct bl_interval_stats stats = {0};
        bl_series_make(&s, which, 7);
        bl_compare_ours(&s, BL_DETECTOR_AUTO, &ours);
        for (unsigned i = 0; i < s.count; i++) {
            bl_interval_learn(&stats, (uint32_t)(s.interval_ms[i] + 0.5));
            assert_true(ours.timeout_ms[i] == 0 || ours.timeout_ms[i] >= bl_interval_floor_ms(&stats));
        }
    }
}

/* ---- phi ------------------------------------------------------------------------ */

static void phi_is_the_chance_of_so_long_a_silence(void **state)
{
    (void)state;
    /* Known quantiles of the normal distribution. */
    assert_float_equal(bl_phi_sigmas(1), 1.2816, 0.001);
    assert_float_equal(bl_phi_sigmas(3), 3.0902, 0.001);
    assert_float_equal(bl_phi_sigmas(8), 5.6120, 0.001);
    struct bl_interval_stats s = after(40, 10000);
    for (unsigned phi = 1; phi <= BL_PHI_MAX; phi++) {
        uint32_t at_ms = bl_detector_timeout_ms(&s, BL_DETECTOR_PHI, bl_phi_sigmas(phi));
        assert_float_equal(bl_phi_of_age(&s, at_ms), (float)phi, 0.1);
    }
    assert_true(bl_phi_of_age(&s, 0) < 0.01);
    assert_true(bl_phi_of_age(&s, BL_TIMEOUT_MAX_MS) == 99);
}

/* ---- Chen's figures ------------------------------------------------------------- */

static struct bl_quality quality(enum bl_detector d, unsigned retries, unsigned loss_percent)
{
    struct bl_quality q;
    bl_quality_measure(
        &(struct bl_quality_case){.detector = d, .retries = retries, .loss_percent = loss_percent}, 20000, 3,
        &q);
    return q;
}

static void rhythm_finds_a_crash_sooner_than_a_fixed_timeout_without_mistakes(void **state)
{
    (void)state;
    struct bl_quality fixed = quality(BL_DETECTOR_FIXED, 0, 0), learned = quality(BL_DETECTOR_AUTO, 0, 0);
    struct bl_quality phi = quality(BL_DETECTOR_PHI, 0, 0);
    assert_true(learned.detection_ms < fixed.detection_ms / 3 && phi.detection_ms < fixed.detection_ms / 3);
    assert_true(learned.mistakes_per_day == 0 && phi.mistakes_per_day == 0);
    /* A lost beat is a mistake at once, unless a retry waits for the next. */
    assert_true(quality(BL_DETECTOR_AUTO, 0, 1).mistakes_per_day > 50);
    assert_true(quality(BL_DETECTOR_AUTO, 1, 1).mistakes_per_day < 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_is_lovebeats_rule),
        cmocka_unit_test(no_series_brings_more_false_alarms_than_lovebeat_nor_a_higher_median),
        cmocka_unit_test(no_verdict_is_given_before_a_rhythm_is_known),
        cmocka_unit_test(two_beats_in_one_tick_teach_nothing),
        cmocka_unit_test(a_spike_is_held_down),
        cmocka_unit_test(the_second_long_interval_in_a_row_is_the_new_rhythm),
        cmocka_unit_test(outages_that_recur_are_a_habit_for_a_while),
        cmocka_unit_test(double_beats_change_nothing),
        cmocka_unit_test(a_faster_rhythm_is_learned_after_a_few_beats),
        cmocka_unit_test(a_look_once_in_a_floor_misses_no_faster_rhythm),
        cmocka_unit_test(two_long_outages_in_a_row_are_forgotten_soon),
        cmocka_unit_test(fast_rhythms_are_judged_within_less_than_a_second),
        cmocka_unit_test(a_burst_is_no_rhythm),
        cmocka_unit_test(one_long_silence_first_is_no_rhythm),
        cmocka_unit_test(a_queue_that_drains_is_no_rhythm),
        cmocka_unit_test(pauses_between_bursts_are_a_habit),
        cmocka_unit_test(the_longest_intervals_do_not_overflow),
        cmocka_unit_test(no_timeout_is_below_the_floor),
        cmocka_unit_test(phi_is_the_chance_of_so_long_a_silence),
        cmocka_unit_test(rhythm_finds_a_crash_sooner_than_a_fixed_timeout_without_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
