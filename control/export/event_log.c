/* SPDX-License-Identifier: Apache-2.0 */
#include "control/export/event_log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "control/export/append_file.h"
#include "control/model/event_view.h"
#include "control/text/log.h"
#include "control/text/timestamp.h"
#include "engine/base/counter.h"

/* Written at once: some hundred lines. */
#define PIECE_BYTES    65536u
#define EVENTS_PER_POP 32u
#define RETRY_MS       1000

struct bl_event_log {
    struct bl_event_log_config config; /* path: not used after the start */
    char *path;                        /* main's: the one in force */
    pthread_t thread;
    bool started, began; /* the thread; the file's first line */
    int wake_fd;         /* main writes after an order */

    /* Main's orders, under `lock`. */
    pthread_mutex_t lock;
    bool stop, reopen, replace;
    struct bl_append_file next; /* with `replace`: instead of `file`, open or none */

    /* The thread's; main's while there is none. */
    struct bl_append_file file;      /* fd -1: none */
    uint64_t told_lost;              /* of them, this many stand in the file */
    bool troubled;                   /* told, and not over yet */
    struct bl_event_log_stats stats; /* words; any thread reads */
    uint64_t dropped;                /* lines for which there was no memory, or no file any more */
};

/* ---- lines ------------------------------------------------------------------- */

static uint64_t event_log_lost(const struct bl_event_log *l)
{
    return BL_READ(l->config.feed->lost) + BL_READ(l->dropped);
}

/* Ends a line that began at `start` of the text; one that did not fit
 * memory is as if it had not been. */
static bool end_line(struct bl_event_log *l, struct bl_json *j, size_t start)
{
    struct bl_text *lines = &l->file.lines;

    bl_json_line_end(j);
    if (!lines->failed) {
        BL_ADD(l->stats.lines, 1);
        return true;
    }
    lines->failed = false;
    lines->len = start;
    return false;
}

static void add_event(struct bl_event_log *l, const struct bl_event *e)
{
    size_t start = l->file.lines.len;
    struct bl_json j;

    bl_json_line_begin(&j, &l->file.lines);
    bl_event_json(&j, e);
    if (!end_line(l, &j, start))
        BL_ADD(l->dropped, 1);
}

static void add_lost(struct bl_event_log *l)
{
    size_t start = l->file.lines.len;
    uint64_t all = event_log_lost(l);
    struct bl_json j;

    if (all == l->told_lost)
        return;
    bl_json_line_begin(&j, &l->file.lines);
    bl_json_string(&j, "kind", "lost");
    bl_json_time(&j, "time", bl_timestamp_now_ms());
    bl_json_uint(&j, "count", all - l->told_lost);
    if (end_line(l, &j, start))
        l->told_lost = all;
}

/* What the file itself has to say. */
static void add_remark(struct bl_event_log *l, const char *what)
{
    struct bl_event e = {.kind = BL_EVENT_DAEMON, .time_unix_ms = bl_timestamp_now_ms()};

    snprintf(e.detail, sizeof(e.detail), "beatlined %s %s", BL_VERSION, what);
    add_event(l, &e);
}

/* Makes lines of events until there is a piece, or no more of them.
 * Whether there is anything to write. */
static bool event_log_fill(struct bl_event_log *l)
{
    struct bl_event events[EVENTS_PER_POP];
    unsigned n = 1;

    while (n > 0 && l->file.lines.len < PIECE_BYTES) {
        n = bl_event_feed_pop(l->config.feed, events, EVENTS_PER_POP);
        for (unsigned i = 0; i < n; i++)
            add_event(l, &events[i]);
    }
    if (n == 0)
        add_lost(l);
    return l->file.lines.len > 0;
}

/* ---- writing ------------------------------------------------------------------- */

static void event_log_say(const struct bl_event_log *l, const char *text)
{
    if (l->config.say && l->started)
        l->config.say(l->config.ctx, text);
}

static void event_log_complain(struct bl_event_log *l, int error)
{
    char text[BL_ERR_BYTES];

    BL_ADD(l->stats.errors, 1);
    if (l->troubled)
        return;
    l->troubled = true;
    snprintf(text, sizeof(text), "event_log.path %.120s: %s; events wait, tried again every second",
             l->file.path, strerror(-error));
    bl_log(BL_LOG_ERROR, "%s", text);
    event_log_say(l, text);
}

