/* SPDX-License-Identifier: Apache-2.0 */
/* ab_compare: two sides measured in turn, A B A B ..., so that what the
 * machine does meanwhile meets both. Each pair of neighbouring phases
 * gives one ratio; the median of the ratios is the result.
 *
 * Rates are per second of the calling thread's CPU time: what another
 * process takes away by running here does not count (what it does to
 * the caches does). Pure C, no Google Benchmark; one thread. */
#pragma once

#include <stdint.h>

#include "bench/bench.h"

/* One side. `work` does some work, 10 us to 1 ms, and returns how much
 * it was, in units of the side's own; called until the phase is over. */
struct bl_side {
    uint64_t (*work)(void *arg);
    void *arg;
};

/* A side in which other threads or processes have a part. `begin` comes
 * before each phase and is not measured; `rate`, where there is one, runs
 * a whole phase instead of side.work and returns its units per second.
 * Both get side.arg; either may be NULL. */
struct bl_turn {
    struct bl_side side;
    void (*begin)(void *arg);
    double (*rate)(void *arg, uint64_t phase_ns);
};

struct bl_ab_compare_result {
    struct bl_spread ratio;            /* a's rate / b's, pair by pair */
    struct bl_spread a_per_s, b_per_s; /* units per second */
    struct bl_spread a_tsc, b_tsc;     /* TSC ticks per unit; 0 where there is no TSC */
};

/* Pairs that can be kept. */
#define BL_PAIRS_MAX 101u

/* Runs plan->pairs pairs after a warm-up phase of each side. */
void bl_ab_compare_run(const struct bl_bench_plan *plan, const struct bl_side *a, const struct bl_side *b,
                       struct bl_ab_compare_result *out);

void bl_turns_run(const struct bl_bench_plan *plan, const struct bl_turn *a, const struct bl_turn *b,
                  struct bl_ab_compare_result *out);

/* One side alone: a_per_s and a_tsc of *out. */
void bl_series_run(const struct bl_bench_plan *plan, const struct bl_side *a,
                   struct bl_ab_compare_result *out);

/* Median, p10 and p90 (linear between ranks) of n >= 1 values, which are
 * sorted in place. */
struct bl_spread bl_spread_of(double *values, unsigned n);

/* The spread of k / x, for costs from rates. */
struct bl_spread bl_spread_inverse(const struct bl_spread *s, double k);

/* CPU time of this thread. Cost: a system call, 0.2 us. */
uint64_t bl_cpu_ns(void);

/* TSC ticks per ns; 0 where there is no TSC. The first call takes 20 ms. */
double bl_tsc_per_ns(void);

/* The ratio as the case's result, both sides' rates as counters. */
void bl_ab_compare_report(struct bl_bench_state *state, const struct bl_ab_compare_result *r);
