/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/emitter_internal.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "lib/library_thread.h"

#define MEDIUM_NODES 10000u
#define LARGE_NODES  100000u

/* The emitters in whose callbacks a thread is, the innermost first. */
struct telling {
    const struct bl_emitter *emitter;
    const struct telling *outer;
};
static _Thread_local const struct telling *in_callback;

bool bl_emitter_is_telling(const struct bl_emitter *e)
{
    const struct telling *at = in_callback;
    while (at && at->emitter != e)
        at = at->outer;
    return at != NULL;
}

/* ---- time ------------------------------------------------------------------ */

static uint64_t clock_ms(const struct bl_emitter *e)
{
    struct timespec t;
    if (e->config.clock_ms)
        return e->config.clock_ms(e->callbacks.ctx);
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

uint64_t bl_emitter_tick(struct bl_emitter *e)
{
    uint64_t clock = clock_ms(e);
    uint64_t passed = clock > e->clock_ms ? clock - e->clock_ms : 0;
    e->clock_ms += passed;
    if (e->life == BL_EMITTER_RUNNING && passed > e->config.check_every_ms + BL_EMITTER_FREEZE_MS) {
        e->stats.frozen_ms += passed - e->config.check_every_ms;
        passed = e->config.check_every_ms;
    }
    return e->now_ms += passed;
}

void bl_emitter_wait_ms(struct bl_emitter *e, uint32_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    t.tv_sec += (time_t)(ms / 1000) + t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&e->changed, &e->lock, &t);
}

/* ---- telling ------------------------------------------------------------------ */

uint32_t bl_emitter_batch(const struct bl_emitter *e)
{
    uint32_t nodes = bl_tracker_count(e->tracker);
    if (nodes < MEDIUM_NODES)
        return e->config.batch_small;
    return nodes < LARGE_NODES ? e->config.batch_medium : e->config.batch_large;
}

void bl_emitter_tell(struct bl_callback_queue *l)
{
    struct bl_emitter *e = l->emitter;
    const struct telling here = {e, in_callback};
    uint32_t n;

    l->busy = true;
    while ((n = bl_callback_queue_take(l)) > 0) {
        uint32_t batch = bl_emitter_batch(e);
        pthread_mutex_unlock(&e->lock);
        in_callback = &here;
        bl_callback_queue_tell(l, &e->callbacks, batch);
        in_callback = here.outer;
        pthread_mutex_lock(&e->lock);
        e->stats.told += n;
        e->stats.pending -= n;
        pthread_cond_broadcast(&e->changed);
    }
    l->busy = false;
    pthread_cond_signal(&l->news);
}

int bl_emitter_enter(struct bl_emitter *e)
{
    if (e->forks != bl_library_thread_forks())
        return -ECHILD;
    pthread_mutex_lock(&e->lock);
    return 0;
}

void bl_emitter_leave(struct bl_emitter *e)
{
    for (uint32_t i = 0; e->life != BL_EMITTER_RUNNING && i < e->queues; i++)
        if (e->queue[i].waiting.count > 0 && !e->queue[i].busy)
            bl_emitter_tell(&e->queue[i]);
    pthread_mutex_unlock(&e->lock);
}

/* ---- checking -------------------------------------------------------------------- */

/* Callbacks catch up first. In one of them nobody waits: it would be for
 * itself. */
static void wait_for_callbacks(struct bl_emitter *e)
{
    while (e->life == BL_EMITTER_RUNNING && e->stats.pending >= e->config.pending_max &&
           !bl_emitter_is_telling(e)) {
        bl_emitter_wait_ms(e, e->config.check_every_ms);
        bl_emitter_tick(e);
    }
}

/* Between two batches. */
static void let_beats_through(struct bl_emitter *e)
{
    pthread_mutex_unlock(&e->lock);
    sched_yield();
    pthread_mutex_lock(&e->lock);
}

uint32_t bl_emitter_check_all(struct bl_emitter *e)
{
    uint32_t failures = 0;
    bool done = false;
    for (;;) {
        wait_for_callbacks(e);
        int n = bl_tracker_check_some(e->tracker, bl_emitter_tick(e), bl_emitter_batch(e), &done);
        failures += n > 0 ? (uint32_t)n : 0;
        if (done)
            break;
        let_beats_through(e);
    }
    e->stats.checks++;
    e->stats.failures += failures;
    return failures;
}

