/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/server.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "control/cli/server/connection.h"
#include "control/export/statsd.h"
#include "control/http/http.h"
#include "control/ingest/tcp.h"
#include "control/net/listener.h"
#include "control/text/timestamp.h"
#include "engine/base/rcu.h"

#define CONNECTIONS_MAX 64u
#define EVENTS_PER_POP  32u
#define EPOLL_BATCH     (CONNECTIONS_MAX + 5) /* all there are: those that left go before new ones come */

struct bl_server {
    struct bl_api api;
    struct bl_listener listener;
    int epoll_fd, stop_fd;
    pthread_t thread;
    bool started;
    struct bl_connection *connection[CONNECTIONS_MAX];
    struct bl_pending_commands asks;
    struct bl_statsd *statsd;
    enum bl_tcp_next tcp_next; /* when its connections go on */
    struct bl_http *http;      /* NULL: not served */
};

static uint64_t monotonic_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* ---- connections ------------------------------------------------------ */

static void server_drop(struct bl_server *s, unsigned i)
{
    struct bl_connection *c = s->connection[i];
    bl_pending_commands_forget(&s->asks, c);
    bl_connection_free(c); /* closing takes it out of epoll */
    s->connection[i] = NULL;
}

/* Waits for what the connection waits for, no more: a client that has
 * sent its request is not read any further. Its end is always seen. */
static void server_watch(struct bl_server *s, unsigned i)
{
    struct bl_connection *c = s->connection[i];
    bool writes = bl_connection_unsent(c);
    struct epoll_event e = {.data.u32 = i};

    e.events = (writes ? EPOLLOUT : 0) | (c->phase == BL_CONNECTION_READING ? EPOLLIN : 0);
    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, c->fd, &e) != 0)
        server_drop(s, i);
}

BL_ON_API static void turn_connection(struct bl_server *s, unsigned i)
{
    struct bl_connection *c = s->connection[i];
    enum bl_connection_phase phase = c->phase;
    bool wrote = c->writes, alive = bl_connection_turn(c);

    if (!alive) {
        server_drop(s, i);
        return;
    }
    c->writes = bl_connection_unsent(c);
    if (c->writes != wrote || phase != c->phase)
        server_watch(s, i);
}

static void refuse_client(int fd)
{
    static const char text[] = "beatline: the daemon serves 64 clients already; try again later\n";
    char frame[128];
    int len = snprintf(frame, sizeof(frame), "2 %zu\n%s0 1\n", sizeof(text) - 1, text);
    (void)send(fd, frame, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

static void add_client(struct bl_server *s, unsigned i, int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = i};

    s->connection[i] = bl_connection_new(fd, &s->api);
    if (s->connection[i] == NULL)
        refuse_client(fd);
    else if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0)
        server_drop(s, i);
}

