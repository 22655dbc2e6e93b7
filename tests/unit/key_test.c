/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/key.h"
#include "tests/unit/random.h"

static struct bl_key_secret secret_of(uint64_t seed)
{
    struct test_random r = {seed};
    uint8_t bytes[BL_KEY_SECRET_BYTES + 24];
    struct bl_key_secret s;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)test_random_u64(&r);
    bl_key_secret_init(&s, bytes);
    return s;
}

static void a_key_is_even_and_never_a_marker(void **state)
{
    (void)state;
    const struct bl_key_secret s = secret_of(1);
    char name[32];
    for (uint64_t id = 0; id < 10000; id++) {
        int len = snprintf(name, sizeof(name), "node-%d", (int)id);
        uint64_t keys[] = {bl_key_of_id(&s, id), bl_key_of_name(&s, name, (unsigned)len)};
        for (unsigned i = 0; i < 2; i++) {
            assert_true(keys[i] >= BL_KEY_FIRST);
            assert_true((keys[i] & 1) == 0);
        }
    }
    for (uint64_t h = 0; h < 8; h++)
        assert_true(bl_key_clean(h) >= BL_KEY_FIRST);
}

static void a_key_depends_on_the_secret(void **state)
{
    (void)state;
    const struct bl_key_secret a = secret_of(1), b = secret_of(2);
    assert_true(bl_key_of_id(&a, 42) != bl_key_of_id(&b, 42));
    assert_true(bl_key_of_name(&a, "mailer", 6) != bl_key_of_name(&b, "mailer", 6));
    assert_true(bl_key_of_name(&a, "mailer", 6) == bl_key_of_name(&a, "mailer", 6));
}

static void the_length_is_part_of_a_name(void **state)
{
    (void)state;
    const struct bl_key_secret s = secret_of(1);
    assert_true(bl_key_of_name(&s, "mailer-1", 8) != bl_key_of_name(&s, "mailer-1", 7));
}

/* 64 buckets by the upper bits, as the table takes its home lines: ids
 * that count up, or by a power of two, fill them evenly. Chi-square with
 * 63 degrees of freedom: mean 63, deviation 11; a bad hash has
 * thousands. */
static void regular_ids_spread_evenly(void **state)
{
    (void)state;
    const unsigned n = 64000;
    const struct bl_key_secret s = secret_of(test_random_seed("regular_ids_spread_evenly"));
    for (unsigned shift = 0; shift < 48; shift += 4) {
        unsigned bucket[64] = {0};
        double chi = 0;
        for (uint64_t id = 0; id < n; id++)
            bucket[bl_key_of_id(&s, id << shift) >> 58]++;
        for (unsigned i = 0; i < 64; i++)
            chi += ((double)bucket[i] - 1000) * ((double)bucket[i] - 1000) / 1000;
        assert_true(chi < 250);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_even_and_never_a_marker),
        cmocka_unit_test(a_key_depends_on_the_secret),
        cmocka_unit_test(the_length_is_part_of_a_name),
        cmocka_unit_test(regular_ids_spread_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
