/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/detect/series.h"

#include <math.h>

#include "tests/unit/random.h"

#define MINUTE_MS 60000.0

/* A series that is being made. */
struct maker {
    struct bl_series *series;
    struct test_random random;
};

/* -half .. +half of `width`. */
static double jitter(struct maker *m, double width_ms)
{
    return ((double)(test_random_u64(&m->random) >> 11) / 9007199254740992.0 - 0.5) * width_ms;
}

static void add(struct maker *m, double ms, double jitter_ms)
{
    m->series->interval_ms[m->series->count++] = ms + jitter(m, jitter_ms);
}

static void steady(struct maker *m, unsigned n, double ms, double jitter_ms)
{
    while (n-- > 0)
        add(m, ms, jitter_ms);
}

static void ramp(struct maker *m, unsigned n, double from_ms, double to_ms, double jitter_ms)
{
    for (unsigned i = 0; i < n; i++)
        add(m, from_ms + (to_ms - from_ms) * i / n, jitter_ms);
}

static void sine(struct maker *m, unsigned n, double ms, double height_ms, double jitter_ms)
{
    for (unsigned i = 0; i < n; i++)
        add(m, ms + height_ms * sin(2 * M_PI * i / n), jitter_ms);
}

static void make_sine(struct maker *m)
{
    sine(m, 500, 5 * MINUTE_MS, 30000, 30000);
}

static void make_constant(struct maker *m)
{
    steady(m, 100, 10000, 0);
}

static void make_switch(struct maker *m)
{
    steady(m, 100, MINUTE_MS, 0);
    steady(m, 200, MINUTE_MS, 4000);
    steady(m, 40, 2 * MINUTE_MS, 1000);
    ramp(m, 50, 2 * MINUTE_MS, MINUTE_MS, 1000);
    steady(m, 40, MINUTE_MS, 1000);
    sine(m, 200, MINUTE_MS, 2000, 1000);
}

static void make_growing(struct maker *m)
{
    static const double narrow_ms[] = {0, 1000, 2000, 4000};
    static const double wide_ms[] = {8000, 12000, 16000, 20000, 40000};
    for (unsigned i = 0; i < 4; i++)
        steady(m, 50, MINUTE_MS, narrow_ms[i]);
    for (unsigned i = 0; i < 5; i++)
        steady(m, 200, MINUTE_MS, wide_ms[i]);
}

static void make_spike(struct maker *m)
{
    steady(m, 100, 30000, 20);
    m->series->interval_ms[50] = 10 * MINUTE_MS;
}

static void make_double(struct maker *m)
{
    steady(m, 100, 30000, 20);
    for (unsigned i = 20; i < 100; i += 30)
        m->series->interval_ms[i] = 1;
}

static void make_spikes(struct maker *m)
{
    steady(m, 100, 30000, 20);
    m->series->interval_ms[10] = m->series->interval_ms[50] = m->series->interval_ms[75] = 10 * MINUTE_MS;
    m->series->interval_ms[15] = m->series->interval_ms[20] = 5 * MINUTE_MS;
}

static void make_daily(struct maker *m)
{
    steady(m, 90, 24 * 60 * MINUTE_MS, 10 * MINUTE_MS);
}

static const struct {
    const char *name, *what;
    void (*make)(struct maker *m);
} kinds[BL_SERIES] = {
    {"sine", "five minutes, half a minute more or less with the load, jitter 30 s", make_sine},
    {"constant", "ten seconds, always", make_constant},
    {"switch", "from one minute to two and slowly back, jitter 0 to 4 s", make_switch},
    {"growing", "one minute, jitter growing from 0 to 40 s", make_growing},
    {"spike", "half a minute, once away for ten minutes", make_spike},
    {"double", "half a minute, three beats sent twice", make_double},
    {"spikes", "half a minute, away for five or ten minutes now and then", make_spikes},
    {"daily", "a daily job, five minutes early or late", make_daily},
};

void bl_series_make(struct bl_series *s, unsigned which, uint64_t seed)
{
    struct maker m = {.series = s, .random = {seed}};
    s->name = kinds[which].name;
    s->what = kinds[which].what;
    s->count = 0;
    kinds[which].make(&m);
}
