/* SPDX-License-Identifier: Apache-2.0 */
/* beats: bl_table_beat as a side of a pair: the nodes beat in their
 * order, in bursts, as a worker's sink hands them over. */
#pragma once

#include <stdint.h>

#include "bench/sources/key_set.h"
#include "engine/base/beat.h"
#include "engine/table/table.h"

/* Beats of a feed and of a stream, as a busy worker has them. */
#define BL_BEATS_PIECE  128u
#define BL_BEATS_STREAM 1024u

struct bl_beats {
    const struct bl_key_set *nodes;
    struct bl_table *table;
    bool sequences;    /* binary beats; the uniform order only */
    unsigned per_call; /* beats; 16 streams, change it at will */
    /* the run's own; 0 at first */
    uint64_t at;
    uint32_t pass, tick;
    uint64_t exception; /* exceptions among them: 0, or it is not the hot path */
    struct bl_beat beat[BL_BEATS_PIECE * (BL_FEEDS_KEPT + 1)];
    struct bl_table_burst beating;
};

/* `first_pass`: the sequence of the next pass; 1 for a fresh table. */
void bl_beats_init(struct bl_beats *b, const struct bl_key_set *nodes, struct bl_table *table, bool sequences,
                   uint32_t first_pass);
/* A side of a pair (struct bl_beats): beats. */
uint64_t bl_beats_work(void *beats);
