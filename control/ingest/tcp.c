/* SPDX-License-Identifier: Apache-2.0 */
#include "control/ingest/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/ingest/lines.h"

/* The shortest line that makes a node or a setting, "a.err:1|g" and its
 * line feed: so many records may be in a piece at most. */
#define LINE_LEAST 10u
/* Of the ring to control: what the names in a piece may take together. */
#define NAMES_PIECES ((BL_LINES_READ + BL_NAME_MAX) / BL_WORKER_EVENT_PIECE)
/* New connections taken of one address in a turn. */
#define ACCEPT_TURN 64u
/* After an accept that failed for want of files or memory. */
#define ACCEPT_PAUSE_NS UINT64_C(100000000)
/* A peer that is gone without a word is noticed after 5 minutes. */
#define KEEPALIVE_IDLE_S  240
#define KEEPALIVE_EVERY_S 20
#define KEEPALIVE_PROBES  3

/* What an epoll event points at: both kinds begin with it. */
enum source { SOURCE_LISTENER, SOURCE_CONNECTION };

struct listener {
    enum source source;
    int fd;
    uint64_t pause_until_ns;
    struct bl_tcp_stats stats;
};

struct connection {
    enum source source;
    int fd;
    struct listener *of;
    struct bl_lines lines;
    uint64_t heard_ns;                 /* when bytes came, or it did */
    struct connection *before, *after; /* in the order of heard_ns */
};

struct bl_tcp {
    struct bl_worker *worker;
    int epoll_fd;
    unsigned listeners, connections;
    uint64_t waiting_ns; /* for room, since; 0: not */
    struct listener listener[BL_LISTEN_MAX];
    struct connection quietest; /* head of the ring of connections */
    struct bl_lines_room room;
};

/* ---- the order of silence ---------------------------------------------- */

static void unlink_connection(struct connection *c)
{
    c->before->after = c->after;
    c->after->before = c->before;
}

/* As the one heard last. */
static void link_last(struct bl_tcp *t, struct connection *c, uint64_t now_ns)
{
    struct connection *head = &t->quietest;
    c->heard_ns = now_ns;
    c->before = head->before;
    c->after = head;
    head->before->after = c;
    head->before = c;
}

/* ---- connections -------------------------------------------------------- */

BL_ON_WORKER static void tcp_feed(struct bl_tcp *t, struct listener *l, const struct bl_lines_piece *piece,
                                  uint64_t now_ns)
{
    const struct bl_counters *c = &t->worker->counters;
    uint64_t beats = c->beats, settings = c->settings;

    if (piece->len == 0)
        return;
    bl_worker_feed(t->worker, piece->data, piece->len, now_ns);
    l->stats.beats += c->beats - beats;
    l->stats.settings += c->settings - settings;
}

/* Its last line counts if it was brought to an end: `whole`. */
BL_ON_WORKER static void end_connection(struct bl_tcp *t, struct connection *c, bool whole, uint64_t now_ns)
{
    struct bl_lines_piece piece;
    bl_lines_close(&c->lines, &t->room, &piece);
    if (whole)
        tcp_feed(t, c->of, &piece, now_ns);
    close(c->fd); /* takes it out of epoll */
    unlink_connection(c);
    c->of->stats.connections--;
    t->connections--;
    free(c);
}

BL_ON_WORKER static void take_bytes(struct bl_tcp *t, struct connection *c, uint64_t now_ns)
{
    struct bl_lines_piece piece;
    ssize_t n = recv(c->fd, bl_lines_begin(&c->lines, &t->room), BL_LINES_READ, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        c->of->stats.reset += n < 0;
        end_connection(t, c, n == 0, now_ns);
        return;
    }
    unlink_connection(c);
    link_last(t, c, now_ns);
    c->of->stats.bytes += (uint64_t)n;
    int rc = bl_lines_end(&c->lines, &t->room, (uint32_t)n, &piece);
    tcp_feed(t, c->of, &piece, now_ns);
    if (rc == 0)
        return;
    c->of->stats.too_long += rc == -EMSGSIZE;
    c->of->stats.refused += rc != -EMSGSIZE;
    end_connection(t, c, false, now_ns);
}

BL_ON_WORKER static void end_idle(struct bl_tcp *t, uint32_t idle_ms, uint64_t now_ns)
{
    uint64_t idle_ns = idle_ms * UINT64_C(1000000);
    for (struct connection *c; (c = t->quietest.after) != &t->quietest;) {
        if (idle_ms == 0 || now_ns - c->heard_ns < idle_ns)
            return;
        c->of->stats.idle++;
        end_connection(t, c, true, now_ns);
    }
}

/* ---- new ones ------------------------------------------------------------ */

static void notice_dead_peers(int fd)
{
    int on = 1, idle = KEEPALIVE_IDLE_S, every = KEEPALIVE_EVERY_S, probes = KEEPALIVE_PROBES;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

static bool add_connection(struct bl_tcp *t, struct listener *l, int fd, uint64_t now_ns)
{
    struct connection *c = calloc(1, sizeof(*c));
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

    if (c == NULL || epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0) {
        free(c);
        return false;
    }
    *c = (struct connection){.source = SOURCE_CONNECTION, .fd = fd, .of = l};
    link_last(t, c, now_ns);
    notice_dead_peers(fd);
    l->stats.accepted++;
    l->stats.connections++;
    t->connections++;
    return true;
}

/* Out of files or memory: the newcomers wait in the backlog for a while,
 * so that they do not wake us over and over. */
static void pause_listener(struct bl_tcp *t, struct listener *l, uint64_t now_ns)
{
    struct epoll_event e = {.data.ptr = l};
    l->pause_until_ns = now_ns + ACCEPT_PAUSE_NS;
    (void)epoll_ctl(t->epoll_fd, EPOLL_CTL_MOD, l->fd, &e);
}

static void resume_listeners(struct bl_tcp *t, uint64_t now_ns)
{
    for (unsigned i = 0; i < t->listeners; i++) {
        struct listener *l = &t->listener[i];
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = l};
        if (l->pause_until_ns == 0 || now_ns < l->pause_until_ns)
            continue;
        l->pause_until_ns = 0;
        (void)epoll_ctl(t->epoll_fd, EPOLL_CTL_MOD, l->fd, &e);
    }
}

