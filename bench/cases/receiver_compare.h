/* SPDX-License-Identifier: Apache-2.0 */
/* receiver_compare: a worker end to end on packets that another process sends,
 * against somebody who only receives, on the same kind of port:
 *
 *   alone    this process, the same port: receive and free, no more
 *   testpmd  dpdk-testpmd rxonly on a port of its own, with a load of
 *            its own; each pair is stopped while the other has its turn
 *
 * The receivers share one CPU, the loads another. A receiver that finds
 * polls empty or bursts small was waiting for the load: then the ratio
 * says little, and the row says so.
 *
 * Main thread. */
#pragma once

#include "bench/bench.h"
#include "bench/cases/receiver.h"
#include "bench/cases/testpmd.h"
#include "bench/sources/child_process.h"

/* One way from a load to a receiver. */
struct bl_way {
    char port[128];          /* ours, as in --port */
    char vdev[128];          /* the same for testpmd: devargs */
    const char *load[2][16]; /* argv of the load: to our port; to testpmd's */
    int netns;               /* of the receivers and the loads; -1: ours */
    uint64_t nodes;          /* ids from 0 on */
    bool lossy;
};

enum bl_receiver_compared { BL_DUEL_ALONE, BL_DUEL_TESTPMD };

/* Measures and reports; skips with why where something is not there. */
void bl_receiver_compare_run(struct bl_bench_state *state, const struct bl_way *way,
                             enum bl_receiver_compared rival);
