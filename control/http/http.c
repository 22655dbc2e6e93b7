/* SPDX-License-Identifier: Apache-2.0 */
#include "control/http/http.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/http/exchange.h"
#include "control/text/log.h"

/* Per connection: the request line and headers, and room to send from.
 * Longer headers are answered with 431. */
#define CONNECTION_BYTES ((size_t)32 * 1024)
#define ACCEPTS_PER_TURN 64u
/* How long streams make pieces within one turn; each client gets on in
 * the next, the CLI in between. */
#define WORK_NS UINT64_C(10000000)
#define LOOK_NS UINT64_C(500000000)
/* A body may take this much longer than the rest of a request. */
#define BODY_PATIENCE 10u

/* ---- connections ---------------------------------------------------------- */

static bool is_same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET)
        return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
               ((const struct sockaddr_in *)b)->sin_addr.s_addr;
    return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr, &((const struct sockaddr_in6 *)b)->sin6_addr,
                  sizeof(struct in6_addr)) == 0;
}

static void add_link(struct bl_http *h, struct MHD_Connection *connection, void **context)
{
    struct bl_http_link *l = calloc(1, sizeof(*l));
    const struct sockaddr *peer =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;

    *context = l;
    if (l == NULL)
        return; /* its requests will not be taken */
    memcpy(&l->peer, peer,
           peer->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
    l->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    l->since_ns = h->api->now_ns;
    l->next = h->links;
    if (l->next != NULL)
        l->next->before = l;
    h->links = l;
    h->link_count++;
}

static void remove_link(struct bl_http *h, struct bl_http_link *l)
{
    if (l->before != NULL)
        l->before->next = l->next;
    else
        h->links = l->next;
    if (l->next != NULL)
        l->next->before = l->before;
    h->link_count--;
    free(l);
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        add_link(cls, connection, context);
    else if (*context != NULL)
        remove_link(cls, *context);
}

/* Why there is no room for one more from this address; NULL: there is. */
static const char *no_room(const struct bl_http *h, const struct sockaddr_storage *peer)
{
    uint32_t same = 0;

    if (h->link_count >= h->connections_max)
        return "http.connections of the config is reached";
    for (const struct bl_http_link *l = h->links; l != NULL; l = l->next)
        same += is_same_address(&l->peer, peer);
    return same >= h->per_address_max ? "http.connections_per_address of the config is reached" : NULL;
}

static void turn_away(int fd, const char *why)
{
    char body[256], answer[512];
    int body_len = snprintf(body, sizeof(body),
                            "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
                            "\"detail\":\"%s; close some, or try again later\"}\n",
                            why);
    int len = snprintf(answer, sizeof(answer),
                       "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
                       "Content-Type: application/problem+json\r\nContent-Length: %d\r\n\r\n%s",
                       body_len, body);
    (void)send(fd, answer, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

static void insert_unknown(struct bl_http *h, int fd, const struct sockaddr_storage *peer, socklen_t peer_len)
{
    const char *why = no_room(h, peer);
    int on = 1;

    if (why != NULL) {
        h->counters.refused++;
        turn_away(fd, why);
        return;
    }
    h->counters.accepted++;
    /* A peer that vanished is noticed: a stream of events may be silent for long. */
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    /* One that is there but does not read is as good as gone: the kernel would keep megabytes for it. */
    unsigned patience_ms = (unsigned)(h->timeout_ns / 1000000);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof(patience_ms));
    (void)MHD_add_connection(h->mhd, fd, (const struct sockaddr *)peer, peer_len); /* closes fd if not */
}

static void accept_from(struct bl_http *h, int listener)
{
    for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage peer = {0};
        socklen_t len = sizeof(peer);
        int fd = accept4(listener, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        insert_unknown(h, fd, &peer, len);
    }
}

/* Puts out who takes too long to send a request. Who does not read an
 * answer is libmicrohttpd's to put out. */
static void put_out_dawdlers(struct bl_http *h)
{
    uint64_t now_ns = h->api->now_ns;

    if (now_ns < h->look_ns)
        return;
    h->look_ns = now_ns + LOOK_NS;
    for (struct bl_http_link *l = h->links; l != NULL; l = l->next) {
        uint64_t patience_ns = l->has_headers ? h->timeout_ns * BODY_PATIENCE : h->timeout_ns;
        if (l->busy || now_ns - l->since_ns <= patience_ns)
            continue;
        shutdown(l->fd, SHUT_RDWR);
        h->counters.too_slow++;
        l->busy = true; /* it is on its way out */
    }
}

/* ---- the turn ---------------------------------------------------------------- */

int bl_http_fd(const struct bl_http *h)
{
    return h->epoll_fd;
}

static void wake_waiting(struct bl_http *h)
{
    for (struct bl_http_exchange *e = h->waiting, *next; e != NULL; e = next) {
        next = e->next_waiting;
        if (bl_http_has_news(e))
            bl_http_resume(e);
    }
}

void bl_http_turn(struct bl_http *h)
{
    for (unsigned i = 0; i < h->listener_count; i++)
        accept_from(h, h->listener[i].fd);
    wake_waiting(h);
    put_out_dawdlers(h);
    h->work_until_ns = h->api->now_ns + WORK_NS;
    MHD_run(h->mhd);
}

int bl_http_sleep_ms(const struct bl_http *h, int most_ms)
{
    MHD_UNSIGNED_LONG_LONG ms;
    return MHD_get_timeout(h->mhd, &ms) == MHD_YES && ms < (unsigned)most_ms ? (int)ms : most_ms;
}

/* ---- life ---------------------------------------------------------------------- */

static int listen_on(struct bl_http *h, const struct bl_listen_list *list, unsigned i, char err[BL_ERR_BYTES])
{
    struct bl_http_listener *l = &h->listener[h->listener_count];
    struct epoll_event e = {.events = EPOLLIN};

    l->fd = bl_listen_open("http", list, i, l->text, err);
    if (l->fd < 0)
        return -EIO;
    h->listener_count++;
    if (epoll_ctl(h->epoll_fd, EPOLL_CTL_ADD, l->fd, &e) == 0)
        return 0;
    snprintf(err, BL_ERR_BYTES, "http %s: epoll: %s", list->at[i], strerror(errno));
    return -EIO;
}

/* Escapes stay: uri.h undoes them, where it knows what they are in. */
static size_t leave_escaped(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls, (void)connection;
    return strlen(text);
}

static struct MHD_Daemon *start_mhd(struct bl_http *h)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
        bl_http_on_request, h, MHD_OPTION_URI_LOG_CALLBACK, bl_http_on_target, h,
        MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, h, MHD_OPTION_NOTIFY_COMPLETED, bl_http_on_completed, h,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_CONNECTION_LIMIT, h->connections_max,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)(h->timeout_ns / 1000000000), MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

static bool open_mhd(struct bl_http *h, char err[BL_ERR_BYTES])
{
    struct epoll_event e = {.events = EPOLLIN};
    const union MHD_DaemonInfo *info = NULL;

    h->mhd = start_mhd(h);
    if (h->mhd != NULL)
        info = MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_EPOLL_FD);
    if (info != NULL && epoll_ctl(h->epoll_fd, EPOLL_CTL_ADD, info->epoll_fd, &e) == 0)
        return true;
    snprintf(err, BL_ERR_BYTES, "http: libmicrohttpd does not start: %s; raise the limit on open files",
             strerror(errno));
    return false;
}

