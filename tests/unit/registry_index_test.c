/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/rcu.h"
#include "engine/registry/registry.h"
#include "engine/registry/registry_index.h"

#define KEYS 4096u

/* Which key each node has, own and alias; 0: none. */
static uint64_t own_key[KEYS], alias_key[KEYS];

/* Runs once, when a lookup meets a key that looks like its own: what the
 * writer does while a reader is in the middle of a lookup. */
static void (*meanwhile)(struct bl_registry_index *x);
static struct bl_registry_index *meanwhile_index;

static bool same(const void *ctx, uint32_t node, bool alias, uint64_t key)
{
    (void)ctx;
    void (*act)(struct bl_registry_index * x) = meanwhile;
    meanwhile = NULL;
    if (act)
        act(meanwhile_index);
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

/* ---- a reader in the middle of a lookup -------------------------------- */

#define LIKE UINT64_C(0xfedcba9876543210) /* keys that differ below bit 29 look alike */

/* Adds other nodes from *n on until 256 slots begin to move to `next`. */
static void fill_until_growth(struct bl_registry_index *x, uint32_t *n)
{
    while (!x->next || x->current->bits < 8) {
        put(x, key_of(*n), *n, false);
        (*n)++;
    }
}

static void growth_ends(struct bl_registry_index *x)
{
    bl_role_assume_control();
    while (x->next)
        bl_registry_index_reserve(x, 1);
}

/* The last step but one: everything is moved, the old array still on. */
static void all_is_moved(struct bl_registry_index *x)
{
    bl_role_assume_control();
    while (x->next && x->cursor + 16 < (UINT64_C(1) << x->current->bits))
        bl_registry_index_reserve(x, 1);
}

/* The reader is past the place in `next` that the key is moved to. */
static void a_key_moved_behind_the_reader_is_found(void **state)
{
    (void)state;
    bl_role_assume_control();
    void (*const acts[])(struct bl_registry_index * x) = {all_is_moved, growth_ends};
    for (unsigned i = 0; i < 2; i++) {
        struct bl_registry_index x = make();
        uint32_t n = 10;
        uint64_t key = LIKE >> 1; /* home in the middle: neither moved first nor last */
        put(&x, key, 0, false);
        fill_until_growth(&x, &n);
        put(&x, key ^ 2, 1, false);
        put(&x, key ^ 4, 2, false);
        take_out(&x, key ^ 2, 1, false);
        assert_true(x.next && x.cursor < 64);
        meanwhile_index = &x;
        meanwhile = acts[i];
        assert_int_equal(bl_registry_index_find(&x, key), 0);
        assert_null(meanwhile); /* it did meet the other */
        fini(&x);
    }
}

/* The key is in `next` alone; growth ends while the reader looks. */
static void a_key_of_the_new_array_is_found_as_growth_ends(void **state)
{
    (void)state;
    struct bl_registry_index x = make();
    uint32_t n = 10;
    uint64_t key = LIKE >> 1;
    put(&x, key ^ 2, 1, false);
    fill_until_growth(&x, &n);
    put(&x, key, 0, false);
    meanwhile_index = &x;
    meanwhile = growth_ends;
    assert_int_equal(bl_registry_index_find(&x, key), 0);
    meanwhile = NULL;
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
        cmocka_unit_test(a_key_moved_behind_the_reader_is_found),
        cmocka_unit_test(a_key_of_the_new_array_is_found_as_growth_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
