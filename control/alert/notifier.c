/* SPDX-License-Identifier: Apache-2.0 */
#include "control/alert/notifier.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "control/alert/ops.h"
#include "control/alert/owed.h"
#include "control/core/key_secret.h"
#include "control/text/log.h"

/* Events taken off the source between two turns of the notifiers. */
#define EVENTS_PER_POP   32u
#define POPS_PER_TURN    16u
#define SLEEP_LONGEST_MS 60000

static const struct bl_notifier_ops *const kinds[] = {
    [BL_NOTIFIER_SYSLOG] = &bl_syslog_ops,
    [BL_NOTIFIER_WEBHOOK] = &bl_webhook_ops,
};

/* One receiver of the config. */
struct target {
    const struct bl_notifier_ops *ops;
    void *self;
    struct bl_outbox outbox;
    char name[BL_NOTIFIER_NAME];
    char *key; /* what makes it the same receiver after a reload */
};

/* The receivers of one config. */
struct targets {
    struct target *at[BL_NOTIFIERS_MAX];
    unsigned count;
    uint32_t states;
};

enum order { ORDER_NONE, ORDER_STOP, ORDER_REPLACE };

struct bl_notifier {
    /* main's */
    struct bl_notice_source source;
    struct bl_key_secret secret; /* of the outboxes */
    pthread_t thread;
    bool started;
    int wake_fd; /* main writes after an order */

    /* Main gives one order and waits until the notifier thread has
     * answered, by setting it back to ORDER_NONE. Under `lock`. */
    pthread_mutex_t lock;
    pthread_cond_t answered;
    enum order order;
    uint32_t grace_ms;
    struct targets *next;
    const struct bl_config *next_config;

    /* Written by the notifier thread (by main while there is none), under
     * `lock`; read by it without, by other threads under `lock`. */
    struct targets now;

    /* the notifier thread's */
    bool ending BL_OWNED_BY(bl_role_notifier);
    uint64_t end_ms BL_OWNED_BY(bl_role_notifier);
    struct bl_owed owed BL_OWNED_BY(bl_role_notifier);
};

static uint64_t monotonic_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- receivers ----------------------------------------------------------- */

static char *key_of(const struct bl_notifier_config *c)
{
    struct bl_text key = {0};
    bl_text_printf(&key, "%d\n%s\n%s\n%s", (int)c->kind, c->target, c->facility ? c->facility : "",
                   c->header ? c->header : "");
    bl_text_append(&key, "", 1);
    if (!key.failed)
        return key.data;
    bl_text_free(&key);
    return NULL;
}

static void target_free(struct target *t, uint64_t now_ms)
{
    if (t->self)
        t->ops->close(t->self, now_ms);
    uint64_t left = bl_outbox_abandon(&t->outbox);
    if (left > 0)
        bl_log(BL_LOG_WARNING, "%s: ended with %llu deliveries not made", t->name, (unsigned long long)left);
    free(t->key);
    free(t);
}

static struct target *target_new(const struct bl_notifier_config *c, const struct bl_key_secret *secret,
                                 char err[BL_ERR_BYTES])
{
    struct target *t = calloc(1, sizeof(*t));
    if (!t || !(t->key = key_of(c))) {
        free(t);
        snprintf(err, BL_ERR_BYTES, "notifier: out of memory");
        return NULL;
    }
    t->ops = kinds[c->kind];
    bl_outbox_init(&t->outbox, secret, c->retries, c->retry_every_ms);
    t->self = t->ops->open(c, &t->outbox, t->name, err);
    if (!t->self) {
        target_free(t, 0);
        return NULL;
    }
    return t;
}

static bool notifier_holds(const struct targets *list, const struct target *t)
{
    for (unsigned i = 0; i < list->count; i++)
        if (list->at[i] == t)
            return true;
    return false;
}

/* Frees the receivers of `list` that are not in `kept`. */
static void targets_drop(struct targets *list, const struct targets *kept, uint64_t now_ms)
{
    for (unsigned i = 0; i < list->count; i++)
        if (!notifier_holds(kept, list->at[i]))
            target_free(list->at[i], now_ms);
    list->count = 0;
}

/* A receiver of `old` for this entry that `taken` does not have yet. */
static struct target *find_same(const struct targets *old, const struct targets *taken,
                                const struct bl_notifier_config *c)
{
    char *key = key_of(c);
    struct target *found = NULL;
    for (unsigned i = 0; key && i < old->count && !found; i++)
        if (strcmp(old->at[i]->key, key) == 0 && !notifier_holds(taken, old->at[i]))
            found = old->at[i];
    free(key);
    return found;
}

/* The receivers of a config, those of `old` reused. 0 or negative errno
 * with err; then nothing has changed. */
