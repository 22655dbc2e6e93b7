/* SPDX-License-Identifier: Apache-2.0 */
/* counters: what one worker has counted since it started. Plain 64-bit
 * words on the worker's own cache lines, written by it alone (relaxed
 * stores), read by anyone with bl_counters_read; sums over workers are
 * the reader's. */
#pragma once

#include <stdint.h>

#include "dataplane/base/cycle_profile.h"
#include "dataplane/base/drop.h"
#include "engine/base/role.h"

/* X(name, unit, sentence): one list makes the counters, the CLI's and
 * JSON's names and the metrics. Units: count, and of nanoseconds ns (they
 * add up) and longest_ns (the longest there was). */
#define BL_COUNTERS(X)                                                                                       \
    X(packets, count, "packets taken from the port")                                                         \
    X(bytes, count, "bytes of their frames (dpdk) or payloads (socket)")                                     \
    X(packets_parsed, count, "packets taken apart into records")                                             \
    X(records, count, "lines of text, beats and settings found in them")                                     \
    X(beats, count, "beats accepted")                                                                        \
    X(settings, count, "settings accepted: timeout, warn, err, a policy by autobeat, hello, bye")            \
    X(inserted, count, "new keys in the table")                                                              \
    X(sequence_odd, count, "beats whose sequence was not the next one")                                      \
    X(report_retries, count, "reports of unknown nodes that met a full ring, told again with the next beat") \
    X(clock_stops, count, "beats stamped while the ingest clock stood still")                                \
    X(polls, count, "polls of the port")                                                                     \
    X(polls_empty, count, "polls that brought nothing")                                                      \
    X(busy_ns, ns, "time in poll loops that had packets")                                                    \
    X(idle_ns, ns, "time in poll loops that had none")                                                       \
    X(longest_gap_ns, longest_ns, "longest time between two polls")

struct bl_counters {
#define BL_COUNTER_FIELD(name, unit, sentence) uint64_t name;
    BL_COUNTERS(BL_COUNTER_FIELD)
#undef BL_COUNTER_FIELD
    uint64_t drop[BL_DROP_COUNT];
    struct bl_cycle_profile stages; /* read with bl_cycle_profile_read; not part of sums */
} __attribute__((aligned(64)));

/* Reads each counter whole; they may be of neighbouring bursts. Any
 * thread. Adds to *sum; of the longest gaps it keeps the longer. */
void bl_counters_add(struct bl_counters *sum, const struct bl_counters *c);
