/* SPDX-License-Identifier: Apache-2.0 */
/* series: the rhythms that lovebeat's author tried his rule on, made
 * again from a seed: intervals between beats in ms. Jitter is uniform,
 * as his. Pure. */
#pragma once

#include <stdint.h>

#define BL_SERIES       8u
#define BL_SERIES_BEATS 1300u /* no series has more */

struct bl_series {
    const char *name;
    const char *what; /* one line, for the plot */
    unsigned count;
    double interval_ms[BL_SERIES_BEATS];
};

/* Series 0..BL_SERIES-1. */
void bl_series_make(struct bl_series *s, unsigned which, uint64_t seed);