static int targets_of(const struct bl_config *c, const struct bl_key_secret *secret,
                      const struct targets *old, struct targets *list, char err[BL_ERR_BYTES])
{
    *list = (struct targets){.states = c->notify_states};
    for (unsigned i = 0; i < c->notifier_count; i++) {
        struct target *t = find_same(old, list, &c->notifier[i]);
        if (!t)
            t = target_new(&c->notifier[i], secret, err);
        if (!t) {
            targets_drop(list, old, 0);
            return -EINVAL;
        }
        list->at[list->count++] = t;
    }
    return 0;
}

/* ---- the notifier thread ---------------------------------------------------- */

/* Puts main's new receivers in the place of the old ones. */
static void notifier_replace(struct bl_notifier *n, uint64_t now_ms)
{
    struct targets old = n->now;
    for (unsigned i = 0; i < n->next->count; i++) {
        const struct bl_notifier_config *c = &n->next_config->notifier[i];
        struct target *t = n->next->at[i];
        bl_outbox_reschedule(&t->outbox, c->retries, c->retry_every_ms, now_ms);
        t->ops->set_timeout(t->self, c->timeout_ms);
    }
    n->now = *n->next;
    targets_drop(&old, &n->now, now_ms);
}

BL_ON_NOTIFIER static void notifier_obey(struct bl_notifier *n, uint64_t now_ms)
{
    pthread_mutex_lock(&n->lock);
    if (n->order == ORDER_STOP) {
        n->ending = true;
        n->end_ms = now_ms + n->grace_ms;
    } else if (n->order == ORDER_REPLACE) {
        notifier_replace(n, now_ms);
    }
    n->order = ORDER_NONE;
    pthread_cond_signal(&n->answered);
    pthread_mutex_unlock(&n->lock);
}

BL_ON_NOTIFIER static void queue_event(struct bl_notifier *n, const struct bl_event *e)
{
    if (!bl_owed_wants(&n->owed, e, n->now.states))
        return;
    struct bl_notice *notice = bl_notice_new(e);
    for (unsigned i = 0; i < n->now.count; i++)
        bl_outbox_add(&n->now.at[i]->outbox, notice);
    if (notice)
        bl_notice_release(notice);
}

/* Returns whether there may be more. */
BL_ON_NOTIFIER static bool take_events(struct bl_notifier *n)
{
    struct bl_event events[EVENTS_PER_POP];
    for (unsigned pops = 0; pops < POPS_PER_TURN; pops++) {
        unsigned count = n->source.pop(n->source.ctx, events, EVENTS_PER_POP);
        for (unsigned i = 0; i < count; i++)
            queue_event(n, &events[i]);
        if (count < EVENTS_PER_POP)
            return false;
    }
    return true;
}

BL_ON_NOTIFIER static void turn_targets(struct bl_notifier *n, uint64_t now_ms)
{
    uint64_t given_up;
    for (unsigned i = 0; i < n->now.count; i++) {
        struct target *t = n->now.at[i];
        t->ops->turn(t->self, now_ms);
        if (bl_outbox_complains(&t->outbox, now_ms, &given_up))
            bl_log(BL_LOG_ERROR, "%s: gave up %llu deliveries after %u tries each: %s; is the receiver up?",
                   t->name, (unsigned long long)given_up, t->outbox.retries + 1, t->outbox.trouble);
    }
}

/* Whether anything could still be delivered by then. */
BL_ON_NOTIFIER static bool has_work_until(const struct bl_notifier *n, uint64_t end_ms)
{
    for (unsigned i = 0; i < n->now.count; i++) {
        const struct bl_outbox *o = &n->now.at[i]->outbox;
        if (o->in_flight > 0 || bl_outbox_due_ms(o) <= end_ms)
            return true;
    }
    return false;
}

/* The next time at which there is something to do unasked. */
BL_ON_NOTIFIER static uint64_t next_ms(const struct bl_notifier *n)
{
    uint64_t next = n->ending ? n->end_ms : BL_NEVER_MS;
    for (unsigned i = 0; i < n->now.count; i++) {
        const struct target *t = n->now.at[i];
        uint64_t next_wakeup_ms = t->ops->next_wakeup_ms(t->self),
                 complains_ms = bl_outbox_complains_ms(&t->outbox);
        next = next_wakeup_ms < next ? next_wakeup_ms : next;
        next = complains_ms < next ? complains_ms : next;
    }
    return next;
}

static void clear_fd(const struct pollfd *p)
{
    uint64_t ignored;
    ssize_t n = p->revents & POLLIN ? read(p->fd, &ignored, sizeof(ignored)) : 0;
    (void)n;
}

