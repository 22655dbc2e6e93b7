/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "control/memory.h"

#define BLOCKS 100000u

static void what_the_registry_takes_is_seen_in_its_arena(void **state)
{
    (void)state;
    struct bl_memory_arena *a = bl_memory_arena_new();
    assert_non_null(a);
    struct bl_memory m = bl_memory_of_arena(a);
    struct bl_memory_stats before, full, after;
    static void *block[BLOCKS];

    bl_memory_stats(a, &before);
    for (unsigned i = 0; i < BLOCKS; i++) {
        block[i] = m.alloc(m.ctx, 100);
        assert_non_null(block[i]);
        memset(block[i], 1, 100);
    }
    bl_memory_stats(a, &full);
    for (unsigned i = 0; i < BLOCKS; i++)
        m.free(m.ctx, block[i]);
    bl_memory_stats(a, &after);

    assert_true(full.rss_bytes >= before.rss_bytes + BLOCKS * 90);
    if (full.jemalloc) {
        assert_in_range(full.registry - before.registry, BLOCKS * 100, BLOCKS * 130);
        assert_true(full.registry_held >= full.registry);
        assert_true(full.allocated >= full.registry);
        assert_true(after.registry < full.registry / 2);
    } else {
        print_message("no jemalloc in this build: its figures are absent\n");
    }
    bl_memory_arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_registry_takes_is_seen_in_its_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
