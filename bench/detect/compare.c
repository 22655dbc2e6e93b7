/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/detect/compare.h"

#include <stdlib.h>
#include <string.h>

#include "bench/detect/lovebeat.h"
#include "engine/detect/detector.h"

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_of_set(const double *timeout_ms, unsigned n)
{
    double set[BL_SERIES_BEATS] = {0};
    unsigned count = 0;
    for (unsigned i = 0; i < n; i++)
        if (timeout_ms[i] > 0)
            set[count++] = timeout_ms[i];
    qsort(set, count, sizeof(set[0]), by_size);
    return count == 0 ? 0 : (set[(count - 1) / 2] + set[count / 2]) / 2;
}

static void judge(const struct bl_series *s, struct bl_compared *out)
{
    out->false_alarms = 0;
    for (unsigned i = 1; i < s->count; i++)
        out->false_alarms += out->timeout_ms[i - 1] > 0 && s->interval_ms[i] > out->timeout_ms[i - 1];
    out->median_ms = median_of_set(out->timeout_ms, s->count);
}

void bl_compare_lovebeat(const struct bl_series *s, struct bl_compared *out)
{
    for (unsigned i = 0; i < s->count; i++)
        out->timeout_ms[i] = bl_lovebeat_timeout_ms(s->interval_ms, i + 1);
    judge(s, out);
}

void bl_compare_ours(const struct bl_series *s, enum bl_detector detector, struct bl_compared *out)
{
    struct bl_interval_stats stats = {0};
    float sigmas = bl_phi_sigmas(BL_PHI_DEFAULT);
    for (unsigned i = 0; i < s->count; i++) {
        bl_interval_learn(&stats, (uint32_t)(s->interval_ms[i] + 0.5));
        out->timeout_ms[i] = bl_detector_timeout_ms(&stats, detector, sigmas);
    }
    judge(s, out);
}
