/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cases/ab_compare.h"

#include <stdlib.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

static uint64_t clock_ns(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t bl_cpu_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

double bl_tsc_per_ns(void)
{
#if defined(__x86_64__)
    static double rate;
    if (rate > 0)
        return rate;
    uint64_t tsc = __rdtsc(), start = clock_ns(CLOCK_MONOTONIC_RAW), now;
    do
        now = clock_ns(CLOCK_MONOTONIC_RAW);
    while (now - start < 20000000);
    rate = (double)(__rdtsc() - tsc) / (double)(now - start);
    return rate;
#else
    return 0;
#endif
}

/* ---- spreads ------------------------------------------------------------ */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double rank_value(const double *sorted, unsigned n, double share)
{
    double at = share * (n - 1);
    unsigned below = (unsigned)at;
    unsigned above = below + 1 < n ? below + 1 : below;
    return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}

struct bl_spread bl_spread_of(double *values, unsigned n)
{
    /* cppcheck-suppress uninitvar ; callers fill them in a loop, which it does not follow */
    qsort(values, n, sizeof(*values), ascending);
    return (struct bl_spread){
        .p10 = rank_value(values, n, 0.1),
        .median = rank_value(values, n, 0.5),
        .p90 = rank_value(values, n, 0.9),
    };
}

struct bl_spread bl_spread_inverse(const struct bl_spread *s, double k)
{
    return (struct bl_spread){.p10 = k / s->p90, .median = k / s->median, .p90 = k / s->p10};
}

/* ---- phases --------------------------------------------------------------- */

/* Units per second. */
static double phase(const struct bl_bench_plan *plan, const struct bl_turn *t)
{
    const struct bl_side *s = &t->side;
    if (t->begin)
        t->begin(s->arg);
    if (t->rate)
        return t->rate(s->arg, plan->phase_ns);
    uint64_t units = 0, start = bl_cpu_ns(), elapsed;
    do {
        units += s->work(s->arg);
        elapsed = bl_cpu_ns() - start;
    } while (elapsed < plan->phase_ns);
    return (double)units * 1e9 / (double)elapsed;
}

static unsigned pairs_of(const struct bl_bench_plan *plan)
{
    return plan->pairs < BL_PAIRS_MAX ? plan->pairs : BL_PAIRS_MAX;
}

void bl_turns_run(const struct bl_bench_plan *plan, const struct bl_turn *a, const struct bl_turn *b,
                  struct bl_ab_compare_result *out)
{
    double ratio[BL_PAIRS_MAX], a_rate[BL_PAIRS_MAX], b_rate[BL_PAIRS_MAX];
    unsigned pairs = pairs_of(plan);
    (void)phase(plan, a);
    (void)phase(plan, b);
    for (unsigned i = 0; i < pairs; i++) {
        a_rate[i] = phase(plan, a);
        b_rate[i] = phase(plan, b);
        ratio[i] = a_rate[i] / b_rate[i];
    }
    *out = (struct bl_ab_compare_result){
        .ratio = bl_spread_of(ratio, pairs),
        .a_per_s = bl_spread_of(a_rate, pairs),
        .b_per_s = bl_spread_of(b_rate, pairs),
    };
    out->a_tsc = bl_spread_inverse(&out->a_per_s, bl_tsc_per_ns() * 1e9);
    out->b_tsc = bl_spread_inverse(&out->b_per_s, bl_tsc_per_ns() * 1e9);
}

void bl_ab_compare_run(const struct bl_bench_plan *plan, const struct bl_side *a, const struct bl_side *b,
                       struct bl_ab_compare_result *out)
{
    bl_turns_run(plan, &(struct bl_turn){.side = *a}, &(struct bl_turn){.side = *b}, out);
}

void bl_series_run(const struct bl_bench_plan *plan, const struct bl_side *a,
                   struct bl_ab_compare_result *out)
{
    double rate[BL_PAIRS_MAX];
    unsigned pairs = pairs_of(plan);
    const struct bl_turn turn = {.side = *a};
    (void)phase(plan, &turn);
    for (unsigned i = 0; i < pairs; i++)
        rate[i] = phase(plan, &turn);
    *out = (struct bl_ab_compare_result){.a_per_s = bl_spread_of(rate, pairs)};
    out->a_tsc = bl_spread_inverse(&out->a_per_s, bl_tsc_per_ns() * 1e9);
}

void bl_ab_compare_report(struct bl_bench_state *state, const struct bl_ab_compare_result *r)
{
    bl_bench_result(state, &r->ratio);
    bl_bench_counter(state, "a_per_s", r->a_per_s.median);
    bl_bench_counter(state, "b_per_s", r->b_per_s.median);
}
