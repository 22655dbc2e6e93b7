/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/load_out.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS_MAX 1024u

struct socket_out {
    unsigned flows;
    uint8_t payload[BL_LOAD_BURST + 1][BL_LOAD_PAYLOAD_MAX];
    struct mmsghdr message[BL_LOAD_BURST];
    struct iovec vector[BL_LOAD_BURST];
    int fd[]; /* one per flow, connected */
};

/* Sends the run of datagrams at the front that share a flow. A message
 * that the kernel refused for what an earlier one met (an ICMP error) is
 * not sent: it is offered again. */
static int send_run(struct bl_load_out *out, struct bl_load_datagram *slot, unsigned n)
{
    struct socket_out *s = out->state;
    unsigned run = 0;
    for (; run < n && slot[run].flow == slot[0].flow; run++) {
        s->vector[run] = (struct iovec){.iov_base = slot[run].data, .iov_len = slot[run].len};
        s->message[run].msg_hdr = (struct msghdr){.msg_iov = &s->vector[run], .msg_iovlen = 1};
    }
    int sent = sendmmsg(s->fd[slot[0].flow], s->message, run, 0);
    if (sent >= 0)
        return sent;
    if (errno == EINTR || errno == EAGAIN || errno == ENOBUFS)
        return 0;
    if (errno == ECONNREFUSED || errno == EHOSTUNREACH || errno == ENETUNREACH || errno == ENETDOWN) {
        out->counts.errors++;
        return 0;
    }
    int error = errno;
    snprintf(out->err, sizeof out->err, "send: %s; see that the target takes UDP from this host",
             strerror(error));
    return -error;
}

static int socket_send(struct bl_load_out *out, struct bl_load_datagram *slot, unsigned n)
{
    unsigned taken = 0;
    while (taken < n) {
        int sent = send_run(out, slot + taken, n - taken);
        if (sent < 0)
            return sent;
        if (sent == 0)
            break;
        taken += (unsigned)sent;
    }
    return (int)taken;
}

static int socket_close(struct bl_load_out *out)
{
    struct socket_out *s = out->state;
    for (unsigned i = 0; i < s->flows; i++)
        close(s->fd[i]);
    free(s);
    return 0;
}

static const struct bl_load_out_ops socket_ops = {.send = socket_send, .close = socket_close};

/* "HOST:PORT" or "[V6]:PORT". */
static int resolve(const char *text, struct addrinfo **found, char err[BL_ERR_BYTES])
{
    char host[256];
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;
    if (len == 0 || len >= sizeof host || colon[1] == 0) {
        snprintf(err, BL_ERR_BYTES, "--to socket:%s: no HOST:PORT; e.g. socket:127.0.0.1:8127", text);
        return -EINVAL;
    }
    unsigned brackets = text[0] == '[' && text[len - 1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)len - (int)(2 * brackets), text + brackets);
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    int rc = getaddrinfo(host, colon + 1, &hints, found);
    if (rc == 0)
        return 0;
    snprintf(err, BL_ERR_BYTES, "--to socket:%s: %s; give an address and a port, e.g. socket:127.0.0.1:8127",
             text, gai_strerror(rc));
    return -EINVAL;
}

static int connect_flow(const struct addrinfo *to)
{
    int fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
        return fd;
    int rc = -errno;
    close(fd);
    return rc;
}

int bl_load_out_socket_open(struct bl_load_out *out, const char *rest, const struct bl_load_out_config *c)
{
    struct addrinfo *to = NULL;
    if (c->flows > SOCKETS_MAX) {
        snprintf(out->err, sizeof out->err, "--sockets %u: too many; at most %u", c->flows, SOCKETS_MAX);
        return -EINVAL;
    }
    int rc = resolve(rest, &to, out->err);
    if (rc)
        return rc;
    struct socket_out *s = calloc(1, sizeof *s + c->flows * sizeof *s->fd);
    if (!s) {
        freeaddrinfo(to);
        snprintf(out->err, sizeof out->err, "--to socket: out of memory; use fewer --sockets");
        return -ENOMEM;
    }
    out->state = s;
    out->ops = &socket_ops;
    for (unsigned i = 0; i <= BL_LOAD_BURST; i++)
        out->slot[i].data = s->payload[i];
    for (rc = 0; rc == 0 && s->flows < c->flows;) {
        int fd = connect_flow(to);
        if (fd >= 0)
            s->fd[s->flows++] = fd;
        else
            rc = fd;
    }
    freeaddrinfo(to);
    if (rc)
        snprintf(out->err, sizeof out->err,
                 "--to socket:%s: %s; see routes (ip route) and limits (ulimit -n)", rest, strerror(-rc));
    return rc;
}
