/* SPDX-License-Identifier: Apache-2.0 */
/* One worker end to end, from the port to the table, on two ports:
 *
 *   pcap    net_pcap infinite_rx: the driver copies frames into mbufs
 *   memory  net_null: the driver hands mbufs out whose frames are in
 *           place already, like a NIC's
 *
 * On both a receive callback rewrites the records, so that all nodes are
 * hit; receiving alone is measured with the same callback. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_mbuf.h>

#include "bench/bench.h"
#include "bench/cases.h"
#include "bench/limit.h"
#include "bench/nodes.h"
#include "bench/pair.h"
#include "bench/traffic.h"
#include "dataplane/clock.h"
#include "dataplane/port_dpdk.h"
#include "dataplane/worker.h"
#include "engine/rcu.h"

#define MILLION        UINT64_C(1000000)
#define LIMIT_SLOTS    (UINT64_C(64) << 20) /* 1 GiB of lines */
#define PCAP_FRAMES    256u
#define POLLS_PER_CALL 64u

enum source { FROM_PCAP, FROM_MEMORY };

/* The other side: receiving alone, binary beats, random access in 1 GiB. */
enum against { AGAINST_RECEIVING, AGAINST_BINARY, AGAINST_LIMIT };

struct worker_case {
    enum source source;
    enum bl_shape shape;
    uint64_t count;
    enum against against;
    bool absolute; /* M beats/s; the ratio is not shown */
};

struct rig {
    enum source source;
    struct bl_traffic traffic;
    struct bl_cursor cursor[2]; /* the worker's, receiving alone's */
    struct bl_cursor *current;
    struct bl_wire_config wire;
    struct bl_port *port;
    struct bl_worker *worker;
    struct bl_clock clock;
    uint16_t port_id;
    const struct rte_eth_rxtx_callback *callback;
    int fd;
};

/* ---- the port ------------------------------------------------------------- */

static uint16_t rewrite(uint16_t port, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint16_t max,
                        void *arg)
{
    (void)port, (void)queue, (void)max;
    struct rig *r = arg;
    for (uint16_t i = 0; i < n; i++)
        bl_traffic_write(&r->traffic, r->current, rte_pktmbuf_mtod(m[i], uint8_t *));
    return n;
}

/* A file of equal frames in memory. Header and record header in host
 * order; source: draft-ietf-opsawg-pcap. */
static int write_pcap(const struct bl_traffic *t)
{
    const uint32_t file[] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
    const uint32_t record[] = {0, 0, t->frame_len, t->frame_len};
    int fd = memfd_create("pcap", MFD_CLOEXEC);
    FILE *f = fd < 0 ? NULL : fdopen(dup(fd), "w");
    if (!f)
        return -1;
    (void)fwrite(file, sizeof(file), 1, f);
    for (unsigned i = 0; i < PCAP_FRAMES; i++) {
        (void)fwrite(record, sizeof(record), 1, f);
        (void)fwrite(t->frame, t->frame_len, 1, f);
    }
    return fclose(f) == 0 ? fd : -1;
}

