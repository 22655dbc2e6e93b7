/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/rcu.h"
#include "engine/registry.h"
#include "engine/registry_index.h"

#define KEYS 4096u

/* Which key each node has, own and alias; 0: none. */
static uint64_t own_key[KEYS], alias_key[KEYS];

static bool same(const void *ctx, uint32_t node, bool alias, uint64_t key)
{
    (void)ctx;
    return (alias ? alias_key : own_key)[node] == key;
}

static struct bl_registry_index make(void)
{
    struct bl_registry_index x;
    bl_role_assume_control();
    assert_int_equal(bl_registry_index_init(&x, &bl_memory_libc, same, NULL), 0);
    return x;
}

static void put(struct bl_registry_index *x, uint64_t key, uint32_t node, bool alias)
{
    bl_role_assume_control();
    assert_int_equal(bl_registry_index_reserve(x, 1), 0);
    (alias ? alias_key : own_key)[node] = key;
    bl_registry_index_put(x, key, node, alias);
}

static void take_out(struct bl_registry_index *x, uint64_t key, uint32_t node, bool alias)
{
    bl_role_assume_control();
    bl_registry_index_remove(x, key, node, alias);
    (alias ? alias_key : own_key)[node] = 0;
}

static void fini(struct bl_registry_index *x)
{
    bl_role_assume_control();
    bl_registry_index_fini(x);
}

static void keys_that_look_alike_are_told_apart(void **state)
{
    (void)state;
    struct bl_registry_index x = make();
    uint64_t key = UINT64_C(0xfedcba9876543210);
    put(&x, key, 0, false);
    put(&x, key ^ 2, 1, false); /* below the 35 bits that an entry keeps */
    put(&x, key ^ 4, 1, true);
    assert_int_equal(bl_registry_index_find(&x, key), 0);
    assert_int_equal(bl_registry_index_find(&x, key ^ 2), 1);
    assert_int_equal(bl_registry_index_find(&x, key ^ 4), 1);
    assert_int_equal(bl_registry_index_find(&x, key ^ 8), BL_NODE_NONE);
    take_out(&x, key ^ 2, 1, false);
    assert_int_equal(bl_registry_index_find(&x, key ^ 2), BL_NODE_NONE);
    assert_int_equal(bl_registry_index_find(&x, key ^ 4), 1);
    fini(&x);
}

/* Keys with one home make one run; it wraps around the array's end. */
static void a_run_survives_removals_in_its_middle(void **state)
{
    (void)state;
    struct bl_registry_index x = make();
    for (uint32_t i = 0; i < 20; i++)
        put(&x, UINT64_MAX - 2 * i, i, false);
    for (uint32_t i = 0; i < 20; i += 2)
        take_out(&x, UINT64_MAX - 2 * i, i, false);
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(bl_registry_index_find(&x, UINT64_MAX - 2 * i), i % 2 ? i : BL_NODE_NONE);
    for (uint32_t i = 0; i < 20; i += 2)
        put(&x, UINT64_MAX - 2 * i, i, false);
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(bl_registry_index_find(&x, UINT64_MAX - 2 * i), i);
    fini(&x);
}

static uint64_t key_of(uint32_t i)
{
    return (i + 1) * UINT64_C(0x9e3779b97f4a7c15) & ~UINT64_C(1);
}

static void every_key_is_found_at_every_step_of_growth(void **state)
{
    (void)state;
    struct bl_registry_index x = make();
    unsigned growing = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        put(&x, key_of(i), i, false);
        growing += x.next != NULL;
        for (uint32_t k = 0; k <= i; k++)
            assert_int_equal(bl_registry_index_find(&x, key_of(k)), k);
    }
    assert_true(growing > 100); /* the steps were there to be seen */
    fini(&x);
}

static void it_is_never_fuller_than_7_in_10(void **state)
{
    (void)state;
    struct bl_registry_index x = make();
    bl_role_assume_control();
    for (uint32_t i = 0; i < 2000000; i++) {
        assert_int_equal(bl_registry_index_reserve(&x, 1), 0);
        bl_registry_index_put(&x, key_of(i), i % BL_NODE_MAX, false);
        const struct bl_index_array *a = x.next ? x.next : x.current;
        assert_true(x.taken * 10 <= (UINT64_C(7) << a->bits));
    }
    fini(&x);
}

static void churn_does_not_make_it_grow(void **state)
{
    (void)state;
    struct bl_registry_index x = make();
    bl_role_assume_control();
    for (uint32_t i = 0; i < 500000; i++) {
        put(&x, key_of(i), i % 8, false);
        if (i >= 7)
            take_out(&x, key_of(i - 7), (i - 7) % 8, false);
        bl_registry_index_reclaim(&x);
    }
    assert_true(x.current->bits <= 7);
    fini(&x);
}

static void removal_while_it_grows_removes_everywhere(void **state)
{
    (void)state;
    struct bl_registry_index x = make();
    bl_role_assume_control();
    uint32_t n = 0;
    while (!x.next || x.cursor < 512) {
        assert_true(n < KEYS);
        put(&x, key_of(n), n, false);
        n++;
    }
    for (uint32_t i = 0; i < n; i++) {
        take_out(&x, key_of(i), i, false);
        own_key[i] = key_of(i); /* the index itself must have forgotten it */
        assert_int_equal(bl_registry_index_find(&x, key_of(i)), BL_NODE_NONE);
    }
    assert_int_equal(x.live, 0);
    fini(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_that_look_alike_are_told_apart),
        cmocka_unit_test(a_run_survives_removals_in_its_middle),
        cmocka_unit_test(every_key_is_found_at_every_step_of_growth),
        cmocka_unit_test(it_is_never_fuller_than_7_in_10),
        cmocka_unit_test(churn_does_not_make_it_grow),
        cmocka_unit_test(removal_while_it_grows_removes_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
