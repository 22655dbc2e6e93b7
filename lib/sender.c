/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/sender.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/base/counter.h"
#include "lib/library_thread.h"
#include "lib/sender_datagram.h"
#include "lib/sender_link.h"

/* Beats between two hellos that repeat the name: one that was lost, or a
 * daemon that started anew unseen, has it again after a while. */
#define NAME_EVERY_BEATS 64u
/* getaddrinfo and what libc loads for it live on it. */
#define STACK_BYTES (512u << 10)

struct bl_sender {
    /* constant after the start */
    struct bl_sender_identity who;
    uint32_t flags, jitter_percent;
    unsigned forks; /* of the process that it was started in */
    pthread_t thread;

    pthread_mutex_t lock; /* never held over a system call that may wait */
    pthread_cond_t changed;
    /* under the lock */
    bool asked;    /* for a beat now */
    bool stopping; /* by bl_sender_stop */
    bool finished; /* the thread is through */
    bool left;     /* bl_sender_stop did not wait: the thread frees */

    /* the thread's */
    struct bl_sender_link link;
    uint64_t base_ns; /* the next beat without its jitter; UINT64_MAX: none */
    unsigned short random[3];
    bool trouble;   /* the last send failed */
    bool hello_due; /* say hello before the next beat */
    /* the thread writes, any thread reads (relaxed) */
    uint64_t beats, errors;
    uint32_t sequence;
    int32_t last_error;
};

static uint64_t now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- the sender's thread ---------------------------------------------------- */

static bool sender_say(struct bl_sender *s, enum bl_sender_word word)
{
    uint8_t datagram[BL_SENDER_DATAGRAM_BYTES];
    uint32_t len = bl_sender_write(datagram, &s->who, word, s->sequence, now_ns(CLOCK_REALTIME));
    if (len == 0)
        return true;
    int error = bl_sender_link_send(&s->link, datagram, len, now_ns(CLOCK_MONOTONIC) / 1000000);
    if (error) {
        BL_ADD(s->errors, 1);
        BL_WRITE(s->last_error, -error);
    }
    s->hello_due |= s->trouble && !error;
    s->trouble = error != 0;
    return !error || error == -ECONNREFUSED;
}

static void sender_beat(struct bl_sender *s)
{
    if (s->hello_due && (s->flags & BL_SENDER_HELLO)) {
        s->hello_due = false;
        sender_say(s, BL_SENDER_SAY_HELLO);
    } else if ((s->flags & BL_SENDER_HELLO) && s->who.name_len > 0 && s->sequence % NAME_EVERY_BEATS == 0) {
        sender_say(s, BL_SENDER_SAY_NAME);
    }
    BL_ADD(s->sequence, 1);
    if (sender_say(s, BL_SENDER_SAY_BEAT))
        BL_ADD(s->beats, 1);
}

/* Sets when the next beat is due, and returns that with its jitter. A
 * cadence, so that the time a send takes does not add up; but beats that
 * were missed (a stopped process, a slow lookup) are not sent in a row. */
static uint64_t sender_schedule(struct bl_sender *s, uint64_t now, bool asked)
{
    if (s->who.manual)
        return UINT64_MAX;
    uint64_t interval_ns = s->who.interval_ms * UINT64_C(1000000);
    s->base_ns = asked ? now + interval_ns : s->base_ns + interval_ns;
    if (s->base_ns <= now)
        s->base_ns = now + interval_ns;
    uint64_t most_ns = interval_ns / 100 * s->jitter_percent;
    return s->base_ns + (uint64_t)(erand48(s->random) * (double)most_ns);
}

/* Sleeps, with the lock held around it, until then or until something
 * has changed. */
static void wait_until(struct bl_sender *s, uint64_t ns)
{
    if (ns == UINT64_MAX) {
        pthread_cond_wait(&s->changed, &s->lock);
        return;
    }
    struct timespec t = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
    pthread_cond_timedwait(&s->changed, &s->lock, &t);
}

