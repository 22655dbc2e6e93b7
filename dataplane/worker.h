/* SPDX-License-Identifier: Apache-2.0 */
/* worker: one RX queue, one table, one poll loop. Stages over the burst:
 * receive and decode, parse, beat the table, look at the odd ones,
 * release; then housekeeping: one order from control, a step of growth,
 * a quiescent state.
 *
 * Threads: the worker's own thread runs bl_worker_run; control owns the
 * other end of the rings, the clock and the policy words. Nothing in the
 * loop allocates, blocks, logs or takes a lock; a socket worker may sleep
 * in bl_port_wait when idle, RCU-offline. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/counters.h"
#include "dataplane/port.h"
#include "dataplane/ring.h"
#include "dataplane/wire/wire.h"
#include "engine/ingest_clock.h"
#include "engine/role.h"
#include "engine/table.h"

/* An idle socket worker shows that it is alive this often. Well below
 * BL_POLL_GAP_NS. */
#define BL_WORKER_NAP_MS 20

struct bl_worker_config {
    struct bl_port *port; /* open; NULL: fed by hand (bl_worker_feed) */
    unsigned queue;
    int cpu;   /* to pin a socket worker to; -1: anywhere */
    int lcore; /* dpdk: the EAL lcore; -1: a thread of its own */
    const struct bl_wire_config *wire;
    uint32_t first_slots; /* table size at the start */
    uint32_t max_nodes;
};

struct bl_worker {
    /* set before the start, constant after */
    struct bl_port *port;
    unsigned queue;
    unsigned index;
    int cpu, lcore;
    pthread_t thread;
    const struct bl_wire_config *wire; /* published by control, RCU */
    struct bl_ring *reports;           /* worker -> control, struct bl_report */
    struct bl_ring *orders;            /* control -> worker, struct bl_order */

    /* control's */
    struct bl_ingest_clock clock __attribute__((aligned(64)));
    uint32_t stop; /* control sets, the worker obeys */

    /* the worker's */
    struct bl_table table __attribute__((aligned(64)));
    uint64_t alive_ns; /* monotonic time of the last poll; read via bl_worker_alive_ns */
    uint32_t running;  /* between start and the loop's end */
    struct bl_slots *retired BL_OWNED_BY(bl_role_worker); /* grown out of, not reported yet */
    struct bl_counters counters;
};

/* Builds table and rings. Returns NULL with err. */
struct bl_worker *bl_worker_new(const struct bl_worker_config *c, unsigned index, char err[BL_ERR_BYTES]);
/* Starts the poll loop on its lcore or thread. 0 or negative errno. */
int bl_worker_start(struct bl_worker *w, char err[BL_ERR_BYTES]);
/* Asks the loop to end and waits for it (at most two naps). */
void bl_worker_stop(struct bl_worker *w);
void bl_worker_free(struct bl_worker *w);

/* One poll: what the loop does over and over; a test's handle. Returns
 * the packets taken. `now_ns`: CLOCK_MONOTONIC. */
unsigned bl_worker_poll(struct bl_worker *w, uint64_t now_ns) BL_ON_WORKER;

/* Parses one payload as if it had come from a port: how the API thread,
 * which owns a worker without a port (config.port NULL), puts the beats
 * of its connections into its own table. */
void bl_worker_feed(struct bl_worker *w, const uint8_t *payload, uint32_t len, uint64_t now_ns) BL_ON_WORKER;

static inline uint64_t bl_worker_alive_ns(const struct bl_worker *w)
{
    return __atomic_load_n(&w->alive_ns, __ATOMIC_RELAXED);
}
