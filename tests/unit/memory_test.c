/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "control/core/memory.h"

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

/* Whether the mapping that `p` lies in may have huge pages: the kernel's
 * word for it is "hg". */
static bool may_be_huge(const void *p)
{
    char line[512];
    bool within = false, huge = false;
    FILE *maps = fopen("/proc/self/smaps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps)) {
        uintptr_t from, end;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &end) == 2)
            within = from <= (uintptr_t)p && (uintptr_t)p < end;
        else if (within && strncmp(line, "VmFlags:", 8) == 0)
            huge = strstr(line, " hg") != NULL;
    }
    fclose(maps);
    return huge;
}

/* Whether what an arena's first `bytes` lie in may be. */
static bool of_an_arena_may_be_huge(size_t bytes)
{
    struct bl_memory_arena *a = bl_memory_arena_new();
    struct bl_memory m = bl_memory_of_arena(a);
    void *p = m.alloc(m.ctx, bytes);
    assert_non_null(p);
    bool huge = may_be_huge(p);
    m.free(m.ctx, p);
    bl_memory_arena_free(a);
    return huge;
}

/* Not where the kernel has no such pages, nor under an emulator that does
 * not ask for them. */
static bool asking_shows(void)
{
    const size_t bytes = (size_t)8 << 20;
    char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(p, MAP_FAILED);
    bool shows = madvise(p, bytes, MADV_HUGEPAGE) == 0 && may_be_huge(p + bytes / 2);
    munmap(p, bytes);
    return shows;
}

static void only_a_large_registry_asks_for_huge_pages(void **state)
{
    (void)state;
    struct bl_memory_stats stats;
    bl_memory_stats(NULL, &stats);
    assert_false(of_an_arena_may_be_huge(1000));
    if (stats.jemalloc && asking_shows())
        assert_true(of_an_arena_may_be_huge((size_t)32 << 20));
    else
        print_message("no jemalloc in this build, or no huge pages to ask for\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_registry_takes_is_seen_in_its_arena),
        cmocka_unit_test(only_a_large_registry_asks_for_huge_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