static int accept_one(struct bl_server *s)
{
    return accept4(s->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* Takes as many as there are places; who is left waits for the next turn,
 * in which those that have gone meanwhile make room. Only one who came to
 * a full house is sent away. */
static void accept_clients(struct bl_server *s)
{
    bool full = true;
    int fd;

    for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
        if (s->connection[i] != NULL)
            continue;
        full = false;
        if ((fd = accept_one(s)) < 0)
            return;
        add_client(s, i, fd);
    }
    if (full && (fd = accept_one(s)) >= 0)
        refuse_client(fd);
}

/* ---- the loop --------------------------------------------------------- */

enum { ID_LISTENER = CONNECTIONS_MAX, ID_CORE, ID_TCP, ID_HTTP, ID_STOP };

BL_ON_API static void take_incident(struct bl_server *s, const struct bl_event *e)
{
    const struct bl_views_generation *g = bl_views_now(bl_core_views(s->api.core));
    uint32_t id = e->kind == BL_EVENT_VIEW ? bl_view_find(g, e->name, e->name_len) : BL_VIEW_NONE;

    if (id != BL_VIEW_NONE)
        bl_incidents_event(&s->api.incidents, bl_view_at(g, id), (enum bl_state)e->to, e->incident,
                           e->time_unix_ms);
}

BL_ON_API static void take_events(struct bl_server *s)
{
    struct bl_event events[EVENTS_PER_POP];
    unsigned n;

    bl_history_keep(&s->api.history, bl_rcu_read(&s->api.config)->events_keep);
    while ((n = bl_core_events(s->api.core, events, EVENTS_PER_POP)) > 0) {
        for (unsigned i = 0; i < n; i++) {
            bl_history_add(&s->api.history, &events[i]);
            take_incident(s, &events[i]);
            bl_statsd_event(s->statsd, &s->api, &events[i]);
        }
    }
}

static void clear_eventfd(int fd)
{
    uint64_t count;
    if (read(fd, &count, sizeof(count)) < 0)
        return; /* nothing was there */
}

BL_ON_API static void take_client(struct bl_server *s, uint32_t id, uint32_t events)
{
    struct bl_connection *c = s->connection[id];
    bool alive = (events & (EPOLLHUP | EPOLLERR)) == 0;
    enum bl_connection_phase before = c->phase;

    if (alive && (events & EPOLLIN) != 0)
        alive = bl_connection_read(c);
    if (!alive)
        server_drop(s, id);
    else if (c->phase != before)
        server_watch(s, id);
}

/* True: stop. */
BL_ON_API static bool take_ready(struct bl_server *s, const struct epoll_event *ready, int n)
{
    bool stop = false, newcomers = false;

    for (int i = 0; i < n; i++) {
        uint32_t id = ready[i].data.u32;
        if (id == ID_LISTENER)
            newcomers = true;
        else if (id == ID_CORE)
            clear_eventfd(bl_core_api_fd(s->api.core));
        else if (id == ID_STOP)
            stop = true;
        else if (id == ID_TCP || id == ID_HTTP)
            continue; /* have their turn anyway */
        else
            take_client(s, id, ready[i].events);
    }
    if (newcomers && !stop)
        accept_clients(s);
    return stop;
}

/* How long to sleep: not at all if a command or a connection can go on,
 * or the table of the connections' beats. */
static int sleep_ms(const struct bl_server *s)
{
    bl_role_assume_worker(); /* of this thread's own */
    if (bl_worker_wants_poll(s->api.worker))
        return 0;
    if (s->tcp_next != BL_TCP_SLEEP)
        return s->tcp_next == BL_TCP_NOW ? 0 : 1;
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
        if (s->connection[i] != NULL && bl_connection_ready(s->connection[i]))
            return 0;
    }
    return s->http != NULL ? bl_http_sleep_ms(s->http, BL_WORKER_NAP_MS) : BL_WORKER_NAP_MS;
}

void bl_api_yield(struct bl_api *api)
{
    bl_role_assume_worker(); /* of this thread's own */
    api->now_ns = monotonic_ns();
    api->now_unix_ms = bl_timestamp_now_ms();
    bl_worker_poll(api->worker, api->now_ns);
    bl_rcu_quiescent();
}

static void turn_tcp(struct bl_server *s)
{
    const struct bl_config *c = bl_rcu_read(&s->api.config);

    bl_role_assume_worker(); /* of this thread's own */
    if (s->api.tcp != NULL)
        s->tcp_next = bl_tcp_turn(s->api.tcp, c->tcp_connections, c->tcp_idle_ms, s->api.now_ns);
}

BL_ON_API static bool server_turn(struct bl_server *s)
{
    struct epoll_event ready[EPOLL_BATCH];
    int timeout = sleep_ms(s);
    bl_rcu_offline();
    int n = epoll_wait(s->epoll_fd, ready, (int)EPOLL_BATCH, timeout);
    bl_rcu_online();
    bl_api_yield(&s->api);
    bool stop = take_ready(s, ready, n);
    turn_tcp(s);
    take_events(s);
    bl_incidents_turn(&s->api.incidents, bl_views_now(bl_core_views(s->api.core)), s->api.now_ns);
    bl_statsd_turn(s->statsd, &s->api);
    bl_pending_commands_take(&s->asks);
    for (unsigned i = 0; i < CONNECTIONS_MAX && !stop; i++) {
        if (s->connection[i] == NULL)
            continue;
        turn_connection(s, i);
        bl_api_yield(&s->api);
    }
    if (s->http != NULL && !stop)
        bl_http_turn(s->http); /* also when its fd is silent: it has timeouts, and streams that wait */
    bl_maps_forget(&s->api.maps, s->api.now_ns);
    bl_pending_commands_push(&s->asks);
    return !stop;
}

