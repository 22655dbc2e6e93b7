/* SPDX-License-Identifier: Apache-2.0 */
/* inprocess_source: a receiver that is fed from this process, on two kinds of port:
 *
 *   pcap    net_pcap infinite_rx: the driver copies frames into mbufs
 *   memory  net_null: the driver hands mbufs out whose frames are in
 *           place already, like a NIC's
 *
 * On both a receive callback rewrites the records, so that all nodes are
 * hit; receiving alone is measured with the same callback, with the
 * nodes in an order of its own. One thread per rig. */
#pragma once

#include "bench/cases/receiver.h"
#include "bench/sources/traffic.h"
#include "engine/base/err.h"

enum bl_inprocess_source_source { BL_RIG_PCAP, BL_RIG_MEMORY };

struct rte_eth_rxtx_callback;

struct bl_inprocess_source {
    enum bl_inprocess_source_source source;
    struct bl_traffic traffic;
    struct bl_cursor cursor[2]; /* the worker's, receiving alone's */
    struct bl_cursor *current;
    struct bl_receiver receiver;
    const struct rte_eth_rxtx_callback *callback;
    int fd;
};

/* About `count` nodes, all in the table. `number`: of the port; rigs that
 * live at the same time have different ones. False with err;
 * bl_inprocess_source_close all the same. */
bool bl_inprocess_source_open(struct bl_inprocess_source *r, enum bl_inprocess_source_source source,
                              enum bl_shape shape, uint64_t count, unsigned number, char err[BL_ERR_BYTES]);
/* One that is all zero but for fd -1 is fine. */
void bl_inprocess_source_close(struct bl_inprocess_source *r);

/* Sides of a pair (struct bl_inprocess_source): beats taken; beats that went by while
 * receiving alone. */
uint64_t bl_inprocess_source_work(void *rig);
uint64_t bl_inprocess_source_alone_work(void *rig);

/* bl_receiver_check, and what the port missed as a counter. */
void bl_inprocess_source_check(struct bl_bench_state *state, const struct bl_inprocess_source *r);
