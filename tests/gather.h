/* SPDX-License-Identifier: Apache-2.0 */
/* gather: runs a datagram through bl_wire_parse as the worker does, with
 * sinks that fill whenever the caller wants, and checks what must hold
 * for any bytes (assert): conservation, the packet counted once, names
 * and origins inside the payload, settings within their limits. For unit
 * tests and fuzzers; worker role. */
#pragma once

#include <stdint.h>

#include "dataplane/wire/wire.h"

/* The most records in a datagram: 65535 / sizeof "a.err:1|c". */
#define GATHER_MAX 6600u

/* The tick of which beats without an age are. */
#define GATHER_TICK UINT32_C(0xe8000000)

struct gather {
    struct bl_beat beat[GATHER_MAX];
    struct bl_worker_event setting[GATHER_MAX];
    unsigned beats, settings, autobeats; /* autobeats: settings that are one's */
    unsigned calls;
    struct bl_counters counters;
};

/* `room`: records that each sink takes before it is full, 1..BL_SINK_ROOM. */
void gather(struct gather *g, const struct bl_wire_config *w, const uint8_t *payload, uint32_t len,
            unsigned room) BL_ON_WORKER;

/* Gathers with full sinks, then with sinks of `room` and with each of the
 * instructions that the machine has for text, and asserts that all tell
 * the same. `g` holds the first. */
void gather_twice(struct gather *g, const struct bl_wire_config *w, const uint8_t *payload, uint32_t len,
                  unsigned room) BL_ON_WORKER;

uint64_t gather_packet_drops(const struct gather *g);
uint64_t gather_record_drops(const struct gather *g);

/* A config with a fixed secret, no auth. */
void gather_config(struct bl_wire_config *w);
