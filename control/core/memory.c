/* SPDX-License-Identifier: Apache-2.0 */
#include "control/core/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef BL_HAVE_JEMALLOC
#include <jemalloc/jemalloc.h>

struct bl_memory_arena {
    unsigned arena, cache;
};

static int flags_of(const struct bl_memory_arena *a)
{
    return (int)(MALLOCX_ARENA(a->arena) | MALLOCX_TCACHE(a->cache));
}

static void *arena_alloc(void *ctx, size_t bytes)
{
    return mallocx(bytes != 0 ? bytes : 1, flags_of(ctx));
}

static void arena_release(void *ctx, void *p)
{
    if (p != NULL)
        dallocx(p, flags_of(ctx));
}

/* What is freed here is rare and large, such as an outgrown index, and
 * without more of that nothing would make the allocator return it. */
static void give_back_at_once(const struct bl_memory_arena *a)
{
    char name[48];
    ssize_t decay_ms = 0;

    snprintf(name, sizeof(name), "arena.%u.dirty_decay_ms", a->arena);
    mallctl(name, NULL, NULL, &decay_ms, sizeof(decay_ms));
    snprintf(name, sizeof(name), "arena.%u.muzzy_decay_ms", a->arena);
    mallctl(name, NULL, NULL, &decay_ms, sizeof(decay_ms));
}

/* The registry of a large fleet is looked up all over: on 4 KiB pages
 * most of that would miss the TLB too. Extents of a small one stay on
 * those. */
#define HUGE_EXTENT ((size_t)4 << 20)

static extent_hooks_t *plain; /* jemalloc's own; every arena has the same */

static void *extent_alloc(extent_hooks_t *hooks, void *at, size_t bytes, size_t alignment, bool *zero,
                          bool *commit, unsigned arena)
{
    (void)hooks;
    void *p = plain->alloc(plain, at, bytes, alignment, zero, commit, arena);
    if (p != NULL && bytes >= HUGE_EXTENT)
        (void)madvise(p, bytes, MADV_HUGEPAGE); /* a refusal means plain pages: slower, not wrong */
    return p;
}

static void want_huge_pages(const struct bl_memory_arena *a)
{
    static extent_hooks_t hooks, *with = &hooks;
    char name[48];
    size_t size = sizeof(plain);

    snprintf(name, sizeof(name), "arena.%u.extent_hooks", a->arena);
    if (mallctl(name, &plain, &size, NULL, 0) != 0)
        return;
    hooks = *plain;
    hooks.alloc = extent_alloc;
    (void)mallctl(name, NULL, NULL, &with, sizeof(with));
}

struct bl_memory_arena *bl_memory_arena_new(void)
{
    struct bl_memory_arena *a = malloc(sizeof(*a));
    size_t size = sizeof(a->arena);

    if (a == NULL)
        return NULL;
    if (mallctl("arenas.create", &a->arena, &size, NULL, 0) != 0 ||
        mallctl("tcache.create", &a->cache, &size, NULL, 0) != 0) {
        free(a);
        return NULL;
    }
    give_back_at_once(a);
    want_huge_pages(a);
    return a;
}

void bl_memory_arena_free(struct bl_memory_arena *a)
{
    char name[48];

    if (a == NULL)
        return;
    mallctl("tcache.destroy", NULL, NULL, &a->cache, sizeof(a->cache));
    snprintf(name, sizeof(name), "arena.%u.destroy", a->arena);
    mallctl(name, NULL, NULL, NULL, 0);
    free(a);
}

struct bl_memory bl_memory_of_arena(struct bl_memory_arena *a)
{
    return (struct bl_memory){.alloc = arena_alloc, .free = arena_release, .ctx = a};
}

static uint64_t memory_figure(const char *name)
{
    size_t value = 0, size = sizeof(value);
    return mallctl(name, &value, &size, NULL, 0) == 0 ? value : 0;
}

static uint64_t arena_figure(const struct bl_memory_arena *a, const char *what)
{
    char name[64];
    snprintf(name, sizeof(name), "stats.arenas.%u.%s", a->arena, what);
    return memory_figure(name);
}

static void allocator_stats(const struct bl_memory_arena *a, struct bl_memory_stats *out)
{
    uint64_t epoch = 1; /* writing it refreshes jemalloc's figures */
    size_t size = sizeof(epoch);

    mallctl("epoch", &epoch, &size, &epoch, size);
    out->jemalloc = true;
    out->allocated = memory_figure("stats.allocated");
    out->resident = memory_figure("stats.resident");
    if (a == NULL)
        return;
    out->registry = arena_figure(a, "small.allocated") + arena_figure(a, "large.allocated");
    out->registry_held = arena_figure(a, "resident");
}

#else

struct bl_memory_arena {
    char unused;
};

struct bl_memory_arena *bl_memory_arena_new(void)
{
    return calloc(1, sizeof(struct bl_memory_arena));
}

void bl_memory_arena_free(struct bl_memory_arena *a)
{
    free(a);
}

struct bl_memory bl_memory_of_arena(struct bl_memory_arena *a)
{
    (void)a;
    return bl_memory_libc;
}

static void allocator_stats(const struct bl_memory_arena *a, struct bl_memory_stats *out)
{
    (void)a;
    out->jemalloc = false;
}
#endif

void bl_memory_stats(const struct bl_memory_arena *a, struct bl_memory_stats *out)
{
    unsigned long long total = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    *out = (struct bl_memory_stats){0};
    if (f != NULL) {
        /* NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers */
        if (fscanf(f, "%llu %llu", &total, &resident) == 2)
            out->rss_bytes = resident * (uint64_t)sysconf(_SC_PAGESIZE);
        fclose(f);
    }
    allocator_stats(a, out);
}
