/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <time.h>

#include "dataplane/base/clock.h"
#include "tests/real_time.h"

/* Room for what clock.h promises, and for a pause between the two reads
 * of bl_clock_reference on a machine that is busy with other tests. */
#define OFF_NS     5000u
#define SAMPLES    20000u
#define LATE_LIMIT (SAMPLES / 100)

/* Samples over `c`; how many were off by more than OFF_NS. */
static unsigned sample(struct bl_clock *c)
{
    unsigned off = 0;
    uint64_t last = 0;
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t before = real_now_ns(), now = bl_clock_now_ns(c), after = real_now_ns();
        assert_true(now >= last);
        last = now;
        off += now + OFF_NS < before || now > after + OFF_NS;
    }
    return off;
}

static void it_follows_the_monotonic_clock_and_never_goes_back(void **state)
{
    (void)state;
    struct bl_clock c;
    bl_clock_init(&c);
    print_message("tsc: %s\n", c.span_tsc ? "extrapolated" : "no invariant TSC, asked each time");
    assert_true(sample(&c) < LATE_LIMIT);
}

static void without_a_tsc_it_asks_each_time(void **state)
{
    (void)state;
    struct bl_clock c = {.span_tsc = 0};
    for (unsigned i = 0; i < 100; i++) {
        uint64_t before = real_now_ns(), now = bl_clock_now_ns(&c), after = real_now_ns();
        assert_true(before <= now && now <= after);
    }
}

/* A machine that was paused, moved or restored: the TSC jumps. */
static void a_tsc_that_jumps_is_noticed(void **state)
{
    (void)state;
    struct bl_clock c;
    bl_clock_init(&c);
    c.base_tsc -= c.span_tsc * 1000; /* ahead */
    assert_true(bl_clock_now_ns(&c) <= real_now_ns());
    c.base_tsc += c.span_tsc * 1000; /* behind */
    uint64_t before = real_now_ns();
    assert_true(bl_clock_now_ns(&c) >= before);
}

static void a_base_behind_the_last_time_does_not_turn_it_back(void **state)
{
    (void)state;
    struct bl_clock c;
    bl_clock_init(&c);
    uint64_t ahead = c.last_ns + 1000000000;
    c.last_ns = ahead;
    assert_int_equal(bl_clock_now_ns(&c), ahead);
    assert_int_equal(bl_clock_reference(&c), ahead);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_follows_the_monotonic_clock_and_never_goes_back),
        cmocka_unit_test(without_a_tsc_it_asks_each_time),
        cmocka_unit_test(a_tsc_that_jumps_is_noticed),
        cmocka_unit_test(a_base_behind_the_last_time_does_not_turn_it_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