static void event_log_relax(struct bl_event_log *l)
{
    char text[BL_ERR_BYTES];

    if (!l->troubled)
        return;
    l->troubled = false;
    snprintf(text, sizeof(text), "event_log.path %.120s: written again", l->file.path);
    bl_log(BL_LOG_INFO, "%s", text);
    event_log_say(l, text);
}

static void count_file(struct bl_event_log *l)
{
    BL_ADD(l->stats.bytes, l->file.bytes);
    BL_ADD(l->stats.reopened, l->file.reopened);
    l->file.bytes = l->file.reopened = 0;
}

static int write_lines(struct bl_event_log *l)
{
    int r = bl_append_file_flush(&l->file);

    count_file(l);
    if (r)
        event_log_complain(l, r);
    else
        event_log_relax(l);
    return r;
}

/* All that there is, as far as it can be written now. 0 or negative errno. */
static int write_all(struct bl_event_log *l)
{
    int r = 0;
    while (r == 0 && event_log_fill(l))
        r = write_lines(l);
    return r;
}

/* Lines that will not be written any more. */
static void give_up_lines(struct bl_event_log *l)
{
    const struct bl_text *lines = &l->file.lines;
    uint64_t count = 0;

    for (size_t i = l->file.sent; i < lines->len; i++)
        count += lines->data[i] == '\n';
    BL_ADD(l->dropped, count);
    if (count > 0)
        bl_log(BL_LOG_WARNING, "event_log.path %s: %llu lines are not written", l->file.path,
               (unsigned long long)count);
}

/* ---- the thread ------------------------------------------------------------------ */

/* Puts the file of main's order in the place of the one there. */
static void event_log_replace(struct bl_event_log *l, struct bl_append_file next)
{
    if (l->file.fd >= 0)
        write_all(l); /* what was not said to be the new one's is the old one's */
    if (next.fd >= 0)
        bl_append_file_inherit(&next, &l->file);
    else if (l->file.fd >= 0)
        give_up_lines(l);
    bl_append_file_close(&l->file);
    l->file = next;
}

/* Whether to go on. */
static bool event_log_obey(struct bl_event_log *l)
{
    struct bl_append_file next = {.fd = -1};
    bool replaced, reopen, stop;

    pthread_mutex_lock(&l->lock);
    replaced = l->replace;
    reopen = l->reopen;
    stop = l->stop;
    if (replaced) {
        next = l->next;
        l->next = (struct bl_append_file){.fd = -1};
    }
    l->replace = l->reopen = false;
    pthread_mutex_unlock(&l->lock);
    if (replaced)
        event_log_replace(l, next);
    else if (reopen && l->file.fd >= 0) {
        int r = bl_append_file_reopen(&l->file);
        count_file(l);
        if (r)
            event_log_complain(l, r);
    }
    return !stop;
}

static void clear_fd(const struct pollfd *p)
{
    uint64_t ignored;
    ssize_t n = p->revents & POLLIN ? read(p->fd, &ignored, sizeof(ignored)) : 0;
    (void)n;
}

/* After trouble, events are no reason to wake: they wait. */
static void sleep_until_something(const struct bl_event_log *l, bool trouble)
{
    struct pollfd fds[2] = {{.fd = l->wake_fd, .events = POLLIN},
                            {.fd = trouble ? -1 : l->config.feed->fd, .events = POLLIN}};

    if (poll(fds, 2, trouble ? RETRY_MS : -1) <= 0)
        return;
    clear_fd(&fds[0]);
    clear_fd(&fds[1]);
}

static void *event_log_run(void *arg)
{
    struct bl_event_log *l = arg;

    while (event_log_obey(l)) {
        int r = l->file.fd >= 0 ? write_all(l) : 0;
        sleep_until_something(l, r != 0);
    }
    return NULL;
}

/* ---- main's calls ------------------------------------------------------------------ */

