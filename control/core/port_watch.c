/* SPDX-License-Identifier: Apache-2.0 */
#include "control/core/port_watch.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "engine/base/counter.h"

struct bl_port_watch {
    struct bl_port *port;
    bl_port_look_at *look_at;
    pthread_t thread;
    bool joined; /* main's */
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    /* under the mutex */
    bool end;
    /* control's; stored under the mutex */
    uint64_t asked;
    /* the thread's; published by `answered` */
    uint64_t answered;
    bool link_up;
    uint64_t missed;
    bool ended;
};

void bl_port_look_at_driver(struct bl_port *port, struct bl_port_look *look)
{
    bl_role_assume_port_watch();
    look->link_up = bl_port_link_up(port);
    look->missed = bl_port_missed(port);
}

/* The number of the look that is asked for; 0: the end. */
static uint64_t next_look(struct bl_port_watch *w)
{
    pthread_mutex_lock(&w->mutex);
    while (w->asked == w->answered && !w->end)
        pthread_cond_wait(&w->wake, &w->mutex);
    uint64_t number = w->end ? 0 : w->asked;
    pthread_mutex_unlock(&w->mutex);
    return number;
}

static void *watch_port(void *ctx)
{
    struct bl_port_watch *w = ctx;
    uint64_t number;

    while ((number = next_look(w)) != 0) {
        struct bl_port_look look;
        w->look_at(w->port, &look);
        BL_WRITE(w->link_up, look.link_up);
        BL_WRITE(w->missed, look.missed);
        __atomic_store_n(&w->answered, number, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&w->ended, true, __ATOMIC_RELEASE);
    return NULL;
}

struct bl_port_watch *bl_port_watch_new(struct bl_port *port, bl_port_look_at *look_at)
{
    struct bl_port_watch *w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    *w = (struct bl_port_watch){.port = port, .look_at = look_at, .link_up = true};
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->wake, NULL);
    if (pthread_create(&w->thread, NULL, watch_port, w) == 0) {
        pthread_setname_np(w->thread, "bl-port-watch");
        return w;
    }
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->mutex);
    free(w);
    return NULL;
}

void bl_port_watch_ask(struct bl_port_watch *w)
{
    pthread_mutex_lock(&w->mutex);
    w->asked++;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->mutex);
}

bool bl_port_watch_answer(const struct bl_port_watch *w, struct bl_port_look *look)
{
    bool answered = __atomic_load_n(&w->answered, __ATOMIC_ACQUIRE) == w->asked;
    look->link_up = BL_READ(w->link_up);
    look->missed = BL_READ(w->missed);
    return answered;
}

void bl_port_watch_end(struct bl_port_watch *w)
{
    pthread_mutex_lock(&w->mutex);
    w->end = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->mutex);
}

bool bl_port_watch_has_ended(struct bl_port_watch *w, unsigned wait_ms)
{
    while (!w->joined && !__atomic_load_n(&w->ended, __ATOMIC_ACQUIRE) && wait_ms-- > 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    if (!w->joined && __atomic_load_n(&w->ended, __ATOMIC_ACQUIRE)) {
        pthread_join(w->thread, NULL);
        w->joined = true;
    }
    return w->joined;
}

void bl_port_watch_free(struct bl_port_watch *w)
{
    if (!w)
        return;
    bl_port_watch_end(w);
    if (!w->joined)
        pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}
