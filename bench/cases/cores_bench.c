/* SPDX-License-Identifier: Apache-2.0 */
/* Two cores at work in this process:
 *
 *   workers  a worker with its table and its frames in memory on each,
 *            against one of them while the other core rests
 *   ring     one makes frames and hands them over by net_ring, the other
 *            is the worker: bare pointers, so no anchor for anything */
#include <pthread.h>
#include <stdlib.h>

#include <rte_lcore.h>
#include <rte_ring.h>

#include "bench/bench.h"
#include "bench/cases/ab_compare.h"
#include "bench/cases/cases.h"
#include "bench/cpus.h"
#include "bench/sources/inprocess_source.h"
#include "bench/sources/mbufs.h"
#include "engine/base/rcu.h"

#define WORKERS_NODES UINT64_C(10000000)
#define RING_NODES    UINT64_C(1000000)

static const char one_cpu[] = "needs two CPUs";

/* A helper on the second CPU: an lcore to DPDK, a reader to RCU. */
static void become_lcore(int cpu)
{
    bl_cpus_pin(cpu);
    (void)rte_thread_register();
    bl_rcu_thread_register();
}

static void leave_lcore(void)
{
    bl_rcu_thread_unregister();
    rte_thread_unregister();
}

/* ---- two workers ----------------------------------------------------------- */

struct workers {
    struct bl_inprocess_source rig[2];
    int cpu[2];
    unsigned alone; /* which of the two has the next turn on its own */
};

/* One worker's part of a phase. */
struct part {
    struct bl_inprocess_source *rig;
    int cpu;
    uint32_t *ready; /* how many are at the line */
    uint32_t parts;
    uint64_t phase_ns;
    double per_s;
};

/* Begins together with the others. */
static void run_part(struct part *p)
{
    uint64_t beats = 0, start, elapsed;
    (void)bl_inprocess_source_work(p->rig);
    __atomic_fetch_add(p->ready, 1, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(p->ready, __ATOMIC_ACQUIRE) < p->parts)
        ;
    start = bl_cpu_ns();
    do {
        beats += bl_inprocess_source_work(p->rig);
        elapsed = bl_cpu_ns() - start;
    } while (elapsed < p->phase_ns);
    p->per_s = (double)beats * 1e9 / (double)elapsed;
}

static void *part_thread(void *part)
{
    struct part *p = part;
    become_lcore(p->cpu);
    run_part(p);
    leave_lcore();
    return NULL;
}

/* Both workers' turn: the sum of their rates. */
static double both(void *arg, uint64_t phase_ns)
{
    struct workers *w = arg;
    uint32_t ready = 0;
    struct part part[2];
    pthread_t thread;
    for (unsigned i = 0; i < 2; i++)
        part[i] = (struct part){&w->rig[i], w->cpu[i], &ready, 2, phase_ns, 0};
    if (pthread_create(&thread, NULL, part_thread, &part[1]) != 0)
        return 0;
    run_part(&part[0]);
    (void)pthread_join(thread, NULL);
    return part[0].per_s + part[1].per_s;
}

/* One worker's turn, each of the two in turn: CPUs differ. */
static double one(void *arg, uint64_t phase_ns)
{
    struct workers *w = arg;
    unsigned i = w->alone;
    uint32_t ready = 0;
    struct part part = {&w->rig[i], w->cpu[i], &ready, 1, phase_ns, 0};
    pthread_t thread;
    w->alone = !i;
    if (i == 0)
        run_part(&part);
    else if (pthread_create(&thread, NULL, part_thread, &part) == 0)
        (void)pthread_join(thread, NULL);
    return part.per_s;
}

static void run_workers(struct bl_bench_state *state, const void *arg)
{
    (void)arg;
    struct bl_ab_compare_result result;
    char err[BL_ERR_BYTES];
    struct workers *w = calloc(1, sizeof(*w));
    uint64_t nodes = WORKERS_NODES / bl_bench_plan_of(state)->scale;
    if (!w || !bl_cpus_two(w->cpu)) {
        bl_bench_skip(state, w ? one_cpu : "no memory");
        free(w);
        return;
    }
    w->rig[1].fd = -1;
    bl_cpus_pin(w->cpu[0]);
    if (bl_inprocess_source_open(&w->rig[0], BL_RIG_MEMORY, BL_SHAPE_BINARY, nodes, 0, err) &&
        bl_inprocess_source_open(&w->rig[1], BL_RIG_MEMORY, BL_SHAPE_BINARY, nodes, 1, err)) {
        bl_turns_run(bl_bench_plan_of(state), &(struct bl_turn){.side = {NULL, w}, .rate = both},
                     &(struct bl_turn){.side = {NULL, w}, .rate = one}, &result);
        bl_ab_compare_report(state, &result);
        for (unsigned i = 0; i < 2; i++)
            bl_inprocess_source_check(state, &w->rig[i]);
    } else {
        bl_bench_skip(state, err);
    }
    bl_inprocess_source_close(&w->rig[1]);
    bl_inprocess_source_close(&w->rig[0]);
    bl_cpus_pin(-1);
    free(w);
}