/* Opens `path` into *f; "": none. */
static int open_file(struct bl_append_file *f, const char *path, char *why)
{
    *f = (struct bl_append_file){.fd = -1};
    int r = path[0] ? bl_append_file_open(f, path) : 0;
    if (r)
        snprintf(why, BL_ERR_BYTES,
                 "event_log.path %.200s: %s; give a file that this user may write, or leave it out", path,
                 strerror(-r));
    return r;
}

struct bl_event_log *bl_event_log_new(const struct bl_event_log_config *c, char why[BL_ERR_BYTES])
{
    struct bl_event_log *l = calloc(1, sizeof(*l));
    if (!l) {
        snprintf(why, BL_ERR_BYTES, "event log: out of memory");
        return NULL;
    }
    l->config = *c;
    pthread_mutex_init(&l->lock, NULL);
    l->file.fd = l->next.fd = -1;
    l->path = strdup(c->path);
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    snprintf(why, BL_ERR_BYTES, "event log: out of memory or of open files");
    if (l->path && l->wake_fd >= 0 && open_file(&l->file, c->path, why) == 0)
        return l;
    bl_event_log_free(l);
    return NULL;
}

int bl_event_log_start(struct bl_event_log *l, char why[BL_ERR_BYTES])
{
    if (l->file.fd >= 0)
        add_remark(l, "started");
    l->started = l->began = true;
    int r = pthread_create(&l->thread, NULL, event_log_run, l);
    if (r) {
        l->started = false;
        snprintf(why, BL_ERR_BYTES, "event log: cannot start its thread: %s", strerror(r));
        return -r;
    }
    pthread_setname_np(l->thread, "bl-event-log");
    return 0;
}

static void event_log_wake(const struct bl_event_log *l)
{
    uint64_t one = 1;
    ssize_t written = write(l->wake_fd, &one, sizeof(one));
    (void)written; /* fails only when it is readable already */
}

void bl_event_log_stop(struct bl_event_log *l)
{
    if (!l || !l->started)
        return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_mutex_unlock(&l->lock);
    event_log_wake(l);
    pthread_join(l->thread, NULL);
    l->started = false;
}

/* What control still holds, and then the file's last line. */
static void write_rest(struct bl_event_log *l)
{
    int r = 0;

    bl_role_assume_control(); /* it has stopped */
    do {
        bl_event_feed_flush(l->config.feed);
        r = write_all(l);
    } while (r == 0 && BL_READ(l->config.feed->waiting) > 0);
    if (l->began)
        add_remark(l, "stopped");
    if (r == 0)
        r = write_lines(l);
    if (r)
        give_up_lines(l);
}

void bl_event_log_free(struct bl_event_log *l)
{
    if (!l)
        return;
    if (l->file.fd >= 0)
        write_rest(l);
    bl_append_file_close(&l->file);
    bl_append_file_close(&l->next);
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    pthread_mutex_destroy(&l->lock);
    free(l->path);
    free(l);
}

int bl_event_log_set_path(struct bl_event_log *l, const char *path, char why[BL_ERR_BYTES])
{
    struct bl_append_file next;

    if (strcmp(path, l->path) == 0)
        return 0;
    char *copy = strdup(path);
    int r = copy ? open_file(&next, path, why) : -ENOMEM;
    if (r) {
        if (!copy)
            snprintf(why, BL_ERR_BYTES, "event log: out of memory");
        free(copy);
        return r;
    }
    free(l->path);
    l->path = copy;
    pthread_mutex_lock(&l->lock);
    if (l->replace) /* the order before was not taken up yet */
        bl_append_file_close(&l->next);
    l->next = next;
    l->replace = true;
    pthread_mutex_unlock(&l->lock);
    event_log_wake(l);
    return 0;
}

void bl_event_log_reopen(struct bl_event_log *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->reopen = true;
    pthread_mutex_unlock(&l->lock);
    event_log_wake(l);
}

void bl_event_log_stats(const struct bl_event_log *l, struct bl_event_log_stats *out)
{
    *out = (struct bl_event_log_stats){.lines = BL_READ(l->stats.lines),
                                       .bytes = BL_READ(l->stats.bytes),
                                       .errors = BL_READ(l->stats.errors),
                                       .reopened = BL_READ(l->stats.reopened),
                                       .waiting = BL_READ(l->config.feed->waiting),
                                       .lost = event_log_lost(l)};
}
