/* SPDX-License-Identifier: Apache-2.0 */
/* receiver: a worker on a port of its own, polled by the benchmark
 * itself, and the same port with nothing but receiving.
 *
 * The worker's side runs the body of its poll loop and, now and then,
 * control's look at the clock, without which all beats would be of one
 * tick. A worker that was away while the other side received has missed
 * beats; bl_receiver_catch_up is for that.
 *
 * Threads: whoever polls is the worker, and control as well. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bench/bench.h"
#include "dataplane/base/clock.h"
#include "dataplane/worker/worker.h"
#include "engine/base/err.h"

/* What one side has seen of the port in its turns. */
struct bl_receiving {
    uint64_t polls, packets;
    uint64_t ns, busy_ns; /* the worker's: in all, and in polls that had packets */
};

struct bl_receiver {
    struct bl_wire_config wire;
    struct bl_port *port;
    struct bl_worker *worker;
    struct bl_clock clock;
    uint16_t port_id; /* DPDK's; sockets: unused */
    struct bl_receiving working, alone;
    uint64_t exceptions_excused; /* met while catching up */
};

/* Opens the port of `text` (as in --port) and a worker on it whose table
 * has room for `nodes`. False with err; bl_receiver_close all the same. */
bool bl_receiver_open(struct bl_receiver *r, const char *text, uint64_t nodes, char err[BL_ERR_BYTES]);
void bl_receiver_close(struct bl_receiver *r);

/* A node is in the table, its last sequence 0. */
void bl_receiver_know(struct bl_receiver *r, uint64_t key);
/* The binary nodes 0 to count - 1. */
void bl_receiver_know_ids(struct bl_receiver *r, uint64_t count);

/* Sides of a pair (struct bl_receiver): beats taken by the worker; packets
 * received and freed, nothing else (DPDK ports). Cost: 64 polls. */
uint64_t bl_receiver_work(void *receiver);
uint64_t bl_receiver_alone_work(void *receiver);

/* Polls until `beats` more have been taken, timeout_ns at most. Whatever
 * of them was an exception is excused, and it is no turn. Returns whether they
 * came. */
bool bl_receiver_catch_up(struct bl_receiver *r, uint64_t beats, uint64_t timeout_ns);

/* Counters: packets a poll of both sides. A worker that found fewer than
 * three quarters of a burst was waiting for its packets, `per_s` of them:
 * a remark, since the ratio then says little about it. */
void bl_receiver_remark(struct bl_bench_state *state, const struct bl_receiver *r, double per_s);

/* Fails the case where a packet was dropped, was not `per_packet` beats,
 * or was an exception; `lossy`: the way there may lose some, which makes their
 * successors exceptions. */
void bl_receiver_check(struct bl_bench_state *state, const struct bl_receiver *r, uint32_t per_packet,
                       bool lossy);
