/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/detect/quality.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "engine/detect/detector.h"
#include "tests/unit/random.h"

#define LEAST_DELAY_MS 20.0
#define MEAN_DELAY_MS  20.0
#define TAIL_EXPONENT  1.2
#define WARM_UP        100u
#define DAY_MS         86400000.0

/* A node as its detector sees it. */
struct watched {
    const struct bl_quality_case *c;
    struct bl_interval_stats stats;
    float phi_sigmas;
    double last_ms, timeout_ms; /* the latest arrival, and how long it holds */
    struct test_random random;
};

struct sums {
    unsigned mistakes, crashes;
    double mistake_ms;
    double *detection_ms; /* of each crash */
};

static double chance(struct watched *w)
{
    return ((double)(test_random_u64(&w->random) >> 11) + 0.5) / 9007199254740992.0;
}

static double delay_ms(struct watched *w)
{
    double u = chance(w);
    if (!w->c->heavy_tail)
        return LEAST_DELAY_MS - MEAN_DELAY_MS * log(u);
    return LEAST_DELAY_MS * pow(u, -1 / TAIL_EXPONENT);
}

static void set_timeout(struct watched *w)
{
    double ms = bl_detector_timeout_ms(&w->stats, w->c->detector, w->phi_sigmas);
    w->timeout_ms = (ms > 0 ? ms : BL_QUALITY_FIXED_MS) * (w->c->retries + 1);
}

/* A beat arrives; one that was overtaken says nothing. */
static void arrive(struct watched *w, double ms, struct sums *sums)
{
    if (ms <= w->last_ms)
        return;
    double silent_ms = ms - w->last_ms;
    if (silent_ms > w->timeout_ms && sums) {
        sums->mistakes++;
        sums->mistake_ms += silent_ms - w->timeout_ms;
    }
    bl_interval_learn(&w->stats, (uint32_t)(floor(ms) - floor(w->last_ms)));
    w->last_ms = ms;
    set_timeout(w);
}

/* What if it had crashed on its way to the next beat? */
static void crash(struct watched *w, double sent_ms, struct sums *sums)
{
    double crash_ms = sent_ms + chance(w) * BL_QUALITY_BEAT_MS;
    double took_ms = w->last_ms + w->timeout_ms - crash_ms;
    if (took_ms < 0) /* suspected already */
        took_ms = 0;
    sums->detection_ms[sums->crashes++] = took_ms;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void sum_up(struct sums *sums, struct bl_quality *out)
{
    double total_ms = 0;
    for (unsigned i = 0; i < sums->crashes; i++)
        total_ms += sums->detection_ms[i];
    qsort(sums->detection_ms, sums->crashes, sizeof(double), by_size);
    *out = (struct bl_quality){
        .detection_ms = total_ms / sums->crashes,
        .detection_p99_ms = sums->detection_ms[sums->crashes * 99 / 100],
        .mistakes_per_day = sums->mistakes / (sums->crashes * (double)BL_QUALITY_BEAT_MS / DAY_MS),
        .mistake_ms = sums->mistakes > 0 ? sums->mistake_ms / sums->mistakes : 0,
    };
}

void bl_quality_measure(const struct bl_quality_case *c, unsigned beats, uint64_t seed,
                        struct bl_quality *out)
{
    struct watched w = {.c = c, .phi_sigmas = bl_phi_sigmas(BL_PHI_DEFAULT), .random = {seed}};
    struct sums sums = {.detection_ms = calloc(beats, sizeof(double))};
    assert(sums.detection_ms != NULL && beats > WARM_UP);
    set_timeout(&w);
    for (unsigned i = 1; i <= beats; i++) {
        double sent_ms = (double)i * BL_QUALITY_BEAT_MS;
        bool counts = i > WARM_UP;
        if (chance(&w) * 100 >= c->loss_percent)
            arrive(&w, sent_ms + delay_ms(&w), counts ? &sums : NULL);
        if (counts)
            crash(&w, sent_ms, &sums);
    }
    sum_up(&sums, out);
    free(sums.detection_ms);
}
