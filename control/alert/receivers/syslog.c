/* SPDX-License-Identifier: Apache-2.0 */
/* syslog: notices to the machine's own syslog or to a remote one.
 *
 * Deliveries are taken in batches and written into one buffer; the
 * batch goes out over one socket that never blocks. A message counts as
 * delivered when
 *
 *   unix   the socket took it; a full receiver is waited for
 *   udp    the kernel took it and no refusal had come back by then
 *   tcp    the peer's kernel acknowledged it: only what was lost
 *          between there and the peer's disk goes unnoticed, as the
 *          protocol has no answer of its own
 *
 * When the socket fails, all that is left of the batch has failed its
 * try, and the next try opens a new one. */
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/alert/ops.h"
#include "control/alert/receivers/syslog_line.h"
#include "control/net/resolve.h"
#include "control/net/syslog_target.h"
#include "control/text/log.h"

/* Messages that share a try: a buffer of some 200 KiB. */
#define BATCH 512u
/* A receiver's default buffer holds about 200 small datagrams (212,992
 * bytes of 1 KiB each, Linux), and UDP does not say when it is full. */
#define UDP_PER_MS 16u
/* Datagrams to a Unix socket in one turn. */
#define UNIX_PER_TURN 256u
/* The kernel does not wake us when TCP data is acknowledged. */
#define ACK_LOOK_MS 5u
/* Names are not looked up more often, however often a connection fails. */
#define ADDRESSES_KEEP_MS 5000u

enum syslog_link { LINK_CLOSED, LINK_RESOLVING, LINK_CONNECTING, LINK_UP };

struct syslog_try {
    struct bl_delivery *delivery;
    size_t end; /* of its message in the buffer */
    uint64_t deadline_ms;
};

struct syslog_receiver {
    struct bl_syslog_target target;
    struct bl_syslog_identity who;
    struct bl_outbox *outbox;
    uint32_t timeout_ms;

    enum syslog_link link;
    int fd;
    bool blocked;     /* a datagram socket that takes nothing now */
    uint64_t look_ms; /* when to look again, unasked */

    struct bl_resolve *lookup;
    struct bl_addresses addresses; /* of host; count 0: not known */
    bool numeric;
    uint64_t resolved_ms;
    unsigned address, addresses_tried;

    struct bl_text out, message;
    size_t sent;           /* bytes of `out` */
    unsigned taken, ended; /* tries of this batch */
    uint64_t pace_ms;      /* udp: the millisecond that */
    unsigned pace_sent;    /* this many went out in */
    struct syslog_try batch[BATCH];
};

/* ---- the batch --------------------------------------------------------- */

static void start_batch(struct syslog_receiver *s)
{
    s->taken = s->ended = 0;
    s->out.len = s->sent = 0;
    s->blocked = false;
}

static void end_try(struct syslog_receiver *s)
{
    bl_outbox_delivered(s->outbox, s->batch[s->ended++].delivery);
    if (s->ended == s->taken)
        start_batch(s);
}

/* The socket is gone: what is left of the batch failed. */
static void hang_up(struct syslog_receiver *s, const char *why, uint64_t now_ms)
{
    bl_resolve_drop(s->lookup);
    s->lookup = NULL;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->link = LINK_CLOSED;
    for (; s->ended < s->taken; s->ended++)
        bl_outbox_failed(s->outbox, s->batch[s->ended].delivery, why, now_ms);
    start_batch(s);
}

static void append_message(struct syslog_receiver *s, const struct bl_notice *n)
{
    s->message.len = 0;
    if (s->target.kind == BL_SYSLOG_UNIX)
        bl_syslog_3164(&s->message, &s->who, n, false);
    else
        bl_syslog_5424(&s->message, &s->who, n);
    if (s->target.kind == BL_SYSLOG_TCP)
        bl_text_printf(&s->out, "%zu ", s->message.len);
    bl_text_append(&s->out, s->message.data, s->message.len);
}

