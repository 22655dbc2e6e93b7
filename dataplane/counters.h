/* SPDX-License-Identifier: Apache-2.0 */
/* counters: what one worker has counted since it started. Plain 64-bit
 * words on the worker's own cache lines, written by it alone (relaxed
 * stores), read by anyone with bl_counters_read; sums over workers are
 * the reader's. */
#pragma once

#include <stdint.h>

#include "dataplane/drop.h"
#include "engine/role.h"

struct bl_counters {
    uint64_t packets;        /* taken from the port */
    uint64_t bytes;          /* of their frames (dpdk) or payloads (socket) */
    uint64_t packets_parsed; /* taken apart into records */
    uint64_t records;
    uint64_t beats;          /* accepted */
    uint64_t settings;       /* accepted: timeout, warn, err, autobeat's policy, hello, bye */
    uint64_t inserted;       /* new keys in the table */
    uint64_t sequence_odd;   /* beats whose sequence was not the next one */
    uint64_t report_retries; /* a stranger's report met a full ring; told again with its next beat */
    uint64_t clock_stops;    /* beats stamped while the ingest clock stood still */
    uint64_t polls, polls_empty;
    uint64_t busy_ns;        /* poll loops that had packets */
    uint64_t longest_gap_ns; /* between two polls */
    uint64_t drop[BL_DROP_COUNT];
} __attribute__((aligned(64)));

/* Adds `n` to a counter of this worker: a plain add and store. */
static inline void bl_count(uint64_t *counter, uint64_t n) BL_ON_WORKER;
static inline void bl_count(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* Reads each counter whole; they may be of neighbouring bursts. Any
 * thread. Adds to *sum; of the longest gaps it keeps the longer. */
void bl_counters_add(struct bl_counters *sum, const struct bl_counters *c);
