/* SPDX-License-Identifier: Apache-2.0 */
/* The store's thread, when it saves, and its life. */
#include "control/store/store.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "control/store/store_internal.h"
#include "control/text/log.h"
#include "engine/base/counter.h"
#include "engine/base/rcu.h"

/* A journal is cheaper than a snapshot below this, whatever its size. */
#define JOURNAL_FREE_BYTES (UINT64_C(16) << 20)

/* After a snapshot that failed; and after one that was made because
 * changes overran their rings, at least three times as long as it took, so
 * that a storm of changes does not take a CPU. */
#define RETRY_MS      5000u
#define REST_PER_WORK 3u

/* Below the daemon's other threads: nobody waits for a snapshot. */
#define NICENESS 10

uint64_t bl_store_clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t bl_store_clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* ---- trouble ----------------------------------------------------------------- */

static void store_say(struct bl_store *s, const char *text)
{
    if (s->config.say)
        s->config.say(s->config.ctx, text);
}

void bl_store_complain(struct bl_store *s, const char *what, int error)
{
    char text[BL_ERR_BYTES];

    if (s->troubled)
        return;
    s->troubled = true;
    snprintf(text, sizeof(text), "state is not saved: %s: %s; tried again every %u s", what, strerror(-error),
             RETRY_MS / 1000);
    bl_log(BL_LOG_ERROR, "state.dir %s: %s", s->dir.path, text);
    store_say(s, text);
}

void bl_store_relax(struct bl_store *s)
{
    if (!s->troubled)
        return;
    s->troubled = false;
    bl_log(BL_LOG_INFO, "state.dir %s: state is saved again", s->dir.path);
    store_say(s, "state is saved again");
}

/* ---- the thread ------------------------------------------------------------------- */

static bool is_due(const struct bl_store *s, uint64_t now_ms)
{
    uint64_t free_bytes =
        s->stats.snapshot_bytes > JOURNAL_FREE_BYTES ? s->stats.snapshot_bytes : JOURNAL_FREE_BYTES;

    if (now_ms < s->not_before_ms)
        return false;
    return s->holes || s->failed || s->previous < s->first_generation ||
           (s->changed && (now_ms >= s->next_save_ms || s->journal.written > free_bytes));
}

static void save_if_due(struct bl_store *s)
{
    uint64_t began_ms = bl_store_clock_ms();
    if (!is_due(s, began_ms))
        return;
    (void)bl_store_snapshot(s); /* what went wrong is told */
    uint64_t now_ms = bl_store_clock_ms();
    s->not_before_ms = now_ms + (s->failed ? RETRY_MS : (now_ms - began_ms) * REST_PER_WORK);
    s->next_save_ms = now_ms + BL_READ(s->save_every_ms);
}

/* Whether to stop. */
static bool wait_until(const struct bl_store *s, uint64_t at_ms)
{
    uint64_t now_ms = bl_store_clock_ms();
    struct pollfd p = {.fd = s->stop_fd, .events = POLLIN};
    return poll(&p, 1, at_ms > now_ms ? (int)(at_ms - now_ms) : 0) > 0;
}

static void *store_run(void *arg)
{
    struct bl_store *s = arg;

    (void)!setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICENESS);
    bl_rcu_thread_register();
    bl_rcu_offline(); /* online for as long as something is read */
    if (s->trouble[0])
        store_say(s, s->trouble);
    save_if_due(s);
    do {
        if (s->journal_open)
            bl_store_flush_journal(s);
        else
            s->next_flush_ms = bl_store_clock_ms() + BL_STORE_FLUSH_MS;
        save_if_due(s);
    } while (!wait_until(s, s->next_flush_ms));
    bl_rcu_online();
    bl_rcu_thread_unregister();
    return NULL;
}

/* ---- life ---------------------------------------------------------------------------- */

struct bl_store *bl_store_open(const struct bl_store_config *c, char why[BL_ERR_BYTES])
{
    struct bl_store *s = calloc(1, sizeof(*s));
    if (!s) {
        snprintf(why, BL_ERR_BYTES, "state.dir %.120s: out of memory", c->dir);
        return NULL;
    }
    s->config = *c;
    s->dir.fd = s->dir.lock_fd = -1;
    s->first_generation = s->next_generation = 1;
    s->save_every_ms = c->save_every_ms;
    s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->stop_fd < 0)
        snprintf(why, BL_ERR_BYTES, "state.dir %.120s: %s; raise the limit on open files (ulimit -n)", c->dir,
                 strerror(errno));
    else if (bl_state_dir_open(&s->dir, c->dir, why) == 0)
        return s;
    bl_store_free(s);
    return NULL;
}

void bl_store_free(struct bl_store *s)
{
    if (!s)
        return;
    if (s->journal_open) {
        close(s->journal.fd);
        bl_state_writer_free(&s->journal);
    }
    bl_state_dir_close(&s->dir);
    if (s->stop_fd >= 0)
        close(s->stop_fd);
    free(s);
}

int bl_store_start(struct bl_store *s, char why[BL_ERR_BYTES])
{
    s->next_generation = s->first_generation;
    int r = pthread_create(&s->thread, NULL, store_run, s);
    if (r) {
        snprintf(why, BL_ERR_BYTES, "store: cannot start its thread: %s", strerror(r));
        return -r;
    }
    pthread_setname_np(s->thread, "bl-store");
    s->started = true;
    return 0;
}

void bl_store_stop(struct bl_store *s)
{
    uint64_t one = 1;

    if (!s || !s->started)
        return;
    if (write(s->stop_fd, &one, sizeof(one)) == (ssize_t)sizeof(one))
        pthread_join(s->thread, NULL);
    s->started = false;
}

int bl_store_save(struct bl_store *s)
{
    s->config.say = NULL; /* who listened has stopped */
    s->stopped = true;
    bl_rcu_thread_register();
    bl_rcu_offline();
    s->next_generation = s->next_generation > s->first_generation ? s->next_generation : s->first_generation;
    int r = bl_store_snapshot(s);
    bl_rcu_online();
    bl_rcu_thread_unregister();
    return r;
}

void bl_store_set_save_every(struct bl_store *s, uint32_t ms)
{
    BL_WRITE(s->save_every_ms, ms);
}

void bl_store_stats(const struct bl_store *s, struct bl_store_stats *out)
{
    const uint64_t *from = (const uint64_t *)&s->stats;
    uint64_t *to = (uint64_t *)out;
    _Static_assert(sizeof(*out) % sizeof(*to) == 0, "words, each read whole");
    for (size_t i = 0; i < sizeof(*out) / sizeof(*to); i++)
        to[i] = BL_READ(from[i]);
}