static void take_batch(struct syslog_receiver *s, uint64_t now_ms)
{
    struct bl_delivery *d;
    while (s->taken < BATCH && (d = bl_outbox_next(s->outbox, now_ms))) {
        append_message(s, d->notice);
        s->batch[s->taken++] = (struct syslog_try){d, s->out.len, now_ms + s->timeout_ms};
    }
    if (!s->out.failed && !s->message.failed)
        return;
    hang_up(s, "out of memory", now_ms);
    bl_text_free(&s->out);
    bl_text_free(&s->message);
}

/* ---- the link ---------------------------------------------------------- */

static void write_to_stderr(struct syslog_receiver *s, uint64_t now_ms)
{
    while (s->ended < s->taken) {
        s->message.len = 0;
        bl_syslog_3164(&s->message, &s->who, s->batch[s->ended].delivery->notice, true);
        bl_text_append(&s->message, "\n", 1);
        if (s->message.failed || write(STDERR_FILENO, s->message.data, s->message.len) < 0) {
            hang_up(s, strerror(errno), now_ms);
            return;
        }
        end_try(s);
    }
}

static void open_unix(struct syslog_receiver *s, uint64_t now_ms)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    memcpy(at.sun_path, s->target.path, sizeof(s->target.path));
    s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd >= 0 && connect(s->fd, (struct sockaddr *)&at, sizeof(at)) == 0) {
        s->link = LINK_UP;
        return;
    }
    int error = errno;
    if (error == ENOENT && s->target.or_stderr) {
        close(s->fd);
        s->fd = -1;
        write_to_stderr(s, now_ms);
        return;
    }
    hang_up(s, strerror(error), now_ms);
}

/* Connects to the next address that this try has not seen yet. */
static void connect_next(struct syslog_receiver *s, const char *why, uint64_t now_ms)
{
    int type = s->target.kind == BL_SYSLOG_TCP ? SOCK_STREAM : SOCK_DGRAM;
    while (s->addresses_tried++ < s->addresses.count) {
        const struct bl_address *a = &s->addresses.address[s->address++ % s->addresses.count];
        if (s->fd >= 0)
            close(s->fd);
        s->fd = socket(a->at.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (s->fd >= 0 && (connect(s->fd, &a->at.any, a->len) == 0 || errno == EINPROGRESS)) {
            int on = 1;
            if (type == SOCK_STREAM)
                setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            s->link = type == SOCK_STREAM ? LINK_CONNECTING : LINK_UP;
            return;
        }
        why = strerror(errno);
    }
    hang_up(s, why, now_ms);
}

static void open_remote(struct syslog_receiver *s, uint64_t now_ms)
{
    bool fresh = s->numeric || (s->addresses.count > 0 && now_ms < s->resolved_ms + ADDRESSES_KEEP_MS);
    s->addresses_tried = 0;
    if (fresh) {
        connect_next(s, "no address", now_ms);
        return;
    }
    s->lookup = bl_resolve_start(s->target.host, s->target.port);
    if (s->lookup)
        s->link = LINK_RESOLVING;
    else
        hang_up(s, "no memory or thread to look the host name up", now_ms);
}

static void see_resolved(struct syslog_receiver *s, uint64_t now_ms)
{
    const char *why;
    int error = bl_resolve_take(s->lookup, &s->addresses, &why);
    if (error == -EAGAIN)
        return;
    bl_resolve_drop(s->lookup);
    s->lookup = NULL;
    if (error) {
        s->addresses.count = 0;
        hang_up(s, why, now_ms);
        return;
    }
    s->resolved_ms = now_ms;
    connect_next(s, "no address", now_ms);
}

static void see_connected(struct syslog_receiver *s, uint64_t now_ms)
{
    struct pollfd p = {.fd = s->fd, .events = POLLOUT};
    if (poll(&p, 1, 0) == 0)
        return;
    int error = 0;
    socklen_t len = sizeof(error);
    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error)
        connect_next(s, strerror(error), now_ms);
    else
        s->link = LINK_UP;
}

