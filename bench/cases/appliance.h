/* SPDX-License-Identifier: Apache-2.0 */
/* appliance: what the daemon runs, without its sockets: a worker on a
 * thread of its own and a CPU of its own, fed from frames in memory
 * (frame_source.h), and the control core on another. Nodes have 24-byte names.
 *
 * Threads: one, RCU-registered and offline, opens it, turns the feed's
 * knobs, looks and closes it. It takes the part of the notifier and of
 * the api thread: bl_appliance_listen, now and then. */
#pragma once

#include "bench/sources/frame_source.h"
#include "control/core/core.h"
#include "control/core/memory.h"
#include "engine/base/err.h"

struct bl_appliance {
    struct bl_traffic traffic;
    struct bl_frame_source feed;
    struct bl_wire_config wire;
    struct bl_port *port;
    struct bl_worker *worker;
    struct bl_config *config;
    struct bl_memory_arena *arena;
    struct bl_core *core;
    int cpu[2]; /* the worker's, control's */
};

struct bl_appliance_config {
    uint64_t nodes;       /* that can be made to beat */
    uint32_t first_slots; /* of the table */
    uint32_t timeout_ms;  /* of every node */
};

/* Everything but the threads. False with err; bl_appliance_close all the
 * same. */
bool bl_appliance_open(struct bl_appliance *a, const struct bl_appliance_config *c, char err[BL_ERR_BYTES]);
bool bl_appliance_start(struct bl_appliance *a, char err[BL_ERR_BYTES]);
/* Started: another timeout of every node. Returns when all follow, false
 * without memory. */
bool bl_appliance_set_timeout(struct bl_appliance *a, uint32_t timeout_ms, char err[BL_ERR_BYTES]);
/* One that is all zero is fine. */
void bl_appliance_close(struct bl_appliance *a);

/* Takes the events that control has told, up to `max` of one feed; the
 * other feed's are dropped. Returns how many. */
unsigned bl_appliance_listen(struct bl_appliance *a, struct bl_event *events, unsigned max);

uint32_t bl_appliance_registered(const struct bl_appliance *a);
uint64_t bl_appliance_beats(const struct bl_appliance *a);
/* CPU time of the worker's thread, and of control's: the process's but
 * for the worker's and the caller's. */
uint64_t bl_appliance_worker_cpu_ns(const struct bl_appliance *a);
uint64_t bl_appliance_control_cpu_ns(const struct bl_appliance *a);