static void *thread_main(void *ctx)
{
    struct bl_server *s = ctx;

    pthread_setname_np(pthread_self(), "beatline-api");
    bl_rcu_thread_register();
    bl_role_assume_api();
    while (server_turn(s)) {
    }
    bl_rcu_thread_unregister();
    return NULL;
}

/* ---- life -------------------------------------------------------------- */

static int watch_fd(struct bl_server *s, int fd, uint32_t id)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = id};
    return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &e);
}

/* By edges: what a turn leaves unread is for the next one, not for epoll
 * to tell of again. */
static int watch_tcp(struct bl_server *s)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.u32 = ID_TCP};
    return s->api.tcp != NULL ? epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, bl_tcp_fd(s->api.tcp), &e) : 0;
}

/* False: asked for, and does not work. */
static bool serve_http(struct bl_server *s, const struct bl_config *config, char err[BL_ERR_BYTES])
{
    s->http = bl_http_new(&s->api, config, err);
    if (s->http == NULL)
        return err[0] == '\0';
    if (watch_fd(s, bl_http_fd(s->http), ID_HTTP) == 0)
        return true;
    snprintf(err, BL_ERR_BYTES, "server: epoll: %s", strerror(errno));
    return false;
}

struct bl_server *bl_server_new(const struct bl_server_config *c, char err[BL_ERR_BYTES])
{
    struct bl_server *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        snprintf(err, BL_ERR_BYTES, "server: out of memory");
        return NULL;
    }
    s->asks.core = c->core;
    s->api = (struct bl_api){.core = c->core,
                             .asks = &s->asks,
                             .notifier = c->notifier,
                             .worker = c->worker,
                             .tcp = c->tcp,
                             .store = c->store,
                             .event_log = c->event_log,
                             .memory = c->memory,
                             .config = c->config,
                             .start_unix_ms = c->start_unix_ms,
                             .start_ns = monotonic_ns(),
                             .reload = c->reload,
                             .reload_ctx = c->reload_ctx};
    bl_history_begin(&s->api.history, bl_core_last_event(c->core) + 1);
    s->listener.fd = -1;
    s->statsd = bl_statsd_new();
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->statsd == NULL) {
        snprintf(err, BL_ERR_BYTES, "server: out of memory");
    } else if (s->epoll_fd < 0 || s->stop_fd < 0) {
        snprintf(err, BL_ERR_BYTES, "server: %s; raise the limit on open files (ulimit -n)", strerror(errno));
    } else if (bl_listener_open(&s->listener, c->socket_path, err) == 0) {
        snprintf(err, BL_ERR_BYTES, "server: epoll does not take its files");
        if (watch_fd(s, s->listener.fd, ID_LISTENER) == 0 && watch_fd(s, s->stop_fd, ID_STOP) == 0 &&
            watch_fd(s, bl_core_api_fd(c->core), ID_CORE) == 0 && watch_tcp(s) == 0 &&
            serve_http(s, c->config, err))
            return s;
    }
    bl_server_free(s);
    return NULL;
}

int bl_server_start(struct bl_server *s, char err[BL_ERR_BYTES])
{
    int rc = pthread_create(&s->thread, NULL, thread_main, s);
    if (rc != 0)
        snprintf(err, BL_ERR_BYTES, "server: cannot start its thread: %s; raise the limit on processes",
                 strerror(rc));
    s->started = rc == 0;
    return -rc;
}

void bl_server_stop(struct bl_server *s)
{
    uint64_t one = 1;

    if (s == NULL || !s->started)
        return;
    if (write(s->stop_fd, &one, sizeof(one)) == (ssize_t)sizeof(one))
        pthread_join(s->thread, NULL);
    s->started = false;
    bl_listener_close(&s->listener);
}

void bl_server_free(struct bl_server *s)
{
    if (s == NULL)
        return;
    bl_listener_close(&s->listener);
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
        if (s->connection[i] != NULL)
            server_drop(s, i);
    }
    bl_http_free(s->http);
    bl_pending_commands_free(&s->asks);
    bl_statsd_free(s->statsd);
    bl_history_free(&s->api.history);
    bl_incidents_free(&s->api.incidents);
    bl_maps_free(&s->api.maps);
    if (s->epoll_fd >= 0)
        close(s->epoll_fd);
    if (s->stop_fd >= 0)
        close(s->stop_fd);
    free(s);
}

void bl_server_config_is(struct bl_server *s, const struct bl_config *config)
{
    bl_rcu_publish(&s->api.config, config);
}
