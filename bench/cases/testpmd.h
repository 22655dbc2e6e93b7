/* SPDX-License-Identifier: Apache-2.0 */
/* testpmd: dpdk-testpmd in rxonly mode on a device, as a peer: what an
 * ordinary DPDK program that only receives makes of the same packets.
 * One queue, bursts of BL_PORT_TAKE, the memory of our own kind of pages.
 * Package dpdk-dev. Main thread. */
#pragma once

#include "bench/sources/child_process.h"
#include "engine/base/err.h"

struct bl_testpmd {
    struct bl_child_process peer;
};

/* Starts it on a vdev (devargs), pinned to `cpu`, in `netns` (-1: ours),
 * and has it poll. Takes a second. False with err. */
bool bl_testpmd_start(struct bl_testpmd *t, const char *vdev, int cpu, int netns, char err[BL_ERR_BYTES]);
void bl_testpmd_end(struct bl_testpmd *t);

/* Packets received since the start; it must not be paused. 0 if it does
 * not answer. Cost: some ms. */
uint64_t bl_testpmd_packets(struct bl_testpmd *t);
