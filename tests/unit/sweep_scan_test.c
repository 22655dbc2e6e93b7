/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/fleet/sweep_scan.h"
#include "tests/unit/random.h"

#define LINES 16u
#define SLOTS (LINES * BL_LINE_SLOTS)

/* Ages and thresholds at which something may go wrong, and any other. */
static uint32_t near_edges(struct test_random *r)
{
    static const uint32_t edges[] = {
        0, 1, 1000, 30000, 1u << 20, INT32_MAX, BL_TIMEOUT_MAX_MS, BL_AGE_MAX, BL_THRESHOLD_NEVER};
    if (test_random_below(r, 4) == 0)
        return (uint32_t)test_random_u64(r);
    return edges[test_random_below(r, 9)] + test_random_below(r, 5) - 2;
}

BL_ON_CONTROL static void fill(struct bl_slots *s, struct test_random *r, uint32_t now,
                               unsigned exceptions_in)
{
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        bool exception = test_random_below(r, exceptions_in) == 0;
        struct bl_slot_policy p = {.threshold_ticks = exception ? near_edges(r) : BL_THRESHOLD_NEVER,
                                   .node = test_random_below(r, BL_NODE_NONE) & BL_NODE_NONE,
                                   .flags = exception ? test_random_below(r, 16) & 15u : 0};
        bl_slots_set_policy(s, slot, p);
        s->line[slot / BL_LINE_SLOTS].stamp[slot % BL_LINE_SLOTS] = now - near_edges(r);
    }
}

/* What sweep_scan.h says, from bl_age_ticks and the policy's fields. */
static struct bl_scan by_the_book(const struct bl_slots *s, unsigned lines, uint32_t now)
{
    struct bl_scan scan = {.left_ticks = UINT32_MAX};
    for (uint32_t slot = 0; slot < lines * BL_LINE_SLOTS; slot++) {
        struct bl_slot_policy p = bl_slots_policy(s, slot);
        uint32_t age = bl_age_ticks(now, bl_slots_last_beat(s, slot));
        if (age > p.threshold_ticks || (p.flags & BL_POLICY_WATCH) != 0)
            scan.closer |= UINT64_C(1) << slot;
        if (p.threshold_ticks - age < scan.left_ticks)
            scan.left_ticks = p.threshold_ticks - age;
    }
    return scan;
}

static void every_way_of_scanning_gives_the_same_answer(void **state)
{
    (void)state;
    struct test_random r = {.state = test_random_seed("every_way_of_scanning")};
    struct bl_slots *s = bl_slots_new(SLOTS);
    assert_non_null(s);
    bl_role_assume_control();
    for (unsigned round = 0; round < 100000; round++) {
        uint32_t now = (uint32_t)test_random_u64(&r);
        unsigned lines = 1 + test_random_below(&r, LINES);
        fill(s, &r, now, 1u << test_random_below(&r, 8));
        struct bl_scan want = by_the_book(s, lines, now);
        for (enum bl_scan_how how = BL_SCAN_PLAIN; how <= BL_SCAN_AVX512; how++) {
            if (!bl_sweep_scan_has(how))
                continue;
            struct bl_scan got = bl_sweep_scan_with(s, 0, lines, now, how);
            assert_true(got.closer == want.closer);
            assert_int_equal(got.left_ticks, want.left_ticks);
        }
    }
    bl_slots_free(s);
}

static void a_slot_that_was_never_used_is_never_news(void **state)
{
    (void)state;
    struct bl_slots *s = bl_slots_new(SLOTS);
    assert_non_null(s);
    bl_role_assume_control();
    for (enum bl_scan_how how = BL_SCAN_PLAIN; how <= BL_SCAN_AVX512; how++) {
        if (!bl_sweep_scan_has(how))
            continue;
        struct bl_scan got = bl_sweep_scan_with(s, 0, LINES, BL_AGE_MAX, how);
        assert_true(got.closer == 0);
        assert_int_equal(got.left_ticks, BL_THRESHOLD_NEVER - BL_AGE_MAX);
    }
    bl_slots_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_of_scanning_gives_the_same_answer),
        cmocka_unit_test(a_slot_that_was_never_used_is_never_news),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
