/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/histogram.h"

#include "engine/base/counter.h"

/* Values 0..3 have buckets of their own; above, the two bits below the
 * leading one tell the quarter of the octave. */
static unsigned bucket_of(uint32_t value)
{
    if (value < 4)
        return value;
    unsigned octave = 31u - (unsigned)__builtin_clz(value);
    return (octave - 1) * 4 + ((value >> (octave - 2)) & 3);
}

static uint32_t bucket_upper(unsigned bucket)
{
    if (bucket < 4)
        return bucket;
    unsigned octave = bucket / 4 + 1;
    return (uint32_t)(((UINT64_C(5) + bucket % 4) << (octave - 2)) - 1);
}

static void add_one(uint64_t *count)
{
    /* One writer: a plain read and a whole store is enough. */
    BL_ADD(*count, 1);
}

void bl_histogram_add(struct bl_histogram *h, uint32_t value)
{
    add_one(&h->count[bucket_of(value)]);
    add_one(&h->total);
    if (value > h->max)
        BL_WRITE(h->max, value);
}

uint32_t bl_histogram_quantile(const struct bl_histogram *h, unsigned per_mille)
{
    uint64_t count[BL_HISTOGRAM_BUCKETS], total = 0, below = 0;
    /* Summed here, not read from `total`: an add may be half done. */
    for (unsigned b = 0; b < BL_HISTOGRAM_BUCKETS; b++)
        total += count[b] = BL_READ(h->count[b]);
    if (total == 0)
        return 0;
    uint32_t max = BL_READ(h->max);
    uint64_t rank = (total * (per_mille < 1000 ? per_mille : 1000) + 999) / 1000;
    if (rank == 0)
        rank = 1;
    for (unsigned b = 0; b < BL_HISTOGRAM_BUCKETS; b++) {
        below += count[b];
        if (below >= rank)
            return bucket_upper(b) < max ? bucket_upper(b) : max;
    }
    return max;
}
