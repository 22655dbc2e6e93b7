/* SPDX-License-Identifier: Apache-2.0 */
/* bench: Google Benchmark for benchmarks written in C. bench.cc is the
 * only C++ behind it.
 *
 * A case is a row of the table that the program prints: what is
 * measured, where it must and should get, and a function that measures.
 * The function runs once per repetition; it reports its result as a
 * spread (a case is a series of pairs, see ab_compare.h), may add counters,
 * which go into the JSON and CSV, and may skip or fail the case.
 *
 * One thread; cases run in the order in which they were registered, so
 * that those that share an expensive fixture stand together. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Median of a series with its 10th and 90th percentile. */
struct bl_spread {
    double p10, median, p90;
};

/* How much to do; the command line's. */
struct bl_bench_plan {
    unsigned pairs;    /* per case */
    uint64_t phase_ns; /* one side's turn */
    uint32_t scale;    /* sizes are divided by it: 1, but for a smoke run */
    bool quick;        /* leave the cases with `slow` out */
};

struct bl_bench_state;

enum bl_bench_goal { BL_GOAL_NONE, BL_GOAL_AT_LEAST, BL_GOAL_AT_MOST };

struct bl_bench_case {
    const char *name;    /* part/what/size: for --benchmark_filter and the files */
    const char *measure; /* the table's words */
    const char *unit;    /* NULL for a ratio */
    enum bl_bench_goal goal;
    double must, hope;
    bool slow; /* not with --quick */
    void (*run)(struct bl_bench_state *state, const void *arg);
    const void *arg;
};

/* Main, before bl_bench_main. `c` stays the caller's and must live on. */
void bl_bench_register(const struct bl_bench_case *c);

/* Options: --quick, --smoke (tiny sizes, to see that it runs), --csv=FILE,
 * --list, and Google Benchmark's own (--benchmark_filter=REGEX,
 * --benchmark_out=FILE, ...). Returns the exit code: 1 if a case failed,
 * 2 for a wrong option. A must that is missed is no failure: it is what
 * the table is for. */
int bl_bench_main(int argc, char **argv);

/* ---- from inside a case ---------------------------------------------- */

const struct bl_bench_plan *bl_bench_plan_of(const struct bl_bench_state *state);
/* The case's result. */
void bl_bench_result(struct bl_bench_state *state, const struct bl_spread *measured);
/* A number beside it; the files have all, the table shows none. */
void bl_bench_counter(struct bl_bench_state *state, const char *name, double value);
/* A few words behind the row, such as what bounds it. */
void bl_bench_remark(struct bl_bench_state *state, const char *words);
/* Cannot be measured here: why. No failure. */
void bl_bench_skip(struct bl_bench_state *state, const char *why);
/* Does not measure what it says: why. */
void bl_bench_fail(struct bl_bench_state *state, const char *why);

#ifdef __cplusplus
}
#endif
