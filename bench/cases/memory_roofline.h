/* SPDX-License-Identifier: Apache-2.0 */
/* memory_roofline: how fast this machine can do the least that a beat must do: a
 * read-modify-write of one random cache line, prefetched to L2 as many
 * lines ahead as suits the machine best. And the best plain stream read,
 * the limit of a scan. */
#pragma once

#include <stdint.h>

#include "bench/sources/key_set.h"

struct bl_memory_roofline {
    const struct bl_key_set *nodes; /* whose order of keys the lines follow */
    struct bl_slots *slots;         /* the footprint: its lines */
    unsigned depth;                 /* lines that a prefetch runs ahead */
    uint64_t at;                    /* next key */
};

/* Lines of the same number and pages as a table of `slots` slots; tries
 * depths and keeps the best. False: no memory. */
bool bl_memory_roofline_init(struct bl_memory_roofline *l, const struct bl_key_set *nodes, uint64_t slots,
                             enum bl_pages pages);
void bl_memory_roofline_fini(struct bl_memory_roofline *l);

/* A side of a pair (struct bl_memory_roofline): lines written. */
uint64_t bl_memory_roofline_work(void *limit);

/* Where a stream read is; read with as many streams, and prefetched as
 * far ahead, as was found best. */
struct bl_stream {
    const char *data;
    uint64_t bytes; /* of it; whole pieces count */
    uint64_t piece; /* bytes per call */
    unsigned streams, ahead;
    uint64_t at; /* next piece */
    uint64_t sum;
};

/* At least 4096 bytes. */
void bl_stream_init(struct bl_stream *s, const void *data, uint64_t bytes);
/* A side of a pair (struct bl_stream): bytes read. */
uint64_t bl_stream_work(void *stream);
