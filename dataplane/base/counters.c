/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "dataplane/base/counters.h"

#include "engine/base/counter.h"

/* The struct is an array of 64-bit words and nothing else, up to
 * the stages, so one loop reads each of them whole. */
#define WORDS (offsetof(struct bl_counters, drop) / sizeof(uint64_t) + BL_DROP_COUNT)
_Static_assert(offsetof(struct bl_counters, drop) % sizeof(uint64_t) == 0, "64-bit words only");

void bl_counters_add(struct bl_counters *sum, const struct bl_counters *c)
{
    uint64_t *to = (uint64_t *)sum;
    const uint64_t *from = (const uint64_t *)c;
    uint64_t longest_gap_ns = sum->longest_gap_ns;
    for (unsigned i = 0; i < WORDS; i++)
        to[i] += BL_READ(from[i]);
    uint64_t gap_ns = sum->longest_gap_ns - longest_gap_ns;
    sum->longest_gap_ns = gap_ns > longest_gap_ns ? gap_ns : longest_gap_ns;
}