static void write_mbuf(struct rte_mempool *pool, void *arg, void *object, unsigned index)
{
    (void)pool, (void)index;
    const struct bl_traffic *t = arg;
    struct rte_mbuf *m = object;
    memcpy((uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM, t->frame, t->frame_len);
}

static bool open_port(struct rig *r, unsigned number, char err[BL_ERR_BYTES])
{
    char text[128];
    struct bl_port_spec spec;
    if (r->source == FROM_PCAP) {
        r->fd = write_pcap(&r->traffic);
        snprintf(text, sizeof(text), "dpdk:net_pcap%u,rx_pcap=/proc/self/fd/%d,infinite_rx=1", number, r->fd);
    } else {
        snprintf(text, sizeof(text), "dpdk:net_null%u,size=%u", number, r->traffic.frame_len);
    }
    if (bl_port_spec_parse(&spec, text, err) != 0)
        return false;
    r->port = bl_port_open(&spec, BL_TRAFFIC_UDP_PORT, err);
    if (!r->port)
        return false;
    struct port_dpdk *p = (struct port_dpdk *)r->port;
    r->port_id = p->port_id;
    if (r->source == FROM_MEMORY)
        rte_mempool_obj_iter(p->pool, write_mbuf, &r->traffic);
    r->callback = rte_eth_add_rx_callback(p->port_id, 0, rewrite, r);
    return r->callback != NULL;
}

/* ---- the worker -------------------------------------------------------------- */

static void fill_table(struct rig *r)
{
    bl_role_assume_worker();
    for (uint64_t i = 0; i < r->traffic.count; i++) {
        struct bl_beat beat = {.key = bl_traffic_key(&r->traffic, &r->wire.secret, i),
                               .flags = BL_BEAT_HAS_SEQUENCE};
        uint32_t slot;
        (void)bl_table_insert(&r->worker->table, &beat, 1, &slot);
    }
}

static bool rig_init(struct rig *r, enum source source, enum bl_shape shape, uint64_t count, unsigned number,
                     char err[BL_ERR_BYTES])
{
    bl_role_assume_control();
    *r = (struct rig){.source = source, .fd = -1, .cursor = {{.pass = 1}, {.pass = 1}}};
    r->current = &r->cursor[0];
    bl_bench_secret(&r->wire.secret);
    snprintf(err, BL_ERR_BYTES, "no memory for the traffic");
    if (!bl_traffic_init(&r->traffic, shape, count, false) || !open_port(r, number, err))
        return false;
    struct bl_worker_config c = {.port = r->port,
                                 .cpu = -1,
                                 .lcore = -1,
                                 .wire = &r->wire,
                                 .first_slots = (uint32_t)((double)r->traffic.count / BL_BENCH_FILL),
                                 .max_nodes = UINT32_MAX};
    r->worker = bl_worker_new(&c, 0, err);
    if (!r->worker)
        return false;
    bl_clock_init(&r->clock);
    bl_ingest_clock_init(&r->worker->clock, bl_clock_now_ns(&r->clock), 1000);
    fill_table(r);
    return true;
}

static void rig_fini(struct rig *r)
{
    bl_worker_free(r->worker);
    if (r->callback) /* it would outlive the port */
        (void)rte_eth_remove_rx_callback(r->port_id, 0, r->callback);
    bl_port_close(r->port);
    bl_traffic_fini(&r->traffic);
    if (r->fd >= 0)
        close(r->fd);
}

/* The poll loop's body, and now and then control's look at the clock,
 * without which all beats would be of one tick. */
static uint64_t poll_work(void *arg)
{
    struct rig *r = arg;
    bl_role_assume_worker();
    bl_role_assume_control();
    r->current = &r->cursor[0];
    uint64_t before = r->worker->counters.beats;
    uint64_t now_ns = bl_clock_now_ns(&r->clock);
    (void)bl_ingest_clock_advance(&r->worker->clock, now_ns, now_ns);
    for (unsigned i = 0; i < POLLS_PER_CALL; i++) {
        (void)bl_worker_poll(r->worker, bl_clock_now_ns(&r->clock));
        bl_rcu_quiescent();
    }
    return r->worker->counters.beats - before;
}

/* Receiving alone: beats that went by. */
static uint64_t receive_work(void *arg)
{
    struct rig *r = arg;
    struct rte_mbuf *m[BL_BURST];
    uint64_t packets = 0;
    r->current = &r->cursor[1];
    for (unsigned i = 0; i < POLLS_PER_CALL; i++) {
        uint16_t n = rte_eth_rx_burst(r->port_id, 0, m, BL_BURST);
        rte_pktmbuf_free_bulk(m, n);
        packets += n;
    }
    return packets * r->traffic.per_frame;
}

/* ---- the cases ------------------------------------------------------------------ */

static void check(struct bl_bench_state *state, const struct rig *r)
{
    const struct bl_counters *c = &r->worker->counters;
    for (unsigned i = 0; i < BL_DROP_COUNT; i++)
        if (c->drop[i] != 0)
            bl_bench_fail(state, bl_drop_name((enum bl_drop)i));
    if (c->beats != c->packets * r->traffic.per_frame)
        bl_bench_fail(state, "not every beat was taken");
    if (c->sequence_odd != 0 || c->inserted != 0)
        bl_bench_fail(state, "odd beats: not the hot path");
    bl_bench_counter(state, "port_missed", (double)c->drop[BL_DROP_missed]);
}

static void report_absolute(struct bl_bench_state *state, const struct bl_pair_result *result)
{
    struct bl_spread s = result->a_per_s;
    bl_bench_result(state, &(struct bl_spread){s.p10 / 1e6, s.median / 1e6, s.p90 / 1e6});
    bl_bench_counter(state, "a_per_s", result->a_per_s.median);
    bl_bench_counter(state, "b_per_s", result->b_per_s.median);
    bl_bench_counter(state, "ticks_per_beat", result->a_tsc.median);
    bl_bench_counter(state, "receiving_alone_ticks_per_beat", result->b_tsc.median);
}

static void run_rig(struct bl_bench_state *state, const struct worker_case *c, struct rig *a,
                    struct rig *binary, struct bl_limit *limit)
{
    struct bl_pair_result result;
    const struct bl_side ours = {poll_work, a};
    const struct bl_side others[] = {[AGAINST_RECEIVING] = {receive_work, a},
                                     [AGAINST_BINARY] = {poll_work, binary},
                                     [AGAINST_LIMIT] = {bl_limit_work, limit}};
    bl_pair_run(bl_bench_plan_of(state), &ours, &others[c->against], &result);
    if (c->absolute)
        report_absolute(state, &result);
    else
        bl_pair_report(state, &result);
    check(state, a);
    if (c->against == AGAINST_BINARY)
        check(state, binary);
}

static void run_worker(struct bl_bench_state *state, const void *arg)
{
    const struct worker_case *c = arg;
    struct rig *a = calloc(2, sizeof(*a));
    char err[BL_ERR_BYTES];
    uint64_t count = c->count / bl_bench_plan_of(state)->scale;
    if (!a) {
        bl_bench_skip(state, "no memory");
        return;
    }
    struct rig *binary = a + 1;
    a->fd = binary->fd = -1;
    bool good = rig_init(a, c->source, c->shape, count, 0, err);
    if (good && c->against == AGAINST_BINARY)
        good = rig_init(binary, c->source, BL_SHAPE_BINARY, count, 1, err);
    struct bl_nodes nodes = {0};
    struct bl_limit limit = {0};
    if (good && c->against == AGAINST_LIMIT) {
        bl_nodes_init(&nodes, count, BL_BEATS_UNIFORM);
        good = bl_limit_init(&limit, &nodes, LIMIT_SLOTS / bl_bench_plan_of(state)->scale, BL_PAGES_BEST);
    }
    if (good)
        run_rig(state, c, a, binary, &limit);
    else
        bl_bench_skip(state, err);
    bl_limit_fini(&limit);
    bl_nodes_fini(&nodes);
    rig_fini(a);
    rig_fini(binary);
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
     OF(.source = FROM_MEMORY, .count = 10 * MILLION, .absolute = true)},
    {.name = "worker/memory/10M/batch-16",
     .measure = "the same, 16 beats in a datagram / random-access limit of 1 GiB",
     LEAST(0.55, 0.80),
     OF(.source = FROM_MEMORY, .shape = BL_SHAPE_BATCH_16, .count = 10 * MILLION, .against = AGAINST_LIMIT)},
    {.name = "worker/pcap/1M/text-1",
     .measure = "text, 1 line per datagram, lines/s / binary beats/s, 1 M nodes",
     LEAST(0.5, 0.7),
     OF(.shape = BL_SHAPE_TEXT_1, .count = MILLION, .against = AGAINST_BINARY)},
    {.name = "worker/memory/1M/text-1",
     .measure = "the same from frames in memory",
     OF(.source = FROM_MEMORY, .shape = BL_SHAPE_TEXT_1, .count = MILLION, .against = AGAINST_BINARY)},
    {.name = "worker/memory/1M/text-20",
     .measure = "text, 20 lines per datagram, 1 M nodes, from frames in memory",
     .unit = "M/s",
     LEAST(20, 40),
     OF(.source = FROM_MEMORY, .shape = BL_SHAPE_TEXT_20, .count = MILLION, .absolute = true)},
};

void bl_bench_worker_cases(void)
{
    for (unsigned i = 0; i < sizeof(worker_cases) / sizeof(worker_cases[0]); i++)
        bl_bench_register(&worker_cases[i]);
}
