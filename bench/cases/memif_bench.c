/* SPDX-License-Identifier: Apache-2.0 */
/* memif: a ring of packets shared with another process, no kernel in
 * between. Two loads: beatline-load, which makes each frame whole, and
 * the fastest there is, which only rewrites ids (max_rate_load.h): a load that
 * is slower than the receivers says nothing about them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/cases/cases.h"
#include "bench/cases/receiver_compare.h"

#define MILLION UINT64_C(1000000)

enum load { BEATLINE_LOAD, BLAST };

struct memif_case {
    enum load load;
    enum bl_receiver_compared rival;
};

static unsigned cases_run;

/* One load's command line and the words that it points to. */
struct words {
    char to[128], nodes[24], blast[128];
};

/* Abstract sockets: nothing is left behind. Each case has its own: the
 * driver keeps a server's for as long as the process lives. */
static void memif(char *text, size_t size, const char *before, const char *role, unsigned which)
{
    snprintf(text, size, "%snet_memif%u,role=%s,socket=beatline-bench-%d-%u-%u", before, which, role,
             (int)getpid(), cases_run, which);
}

static void load_to(const char *argv[], unsigned which, const struct bl_way *w, enum load load,
                    struct words *t)
{
    memif(t->to, sizeof(t->to), "dpdk:", "client", which);
    memif(t->blast, sizeof(t->blast), "--blast=", "client", which);
    snprintf(t->nodes, sizeof(t->nodes), "--nodes=%" PRIu64, w->nodes);
    const char *const ours[] = {"beatline-load",   t->nodes, "--first-id=0", "--interval=0",
                                "--format=binary", "--to",   t->to,          NULL};
    const char *const blast[] = {"beatline-bench", t->blast, t->nodes, NULL};
    if (load == BEATLINE_LOAD)
        memcpy(argv, ours, sizeof(ours));
    else
        memcpy(argv, blast, sizeof(blast));
}

static void run_memif(struct bl_bench_state *state, const void *arg)
{
    const struct memif_case *c = arg;
    struct bl_way way = {.netns = -1, .nodes = MILLION / bl_bench_plan_of(state)->scale};
    struct words words[2];
    cases_run++;
    memif(way.port, sizeof(way.port), "dpdk:", "server", 0);
    memif(way.vdev, sizeof(way.vdev), "", "server", 1);
    for (unsigned i = 0; i < 2; i++)
        load_to(way.load[i], i, &way, c->load, &words[i]);
    bl_receiver_compare_run(state, &way, c->rival);
}

#define OF(...)                                                                                              \
    .run = run_memif, .arg = &(const struct memif_case)                                                      \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }

static const struct bl_bench_case memif_cases[] = {
    {.name = "memif/load/testpmd",
     .measure = "over memif from beatline-load, binary, 1 M nodes / dpdk-testpmd rxonly",
     .goal = BL_GOAL_AT_LEAST,
     .must = 0.85,
     .hope = 0.95,
     OF(.load = BEATLINE_LOAD, .rival = BL_DUEL_TESTPMD)},
    {.name = "memif/load/alone",
     .measure = "the same / receiving alone, in this process",
     .slow = true,
     OF(.load = BEATLINE_LOAD, .rival = BL_DUEL_ALONE)},
    {.name = "memif/blast/testpmd",
     .measure = "over memif from the fastest load there is / dpdk-testpmd rxonly",
     .slow = true,
     OF(.load = BLAST, .rival = BL_DUEL_TESTPMD)},
    {.name = "memif/blast/alone",
     .measure = "the same / receiving alone, in this process",
     .slow = true,
     OF(.load = BLAST, .rival = BL_DUEL_ALONE)},
};

void bl_bench_memif_cases(void)
{
    for (unsigned i = 0; i < sizeof(memif_cases) / sizeof(memif_cases[0]); i++)
        bl_bench_register(&memif_cases[i]);
}
