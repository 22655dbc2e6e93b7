/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dataplane/base/counters.h"
#include "engine/base/counter.h"

static void a_sum_over_workers_has_every_counter(void **state)
{
    (void)state;
    static struct bl_counters one, two, sum;
    uint64_t *a = (uint64_t *)&one, *b = (uint64_t *)&two;
    unsigned words = offsetof(struct bl_counters, drop[BL_DROP_COUNT]) / sizeof(*a);
    for (unsigned i = 0; i < words; i++) {
        a[i] = i + 1;
        b[i] = 1000 * i;
    }
    bl_counters_add(&sum, &one);
    bl_counters_add(&sum, &two);
    const uint64_t *s = (const uint64_t *)&sum;
    unsigned gap = offsetof(struct bl_counters, longest_gap_ns) / sizeof(*a);
    for (unsigned i = 0; i < words; i++)
        assert_int_equal(s[i], i == gap ? 1000 * i : i + 1 + 1000 * i);
    assert_int_equal(sum.drop[BL_DROP_COUNT - 1], words + 1000 * (words - 1));
    bl_counters_add(&sum, &one);
    assert_int_equal(sum.longest_gap_ns, two.longest_gap_ns);
}

static void counting_adds(void **state)
{
    (void)state;
    bl_role_assume_worker();
    uint64_t counter = 5;
    BL_ADD(counter, 7);
    assert_int_equal(counter, 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sum_over_workers_has_every_counter),
        cmocka_unit_test(counting_adds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
