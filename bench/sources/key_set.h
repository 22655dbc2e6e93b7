/* SPDX-License-Identifier: Apache-2.0 */
/* key_set: what the table is measured with: a number of nodes, their keys
 * in the order in which they beat, and memory in pages of a given kind.
 *
 * The uniform order visits every node once per pass; keys are keyed
 * hashes of the ids, so their lines come at random, as on the wire. The
 * Zipf order draws each beat's node with a chance of 1 / rank. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/key.h"
#include "engine/table/table.h"

/* The fullest that a table gets before it grows: what is measured. */
#define BL_BENCH_FILL 0.60

enum bl_pages {
    BL_PAGES_BEST,        /* as the daemon takes them */
    BL_PAGES_TRANSPARENT, /* 2 MiB by madvise */
    BL_PAGES_PLAIN,       /* 4 KiB */
};

enum bl_beat_order { BL_BEATS_UNIFORM, BL_BEATS_ZIPF };

struct bl_key_set {
    struct bl_key_secret secret;
    uint64_t count;
    uint64_t *key; /* in the order of beats; `count` of them */
    enum bl_beat_order order;
};

/* The same secret in every run: figures are of the same table. */
void bl_bench_secret(struct bl_key_secret *secret);

/* Exits the program when there is no memory. */
void bl_key_set_init(struct bl_key_set *n, uint64_t count, enum bl_beat_order order);
void bl_key_set_fini(struct bl_key_set *n);

/* Node i of 0..count-1, in another order than that of the beats: what is
 * built in this order has no advantage from its layout in memory. */
static inline uint64_t bl_key_set_shuffled(const struct bl_key_set *n, uint64_t i)
{
    return (i * UINT64_C(2654435761)) % n->count;
}

/* A generation of the table in pages of that kind, all touched. NULL: no
 * memory for it. Freed with bl_slots_free. */
struct bl_slots *bl_bench_slots(uint64_t slots, enum bl_pages pages);

/* "explicit" 2 MiB, or what is asked for. */
const char *bl_bench_pages_name(const struct bl_slots *s, enum bl_pages pages);

/* A table with every node in it, at BL_BENCH_FILL, sequence 0. False: no
 * memory for it. bl_table_fini frees. */
bool bl_key_set_table(const struct bl_key_set *n, enum bl_pages pages, struct bl_table *t);

/* A figure of /proc/meminfo by its name ("MemAvailable:", in KiB;
 * "HugePages_Free:", in pages). 0 if there is none. */
uint64_t bl_bench_meminfo(const char *name);
