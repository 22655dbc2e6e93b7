/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/table/sequence.h"

static void a_gap_is_lost_beats(void **state)
{
    (void)state;
    struct bl_anomaly a = {.incarnation = 7};
    assert_int_equal(bl_sequence_settle(&a, 10, 14, 7), 14);
    assert_int_equal(a.lost, 3);
    assert_int_equal(a.reordered + a.duplicate + a.restarted, 0);
}

static void the_next_sequence_is_no_anomaly(void **state)
{
    (void)state;
    struct bl_anomaly a = {0};
    assert_int_equal(bl_sequence_settle(&a, UINT32_MAX, 0, 0), 0);
    assert_int_equal(a.lost + a.reordered + a.duplicate + a.restarted, 0);
}

static void the_same_sequence_is_a_duplicate(void **state)
{
    (void)state;
    struct bl_anomaly a = {.incarnation = 7};
    assert_int_equal(bl_sequence_settle(&a, 10, 10, 7), 10);
    assert_int_equal(a.duplicate, 1);
}

static void a_late_beat_is_reordered_and_not_lost(void **state)
{
    (void)state;
    struct bl_anomaly a = {0};
    uint32_t stored = bl_sequence_settle(&a, 10, 12, 0);
    stored = bl_sequence_settle(&a, stored, 11, 0);
    assert_int_equal(stored, 12);
    assert_int_equal(a.lost, 0);
    assert_int_equal(a.reordered, 1);
    bl_sequence_settle(&a, stored, stored - BL_SEQUENCE_REORDER, 0);
    assert_int_equal(a.reordered, 2);
    assert_int_equal(a.lost, 0);
}

static void sequences_wrap(void **state)
{
    (void)state;
    struct bl_anomaly a = {0};
    assert_int_equal(bl_sequence_settle(&a, UINT32_MAX, 2, 0), 2);
    assert_int_equal(a.lost, 2);
    assert_int_equal(bl_sequence_settle(&a, 2, UINT32_MAX - 1, 0), 2);
    assert_int_equal(a.reordered, 1);
}

static void a_newer_incarnation_restarts_the_count(void **state)
{
    (void)state;
    struct bl_anomaly a = {.incarnation = UINT32_MAX};
    assert_int_equal(bl_sequence_settle(&a, 5000, 0, 3), 0);
    assert_int_equal(a.incarnation, 3);
    assert_int_equal(a.restarted, 1);
    assert_int_equal(a.lost, 0);
}

static void a_beat_of_an_older_incarnation_is_late(void **state)
{
    (void)state;
    struct bl_anomaly a = {.incarnation = 3, .lost = 1};
    assert_int_equal(bl_sequence_settle(&a, 5, 9000, 2), 5);
    assert_int_equal(a.incarnation, 3);
    assert_int_equal(a.reordered, 1);
    assert_int_equal(a.lost, 1);
}

static void a_first_incarnation_is_taken_over(void **state)
{
    (void)state;
    struct bl_anomaly a = {0};
    assert_int_equal(bl_sequence_settle(&a, 5, 7, 2), 7);
    assert_int_equal(a.incarnation, 2);
    assert_int_equal(a.lost, 1);
    assert_int_equal(a.restarted, 0);
}

/* Settles `n` beats in order from `sequence` on. Returns what is stored
 * after them. */
static uint32_t in_order(struct bl_anomaly *a, uint32_t stored, uint32_t sequence, uint32_t incarnation,
                         unsigned n)
{
    while (n-- > 0)
        stored = bl_sequence_settle(a, stored, sequence++, incarnation);
    return stored;
}

static void a_reboot_under_a_lower_incarnation_is_one_restart(void **state)
{
    (void)state;
    struct bl_anomaly a = {.incarnation = 1700000000};
    assert_int_equal(in_order(&a, 5000, 1, 946684800, 1000), 1000);
    assert_int_equal(a.restarted, 1);
    assert_int_equal(a.reordered, BL_SEQUENCE_RESTART - 1);
    assert_int_equal(a.incarnation, 946684800);
    assert_int_equal(a.lost + a.duplicate, 0);
    /* its clock is set meanwhile, and it starts again */
    assert_int_equal(in_order(&a, 1000, 1, 1700000100, 1000), 1000);
    assert_int_equal(a.restarted, 2);
    assert_int_equal(a.reordered, BL_SEQUENCE_RESTART - 1);
}

/* Without an incarnation or under the same one: from near and from far,
 * across the wrap of the number. */
static void counting_anew_under_one_incarnation_is_a_restart(void **state)
{
    (void)state;
    static const uint32_t stored[] = {300, 5000, UINT32_MAX - 5, 7 + (UINT32_C(1) << 31)};
    for (unsigned i = 0; i < 8; i++) {
        struct bl_anomaly a = {.incarnation = i % 2 ? 4 : 0};
        uint32_t from = stored[i / 2] - 250;
        assert_true(in_order(&a, stored[i / 2], from, i % 2 ? 4 : 0, 100) == from + 99);
        assert_int_equal(a.restarted, 1);
        assert_int_equal(a.reordered, BL_SEQUENCE_RESTART - 1);
        assert_int_equal(a.lost, 0);
    }
}

