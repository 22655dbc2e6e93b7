/* SPDX-License-Identifier: Apache-2.0 */
/* The emitter's threads: how it comes, starts, stops and goes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "lib/emitter_internal.h"
#include "lib/library_thread.h"

/* The gem's. */
#define BATCH_SMALL  500u
#define BATCH_MEDIUM 1000u
#define BATCH_LARGE  5000u

/* ---- its threads ------------------------------------------------------------ */

static void *check_until_stopped(void *arg)
{
    struct bl_emitter *e = arg;
    pthread_mutex_lock(&e->lock);
    while (e->life == BL_EMITTER_RUNNING) {
        uint64_t next_ms = e->clock_ms + e->config.check_every_ms;
        bl_emitter_check_all(e);
        /* `changed` is also about callbacks that were told. */
        while (e->life == BL_EMITTER_RUNNING && (bl_emitter_tick(e), e->clock_ms) < next_ms)
            bl_emitter_wait_ms(e, (uint32_t)(next_ms - e->clock_ms));
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

static void *tell_until_stopped(void *arg)
{
    struct bl_callback_queue *l = arg;
    struct bl_emitter *e = l->emitter;
    pthread_mutex_lock(&e->lock);
    for (;;) {
        while (e->life == BL_EMITTER_RUNNING && (l->waiting.count == 0 || l->busy))
            pthread_cond_wait(&l->news, &e->lock);
        if (l->waiting.count == 0 || l->busy)
            break;
        bl_emitter_tell(l);
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

/* Under the tracker's call, so under the lock. */
static void emitter_life_keep(void *ctx, const struct bl_tracker_event *event)
{
    struct bl_emitter *e = ctx;
    struct bl_callback_queue *l = &e->queue[bl_callback_queue_of(event->name, e->queues)];
    if (!bl_callback_queue_add(l, event)) {
        e->stats.lost++;
        return;
    }
    e->stats.pending++;
    pthread_cond_signal(&l->news);
}

/* ---- coming --------------------------------------------------------------------- */

static void fill_in(uint32_t *value, uint32_t normal)
{
    if (*value == 0)
        *value = normal;
}

static int check_range(const char *what, uint32_t value, uint32_t most, char err[BL_EMITTER_ERR_BYTES])
{
    if (value <= most)
        return 0;
    snprintf(err, BL_EMITTER_ERR_BYTES, "emitter: %s: %u is too many; use up to %u", what, value, most);
    return -EINVAL;
}

/* 0 or -EINVAL. */
static int set_config(struct bl_emitter_config *to, const struct bl_emitter_config *from,
                      char err[BL_EMITTER_ERR_BYTES])
{
    *to = *from;
    to->tracker = NULL;
    fill_in(&to->check_every_ms, BL_EMITTER_CHECK_MS);
    fill_in(&to->threads, 1);
    fill_in(&to->batch_small, BATCH_SMALL);
    fill_in(&to->batch_medium, BATCH_MEDIUM);
    fill_in(&to->batch_large, BATCH_LARGE);
    fill_in(&to->pending_max, BL_EMITTER_PENDING);
    if (check_range("check_every_ms", to->check_every_ms, BL_EMITTER_CHECK_MAX_MS, err) ||
        check_range("threads", to->threads, BL_EMITTER_THREADS_MAX, err) ||
        check_range("batch_small", to->batch_small, BL_EMITTER_BATCH_MAX, err) ||
        check_range("batch_medium", to->batch_medium, BL_EMITTER_BATCH_MAX, err) ||
        check_range("batch_large", to->batch_large, BL_EMITTER_BATCH_MAX, err))
        return -EINVAL;
    return 0;
}

static void set_up(struct bl_emitter *e)
{
    pthread_condattr_t attr;
    struct timespec t;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&e->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&e->lock, NULL);
    for (uint32_t i = 0; i < e->queues; i++) {
        pthread_cond_init(&e->queue[i].news, NULL);
        e->queue[i].emitter = e;
    }
    e->forks = bl_library_thread_forks();
    bl_emitter_tick(e);
    clock_gettime(CLOCK_REALTIME, &t);
    e->now_ms = (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static void free_memory(struct bl_emitter *e)
{
    for (uint32_t i = 0; i < e->queues; i++)
        bl_callback_queue_fini(&e->queue[i]);
    bl_tracker_free(e->tracker);
    free(e->queue);
    free(e);
}

static void emitter_life_destroy(struct bl_emitter *e)
{
    for (uint32_t i = 0; i < e->queues; i++)
        pthread_cond_destroy(&e->queue[i].news);
    pthread_cond_destroy(&e->changed);
    pthread_mutex_destroy(&e->lock);
    free_memory(e);
}

/* 0 or an errno. */
static int make_tracker(struct bl_emitter *e, struct bl_tracker_config c)
{
    c.on_failure = NULL;
    c.on_state_change = emitter_life_keep;
    c.ctx = e;
    if (c.seed == 0 && getrandom(&c.seed, sizeof(c.seed), 0) != (ssize_t)sizeof(c.seed))
        return errno;
    e->tracker = bl_tracker_new(&c, e->now_ms);
    return e->tracker ? 0 : errno;
}

struct bl_emitter *bl_emitter_new(const struct bl_emitter_config *c, char err[BL_EMITTER_ERR_BYTES])
{
    const struct bl_tracker_config none = {0}, *nodes = c->tracker ? c->tracker : &none;
    struct bl_emitter_config config;
    if (set_config(&config, c, err))
        return NULL;
    struct bl_emitter *e = calloc(1, sizeof(*e));
    struct bl_callback_queue *queue = calloc(config.threads, sizeof(*queue));
    if (!e || !queue) {
        snprintf(err, BL_EMITTER_ERR_BYTES, "emitter: out of memory");
        free(e);
        free(queue);
        return NULL;
    }
    e->config = config;
    e->queue = queue;
    e->queues = config.threads;
    e->callbacks = (struct bl_emitter_callbacks){.on_failure = nodes->on_failure,
                                                 .on_state_change = nodes->on_state_change,
                                                 .on_failures = c->on_failures,
                                                 .ctx = nodes->ctx};
    set_up(e);
    int error = make_tracker(e, *nodes);
    if (error) {
        snprintf(err, BL_EMITTER_ERR_BYTES, "emitter: tracker: %s",
                 error == EINVAL ? "a timeout is over 45 days or retries are over 255" : strerror(error));
        emitter_life_destroy(e);
        return NULL;
    }
    return e;
}

/* ---- starting and stopping --------------------------------------------------------- */

/* With the lock, which is given up meanwhile. The first `queues` threads
 * run, and the checker if `checks`. */
static void end_threads(struct bl_emitter *e, uint32_t queues, bool checks)
{
    e->life = BL_EMITTER_ENDING;
    pthread_cond_broadcast(&e->changed);
    for (uint32_t i = 0; i < queues; i++)
        pthread_cond_broadcast(&e->queue[i].news);
    pthread_mutex_unlock(&e->lock);
    if (checks)
        pthread_join(e->checker, NULL);
    for (uint32_t i = 0; i < queues; i++)
        pthread_join(e->queue[i].thread, NULL);
    pthread_mutex_lock(&e->lock);
    e->life = BL_EMITTER_STOPPED;
    pthread_cond_broadcast(&e->changed);
}

static int start_threads(struct bl_emitter *e)
{
    int error = 0;
    uint32_t queues = 0;
    for (; !error && queues < e->queues; queues++)
        error = bl_library_thread_start(&e->queue[queues].thread, "bl-tell", 0, tell_until_stopped,
                                        &e->queue[queues]);
    if (!error)
        error = bl_library_thread_start(&e->checker, "bl-check", 0, check_until_stopped, e);
    else
        queues--;
    if (error)
        end_threads(e, queues, false);
    return -error;
}

/* Waits, with the lock, until nobody stops it. 0, -EDEADLK. */
static int wait_ended(struct bl_emitter *e)
{
    while (e->life == BL_EMITTER_ENDING) {
        if (bl_emitter_is_telling(e))
            return -EDEADLK;
        pthread_cond_wait(&e->changed, &e->lock);
    }
    return 0;
}

int bl_emitter_start(struct bl_emitter *e)
{
    int err = bl_emitter_enter(e);
    if (err)
        return err;
    err = wait_ended(e);
    if (!err && e->life == BL_EMITTER_STOPPED) {
        bl_emitter_tick(e); /* the time until now counts */
        e->life = BL_EMITTER_RUNNING;
        err = start_threads(e);
    }
    bl_emitter_leave(e);
    return err;
}

int bl_emitter_stop(struct bl_emitter *e)
{
    if (bl_emitter_is_telling(e))
        return -EDEADLK;
    int err = bl_emitter_enter(e);
    if (err)
        return err;
    err = wait_ended(e);
    if (!err && e->life == BL_EMITTER_RUNNING)
        end_threads(e, e->queues, true);
    bl_emitter_leave(e);
    return err;
}

int bl_emitter_free(struct bl_emitter *e)
{
    if (!e)
        return 0;
    int err = bl_emitter_stop(e);
    if (err == -EDEADLK)
        return err;
    if (err == -ECHILD)
        free_memory(e); /* destroying them would wait for the parent's threads */
    else
        emitter_life_destroy(e);
    return 0;
}
