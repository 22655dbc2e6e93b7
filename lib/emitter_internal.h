/* SPDX-License-Identifier: Apache-2.0 */
/* What emitter.c (nodes, time, telling) and emitter_life.c (its threads)
 * share. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/callback_queue.h"
#include "lib/emitter.h"
#include "lib/tracker.h"

enum bl_emitter_life {
    BL_EMITTER_STOPPED, /* no thread */
    BL_EMITTER_RUNNING,
    BL_EMITTER_ENDING, /* a thread waits in bl_emitter_stop */
};

struct bl_emitter {
    /* constant after bl_emitter_new */
    struct bl_emitter_config config; /* defaults filled in; `tracker` NULL */
    struct bl_emitter_callbacks callbacks;
    unsigned forks; /* of the process that it was made in */
    struct bl_callback_queue *queue;
    uint32_t queues;

    pthread_mutex_t lock;   /* never held over a callback */
    pthread_cond_t changed; /* life, fewer pending: the checker and start / stop wait on it */
    /* under the lock */
    enum bl_emitter_life life;
    pthread_t checker;
    struct bl_tracker *tracker;
    uint64_t clock_ms; /* the clock when last asked */
    uint64_t now_ms;   /* the nodes' time then */
    struct bl_emitter_stats stats;
};

/* Takes the lock. 0 or -ECHILD: not taken. */
int bl_emitter_enter(struct bl_emitter *e);
/* Tells what waits if nobody else does, and gives the lock back. */
void bl_emitter_leave(struct bl_emitter *e);

/* All below: with the lock, which the last two give up meanwhile. */

/* Moves time on; what it is now. */
uint64_t bl_emitter_tick(struct bl_emitter *e);

/* Nodes or failures in a batch, as many nodes as there are. */
uint32_t bl_emitter_batch(const struct bl_emitter *e);

/* Tells what waits in a queue until nothing does. */
void bl_emitter_tell(struct bl_callback_queue *l);

/* Looks at all nodes that may be due, batch by batch. Returns how many
 * became failed. */
uint32_t bl_emitter_check_all(struct bl_emitter *e);

/* Whether this thread is in a callback of this emitter. */
bool bl_emitter_is_telling(const struct bl_emitter *e);

/* Waits for `changed`, at most so long. */
void bl_emitter_wait_ms(struct bl_emitter *e, uint32_t ms);
