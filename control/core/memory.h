/* SPDX-License-Identifier: Apache-2.0 */
/* memory: where the registry's memory comes from, and what the process
 * uses: jemalloc with an arena of the registry's own, so that `beatline
 * stats memory` can say what a node costs. Extents of it from 4 MiB on
 * may be transparent huge pages. In a build without jemalloc
 * (a sanitizer brings its own allocator) the registry takes malloc and
 * the figures of jemalloc are absent.
 *
 * Threads: main makes and frees; the registry's memory is control's
 * alone (its cache is of one thread); stats are any thread's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/registry/registry.h"

struct bl_memory_arena;

/* An arena for one registry. NULL: out of memory. */
struct bl_memory_arena *bl_memory_arena_new(void);
/* Nothing of it is in use any more. */
void bl_memory_arena_free(struct bl_memory_arena *a);
/* How to allocate from it; valid as long as the arena. */
struct bl_memory bl_memory_of_arena(struct bl_memory_arena *a);

struct bl_memory_stats {
    uint64_t rss_bytes;     /* of the process, huge pages not included (/proc/self/statm) */
    bool jemalloc;          /* the rest is known */
    uint64_t allocated;     /* by the program, all arenas */
    uint64_t resident;      /* pages jemalloc holds for it */
    uint64_t registry;      /* allocated in the registry's arena */
    uint64_t registry_held; /* pages behind that */
};

/* `a` NULL: no registry figures. Cost: some 10 us; never on a worker. */
void bl_memory_stats(const struct bl_memory_arena *a, struct bl_memory_stats *out);