static void sender_destroy(struct bl_sender *s)
{
    bl_sender_link_close(&s->link);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void send_until_stopped(struct bl_sender *s)
{
    uint64_t next_ns = s->who.manual ? UINT64_MAX : s->base_ns;
    pthread_mutex_lock(&s->lock);
    while (!s->stopping) {
        uint64_t now = now_ns(CLOCK_MONOTONIC);
        if (!s->asked && now < next_ns) {
            wait_until(s, next_ns);
            continue;
        }
        bool asked = s->asked;
        s->asked = false;
        pthread_mutex_unlock(&s->lock);
        sender_beat(s);
        next_ns = sender_schedule(s, now, asked);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
}

static void *sender_run(void *arg)
{
    struct bl_sender *s = arg;
    send_until_stopped(s);
    if (s->flags & BL_SENDER_BYE)
        sender_say(s, BL_SENDER_SAY_BYE);
    pthread_mutex_lock(&s->lock);
    s->finished = true;
    pthread_cond_signal(&s->changed);
    bool left = s->left;
    pthread_mutex_unlock(&s->lock);
    if (left)
        sender_destroy(s);
    return NULL;
}

/* ---- the program's calls -------------------------------------------------------- */

static int set_link(struct bl_sender_link *l, const struct bl_sender_config *c, char err[BL_SENDER_ERR_BYTES])
{
    const char *host = c->host ? c->host : "127.0.0.1";
    size_t len = strlen(host);
    l->fd = -1;
    if (len == 0 || len >= sizeof(l->host)) {
        snprintf(err, BL_SENDER_ERR_BYTES, "sender: host: use 1 to 255 bytes");
        return -EINVAL;
    }
    memcpy(l->host, host, len + 1);
    snprintf(l->port, sizeof(l->port), "%u", c->port ? c->port : BL_SENDER_DEFAULT_PORT + 0u);
    return 0;
}

static void set_up(struct bl_sender *s, const struct bl_sender_config *c)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&s->lock, NULL);
    s->forks = bl_library_thread_forks();
    s->flags = c->flags;
    s->jitter_percent = c->jitter_percent;
    s->hello_due = true;
    s->base_ns = now_ns(CLOCK_MONOTONIC);
    uint64_t seed = s->base_ns ^ (uint64_t)(uintptr_t)s;
    memcpy(s->random, &seed, sizeof(s->random));
}

struct bl_sender *bl_sender_start(const struct bl_sender_config *c, char err[BL_SENDER_ERR_BYTES])
{
    struct bl_sender *s = calloc(1, sizeof(*s));
    if (!s) {
        snprintf(err, BL_SENDER_ERR_BYTES, "sender: out of memory");
        return NULL;
    }
    if (bl_sender_identify(&s->who, c, (uint32_t)time(NULL), err) != 0 || set_link(&s->link, c, err) != 0) {
        free(s);
        return NULL;
    }
    set_up(s, c);
    int error = bl_library_thread_start(&s->thread, "bl-sender", STACK_BYTES, sender_run, s);
    if (error) {
        snprintf(err, BL_SENDER_ERR_BYTES, "sender: cannot start its thread: %s", strerror(error));
        sender_destroy(s);
        return NULL;
    }
    return s;
}

int bl_sender_beat(struct bl_sender *s)
{
    if (s->forks != bl_library_thread_forks())
        return -ECHILD;
    pthread_mutex_lock(&s->lock);
    s->asked = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return 0;
}

/* Whether the thread is through; if not in time, it frees by itself. */
static bool wait_finished(struct bl_sender *s)
{
    uint64_t until_ns = now_ns(CLOCK_MONOTONIC) + BL_SENDER_STOP_MS * UINT64_C(1000000);
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->changed);
    while (!s->finished && now_ns(CLOCK_MONOTONIC) < until_ns)
        wait_until(s, until_ns);
    bool finished = s->finished;
    s->left = !finished;
    pthread_mutex_unlock(&s->lock);
    return finished;
}

void bl_sender_stop(struct bl_sender *s)
{
    if (!s)
        return;
    if (s->forks != bl_library_thread_forks()) {
        /* The lock is as the fork met it; the thread is the parent's. */
        bl_sender_link_close(&s->link);
        free(s);
        return;
    }
    pthread_t thread = s->thread;
    if (!wait_finished(s)) {
        pthread_detach(thread);
        return;
    }
    pthread_join(thread, NULL);
    sender_destroy(s);
}

void bl_sender_stats(const struct bl_sender *s, struct bl_sender_stats *out)
{
    out->beats = BL_READ(s->beats);
    out->errors = BL_READ(s->errors);
    out->lookups = BL_READ(s->link.lookups);
    out->sequence = BL_READ(s->sequence);
    out->incarnation = s->who.incarnation;
    out->last_error = BL_READ(s->last_error);
}
