/* SPDX-License-Identifier: Apache-2.0 */
/* notify_rig: what the tests of the notifier share: events, a source
 * that the test fills while the notifier thread empties it, waiting for
 * a count. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "control/alert/notifier.h"
#include "engine/base/err.h"
#include "tests/real_time.h"

#define RIG_EVENTS_MAX 20000u
/* 2026-11-21T09:19:10.123Z */
#define RIG_TIME_MS INT64_C(1795252750123)
/* Nothing here takes this long; it ends a test that hangs. */
#define RIG_PATIENCE_MS 20000u

struct rig {
    pthread_mutex_t lock;
    struct bl_event *events;
    unsigned pushed, popped;
    int fd;
    struct bl_config config;
    struct bl_notifier *notifier;
};

/* Node "node-N" went from ok to failed, 2 s after its last beat. */
static inline struct bl_event rig_event(uint64_t number)
{
    struct bl_event e = {
        .number = number,
        .kind = BL_EVENT_TRANSITION,
        .from = BL_STATE_OK,
        .to = BL_STATE_FAILED,
        .time_unix_ms = RIG_TIME_MS,
        .last_beat_unix_ms = RIG_TIME_MS - 2000,
        .incident = 1,
        .reason = "timeout",
    };
    snprintf(e.name, sizeof(e.name), "node-%llu", (unsigned long long)number);
    e.name_len = (uint8_t)strlen(e.name);
    return e;
}

static inline unsigned rig_pop(void *ctx, struct bl_event *out, unsigned max)
{
    struct rig *r = ctx;
    pthread_mutex_lock(&r->lock);
    unsigned n = r->pushed - r->popped;
    n = n < max ? n : max;
    memcpy(out, &r->events[r->popped], n * sizeof(*out));
    r->popped += n;
    pthread_mutex_unlock(&r->lock);
    return n;
}

static inline void rig_push(struct rig *r, const struct bl_event *e)
{
    pthread_mutex_lock(&r->lock);
    assert_true(r->pushed < RIG_EVENTS_MAX);
    r->events[r->pushed++] = *e;
    pthread_mutex_unlock(&r->lock);
    uint64_t one = 1;
    assert_int_equal(write(r->fd, &one, sizeof(one)), sizeof(one));
}

/* `count` events, numbered from `first`. */
static inline void rig_push_many(struct rig *r, uint64_t first, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct bl_event e = rig_event(first + i);
        rig_push(r, &e);
    }
}

/* Adds a receiver with one retry rule for all tests: 3 more, 100 ms
 * apart. */
static inline void rig_add(struct rig *r, enum bl_notifier_kind kind, const char *target, uint32_t timeout_ms)
{
    static char nothing[] = "", daemon[] = "daemon";
    struct bl_notifier_config *c = &r->config.notifier[r->config.notifier_count++];
    *c = (struct bl_notifier_config){.kind = kind,
                                     .target = strdup(target),
                                     .facility = daemon,
                                     .header = nothing,
                                     .timeout_ms = timeout_ms,
                                     .retries = 3,
                                     .retry_every_ms = 100};
}

static inline void rig_forget_targets(struct rig *r)
{
    for (unsigned i = 0; i < r->config.notifier_count; i++)
        free(r->config.notifier[i].target);
    r->config.notifier_count = 0;
}

static inline struct rig *rig_new(void)
{
    struct rig *r = calloc(1, sizeof(*r));
    assert_non_null(r);
    pthread_mutex_init(&r->lock, NULL);
    r->events = calloc(RIG_EVENTS_MAX, sizeof(*r->events));
    assert_non_null(r->events);
    r->fd = eventfd(0, EFD_CLOEXEC);
    r->config.notify_states = 1u << BL_STATE_OK | 1u << BL_STATE_WARNING | 1u << BL_STATE_FAILED;
    return r;
}

static inline void rig_start(struct rig *r)
{
    char err[BL_ERR_BYTES] = "";
    struct bl_notice_source source = {.ctx = r, .pop = rig_pop, .fd = r->fd};
    r->notifier = bl_notifier_new(&r->config, &source, err);
    assert_string_equal(err, "");
    assert_non_null(r->notifier);
    assert_int_equal(bl_notifier_start(r->notifier, err), 0);
}

static inline void rig_end(struct rig *r, uint32_t grace_ms)
{
    if (r->notifier)
        bl_notifier_stop(r->notifier, grace_ms);
    bl_notifier_free(r->notifier);
    rig_forget_targets(r);
    close(r->fd);
    free(r->events);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static inline struct bl_notifier_stats rig_stats(const struct rig *r, unsigned target)
{
    struct bl_notifier_stats stats[BL_NOTIFIERS_MAX];
    assert_true(bl_notifier_stats(r->notifier, stats, BL_NOTIFIERS_MAX) > target);
    return stats[target];
}

/* Waits until that receiver's tries failed `count` times. */
static inline void rig_wait_retried(const struct rig *r, unsigned target, uint64_t count)
{
    uint64_t start_ms = real_now_ms();
    while (rig_stats(r, target).retried < count) {
        assert_true(real_now_ms() - start_ms < RIG_PATIENCE_MS);
        real_sleep_ms(1);
    }
}

/* Waits until `delivered` + `given_up` of that receiver are `count`. */
static inline struct bl_notifier_stats rig_wait_ended(const struct rig *r, unsigned target, uint64_t count)
{
    uint64_t start_ms = real_now_ms();
    for (;;) {
        struct bl_notifier_stats s = rig_stats(r, target);
        if (s.delivered + s.given_up >= count)
            return s;
        assert_true(real_now_ms() - start_ms < RIG_PATIENCE_MS);
        real_sleep_ms(2);
    }
}
