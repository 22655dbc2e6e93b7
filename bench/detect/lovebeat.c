/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/detect/lovebeat.h"

#include <math.h>
#include <stdbool.h>

#define WINDOW 20u
#define WEIGHT (1.0 / 11)

static double mean_of(const double *x, unsigned n)
{
    double sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum += x[i];
    return sum / n;
}

static double deviation_of(const double *x, unsigned n, double mean)
{
    double sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return sqrt(sum / (n - 1));
}

/* Of one interval there is no deviation, and nothing is within it. */
static unsigned without_outliers(const double *x, unsigned n, double *kept)
{
    double mean = mean_of(x, n), limit = n > 1 ? 3 * deviation_of(x, n, mean) : 0;
    unsigned count = 0;
    for (unsigned i = 0; i < n; i++)
        if (mean - limit < x[i] && x[i] < mean + limit)
            kept[count++] = x[i];
    for (unsigned i = 0; count == 0 && i < n; i++)
        kept[i] = x[i];
    return count > 0 ? count : n;
}

double bl_lovebeat_timeout_ms(const double *interval_ms, unsigned n)
{
    double kept[WINDOW], first = 0, second = 0, bias = 1;
    unsigned window = n < WINDOW ? n : WINDOW;
    unsigned count = without_outliers(interval_ms + n - window, window, kept);
    for (unsigned i = 0; i < count; i++) {
        first += WEIGHT * (kept[i] - first);
        second += WEIGHT * (kept[i] * kept[i] - second);
        bias *= 1 - WEIGHT;
    }
    first /= 1 - bias;
    second /= 1 - bias;
    double variance = (second - first * first) * 21 / 20;
    return first + 3 * sqrt(variance > 0 ? variance : 0) + 1000;
}
