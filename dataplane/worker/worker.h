/* SPDX-License-Identifier: Apache-2.0 */
/* worker: one RX queue, one table, one poll loop. First a few commands
 * from control; then stages over the burst: receive and decode, parse (the
 * table hears of every 16 beats and fetches meanwhile), beat the table,
 * handle the exceptions, release; then a step of growth.
 *
 * Threads: the worker's own thread runs bl_worker_run; control owns the
 * other end of the rings, the clock and the policy words. Nothing in the
 * loop allocates, blocks, logs or takes a lock; a socket worker may sleep
 * in bl_port_wait when idle, RCU-offline. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/base/counters.h"
#include "dataplane/port/port.h"
#include "dataplane/wire/wire.h"
#include "dataplane/worker/worker_events.h"
#include "engine/base/counter.h"
#include "engine/base/err.h"
#include "engine/base/role.h"
#include "engine/fleet/ingest_clock.h"
#include "engine/table/table.h"

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

/* For so long after a node's setting its autobeats are told to control,
 * measured or not: far longer than control takes to act on it. Nodes share
 * places; then some are told in vain. */
#define BL_WORKER_SET_TICKS  10000u
#define BL_WORKER_SET_PLACES 256u

struct bl_worker {
    /* set before the start, constant after */
    struct bl_port *port;
    unsigned queue;
    unsigned index;
    int cpu, lcore;
    pthread_t thread;
    bool started;                      /* main's: to be waited for */
    const struct bl_wire_config *wire; /* published by control, RCU */
    struct bl_ring *reports;           /* worker -> control, worker_events.h */
    struct bl_ring *orders;            /* control -> worker, struct bl_worker_command */

    /* control's */
    struct bl_ingest_clock clock __attribute__((aligned(64)));
    uint32_t stop; /* control sets, the worker obeys */

    /* the worker's */
    struct bl_table table __attribute__((aligned(64)));
    uint64_t alive_ns; /* monotonic time of the last poll; read via bl_worker_alive_ns */
    uint32_t running;  /* between start and the loop's end */
    struct bl_slots *retired BL_OWNED_BY(bl_role_worker); /* grown out of, not reported yet */
    uint64_t moved_for BL_OWNED_BY(bl_role_worker);       /* unknown nodes that growth has moved a line for */
    uint32_t set_tick[BL_WORKER_SET_PLACES] BL_OWNED_BY(
        bl_role_worker);                   /* of the last settings, by key; 0: none */
    bool busy BL_OWNED_BY(bl_role_worker); /* the last poll had packets */
    uint64_t deleted;                      /* deletion orders done; read via bl_worker_deleted */
    struct bl_counters counters;
    /* the poll in hand: packets, what they say */
    struct bl_burst burst BL_OWNED_BY(bl_role_worker);
    struct bl_sink sink BL_OWNED_BY(bl_role_worker);
    struct bl_table_burst beating BL_OWNED_BY(bl_role_worker); /* the sink's beats, on their way */
    unsigned beaten BL_OWNED_BY(bl_role_worker);               /* of them, counted when all are through */
};

/* Main: builds table and rings; the ingest clock is for control to set
 * going (bl_ingest_clock_init). Returns NULL with err. */
struct bl_worker *bl_worker_new(const struct bl_worker_config *c, unsigned index, char err[BL_ERR_BYTES]);
/* Main: starts the poll loop on its lcore or thread, all signals
 * blocked. 0, or negative errno with err. */
int bl_worker_start(struct bl_worker *w, char err[BL_ERR_BYTES]);
/* Main: asks the loop to end and waits for it: two naps, or for ever if
 * it hangs. A worker that is not running is left alone. */
void bl_worker_stop(struct bl_worker *w);
/* The same for who does not wait for ever: asks; whether it has ended (or
 * never began), waiting `wait_ms` for it at most. */
void bl_worker_ask_to_end(struct bl_worker *w);
bool bl_worker_has_ended(struct bl_worker *w, unsigned wait_ms);
/* Main: stopped, and control uses it no more; generations that are on
 * their way in the rings are freed, too. NULL is fine. */
void bl_worker_free(struct bl_worker *w);

/* The loop, until w->stop: polls, announces a quiescent state after each
 * poll, naps in a port that sleeps. Registers with RCU. Returns 0. */
int bl_worker_run(struct bl_worker *w) BL_ON_WORKER;

/* One poll: what the loop does over and over; a test's handle, and with
 * no port the API thread's housekeeping. Returns the packets taken.
 * `now_ns`: CLOCK_MONOTONIC. The caller is RCU-registered; the quiescent
 * state is its own to announce. */
unsigned bl_worker_poll(struct bl_worker *w, uint64_t now_ns) BL_ON_WORKER;

/* Parses one payload as if it had come from a port, as one packet: how
 * the API thread, which owns a worker without a port (config.port NULL),
 * puts the beats of its connections into its own table. */
void bl_worker_feed(struct bl_worker *w, const uint8_t *payload, uint32_t len, uint64_t now_ns) BL_ON_WORKER;

/* The table is between two generations: poll again at once, packets or
 * not. Nodes that have moved are swept only when all have. */
BL_ON_WORKER static inline bool bl_worker_is_growing(const struct bl_worker *w)
{
    return w->table.next || w->retired;
}

/* How many deletion orders the worker has done. Whoever has popped a
 * report that was made after one of them sees it counted. Any thread. */
static inline uint64_t bl_worker_deleted(const struct bl_worker *w)
{
    return __atomic_load_n(&w->deleted, __ATOMIC_ACQUIRE);
}

/* Whether its table may hold nodes that control was not told of: reports
 * wait, or met a full ring. Asked by control once it has taken reports.
 * The slots first: one that is no longer counted is in the ring. */
static inline bool bl_worker_has_untold(const struct bl_worker *w)
{
    return bl_table_unreported(&w->table) > 0 || bl_ring_count(w->reports) > 0;
}

/* Its next poll has something to do, packets or not: whoever runs it does
 * not sleep before that. */
BL_ON_WORKER static inline bool bl_worker_wants_poll(const struct bl_worker *w)
{
    return bl_worker_is_growing(w) || bl_ring_count(w->orders) > 0;
}

static inline uint64_t bl_worker_alive_ns(const struct bl_worker *w)
{
    return BL_READ(w->alive_ns);
}
