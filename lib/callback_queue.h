/* SPDX-License-Identifier: Apache-2.0 */
/* callback_queue: the events of a share of an emitter's nodes, on their way
 * to its callbacks. A node is always of the same queue and a queue is told
 * by one thread at a time, so what happened to a node is told in order.
 *
 * Threads: all but bl_callback_queue_tell under the emitter's lock.
 * Memory: an event and its name each; two lists, one that fills while the
 * other is told. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/tracker.h"

struct bl_emitter_events {
    struct bl_tracker_event *event; /* names are their own */
    uint32_t count, room;
};

struct bl_callback_queue {
    pthread_cond_t news; /* something waits, nobody tells it any longer, or the end */
    pthread_t thread;
    struct bl_emitter *emitter;
    struct bl_emitter_events waiting;
    struct bl_emitter_events telling; /* of who has set `busy`, also without the lock */
    bool busy;
};

/* Who is told. */
struct bl_emitter_callbacks {
    bl_tracker_event_fn *on_failure, *on_state_change;
    void (*on_failures)(void *ctx, const struct bl_tracker_event *failures, unsigned n);
    void *ctx;
};

/* Which of `queues` a node's events take. */
uint32_t bl_callback_queue_of(const char *name, uint32_t queues);

/* False: no memory. */
bool bl_callback_queue_add(struct bl_callback_queue *l, const struct bl_tracker_event *e);

/* Makes what waits what is told; returns how many that are. */
uint32_t bl_callback_queue_take(struct bl_callback_queue *l);

/* Tells what was taken, a batch at a time, and forgets it. Without the
 * lock; the thread that has set `busy`. */
void bl_callback_queue_tell(struct bl_callback_queue *l, const struct bl_emitter_callbacks *to,
                            uint32_t batch);

void bl_callback_queue_fini(struct bl_callback_queue *l);
