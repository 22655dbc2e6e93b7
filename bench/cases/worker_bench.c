/* SPDX-License-Identifier: Apache-2.0 */
/* One worker end to end, from the port to the table, fed from this
 * process (inprocess_source.h). */
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/cases/ab_compare.h"
#include "bench/cases/cases.h"
#include "bench/cases/memory_roofline.h"
#include "bench/sources/inprocess_source.h"
#include "bench/sources/key_set.h"

#define MILLION     UINT64_C(1000000)
#define LIMIT_SLOTS (UINT64_C(64) << 20) /* 1 GiB of lines */

/* The other side: receiving alone, binary beats, random access in 1 GiB. */
enum against { AGAINST_RECEIVING, AGAINST_BINARY, AGAINST_LIMIT };

struct worker_case {
    enum bl_inprocess_source_source source;
    enum bl_shape shape;
    uint64_t count;
    enum against against;
    bool absolute; /* M beats/s; the ratio is not shown */
};

static void report_absolute(struct bl_bench_state *state, const struct bl_ab_compare_result *result)
{
    struct bl_spread s = result->a_per_s;
    bl_bench_result(state, &(struct bl_spread){s.p10 / 1e6, s.median / 1e6, s.p90 / 1e6});
    bl_bench_counter(state, "a_per_s", result->a_per_s.median);
    bl_bench_counter(state, "b_per_s", result->b_per_s.median);
    bl_bench_counter(state, "ticks_per_beat", result->a_tsc.median);
    bl_bench_counter(state, "receiving_alone_ticks_per_beat", result->b_tsc.median);
}

static void run_rig(struct bl_bench_state *state, const struct worker_case *c, struct bl_inprocess_source *a,
                    struct bl_inprocess_source *binary, struct bl_memory_roofline *limit)
{
    struct bl_ab_compare_result result;
    const struct bl_side ours = {bl_inprocess_source_work, a};
    const struct bl_side others[] = {[AGAINST_RECEIVING] = {bl_inprocess_source_alone_work, a},
                                     [AGAINST_BINARY] = {bl_inprocess_source_work, binary},
                                     [AGAINST_LIMIT] = {bl_memory_roofline_work, limit}};
    bl_ab_compare_run(bl_bench_plan_of(state), &ours, &others[c->against], &result);
    if (c->absolute)
        report_absolute(state, &result);
    else
        bl_ab_compare_report(state, &result);
    bl_inprocess_source_check(state, a);
    if (c->against == AGAINST_BINARY)
        bl_inprocess_source_check(state, binary);
}

static void run_worker(struct bl_bench_state *state, const void *arg)
{
    const struct worker_case *c = arg;
    struct bl_inprocess_source *a = calloc(2, sizeof(*a));
    char err[BL_ERR_BYTES];
    uint64_t count = c->count / bl_bench_plan_of(state)->scale;
    if (!a) {
        bl_bench_skip(state, "no memory");
        return;
    }
    struct bl_inprocess_source *binary = a + 1;
    a->fd = binary->fd = -1;
    bool good = bl_inprocess_source_open(a, c->source, c->shape, count, 0, err);
    if (good && c->against == AGAINST_BINARY)
        good = bl_inprocess_source_open(binary, c->source, BL_SHAPE_BINARY, count, 1, err);
    struct bl_key_set nodes = {0};
    struct bl_memory_roofline limit = {0};
    if (good && c->against == AGAINST_LIMIT) {
        bl_key_set_init(&nodes, count, BL_BEATS_UNIFORM);
        good = bl_memory_roofline_init(&limit, &nodes, LIMIT_SLOTS / bl_bench_plan_of(state)->scale,
                                       BL_PAGES_BEST);
    }
    if (good)
        run_rig(state, c, a, binary, &limit);
    else
        bl_bench_skip(state, err);
    bl_memory_roofline_fini(&limit);
    bl_key_set_fini(&nodes);
    bl_inprocess_source_close(a);
    bl_inprocess_source_close(binary);
    free(a);
}

#define LEAST(must_, hope_) .goal = BL_GOAL_AT_LEAST, .must = (must_), .hope = (hope_)
#define OF(...)                                                                                              \
    .run = run_worker, .arg = &(const struct worker_case)                                                    \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }

static const struct bl_bench_case worker_cases[] = {
    {.name = "worker/pcap/1M",
     .measure = "end to end on net_pcap, binary, 1 M nodes / receiving alone",
     LEAST(0.50, 0.65),
     OF(.count = MILLION)},
    {.name = "worker/pcap/10M",
     .measure = "end to end on net_pcap, binary, 10 M nodes / receiving alone",
     LEAST(0.42, 0.60),
     OF(.count = 10 * MILLION)},
    {.name = "worker/memory/10M",
     .measure = "end to end from frames in memory, binary, 10 M nodes, generator in",
     .unit = "M/s",
     LEAST(18, 34),
     OF(.source = BL_RIG_MEMORY, .count = 10 * MILLION, .absolute = true)},
    {.name = "worker/memory/10M/batch-16",
     .measure = "the same, 16 beats in a datagram / random-access limit of 1 GiB",
     LEAST(0.55, 0.80),
     OF(.source = BL_RIG_MEMORY, .shape = BL_SHAPE_BATCH_16, .count = 10 * MILLION,
        .against = AGAINST_LIMIT)},
    {.name = "worker/pcap/1M/text-1",
     .measure = "text, 1 line per datagram, lines/s / binary beats/s, 1 M nodes",
     LEAST(0.5, 0.7),
     OF(.shape = BL_SHAPE_TEXT_1, .count = MILLION, .against = AGAINST_BINARY)},
    {.name = "worker/memory/1M/text-1",
     .measure = "the same from frames in memory",
     OF(.source = BL_RIG_MEMORY, .shape = BL_SHAPE_TEXT_1, .count = MILLION, .against = AGAINST_BINARY)},
    {.name = "worker/memory/1M/text-20",
     .measure = "text, 20 lines per datagram, 1 M nodes, from frames in memory",
     .unit = "M/s",
     LEAST(20, 40),
     OF(.source = BL_RIG_MEMORY, .shape = BL_SHAPE_TEXT_20, .count = MILLION, .absolute = true)},
};

void bl_bench_worker_cases(void)
{
    for (unsigned i = 0; i < sizeof(worker_cases) / sizeof(worker_cases[0]); i++)
        bl_bench_register(&worker_cases[i]);
}
