/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/sequence.h"

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

static void a_big_jump_back_is_a_restart(void **state)
{
    (void)state;
    struct bl_anomaly a = {0};
    assert_int_equal(bl_sequence_settle(&a, 5000, 1, 0), 1);
    assert_int_equal(a.restarted, 1);
    /* also under an incarnation that did not grow */
    a.incarnation = 4;
    assert_int_equal(bl_sequence_settle(&a, 5000, 1, 4), 1);
    assert_int_equal(a.restarted, 2);
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
    bl_sequence_settle(&a, 5000, 1, 0);
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
        cmocka_unit_test(a_big_jump_back_is_a_restart),
        cmocka_unit_test(counts_saturate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