static void accept_some(struct bl_tcp *t, struct listener *l, uint32_t connections, uint64_t now_ns)
{
    for (unsigned i = 0; i < ACCEPT_TURN; i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                pause_listener(t, l, now_ns);
            return;
        }
        if (t->connections >= connections || !add_connection(t, l, fd, now_ns)) {
            l->stats.refused++;
            close(fd);
        }
    }
}

/* ---- turns ----------------------------------------------------------------- */

/* Whether the worker has room for whatever BL_LINES_READ bytes, and the
 * line that was begun before, may hold: in the table (control grows it
 * before it is 5/8 full, see core_turn.c; it takes any unknown node up to 3/4)
 * and in the ring, where a line may be two reports, each with its name. */
BL_ON_WORKER static bool has_room(const struct bl_worker *w)
{
    uint64_t records = BL_LINES_READ / LINE_LEAST + 1;
    uint64_t slots = bl_table_slot_count(&w->table);
    uint64_t filled = (uint64_t)bl_table_used(&w->table) + bl_table_gone(&w->table);

    return (filled + records) * 4 <= slots * 3 &&
           bl_worker_events_have_room(w->reports,
                                      2 * (records * BL_WORKER_EVENT_PIECES_NAMELESS + NAMES_PIECES));
}

/* Whether bytes may be taken now. Without room for too long: yes, and the
 * worker counts what it drops. */
BL_ON_WORKER static bool may_feed(struct bl_tcp *t, uint64_t now_ns)
{
    if (has_room(t->worker)) {
        t->waiting_ns = 0;
        return true;
    }
    if (t->waiting_ns == 0)
        t->waiting_ns = now_ns;
    return now_ns - t->waiting_ns >= BL_TCP_WAIT_NS;
}

enum bl_tcp_next bl_tcp_turn(struct bl_tcp *t, uint32_t connections, uint32_t idle_ms, uint64_t now_ns)
{
    struct epoll_event ready[BL_TCP_TURN];
    enum bl_tcp_next next = BL_TCP_SLEEP;

    resume_listeners(t, now_ns);
    int n = epoll_wait(t->epoll_fd, ready, BL_TCP_TURN, 0);
    for (int i = 0; i < n; i++) {
        if (*(enum source *)ready[i].data.ptr == SOURCE_LISTENER) {
            accept_some(t, ready[i].data.ptr, connections, now_ns);
        } else if (may_feed(t, now_ns)) {
            take_bytes(t, ready[i].data.ptr, now_ns);
        } else {
            next = BL_TCP_SOON;
            continue;
        }
        next = next == BL_TCP_SOON ? BL_TCP_SOON : BL_TCP_NOW;
    }
    if (next != BL_TCP_SOON)
        end_idle(t, idle_ms, now_ns);
    return next;
}

/* ---- life ------------------------------------------------------------------ */

static int open_listener(struct bl_tcp *t, const struct bl_listen_list *listen, unsigned i,
                         char err[BL_ERR_BYTES])
{
    struct listener *l = &t->listener[t->listeners];
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = l};

    l->source = SOURCE_LISTENER;
    l->fd = bl_listen_open("tcp", listen, i, l->stats.address, err);
    if (l->fd < 0)
        return l->fd;
    t->listeners++;
    if (epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, l->fd, &e) == 0)
        return 0;
    snprintf(err, BL_ERR_BYTES, "tcp %s: epoll: %s", listen->at[i], strerror(errno));
    return -errno;
}

struct bl_tcp *bl_tcp_new(const struct bl_listen_list *listen, struct bl_worker *worker,
                          char err[BL_ERR_BYTES])
{
    struct bl_tcp *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        snprintf(err, BL_ERR_BYTES, "tcp: out of memory");
        return NULL;
    }
    t->worker = worker;
    t->quietest.before = t->quietest.after = &t->quietest;
    t->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int rc = t->epoll_fd < 0 ? -errno : 0;
    if (rc != 0)
        snprintf(err, BL_ERR_BYTES, "tcp: epoll: %s; raise the limit on open files (ulimit -n)",
                 strerror(-rc));
    for (unsigned i = 0; rc == 0 && i < listen->count; i++)
        rc = open_listener(t, listen, i, err);
    if (rc == 0)
        return t;
    bl_tcp_free(t);
    return NULL;
}

void bl_tcp_free(struct bl_tcp *t)
{
    if (t == NULL)
        return;
    for (struct connection *c = t->quietest.after, *next; c != &t->quietest; c = next) {
        next = c->after;
        free(c->lines.left);
        close(c->fd);
        free(c);
    }
    for (unsigned i = 0; i < t->listeners; i++)
        close(t->listener[i].fd);
    if (t->epoll_fd >= 0)
        close(t->epoll_fd);
    free(t);
}

int bl_tcp_fd(const struct bl_tcp *t)
{
    return t->epoll_fd;
}

bool bl_tcp_stats(const struct bl_tcp *t, unsigned i, struct bl_tcp_stats *out)
{
    if (i >= t->listeners)
        return false;
    *out = t->listener[i].stats;
    return true;
}
