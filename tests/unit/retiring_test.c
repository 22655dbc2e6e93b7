/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/fleet/retiring.h"

#define KEYS 5000u

static uint64_t key_of(uint64_t i)
{
    return (i + 1) * UINT64_C(0x9e3779b97f4a7c14);
}

static void ask(struct bl_retiring *r, uint64_t key, uint64_t done)
{
    assert_true(bl_retiring_reserve(r, done));
    bl_retiring_add(r, key);
}

static void keys_are_handed_over_in_the_order_of_asking(void **state)
{
    (void)state;
    struct bl_retiring r = {0};
    uint64_t key, next = 0;
    assert_false(bl_retiring_next(&r, &key));
    for (uint64_t i = 0; i < KEYS; i++) {
        ask(&r, key_of(i), 0);
        for (unsigned n = 0; n < i % 3 && bl_retiring_next(&r, &key); n++) {
            assert_int_equal(key, key_of(next++));
            bl_retiring_sent(&r);
        }
    }
    while (bl_retiring_next(&r, &key)) {
        assert_int_equal(key, key_of(next++));
        bl_retiring_sent(&r);
    }
    assert_int_equal(next, KEYS);
    assert_int_equal(r.sent, r.asked);
    bl_retiring_free(&r);
}

static void a_key_has_the_number_of_its_last_deletion(void **state)
{
    (void)state;
    struct bl_retiring r = {0};
    assert_int_equal(bl_retiring_number(&r, key_of(0)), 0);
    for (uint64_t i = 0; i < KEYS; i++)
        ask(&r, key_of(i % 100), 0);
    for (uint64_t i = 0; i < 100; i++)
        assert_int_equal(bl_retiring_number(&r, key_of(i)), KEYS - 100 + i + 1);
    assert_int_equal(bl_retiring_number(&r, key_of(100)), 0);
    bl_retiring_free(&r);
}

static void what_is_done_makes_room(void **state)
{
    (void)state;
    struct bl_retiring r = {0};
    for (uint64_t i = 0; i < KEYS; i++) {
        ask(&r, key_of(i), i); /* all before it are done */
        bl_retiring_sent(&r);
        assert_int_equal(bl_retiring_number(&r, key_of(i)), i + 1);
    }
    assert_in_range(r.capacity, 1, 32);
    assert_in_range(r.room, 1, 16);
    bl_retiring_settle(&r, KEYS - 1);
    assert_int_equal(bl_retiring_number(&r, key_of(KEYS - 1)), KEYS);
    bl_retiring_settle(&r, KEYS);
    assert_int_equal(bl_retiring_number(&r, key_of(KEYS - 1)), 0);
    bl_retiring_free(&r);
}

static void a_large_set_is_given_back_when_all_is_done(void **state)
{
    (void)state;
    struct bl_retiring r = {0};
    for (uint64_t i = 0; i < KEYS; i++)
        ask(&r, key_of(i), 0);
    for (uint64_t i = 0; i < KEYS; i++)
        assert_int_equal(bl_retiring_number(&r, key_of(i)), i + 1);
    bl_retiring_settle(&r, KEYS);
    assert_null(r.entry);
    ask(&r, key_of(7), KEYS);
    assert_int_equal(bl_retiring_number(&r, key_of(7)), KEYS + 1);
    bl_retiring_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_handed_over_in_the_order_of_asking),
        cmocka_unit_test(a_key_has_the_number_of_its_last_deletion),
        cmocka_unit_test(what_is_done_makes_room),
        cmocka_unit_test(a_large_set_is_given_back_when_all_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
