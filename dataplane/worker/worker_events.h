/* SPDX-License-Identifier: Apache-2.0 */
/* worker_events: the ring on which a worker tells control (messages.h). A
 * report takes as many pieces of 16 bytes as it needs, not as many as
 * the longest name would: 1 for an unknown node by id, 3 for one with a name
 * of 24 bytes, where struct bl_worker_event has 256 bytes. So a burst of
 * unknown nodes stays in the caches on its way.
 *
 * Threads: one producer (the worker), one consumer (control). What the
 * worker wrote before a push is seen after the pop. A full ring refuses
 * a whole report; nobody waits. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/base/messages.h"
#include "dataplane/base/ring.h"

/* The most pieces of one report; and beside those that its name fills. */
#define BL_WORKER_EVENT_PIECES_MAX (sizeof(struct bl_worker_event) / BL_WORKER_EVENT_PIECE)
#define BL_WORKER_EVENT_PIECES_NAMELESS                                                                      \
    (2u + (sizeof(struct bl_worker_event) - offsetof(struct bl_worker_event, patch)) / BL_WORKER_EVENT_PIECE)

/* NULL: out of memory. Free with bl_ring_free. */
struct bl_ring *bl_worker_events_new(void);

/* Copies *report in; false if it does not fit. Cost: 10 ns and a line or
 * two; patch and old are read only of the kinds that have them, of the
 * name its last piece. */
bool bl_worker_events_push(struct bl_ring *r, const struct bl_worker_event *report);

/* Copies the next reports out, at most `max`, and possibly fewer than
 * there are. Returns how many; 0: there was none. Of a report, what its
 * kind does not have is left as it is. */
unsigned bl_worker_events_pop(struct bl_ring *r, struct bl_worker_event *reports, unsigned max);

/* Whether `pieces` more would fit now. Any thread; a snapshot. */
bool bl_worker_events_have_room(const struct bl_ring *r, uint64_t pieces);
