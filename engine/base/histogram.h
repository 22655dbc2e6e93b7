/* SPDX-License-Identifier: Apache-2.0 */
/* histogram: counts by power-of-two-and-a-quarter buckets, for lateness
 * and the like. Values 0..2^32-1 in any unit; 4 buckets per octave, so a
 * quantile is at most 25 % too high. One writer; a reader sees each
 * count whole (relaxed). */
#pragma once

#include <stdint.h>

#define BL_HISTOGRAM_BUCKETS 128u /* 32 octaves x 4 */

struct bl_histogram {
    uint64_t count[BL_HISTOGRAM_BUCKETS];
    uint64_t total;
    uint32_t max;
};

void bl_histogram_add(struct bl_histogram *h, uint32_t value);

/* Upper bound of the bucket that holds quantile `per_mille` (0..1000);
 * 0 when empty; never above max. */
uint32_t bl_histogram_quantile(const struct bl_histogram *h, unsigned per_mille);