struct bl_http *bl_http_new(struct bl_api *api, const struct bl_config *config, char err[BL_ERR_BYTES])
{
    err[0] = '\0';
    if (config->http_listen.count == 0)
        return NULL;
    struct bl_http *h = calloc(1, sizeof(*h));
    if (h == NULL || (h->epoll_fd = epoll_create1(EPOLL_CLOEXEC)) < 0) {
        snprintf(err, BL_ERR_BYTES, "http: %s", strerror(errno));
        free(h);
        return NULL;
    }
    h->api = api;
    h->connections_max = config->http_connections;
    h->per_address_max = config->http_connections_per_address;
    h->timeout_ns = config->http_timeout_ms * UINT64_C(1000000);
    bool good = open_mhd(h, err);
    for (unsigned i = 0; good && i < config->http_listen.count; i++)
        good = listen_on(h, &config->http_listen, i, err) == 0;
    if (!good) {
        bl_http_free(h);
        return NULL;
    }
    for (unsigned i = 0; i < h->listener_count; i++)
        bl_log(BL_LOG_INFO, "listening on http://%s", h->listener[i].text);
    return h;
}

/* libmicrohttpd may not be stopped while a connection is suspended. */
static void resume_all(struct bl_http *h)
{
    for (struct bl_http_link *l = h->links; l != NULL; l = l->next) {
        if (l->exchange != NULL)
            bl_http_resume(l->exchange);
    }
}

void bl_http_free(struct bl_http *h)
{
    if (h == NULL)
        return;
    resume_all(h);
    if (h->mhd != NULL)
        MHD_stop_daemon(h->mhd);
    for (unsigned i = 0; i < h->listener_count; i++)
        close(h->listener[i].fd);
    close(h->epoll_fd);
    free(h);
}
