/* SPDX-License-Identifier: Apache-2.0 */
/* notify_http: an HTTP receiver on 127.0.0.1 for the tests, one thread:
 * takes POSTs over kept connections, remembers them, answers what the
 * test says. */
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include "notify_rig.h"
#include "tests/loopback.h"

#define HTTP_CONNECTIONS 64u
#define HTTP_BYTES       4096u

struct http_connection {
    int fd;
    size_t len;
    char data[HTTP_BYTES];
};

struct http_server {
    pthread_t thread;
    int listener;
    uint16_t port;
    bool stop, holds;    /* atomics; holds: reads, never answers */
    int status;          /* atomic: what it answers */
    unsigned fail_first; /* atomic: so many are answered 500 before */
    unsigned big_bytes;  /* atomic: of the response's body */
    unsigned requests;   /* atomic: seen whole */
    unsigned connections_seen;
    unsigned seen[RIG_EVENTS_MAX]; /* by event number: how often, answered 2xx */
    char last[HTTP_BYTES];         /* the last request, head and body */
    struct http_connection connection[HTTP_CONNECTIONS];
};

static inline void http_answer(struct http_server *s, struct http_connection *c)
{
    char head[256];
    int status = __atomic_load_n(&s->status, __ATOMIC_RELAXED);
    unsigned fail = __atomic_load_n(&s->fail_first, __ATOMIC_RELAXED);
    if (fail > 0) {
        __atomic_store_n(&s->fail_first, fail - 1, __ATOMIC_RELAXED);
        status = 500;
    }
    const char *number = strstr(c->data, "\"number\":");
    if (status < 300 && number)
        s->seen[strtoul(number + 9, NULL, 10) % RIG_EVENTS_MAX]++;
    unsigned body = __atomic_load_n(&s->big_bytes, __ATOMIC_RELAXED);
    int len =
        snprintf(head, sizeof(head),
                 "HTTP/1.1 %d X\r\nLocation: http://127.0.0.1:%u/elsewhere\r\nContent-Length: %u\r\n\r\n",
                 status, s->port, body);
    send(c->fd, head, (size_t)len, MSG_NOSIGNAL);
    static const char filling[4096];
    for (unsigned sent = 0; sent < body; sent += (unsigned)sizeof(filling))
        if (send(c->fd, filling, sizeof(filling), MSG_NOSIGNAL) < 0)
            break;
}

/* Handles a request that is in the buffer whole. */
static inline void http_parse(struct http_server *s, struct http_connection *c)
{
    c->data[c->len] = 0;
    const char *end = strstr(c->data, "\r\n\r\n"), *length = strstr(c->data, "Content-Length: ");
    if (!end || !length)
        return;
    size_t whole = (size_t)(end + 4 - c->data) + strtoul(length + 16, NULL, 10);
    if (c->len < whole)
        return;
    memcpy(s->last, c->data, whole);
    s->last[whole] = 0;
    if (!__atomic_load_n(&s->holds, __ATOMIC_RELAXED))
        http_answer(s, c);
    c->len = 0;
    __atomic_add_fetch(&s->requests, 1, __ATOMIC_RELEASE);
}

static inline void http_read(struct http_server *s, struct http_connection *c)
{
    ssize_t n = recv(c->fd, c->data + c->len, HTTP_BYTES - 1 - c->len, MSG_DONTWAIT);
    if (n <= 0) {
        close(c->fd);
        c->fd = -1;
        return;
    }
    c->len += (size_t)n;
    http_parse(s, c);
}

static inline void http_accept(struct http_server *s)
{
    int fd = accept(s->listener, NULL, NULL);
    for (unsigned i = 0; i < HTTP_CONNECTIONS && fd >= 0; i++) {
        if (s->connection[i].fd >= 0)
            continue;
        s->connection[i].fd = fd;
        s->connection[i].len = 0;
        s->connections_seen++;
        return;
    }
    close(fd);
}

static inline void *http_run(void *arg)
{
    struct http_server *s = arg;
    while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
        struct pollfd p[HTTP_CONNECTIONS + 1];
        for (unsigned i = 0; i < HTTP_CONNECTIONS; i++)
            p[i] = (struct pollfd){.fd = s->connection[i].fd, .events = POLLIN};
        p[HTTP_CONNECTIONS] = (struct pollfd){.fd = s->listener, .events = POLLIN};
        poll(p, HTTP_CONNECTIONS + 1, 10);
        for (unsigned i = 0; i < HTTP_CONNECTIONS; i++)
            if (p[i].revents)
                http_read(s, &s->connection[i]);
        if (p[HTTP_CONNECTIONS].revents)
            http_accept(s);
    }
    return NULL;
}

/* `port` 0: any. Answers 200 until told otherwise. */
static inline struct http_server *http_start(uint16_t port)
{
    struct http_server *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    s->port = port;
    s->listener = loopback_tcp(&s->port);
    s->status = 200;
    for (unsigned i = 0; i < HTTP_CONNECTIONS; i++)
        s->connection[i].fd = -1;
    assert_int_equal(pthread_create(&s->thread, NULL, http_run, s), 0);
    return s;
}

static inline unsigned http_requests(const struct http_server *s)
{
    return __atomic_load_n(&s->requests, __ATOMIC_ACQUIRE);
}

/* Its thread has ended: what it saw may be read. */
static inline void http_stop(struct http_server *s)
{
    __atomic_store_n(&s->stop, true, __ATOMIC_RELAXED);
    pthread_join(s->thread, NULL);
    for (unsigned i = 0; i < HTTP_CONNECTIONS; i++)
        if (s->connection[i].fd >= 0)
            close(s->connection[i].fd);
    close(s->listener);
}