/* A peer that closed takes nothing any more, though the kernel would. */
static void see_closed(struct syslog_receiver *s, uint64_t now_ms)
{
    char ignored[512];
    ssize_t n;
    do
        n = recv(s->fd, ignored, sizeof(ignored), MSG_DONTWAIT);
    while (n > 0);
    if (n == 0)
        hang_up(s, "the receiver closed the connection", now_ms);
    else if (errno != EAGAIN && errno != EINTR)
        hang_up(s, strerror(errno), now_ms);
}

/* ---- sending ----------------------------------------------------------- */

static void send_stream(struct syslog_receiver *s, uint64_t now_ms)
{
    while (s->sent < s->out.len) {
        ssize_t n = send(s->fd, s->out.data + s->sent, s->out.len - s->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            hang_up(s, strerror(errno), now_ms);
            return;
        }
        if (n <= 0)
            break;
        s->sent += (size_t)n;
    }
    int unacknowledged = 0;
    ioctl(s->fd, SIOCOUTQ, &unacknowledged);
    size_t arrived = s->sent - (size_t)unacknowledged;
    while (s->ended < s->taken && s->batch[s->ended].end <= arrived)
        end_try(s);
    if (s->ended < s->taken)
        s->look_ms = now_ms + ACK_LOOK_MS;
}

