/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cases/receiver_compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/cases/ab_compare.h"
#include "bench/cpus.h"
#include "bench/sources/veth.h"

/* The load's link comes up within this: a memif client tries again once
 * a second. */
#define LINK_NS UINT64_C(8000000000)
/* All nodes have beaten once within this, unless the load is held up: then
 * some beats of the turn are exceptions. */
#define CATCH_UP_NS UINT64_C(500000000)
/* Packets are under way for this long before a rival's turn. */
#define SETTLE_US 20000u

struct duel {
    const struct bl_way *way;
    uint64_t away; /* beats that may be exceptions after a turn of the rival's */
    struct bl_receiver receiver;
    struct bl_child_process load;
    struct bl_testpmd testpmd;
    struct bl_child_process testpmd_load;
    uint64_t turn_cpu_ns, turn_packets; /* when the worker's turn began */
    uint64_t cpu_ns, packets;           /* the load's CPU time and packets in the worker's turns */
};

/* ---- the worker's turns --------------------------------------------------- */

static void count_turn(struct duel *d)
{
    if (d->turn_cpu_ns == 0)
        return;
    d->cpu_ns += bl_child_process_cpu_ns(&d->load) - d->turn_cpu_ns;
    d->packets += d->receiver.working.packets - d->turn_packets;
    d->turn_cpu_ns = 0;
}

static void begin_worker(void *duel)
{
    struct duel *d = duel;
    bl_child_process_pause(&d->testpmd_load);
    bl_child_process_pause(&d->testpmd.peer);
    bl_child_process_resume(&d->load);
    (void)bl_receiver_catch_up(&d->receiver, d->away, CATCH_UP_NS);
    d->turn_cpu_ns = bl_child_process_cpu_ns(&d->load);
    d->turn_packets = d->receiver.working.packets;
}

static uint64_t work(void *duel)
{
    return bl_receiver_work(&((struct duel *)duel)->receiver);
}

/* ---- the rivals' -------------------------------------------------------------- */

static void begin_alone(void *duel)
{
    count_turn(duel);
}

static uint64_t alone_work(void *duel)
{
    return bl_receiver_alone_work(&((struct duel *)duel)->receiver);
}

static void begin_testpmd(void *duel)
{
    struct duel *d = duel;
    count_turn(d);
    bl_child_process_pause(&d->load);
    bl_child_process_resume(&d->testpmd.peer);
    bl_child_process_resume(&d->testpmd_load);
    usleep(SETTLE_US);
    bl_child_process_pause(&d->testpmd_load);
}

/* Counts are read while nothing is sent, so that reading takes no time
 * from receiving, nor packets from the count. */
static double testpmd_rate(void *duel, uint64_t phase_ns)
{
    struct duel *d = duel;
    uint64_t packets = bl_testpmd_packets(&d->testpmd), start = bl_child_process_cpu_ns(&d->testpmd.peer);
    bl_child_process_resume(&d->testpmd_load);
    usleep((useconds_t)(phase_ns / 1000));
    bl_child_process_pause(&d->testpmd_load);
    uint64_t elapsed = bl_child_process_cpu_ns(&d->testpmd.peer) - start;
    packets = bl_testpmd_packets(&d->testpmd) - packets;
    return elapsed > 0 ? (double)packets * 1e9 / (double)elapsed : 0;
}

/* ---- setting up ---------------------------------------------------------------- */

static bool start_worker(struct duel *d, int cpu, char err[BL_ERR_BYTES])
{
    const struct bl_way *w = d->way;
    if (!bl_child_process_start(&d->load, w->load[0], cpu, w->netns, err))
        return false;
    bl_receiver_know_ids(&d->receiver, w->nodes);
    if (bl_receiver_catch_up(&d->receiver, 1, LINK_NS))
        return true;
    snprintf(err, BL_ERR_BYTES, "nothing came from %s", w->load[0][0]);
    return false;
}

static bool start_testpmd(struct duel *d, const int cpu[2], char err[BL_ERR_BYTES])
{
    const struct bl_way *w = d->way;
    bl_child_process_pause(&d->load);
    if (!bl_testpmd_start(&d->testpmd, w->vdev, cpu[0], w->netns, err) ||
        !bl_child_process_start(&d->testpmd_load, w->load[1], cpu[1], w->netns, err))
        return false;
    for (uint64_t waited_ns = 0; waited_ns < LINK_NS; waited_ns += UINT64_C(1000) * SETTLE_US) {
        if (bl_testpmd_packets(&d->testpmd) > 0)
            return true;
        usleep(SETTLE_US);
    }
    snprintf(err, BL_ERR_BYTES, "nothing came from %s to dpdk-testpmd", w->load[1][0]);
    return false;
}

/* ---- measuring ------------------------------------------------------------------- */

static void report(struct bl_bench_state *state, const struct duel *d,
                   const struct bl_ab_compare_result *result)
{
    bl_ab_compare_report(state, result);
    /* The load's own pace: packets per second of its CPU time. */
    if (d->cpu_ns > 0)
        bl_bench_counter(state, "load_per_cpu_s", (double)d->packets * 1e9 / (double)d->cpu_ns);
    bl_receiver_remark(state, &d->receiver, result->a_per_s.median);
    bl_receiver_check(state, &d->receiver, 1, d->way->lossy || d->receiver.alone.polls > 0);
}

static void run(struct bl_bench_state *state, struct duel *d, enum bl_receiver_compared rival,
                const int cpu[2])
{
    struct bl_ab_compare_result result;
    char err[BL_ERR_BYTES] = "";
    const struct bl_turn worker = {.side = {work, d}, .begin = begin_worker};
    const struct bl_turn alone = {.side = {alone_work, d}, .begin = begin_alone};
    const struct bl_turn testpmd = {.side = {NULL, d}, .begin = begin_testpmd, .rate = testpmd_rate};
    if (!start_worker(d, cpu[1], err) || (rival == BL_DUEL_TESTPMD && !start_testpmd(d, cpu, err))) {
        bl_bench_skip(state, err);
        return;
    }
    const struct bl_bench_plan plan = bl_child_process_plan(bl_bench_plan_of(state));
    bl_turns_run(&plan, &worker, rival == BL_DUEL_ALONE ? &alone : &testpmd, &result);
    report(state, d, &result);
}

void bl_receiver_compare_run(struct bl_bench_state *state, const struct bl_way *way,
                             enum bl_receiver_compared rival)
{
    int cpu[2];
    char err[BL_ERR_BYTES] = "no memory";
    struct duel *d = calloc(1, sizeof(*d));
    if (!d || !bl_cpus_two(cpu)) {
        bl_bench_skip(state, d ? "needs a CPU for the load and one for the receiver" : err);
        free(d);
        return;
    }
    d->way = way;
    /* A load that is paused meanwhile has no beats missed. */
    d->away = rival == BL_DUEL_ALONE ? way->nodes : 1;
    bl_cpus_pin(cpu[0]);
    int home = bl_netns_enter(way->netns);
    bool open = bl_receiver_open(&d->receiver, way->port, way->nodes, err);
    bl_netns_leave(home);
    if (open)
        run(state, d, rival, cpu);
    else
        bl_bench_skip(state, err);
    bl_child_process_end(&d->testpmd_load);
    bl_testpmd_end(&d->testpmd);
    bl_child_process_end(&d->load);
    home = bl_netns_enter(way->netns);
    bl_receiver_close(&d->receiver);
    bl_netns_leave(home);
    bl_cpus_pin(-1);
    free(d);
}
