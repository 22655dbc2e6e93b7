/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cases/receiver.h"

#include <stdio.h>

#include <rte_mbuf.h>

#include "bench/sources/key_set.h"
#include "bench/sources/traffic.h"
#include "dataplane/port/port_dpdk.h"
#include "engine/base/rcu.h"

#define POLLS_PER_CALL 64u
/* Packets a poll, of BL_PORT_TAKE, from which on a worker has all it can do. */
#define BURST_OF_THE_BUSY 48.0

bool bl_receiver_open(struct bl_receiver *r, const char *text, uint64_t nodes, char err[BL_ERR_BYTES])
{
    bl_role_assume_control();
    struct bl_port_spec spec;
    *r = (struct bl_receiver){.port = NULL};
    bl_bench_secret(&r->wire.secret);
    r->wire.text = bl_text_best();
    bl_clock_init(&r->clock);
    if (bl_port_spec_parse(&spec, text, err) != 0)
        return false;
    r->port = bl_port_open(&spec, BL_TRAFFIC_UDP_PORT, err);
    if (!r->port)
        return false;
    if (spec.kind == BL_PORT_DPDK)
        r->port_id = ((struct port_dpdk *)r->port)->port_id;
    struct bl_worker_config c = {.port = r->port,
                                 .cpu = -1,
                                 .lcore = -1,
                                 .wire = &r->wire,
                                 .first_slots = (uint32_t)((double)nodes / BL_BENCH_FILL),
                                 .max_nodes = UINT32_MAX};
    r->worker = bl_worker_new(&c, 0, err);
    if (!r->worker)
        return false;
    bl_ingest_clock_init(&r->worker->clock, bl_clock_now_ns(&r->clock), 1000);
    return true;
}

void bl_receiver_close(struct bl_receiver *r)
{
    bl_worker_free(r->worker);
    bl_port_close(r->port);
    r->worker = NULL;
    r->port = NULL;
}

void bl_receiver_know(struct bl_receiver *r, uint64_t key)
{
    bl_role_assume_worker();
    struct bl_beat beat = {.key = key, .stamp = 1, .flags = BL_BEAT_HAS_SEQUENCE};
    uint32_t slot;
    (void)bl_table_insert(&r->worker->table, &beat, 1, &slot);
}

void bl_receiver_know_ids(struct bl_receiver *r, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        bl_receiver_know(r, bl_key_of_id(&r->wire.secret, i));
}

uint64_t bl_receiver_work(void *receiver)
{
    struct bl_receiver *r = receiver;
    bl_role_assume_worker();
    bl_role_assume_control();
    const struct bl_counters *c = &r->worker->counters;
    uint64_t beats = c->beats, packets = c->packets, busy_ns = c->busy_ns;
    uint64_t now_ns = bl_clock_now_ns(&r->clock);
    (void)bl_ingest_clock_advance(&r->worker->clock, now_ns, now_ns);
    for (unsigned i = 0; i < POLLS_PER_CALL; i++) {
        (void)bl_worker_poll(r->worker, bl_clock_now_ns(&r->clock));
        bl_rcu_quiescent();
    }
    r->working.polls += POLLS_PER_CALL;
    r->working.packets += c->packets - packets;
    r->working.busy_ns += c->busy_ns - busy_ns;
    r->working.ns += bl_clock_now_ns(&r->clock) - now_ns;
    return c->beats - beats;
}

uint64_t bl_receiver_alone_work(void *receiver)
{
    struct bl_receiver *r = receiver;
    struct rte_mbuf *m[BL_PORT_TAKE];
    uint64_t packets = 0;
    for (unsigned i = 0; i < POLLS_PER_CALL; i++) {
        uint16_t n = rte_eth_rx_burst(r->port_id, 0, m, BL_PORT_TAKE);
        rte_pktmbuf_free_bulk(m, n);
        packets += n;
    }
    r->alone.polls += POLLS_PER_CALL;
    r->alone.packets += packets;
    return packets;
}

bool bl_receiver_catch_up(struct bl_receiver *r, uint64_t beats, uint64_t timeout_ns)
{
    const struct bl_counters *c = &r->worker->counters;
    const struct bl_receiving working = r->working;
    uint64_t exception = c->sequence_odd, until = c->beats + beats;
    uint64_t end_ns = bl_clock_now_ns(&r->clock) + timeout_ns;
    while (c->beats < until && bl_clock_now_ns(&r->clock) < end_ns)
        (void)bl_receiver_work(r);
    r->working = working;
    r->exceptions_excused += c->sequence_odd - exception;
    return c->beats >= until;
}

static double burst(const struct bl_receiving *r)
{
    return r->polls > 0 ? (double)r->packets / (double)r->polls : 0;
}

void bl_receiver_remark(struct bl_bench_state *state, const struct bl_receiver *r, double per_s)
{
    const struct bl_receiving *w = &r->working;
    char remark[96];
    double busy_percent = w->ns > 0 ? 100.0 * (double)w->busy_ns / (double)w->ns : 0;
    bl_bench_counter(state, "a_burst", burst(w));
    bl_bench_counter(state, "a_busy_percent", busy_percent);
    if (r->alone.polls > 0)
        bl_bench_counter(state, "b_burst", burst(&r->alone));
    if (burst(w) >= BURST_OF_THE_BUSY)
        return;
    snprintf(remark, sizeof(remark), "bound by the load, %.2f M/s: worker busy %.0f %%, bursts of %.1f",
             per_s / 1e6, busy_percent, burst(w));
    bl_bench_remark(state, remark);
}

/* "cycles_parse": per beat, as `beatline stats workers` has them. */
static void report_stages(struct bl_bench_state *state, const struct bl_receiver *r)
{
    struct bl_cycle_profile s;
    bl_cycle_profile_read(&s, &r->worker->counters.stages);
    for (unsigned i = 0; i < BL_STAGE_COUNT && s.beats > 0; i++) {
        char name[48];
        snprintf(name, sizeof(name), "cycles_%s", bl_stage_name((enum bl_stage)i));
        bl_bench_counter(state, name, (double)s.cycles[i] / (double)s.beats);
    }
}

void bl_receiver_check(struct bl_bench_state *state, const struct bl_receiver *r, uint32_t per_packet,
                       bool lossy)
{
    const struct bl_counters *c = &r->worker->counters;
    uint64_t exception = c->sequence_odd - r->exceptions_excused;
    for (unsigned i = 0; i < BL_DROP_COUNT; i++)
        if (c->drop[i] != 0)
            bl_bench_fail(state, bl_drop_name((enum bl_drop)i));
    if (c->beats != c->packets * per_packet)
        bl_bench_fail(state, "not every beat was taken");
    if ((exception != 0 && !lossy) || c->inserted != 0)
        bl_bench_fail(state, "odd beats: not the hot path");
    if (lossy)
        bl_bench_counter(state, "odd", (double)exception);
    report_stages(state, r);
}