/* Sends the next message; 0, -EAGAIN or why not. */
static int send_datagram(struct syslog_receiver *s)
{
    size_t len = s->batch[s->ended].end - s->sent;
    const char *message = s->out.data + s->sent;
    ssize_t n = send(s->fd, message, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    /* On UDP a refusal is the answer to an earlier message; it is cleared now. */
    if (n < 0 && errno == ECONNREFUSED && s->target.kind == BL_SYSLOG_UDP)
        n = send(s->fd, message, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return errno == ENOBUFS || errno == EINTR ? -EAGAIN : -errno;
    int error = 0;
    socklen_t error_len = sizeof(error);
    if (s->target.kind == BL_SYSLOG_UDP)
        getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &error_len);
    return -error;
}

static unsigned datagrams_now(struct syslog_receiver *s, uint64_t now_ms)
{
    if (s->target.kind == BL_SYSLOG_UNIX)
        return UNIX_PER_TURN;
    if (s->pace_ms != now_ms)
        s->pace_sent = 0;
    s->pace_ms = now_ms;
    return UDP_PER_MS - s->pace_sent;
}

static void send_datagrams(struct syslog_receiver *s, uint64_t now_ms)
{
    s->blocked = false;
    for (unsigned budget = datagrams_now(s, now_ms); s->ended < s->taken && budget > 0; budget--) {
        int error = send_datagram(s);
        if (error == -EAGAIN) {
            s->blocked = s->target.kind == BL_SYSLOG_UNIX;
            break;
        }
        if (error) {
            hang_up(s, strerror(-error), now_ms);
            return;
        }
        s->pace_sent++;
        s->sent = s->batch[s->ended].end;
        end_try(s);
    }
    if (s->ended < s->taken && !s->blocked)
        s->look_ms = s->target.kind == BL_SYSLOG_UNIX ? now_ms : now_ms + 1;
}

/* ---- the notifier's calls ----------------------------------------------- */

static void syslog_turn(void *self, uint64_t now_ms)
{
    struct syslog_receiver *s = self;
    s->look_ms = BL_NEVER_MS;
    if (s->link == LINK_UP && s->target.kind == BL_SYSLOG_TCP)
        see_closed(s, now_ms);
    if (s->ended == s->taken)
        take_batch(s, now_ms);
    if (s->ended == s->taken)
        return;
    if (now_ms >= s->batch[s->ended].deadline_ms) {
        hang_up(s, "timed out", now_ms);
        return;
    }
    if (s->link == LINK_CLOSED && s->target.kind == BL_SYSLOG_UNIX)
        open_unix(s, now_ms);
    else if (s->link == LINK_CLOSED)
        open_remote(s, now_ms);
    else if (s->link == LINK_RESOLVING)
        see_resolved(s, now_ms);
    if (s->link == LINK_CONNECTING)
        see_connected(s, now_ms);
    if (s->link != LINK_UP)
        return;
    if (s->target.kind == BL_SYSLOG_TCP)
        send_stream(s, now_ms);
    else
        send_datagrams(s, now_ms);
}

static struct pollfd syslog_pollfd(const void *self)
{
    const struct syslog_receiver *s = self;
    bool stream = s->target.kind == BL_SYSLOG_TCP;
    switch (s->link) {
    case LINK_CLOSED:
        break;
    case LINK_RESOLVING:
        return (struct pollfd){.fd = bl_resolve_fd(s->lookup), .events = POLLIN};
    case LINK_CONNECTING:
        return (struct pollfd){.fd = s->fd, .events = POLLOUT};
    case LINK_UP:
        if (stream)
            return (struct pollfd){.fd = s->fd, .events = s->sent < s->out.len ? POLLIN | POLLOUT : POLLIN};
        if (s->blocked)
            return (struct pollfd){.fd = s->fd, .events = POLLOUT};
        break;
    }
    return (struct pollfd){.fd = -1};
}

static uint64_t syslog_next_wakeup_ms(const void *self)
{
    const struct syslog_receiver *s = self;
    if (s->ended == s->taken)
        return bl_outbox_due_ms(s->outbox);
    uint64_t deadline_ms = s->batch[s->ended].deadline_ms;
    return s->look_ms < deadline_ms ? s->look_ms : deadline_ms;
}

static void syslog_set_timeout(void *self, uint32_t timeout_ms)
{
    struct syslog_receiver *s = self;
    s->timeout_ms = timeout_ms;
}

static void syslog_close(void *self, uint64_t now_ms)
{
    struct syslog_receiver *s = self;
    hang_up(s, "stopped", now_ms);
    bl_text_free(&s->out);
    bl_text_free(&s->message);
    free(s);
}

static int fill_identity(struct bl_syslog_identity *who, const char *facility, char err[BL_ERR_BYTES])
{
    int number = bl_syslog_facility(facility ? facility : "daemon");
    if (number < 0) {
        snprintf(err, BL_ERR_BYTES,
                 "syslog facility %.100s: no such facility; use daemon, user, local0 to local7, "
                 "or another name of syslog.conf(5)",
                 facility);
        return -EINVAL;
    }
    who->facility = (unsigned)number;
    who->pid = getpid();
    if (gethostname(who->host, sizeof(who->host) - 1) != 0)
        who->host[0] = 0;
    return 0;
}

static void *syslog_open(const struct bl_notifier_config *c, struct bl_outbox *outbox,
                         char name[BL_NOTIFIER_NAME], char err[BL_ERR_BYTES])
{
    struct bl_syslog_target target;
    struct bl_syslog_identity who = {0};
    if (bl_syslog_target_parse(&target, c->target, err) != 0 || fill_identity(&who, c->facility, err) != 0)
        return NULL;
    struct syslog_receiver *s = calloc(1, sizeof(*s));
    if (!s) {
        snprintf(err, BL_ERR_BYTES, "syslog %.100s: out of memory", c->target);
        return NULL;
    }
    s->target = target;
    s->who = who;
    s->outbox = outbox;
    s->timeout_ms = c->timeout_ms;
    s->fd = -1;
    snprintf(name, BL_NOTIFIER_NAME, "syslog %.56s", c->target);
    if (target.kind != BL_SYSLOG_UNIX)
        s->numeric = bl_resolve_numeric(target.host, target.port, &s->addresses);
    if (target.or_stderr && access(target.path, F_OK) != 0)
        bl_log(BL_LOG_WARNING, "syslog %s: there is no %s here; messages go to stderr until there is one",
               c->target, target.path);
    return s;
}

const struct bl_notifier_ops bl_syslog_ops = {
    .open = syslog_open,
    .set_timeout = syslog_set_timeout,
    .turn = syslog_turn,
    .pollfd = syslog_pollfd,
    .next_wakeup_ms = syslog_next_wakeup_ms,
    .close = syslog_close,
};
