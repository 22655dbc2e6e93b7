/* SPDX-License-Identifier: Apache-2.0 */
/* The pool of names against plain copies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "engine/registry/name_pool.h"
#include "engine/registry/registry.h"
#include "tests/unit/random.h"

#define NAMES 500u

static size_t held;

static void *counted_alloc(void *ctx, size_t bytes)
{
    (void)ctx;
    held += bytes;
    return malloc(bytes);
}

static void counted_free(void *ctx, void *p)
{
    (void)ctx;
    free(p);
}

static void *no_alloc(void *ctx, size_t bytes)
{
    (void)ctx, (void)bytes;
    return NULL;
}

static const struct bl_memory counted = {.alloc = counted_alloc, .free = counted_free};

static void names_stay_what_they_are_while_others_come_and_go(void **state)
{
    (void)state;
    struct test_random random = {.state = test_random_seed("name_pool")};
    static char model[NAMES][BL_NAME_MAX + 1];
    static uint64_t id[NAMES]; /* 0: none */
    char *own[NAMES] = {NULL};
    struct bl_name_pool p;
    bl_name_pool_init(&p, &bl_memory_libc);
    for (unsigned step = 0; step < 100000; step++) {
        uint64_t i = test_random_below(&random, NAMES);
        if (own[i]) {
            assert_string_equal(own[i], model[i]);
            assert_true(id[i] == 0 || bl_name_pool_id(own[i]) == id[i]);
            bl_name_pool_give(&p, own[i], id[i] != 0);
            own[i] = NULL;
            continue;
        }
        unsigned len = 1 + (unsigned)test_random_below(&random, BL_NAME_MAX);
        memset(model[i], 'a' + (int)test_random_below(&random, 26), len);
        model[i][len] = '\0';
        id[i] = test_random_below(&random, 2) ? test_random_u64(&random) | 1 : 0;
        own[i] = bl_name_pool_copy(&p, id[i] ? &id[i] : NULL, model[i], len);
        assert_non_null(own[i]);
    }
    for (unsigned i = 0; i < NAMES; i++)
        if (own[i])
            assert_string_equal(own[i], model[i]);
    bl_name_pool_fini(&p);
}

static void a_name_costs_its_bytes_and_one(void **state)
{
    (void)state;
    struct bl_name_pool p;
    held = 0;
    bl_name_pool_init(&p, &counted);
    for (unsigned i = 0; i < 1000000; i++)
        assert_non_null(bl_name_pool_copy(&p, NULL, "a.name.of.24.bytes.in.it", 24));
    assert_in_range(held, 25000000, 25000000 + 600000);
    bl_name_pool_fini(&p);
}

static void names_that_come_and_go_cost_no_more(void **state)
{
    (void)state;
    struct bl_name_pool p;
    held = 0;
    bl_name_pool_init(&p, &counted);
    for (unsigned i = 0; i < 100000; i++) {
        char *a = bl_name_pool_copy(&p, NULL, "a", 1), *b = bl_name_pool_copy(&p, NULL, "eu.db.1", 7);
        bl_name_pool_give(&p, a, false);
        bl_name_pool_give(&p, b, false);
    }
    assert_in_range(held, 1, 1024);
    bl_name_pool_fini(&p);
}

static void without_memory_there_is_no_name(void **state)
{
    (void)state;
    const struct bl_memory none = {.alloc = no_alloc, .free = counted_free};
    struct bl_name_pool p;
    bl_name_pool_init(&p, &none);
    assert_null(bl_name_pool_copy(&p, NULL, "a", 1));
    bl_name_pool_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_stay_what_they_are_while_others_come_and_go),
        cmocka_unit_test(a_name_costs_its_bytes_and_one),
        cmocka_unit_test(names_that_come_and_go_cost_no_more),
        cmocka_unit_test(without_memory_there_is_no_name),
    };
    return cmocka_run_group_tests_name("name_pool", tests, NULL, NULL);
}
