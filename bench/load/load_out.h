/* SPDX-License-Identifier: Apache-2.0 */
/* load_out: where beatline-load's datagrams go. Three kinds:
 *
 *   socket:HOST:PORT   kernel UDP, sendmmsg; several source ports
 *   dpdk:DEVARGS       frames over any DPDK ethdev, rte_eth_tx_burst
 *   pcap:FILE          frames into a capture file, stamped with the
 *                      time of the schedule
 *
 * Shape: a burst of datagrams is filled, ended one by one and sent in
 * order; what the port does not take stays and is offered again with
 * the next push. Counted is exactly what the port took.
 *
 * One thread. After open nothing allocates (DPDK: but mbufs). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bench/load/load_frame.h"
#include "bench/load/load_wire.h"
#include "dataplane/port/port.h"
#include "engine/base/err.h"

/* Datagrams of a burst: DPDK's usual. */
#define BL_LOAD_BURST 64u

struct bl_load_out_config {
    const char *to;
    unsigned flows; /* source ports */
    struct bl_load_route route;
    uint64_t start_unix_ns; /* pcap: wall time of the schedule's 0 */
    uint64_t wait_ns;       /* dpdk: how long to wait for the link */
    const char *eal;        /* dpdk: further EAL arguments, or NULL */
    const char *program;
    const volatile int *stop; /* set by a signal: wait no longer */
};

struct bl_load_out_counts {
    uint64_t packets, bytes; /* taken; bytes of payloads */
    uint64_t beats, settings, duplicates, late;
    uint64_t retries; /* pushes that were not taken whole */
    uint64_t errors;  /* told by the port: a refused connection (sent again), frames it failed on */
};

struct bl_load_out;

struct bl_load_out_ops {
    /* Offers slot[0..n) in order: how many were taken, 0 too if the port
     * is full; or negative errno with out->err: no use to go on. Gives
     * each taken slot a fresh buffer. */
    int (*send)(struct bl_load_out *out, struct bl_load_datagram *slot, unsigned n);
    /* Ends it: 0, or negative errno with out->err if what was taken is
     * not all where it should be. */
    int (*close)(struct bl_load_out *out);
};

struct bl_load_out {
    const struct bl_load_out_ops *ops;
    void *state; /* the kind's */
    const struct bl_load_wire *wire;
    struct bl_load_datagram slot[BL_LOAD_BURST + 1]; /* [filled]: the open one */
    unsigned filled;                                 /* ended, waiting for a push */
    bool virtual_time;                               /* the clock is ours: do not sleep */
    struct bl_load_out_counts counts;
    char err[BL_ERR_BYTES];
};

/* 0, or negative errno with a line for people in out->err. */
int bl_load_out_open(struct bl_load_out *out, const struct bl_load_wire *wire,
                     const struct bl_load_out_config *c);
/* Waits until what was sent had time to be fetched and closes. Counts
 * stay. 0, or negative errno with out->err. */
int bl_load_out_close(struct bl_load_out *out);

/* The datagram that is being filled. */
static inline struct bl_load_datagram *bl_load_out_datagram(struct bl_load_out *out)
{
    return &out->slot[out->filled];
}
/* Room for this many more ended datagrams. */
static inline unsigned bl_load_out_room(const struct bl_load_out *out)
{
    return BL_LOAD_BURST - out->filled;
}
/* Ends the open datagram, unless it is empty. Needs room. */
void bl_load_out_end(struct bl_load_out *out);
/* Offers what has been ended. True: all taken; false: the rest waits.
 * Negative errno in *rc: the port is of no use, see err. */
bool bl_load_out_push(struct bl_load_out *out, int *rc);

/* The three kinds; `rest` is the text behind the colon. */
int bl_load_out_socket_open(struct bl_load_out *out, const char *rest, const struct bl_load_out_config *c);
int bl_load_out_dpdk_open(struct bl_load_out *out, const char *rest, const struct bl_load_out_config *c);
int bl_load_out_pcap_open(struct bl_load_out *out, const char *rest, const struct bl_load_out_config *c);