int bl_emitter_check(struct bl_emitter *e)
{
    int err = bl_emitter_enter(e);
    if (err)
        return err;
    uint32_t failures = bl_emitter_check_all(e);
    bl_emitter_leave(e);
    return failures < INT_MAX ? (int)failures : INT_MAX;
}

/* ---- nodes ------------------------------------------------------------------------ */

static int enter_for(struct bl_emitter *e, const char *name)
{
    return name ? bl_emitter_enter(e) : -EINVAL;
}

int bl_emitter_register(struct bl_emitter *e, const char *name, const struct bl_tracker_policy *policy)
{
    int err = enter_for(e, name);
    if (err)
        return err;
    err = bl_tracker_register(e->tracker, name, policy, bl_emitter_tick(e));
    bl_emitter_leave(e);
    return err;
}

int bl_emitter_beat(struct bl_emitter *e, const char *name)
{
    int err = enter_for(e, name);
    if (err)
        return err;
    err = bl_tracker_beat(e->tracker, name, bl_emitter_tick(e));
    bl_emitter_leave(e);
    return err;
}

int bl_emitter_set_policy(struct bl_emitter *e, const char *name, const struct bl_tracker_policy *policy)
{
    int err = enter_for(e, name);
    if (err)
        return err;
    err = bl_tracker_set_policy(e->tracker, name, policy, bl_emitter_tick(e));
    bl_emitter_leave(e);
    return err;
}

int bl_emitter_pause(struct bl_emitter *e, const char *name)
{
    int err = enter_for(e, name);
    if (err)
        return err;
    err = bl_tracker_pause(e->tracker, name, bl_emitter_tick(e));
    bl_emitter_leave(e);
    return err;
}

int bl_emitter_resume(struct bl_emitter *e, const char *name)
{
    int err = enter_for(e, name);
    if (err)
        return err;
    err = bl_tracker_resume(e->tracker, name, bl_emitter_tick(e));
    bl_emitter_leave(e);
    return err;
}

int bl_emitter_remove(struct bl_emitter *e, const char *name)
{
    int err = enter_for(e, name);
    if (err)
        return err;
    err = bl_tracker_remove(e->tracker, name);
    bl_emitter_leave(e);
    return err;
}

/* ---- looking ------------------------------------------------------------------------ */

int bl_emitter_get(struct bl_emitter *e, const char *name, struct bl_tracker_node *out)
{
    int err = enter_for(e, name);
    if (err)
        return err;
    err = bl_tracker_get(e->tracker, name, out);
    if (!err)
        out->name = name;
    bl_emitter_leave(e);
    return err;
}

bool bl_emitter_next(struct bl_emitter *e, uint32_t *cursor, struct bl_tracker_node *out, char *name)
{
    if (bl_emitter_enter(e))
        return false;
    bool found = bl_tracker_next(e->tracker, cursor, out);
    if (found)
        out->name = memcpy(name, out->name, strlen(out->name) + 1);
    bl_emitter_leave(e);
    return found;
}

uint32_t bl_emitter_count(struct bl_emitter *e)
{
    if (bl_emitter_enter(e))
        return 0;
    uint32_t n = bl_tracker_count(e->tracker);
    bl_emitter_leave(e);
    return n;
}

uint32_t bl_emitter_count_state(struct bl_emitter *e, unsigned state)
{
    if (bl_emitter_enter(e))
        return 0;
    uint32_t n = bl_tracker_count_state(e->tracker, (enum bl_tracker_state)state);
    bl_emitter_leave(e);
    return n;
}

uint64_t bl_emitter_now_ms(struct bl_emitter *e)
{
    if (bl_emitter_enter(e))
        return 0;
    uint64_t now = bl_emitter_tick(e);
    bl_emitter_leave(e);
    return now;
}

void bl_emitter_stats(struct bl_emitter *e, struct bl_emitter_stats *out)
{
    *out = (struct bl_emitter_stats){0};
    if (bl_emitter_enter(e))
        return;
    *out = e->stats;
    out->running = e->life == BL_EMITTER_RUNNING;
    bl_emitter_leave(e);
}