static void a_restart_is_seen_though_beats_are_lost_or_doubled(void **state)
{
    (void)state;
    struct bl_anomaly a = {.incarnation = 9};
    uint32_t stored = 5000;
    for (uint32_t sequence = 1; sequence <= 8 * BL_SEQUENCE_RESTART; sequence += 8) {
        stored = bl_sequence_settle(&a, stored, sequence, 3);
        stored = bl_sequence_settle(&a, stored, sequence, 3);
    }
    assert_int_equal(stored, 8 * BL_SEQUENCE_RESTART - 7);
    assert_int_equal(a.incarnation, 3);
    assert_int_equal(a.restarted, 1);
    assert_int_equal(a.lost, 0);
}

static void fewer_late_beats_than_a_run_are_no_restart(void **state)
{
    (void)state;
    struct bl_anomaly a = {.incarnation = 9};
    for (unsigned i = 0; i < 100; i++) /* the same few, again and again */
        assert_int_equal(in_order(&a, 5000, 1, i % 3 * 4, BL_SEQUENCE_RESTART - 1), 5000);
    assert_int_equal(a.restarted, 0);
    assert_int_equal(a.incarnation, 9);
    assert_int_equal(a.lost + a.duplicate, 0);
}

static void late_beats_in_no_order_are_no_restart(void **state)
{
    (void)state;
    struct bl_anomaly a = {.incarnation = 9};
    for (uint32_t sequence = 1000; sequence > 0; sequence--)
        assert_int_equal(bl_sequence_settle(&a, 5000, sequence, 9), 5000);
    for (uint32_t i = 1; i <= 1000; i++) /* far apart */
        assert_int_equal(bl_sequence_settle(&a, 500000, i * (BL_SEQUENCE_STEP + 1), 8), 500000);
    assert_int_equal(a.restarted, 0);
}

/* Played back, or a second sender under the same id. */
static void old_beats_between_the_nodes_own_are_no_restart(void **state)
{
    (void)state;
    for (uint32_t incarnation = 7; incarnation <= 9; incarnation++) {
        struct bl_anomaly a = {.incarnation = 9};
        uint32_t stored = 5000;
        for (uint32_t i = 1; i <= 200; i++) {
            stored++; /* its own next one, which nobody settles */
            for (uint32_t n = 0; n < 3; n++)
                assert_int_equal(bl_sequence_settle(&a, stored, 3 * i + n, incarnation), stored);
        }
        assert_int_equal(a.restarted, 0);
        assert_int_equal(a.reordered, 600);
        assert_int_equal(a.incarnation, 9);
    }
}

static void one_stray_beat_from_far_behind_costs_one_count(void **state)
{
    (void)state;
    struct bl_anomaly a = {0};
    assert_int_equal(bl_sequence_settle(&a, 5000, 1, 0), 5000);
    assert_int_equal(bl_sequence_settle(&a, 5000, 5002, 0), 5002);
    assert_int_equal(a.reordered, 1);
    assert_int_equal(a.restarted, 0);
    assert_int_equal(a.lost, 1);
}

static void counts_saturate(void **state)
{
    (void)state;
    struct bl_anomaly a = {
        .lost = UINT32_MAX - 2, .duplicate = UINT16_MAX, .reordered = UINT16_MAX, .restarted = UINT16_MAX};
    bl_sequence_settle(&a, 0, 100, 0);
    assert_true(a.lost == UINT32_MAX);
    bl_sequence_settle(&a, 100, 100, 0);
    assert_int_equal(a.duplicate, UINT16_MAX);
    a.incarnation = 1;
    bl_sequence_settle(&a, 5000, 1, 2);
    assert_int_equal(a.restarted, UINT16_MAX);
    bl_sequence_settle(&a, 100, 99, 0);
    assert_int_equal(a.reordered, UINT16_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gap_is_lost_beats),
        cmocka_unit_test(the_next_sequence_is_no_anomaly),
        cmocka_unit_test(the_same_sequence_is_a_duplicate),
        cmocka_unit_test(a_late_beat_is_reordered_and_not_lost),
        cmocka_unit_test(sequences_wrap),
        cmocka_unit_test(a_newer_incarnation_restarts_the_count),
        cmocka_unit_test(a_beat_of_an_older_incarnation_is_late),
        cmocka_unit_test(a_first_incarnation_is_taken_over),
        cmocka_unit_test(a_reboot_under_a_lower_incarnation_is_one_restart),
        cmocka_unit_test(counting_anew_under_one_incarnation_is_a_restart),
        cmocka_unit_test(a_restart_is_seen_though_beats_are_lost_or_doubled),
        cmocka_unit_test(fewer_late_beats_than_a_run_are_no_restart),
        cmocka_unit_test(late_beats_in_no_order_are_no_restart),
        cmocka_unit_test(old_beats_between_the_nodes_own_are_no_restart),
        cmocka_unit_test(one_stray_beat_from_far_behind_costs_one_count),
        cmocka_unit_test(counts_saturate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
