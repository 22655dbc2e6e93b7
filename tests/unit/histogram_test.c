/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/histogram.h"

static void an_empty_histogram_says_0(void **state)
{
    (void)state;
    struct bl_histogram h = {0};
    assert_int_equal(bl_histogram_quantile(&h, 500), 0);
    assert_int_equal(bl_histogram_quantile(&h, 1000), 0);
}

/* Around every power of two and quarter, and the ends of the range. */
static void one_value_is_told_exactly(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        for (int d = -2; d <= 2; d++) {
            struct bl_histogram h = {0};
            uint32_t v = (UINT32_C(1) << bit) + (uint32_t)d;
            bl_histogram_add(&h, v);
            assert_int_equal(h.total, 1);
            assert_int_equal(bl_histogram_quantile(&h, 0), v);
            assert_int_equal(bl_histogram_quantile(&h, 1000), v);
        }
    }
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void a_quantile_is_at_most_a_quarter_too_high(void **state)
{
    (void)state;
    enum { N = 5000 };
    static uint32_t v[N];
    struct bl_histogram h = {0};
    uint64_t x = 88172645463325252u;
    for (unsigned i = 0; i < N; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        v[i] = (uint32_t)(x >> 32) >> (x % 32);
        bl_histogram_add(&h, v[i]);
    }
    qsort(v, N, sizeof(v[0]), by_value);
    for (unsigned q = 1; q <= 1000; q++) {
        uint32_t exact = v[(N * q + 999) / 1000 - 1], told = bl_histogram_quantile(&h, q);
        assert_true(told >= exact);
        assert_true((double)told <= 1.25 * (double)exact + 0.5);
    }
    assert_int_equal(bl_histogram_quantile(&h, 1000), v[N - 1]);
    assert_int_equal(bl_histogram_quantile(&h, 5000), v[N - 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_histogram_says_0),
        cmocka_unit_test(one_value_is_told_exactly),
        cmocka_unit_test(a_quantile_is_at_most_a_quarter_too_high),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