BL_ON_NOTIFIER static void sleep_until(struct bl_notifier *n, uint64_t until_ms)
{
    struct pollfd fds[BL_NOTIFIERS_MAX + 2];
    nfds_t count = 0;
    fds[count++] = (struct pollfd){.fd = n->wake_fd, .events = POLLIN};
    fds[count++] = (struct pollfd){.fd = n->source.fd, .events = POLLIN};
    for (unsigned i = 0; i < n->now.count; i++)
        fds[count++] = n->now.at[i]->ops->pollfd(n->now.at[i]->self);
    uint64_t now_ms = monotonic_ms(), wait_ms = until_ms > now_ms ? until_ms - now_ms : 0;
    if (poll(fds, count, wait_ms < SLEEP_LONGEST_MS ? (int)wait_ms : SLEEP_LONGEST_MS) <= 0)
        return;
    clear_fd(&fds[0]);
    clear_fd(&fds[1]);
}

static void *notifier_run(void *arg)
{
    struct bl_notifier *n = arg;
    bl_role_assume_notifier();
    n->owed.secret = &n->secret;
    for (;;) {
        uint64_t now_ms = monotonic_ms();
        notifier_obey(n, now_ms);
        bool more = take_events(n);
        turn_targets(n, now_ms);
        if (n->ending && (now_ms >= n->end_ms || (!more && !has_work_until(n, n->end_ms))))
            break;
        sleep_until(n, more ? 0 : next_ms(n));
    }
    bl_owed_free(&n->owed);
    return NULL;
}

/* ---- main's calls -------------------------------------------------------------- */

static void give_command(struct bl_notifier *n, enum order order)
{
    uint64_t one = 1;
    n->order = order;
    ssize_t written = write(n->wake_fd, &one, sizeof(one));
    (void)written; /* fails only when it is readable already */
    while (n->order != ORDER_NONE)
        pthread_cond_wait(&n->answered, &n->lock);
}

struct bl_notifier *bl_notifier_new(const struct bl_config *c, const struct bl_notice_source *source,
                                    char err[BL_ERR_BYTES])
{
    struct bl_notifier *n = calloc(1, sizeof(*n));
    if (!n || bl_key_secret_draw(&n->secret) != 0 ||
        (n->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
        snprintf(err, BL_ERR_BYTES, "notifier: %s", strerror(errno));
        free(n);
        return NULL;
    }
    n->source = *source;
    pthread_mutex_init(&n->lock, NULL);
    pthread_cond_init(&n->answered, NULL);
    struct targets none = {0};
    if (targets_of(c, &n->secret, &none, &n->now, err) == 0)
        return n;
    bl_notifier_free(n);
    return NULL;
}

int bl_notifier_start(struct bl_notifier *n, char err[BL_ERR_BYTES])
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&n->thread, NULL, notifier_run, n);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        snprintf(err, BL_ERR_BYTES, "notifier: cannot start its thread: %s", strerror(error));
        return -error;
    }
    pthread_setname_np(n->thread, "bl-notifier");
    n->started = true;
    return 0;
}

void bl_notifier_stop(struct bl_notifier *n, uint32_t grace_ms)
{
    if (!n || !n->started)
        return;
    pthread_mutex_lock(&n->lock);
    n->grace_ms = grace_ms;
    give_command(n, ORDER_STOP);
    pthread_mutex_unlock(&n->lock);
    pthread_join(n->thread, NULL);
    n->started = false;
}

void bl_notifier_free(struct bl_notifier *n)
{
    if (!n)
        return;
    struct targets none = {0};
    targets_drop(&n->now, &none, monotonic_ms());
    close(n->wake_fd);
    pthread_mutex_destroy(&n->lock);
    pthread_cond_destroy(&n->answered);
    free(n);
}

int bl_notifier_reconfigure(struct bl_notifier *n, const struct bl_config *c, char err[BL_ERR_BYTES])
{
    struct targets next;
    pthread_mutex_lock(&n->lock);
    int error = targets_of(c, &n->secret, &n->now, &next, err);
    if (!error) {
        /* cppcheck-suppress autoVariables ; taken over before this returns */
        n->next = &next;
        n->next_config = c;
        if (n->started)
            give_command(n, ORDER_REPLACE);
        else
            notifier_replace(n, monotonic_ms());
    }
    pthread_mutex_unlock(&n->lock);
    return error;
}

unsigned bl_notifier_stats(const struct bl_notifier *n, struct bl_notifier_stats *out, unsigned max)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&n->lock;
    pthread_mutex_lock(lock);
    unsigned count = n->now.count < max ? n->now.count : max;
    for (unsigned i = 0; i < count; i++) {
        struct bl_outbox_counts counts;
        bl_outbox_counts_of(&n->now.at[i]->outbox, &counts);
        memcpy(out[i].name, n->now.at[i]->name, sizeof(out[i].name));
        out[i].queued = counts.queued;
        out[i].delivered = counts.delivered;
        out[i].retried = counts.retried;
        out[i].given_up = counts.given_up;
        out[i].superseded = counts.superseded;
    }
    pthread_mutex_unlock(lock);
    return count;
}
