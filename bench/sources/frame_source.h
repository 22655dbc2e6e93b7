/* SPDX-License-Identifier: Apache-2.0 */
/* frame_source: what a worker on a thread of its own is fed from frames in
 * memory: which of the nodes beat, how fast, and how long the worker
 * was away between two polls. A receive callback on a net_null port.
 *
 * Threads: the worker's polls; any other turns the knobs, which the
 * next poll follows. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bench/sources/traffic.h"
#include "dataplane/base/clock.h"
#include "dataplane/port/port.h"

struct rte_eth_rxtx_callback;

/* Gaps are kept by stretches of so many beats, as long as there are
 * places: at the same beat of another growth the worker is about as far. */
#define BL_FEED_STRETCHES 1024u

struct bl_frame_source {
    /* knobs: others store, the worker loads */
    uint64_t beating;   /* nodes 0.. of the traffic that beat; whole frames */
    uint64_t pace;      /* beats per second; 0: as many as the worker takes */
    uint32_t gaps_from; /* bumped: longest gaps are counted from now on */
    uint64_t stretch;   /* beats; not changed while gaps are watched */
    /* what the worker saw; others load */
    uint64_t longest_wall_ns[BL_FEED_STRETCHES], longest_cpu_ns[BL_FEED_STRETCHES]; /* between two polls */
    /* the worker's own */
    struct bl_traffic *traffic;
    struct bl_cursor cursor;
    struct bl_clock clock;
    uint32_t gaps_seen; /* of gaps_from */
    uint64_t wall_ns, cpu_ns;
    uint64_t watched; /* beats since gaps are counted */
    uint64_t pace_in_force, paced_from_ns, paced_beats;
    /* constant */
    uint16_t port_id;
    const struct rte_eth_rxtx_callback *callback;
};

/* Fills the frames of `port`, a net_null port of the traffic's frame
 * length that nobody polls yet, and takes its polls over. Nobody beats
 * until `beating` is set. */
bool bl_frame_source_open(struct bl_frame_source *f, struct bl_traffic *t, struct bl_port *port);
/* Before the port is closed; no more polls. */
void bl_frame_source_close(struct bl_frame_source *f);

/* Any thread. */
void bl_frame_source_beating(struct bl_frame_source *f, uint64_t nodes);
void bl_frame_source_pace(struct bl_frame_source *f, uint64_t beats_per_s);
void bl_frame_source_watch_gaps(struct bl_frame_source *f, uint64_t stretch);