/* ---- net_ring ------------------------------------------------------------------ */

struct ring_load {
    int cpu;
    uint32_t stop;
    struct rte_ring *ring; /* what net_ring0 sends goes round to itself */
    struct rte_mempool *pool;
    struct bl_traffic traffic;
};

static void *ring_thread(void *arg)
{
    struct ring_load *l = arg;
    struct bl_cursor cursor = {.pass = 1};
    struct rte_mbuf *m[BL_PORT_TAKE];
    become_lcore(l->cpu);
    while (!__atomic_load_n(&l->stop, __ATOMIC_ACQUIRE)) {
        if (rte_ring_free_count(l->ring) < BL_PORT_TAKE ||
            !bl_mbufs_take(l->pool, &l->traffic, &cursor, m, BL_PORT_TAKE))
            continue;
        (void)rte_ring_enqueue_bulk(l->ring, (void **)m, BL_PORT_TAKE, NULL); /* there is room */
    }
    leave_lcore();
    return NULL;
}

static bool start_ring(struct ring_load *l, pthread_t *thread, uint64_t nodes)
{
    l->ring = rte_ring_lookup("ETH_RXTX0_net_ring0");
    if (!l->ring || !bl_traffic_init(&l->traffic, BL_SHAPE_BINARY, nodes, false))
        return false;
    l->pool = bl_mbufs_new("ring", &l->traffic);
    return l->pool && pthread_create(thread, NULL, ring_thread, l) == 0;
}

static void measure_ring(struct bl_bench_state *state, struct bl_receiver *r)
{
    struct bl_ab_compare_result result;
    const struct bl_spread *s = &result.a_per_s;
    bl_series_run(bl_bench_plan_of(state), &(struct bl_side){bl_receiver_work, r}, &result);
    bl_bench_result(state, &(struct bl_spread){s->p10 / 1e6, s->median / 1e6, s->p90 / 1e6});
    bl_receiver_remark(state, r, s->median);
    bl_receiver_check(state, r, 1, false);
}

static void run_ring(struct bl_bench_state *state, const void *arg)
{
    (void)arg;
    int cpu[2];
    char err[BL_ERR_BYTES];
    pthread_t thread;
    struct ring_load l = {.stop = 0};
    struct bl_receiver *r = calloc(1, sizeof(*r));
    uint64_t nodes = RING_NODES / bl_bench_plan_of(state)->scale;
    if (!r || !bl_cpus_two(cpu)) {
        bl_bench_skip(state, r ? one_cpu : "no memory");
        free(r);
        return;
    }
    l.cpu = cpu[1];
    bl_cpus_pin(cpu[0]);
    if (!bl_receiver_open(r, "dpdk:net_ring0", nodes, err)) {
        bl_bench_skip(state, err);
    } else if (!start_ring(&l, &thread, nodes)) {
        bl_bench_skip(state, "no memory, or no ring of net_ring0");
    } else {
        bl_receiver_know_ids(r, nodes);
        measure_ring(state, r);
        __atomic_store_n(&l.stop, 1, __ATOMIC_RELEASE);
        (void)pthread_join(thread, NULL);
    }
    bl_receiver_close(r);
    rte_mempool_free(l.pool);
    bl_traffic_fini(&l.traffic);
    bl_cpus_pin(-1);
    free(r);
}

static const struct bl_bench_case cores_cases[] = {
    {.name = "cores/workers",
     .measure = "two workers on two cores, frames in memory, 10 M nodes each / one",
     .goal = BL_GOAL_AT_LEAST,
     .must = 1.7,
     .hope = 1.9,
     .run = run_workers},
    {.name = "cores/ring",
     .measure = "end to end on net_ring from a generator on another core, 1 M nodes",
     .unit = "M/s",
     .run = run_ring},
};

void bl_bench_cores_cases(void)
{
    for (unsigned i = 0; i < sizeof(cores_cases) / sizeof(cores_cases[0]); i++)
        bl_bench_register(&cores_cases[i]);
}
