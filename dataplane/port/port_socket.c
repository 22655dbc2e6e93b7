/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel UDP socket per queue, read with recvmmsg. */
#include <errno.h>
#include <linux/sock_diag.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/port/link_watch.h"
#include "dataplane/port/port_kind.h"
#include "engine/base/counter.h"

/* A whole UDP datagram always fits. The skew of one cache line between
 * buffers makes the first lines of a burst fall into different sets of
 * the cache. */
#define BUFFER_BYTES  65536u
#define BUFFER_STRIDE (BUFFER_BYTES + 64u)

struct socket_queue {
    /* main opens, then the worker's */
    int fd;
    struct mmsghdr message[BL_PORT_TAKE];
    struct iovec piece[BL_PORT_TAKE];
    uint8_t *memory;
    /* the watch's: the kernel's 32-bit count of drops, made 64-bit */
    uint32_t drops_seen BL_OWNED_BY(bl_role_port_watch);
    uint64_t drops BL_OWNED_BY(bl_role_port_watch);
};

struct port_socket {
    struct bl_port base;
    struct sockaddr_storage address;
    socklen_t address_len;
    struct bl_link_watch *link; /* the watch's; NULL: cannot be watched, counts as up */
    struct socket_queue queue[];
};

static struct port_socket *port_socket_of(struct bl_port *p)
{
    return (struct port_socket *)p;
}

/* ---- opening (main thread) ------------------------------------------ */

static int port_socket_resolve(struct port_socket *p, char err[BL_ERR_BYTES])
{
    const struct bl_port_spec *s = &p->base.spec;
    char service[8];
    snprintf(service, sizeof(service), "%u", s->udp_port);
    struct addrinfo *list, hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    int rc = getaddrinfo(s->device, service, &hints, &list);
    if (rc != 0)
        return bl_port_fail(err, s->text, EINVAL, "address %s: %s; ip address lists this machine's",
                            s->device, gai_strerror(rc));
    memcpy(&p->address, list->ai_addr, list->ai_addrlen);
    p->address_len = list->ai_addrlen;
    freeaddrinfo(list);
    return 0;
}

/* SO_RCVBUFFORCE passes net.core.rmem_max where we may. */
static void set_receive_buffer(int fd, uint32_t bytes)
{
    int value = (int)bytes;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &value, sizeof(value)) != 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, sizeof(value));
}

static int bind_failed(const struct bl_port_spec *s, int code, char err[BL_ERR_BYTES])
{
    switch (code) {
    case EADDRINUSE:
        return bl_port_fail(err, s->text, code,
                            "address already in use; another beatlined? ss -ulpn shows who");
    case EACCES:
        return bl_port_fail(err, s->text, code,
                            "no permission to bind UDP port %u; take one from 1024 on, or give us "
                            "CAP_NET_BIND_SERVICE",
                            s->udp_port);
    case EADDRNOTAVAIL:
        return bl_port_fail(err, s->text, code,
                            "no interface has address %s; ip address lists them, 0.0.0.0 is all of IPv4",
                            s->device);
    default:
        return bl_port_fail(err, s->text, code, "bind: %s", strerror(code));
    }
}

/* The first socket binds alone, so that a second daemon on the same port
 * is told; only then may the others of this port join it. */
static int bind_queue(struct port_socket *p, unsigned i, char err[BL_ERR_BYTES])
{
    const struct bl_port_spec *s = &p->base.spec;
    int on = 1, fd = p->queue[i].fd;
    if (i > 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&p->address, p->address_len) != 0)
        return bind_failed(s, errno, err);
    if (i == 0 && s->queues > 1 && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0)
        return bl_port_fail(err, s->text, errno, "SO_REUSEPORT: %s; use workers=1", strerror(errno));
    return 0;
}

static int map_buffers(struct socket_queue *q)
{
    size_t bytes = (size_t)BL_PORT_TAKE * BUFFER_STRIDE;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return -errno;
    q->memory = memory;
    for (unsigned i = 0; i < BL_PORT_TAKE; i++) {
        q->piece[i] =
            (struct iovec){.iov_base = q->memory + (size_t)i * BUFFER_STRIDE, .iov_len = BUFFER_BYTES};
        q->message[i].msg_hdr = (struct msghdr){.msg_iov = &q->piece[i], .msg_iovlen = 1};
    }
    return 0;
}

static int open_queue(struct port_socket *p, unsigned i, char err[BL_ERR_BYTES])
{
    const struct bl_port_spec *s = &p->base.spec;
    struct socket_queue *q = &p->queue[i];
    int rc = map_buffers(q);
    if (rc != 0)
        return bl_port_fail(err, s->text, -rc, "receive buffers: %s", strerror(-rc));
    q->fd = socket(p->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (q->fd < 0)
        return bl_port_fail(err, s->text, errno, "socket: %s", strerror(errno));
    int alone = s->ipv6_alone; /* said either way: net.ipv6.bindv6only may be set */
    if (p->address.ss_family == AF_INET6)
        (void)setsockopt(q->fd, IPPROTO_IPV6, IPV6_V6ONLY, &alone, sizeof(alone));
    set_receive_buffer(q->fd, s->rcvbuf_bytes);
    return bind_queue(p, i, err);
}

/* What the kernel made of port 0 and of the wish for a buffer, for the
 * queues to come and for whoever asks bl_port_spec_of. */
static void learn_from_kernel(struct port_socket *p)
{
    struct bl_port_spec *s = &p->base.spec;
    (void)getsockname(p->queue[0].fd, (struct sockaddr *)&p->address, &p->address_len);
    /* sin_port and sin6_port are at the same place. */
    s->udp_port = ntohs(((struct sockaddr_in *)&p->address)->sin_port);
    int bytes = 0;
    socklen_t len = sizeof(bytes);
    if (getsockopt(p->queue[0].fd, SOL_SOCKET, SO_RCVBUF, &bytes, &len) == 0)
        s->rcvbuf_bytes = (uint32_t)bytes / 2; /* socket(7): doubled for bookkeeping */
}

static void watch_link(struct port_socket *p)
{
    p->link = bl_link_watch_new((struct sockaddr *)&p->address, !p->base.spec.ipv6_alone);
    if (!p->link)
        snprintf(p->base.note, sizeof(p->base.note),
                 "the kernel does not tell us of its links (rtnetlink: %s): this port's counts as up, "
                 "whatever happens to it; a sandbox has to let AF_NETLINK through",
                 strerror(errno));
}

struct bl_port *bl_port_socket_open(const struct bl_port_spec *s, char err[BL_ERR_BYTES])
{
    struct port_socket *p = calloc(1, sizeof(*p) + s->queues * sizeof(p->queue[0]));
    if (!p) {
        (void)bl_port_fail(err, s->text, ENOMEM, "out of memory");
        return NULL;
    }
    p->base.spec = *s;
    for (unsigned i = 0; i < s->queues; i++)
        p->queue[i].fd = -1;
    int rc = port_socket_resolve(p, err);
    for (unsigned i = 0; rc == 0 && i < s->queues; i++) {
        rc = open_queue(p, i, err);
        if (rc == 0 && i == 0)
            learn_from_kernel(p);
    }
    if (rc == 0) {
        watch_link(p);
        return &p->base;
    }
    bl_port_socket_close(&p->base);
    return NULL;
}

void bl_port_socket_close(struct bl_port *port)
{
    struct port_socket *p = port_socket_of(port);
    for (unsigned i = 0; i < p->base.spec.queues; i++) {
        struct socket_queue *q = &p->queue[i];
        if (q->fd >= 0)
            close(q->fd);
        if (q->memory)
            munmap(q->memory, (size_t)BL_PORT_TAKE * BUFFER_STRIDE);
    }
    bl_link_watch_free(p->link);
    free(p);
}

/* ---- receiving (the queue's worker) ---------------------------------- */

unsigned bl_port_socket_receive(struct bl_port *port, unsigned queue, struct bl_burst *burst,
                                struct bl_counters *c)
{
    struct socket_queue *q = &port_socket_of(port)->queue[queue];
    int n = recvmmsg(q->fd, q->message, BL_PORT_TAKE, MSG_DONTWAIT, NULL);
    bl_stage_ends(&c->stages, BL_STAGE_receive);
    if (n <= 0)
        return 0;
    uint64_t bytes = 0, empty = 0;
    for (int i = 0; i < n; i++) {
        uint32_t len = q->message[i].msg_len;
        burst->payload[i] = (struct bl_payload){.data = len > 0 ? q->piece[i].iov_base : NULL, .len = len};
        bytes += len;
        empty += len == 0;
    }
    burst->packets = (uint16_t)n;
    BL_ADD(c->packets, (uint64_t)n);
    BL_ADD(c->bytes, bytes);
    if (empty > 0)
        BL_ADD(c->drop[BL_DROP_empty], empty);
    bl_stage_ends(&c->stages, BL_STAGE_decode);
    return (unsigned)n;
}

void bl_port_socket_wait(struct bl_port *port, unsigned queue, int timeout_ms)
{
    struct pollfd fd = {.fd = port_socket_of(port)->queue[queue].fd, .events = POLLIN};
    (void)poll(&fd, 1, timeout_ms);
}

/* ---- the port's watch -------------------------------------------------- */

bool bl_port_socket_link_up(struct bl_port *port)
{
    struct port_socket *p = port_socket_of(port);
    return !p->link || bl_link_watch_up(p->link);
}

uint64_t bl_port_socket_missed(struct bl_port *port)
{
    struct port_socket *p = port_socket_of(port);
    uint64_t sum = 0;
    for (unsigned i = 0; i < p->base.spec.queues; i++) {
        struct socket_queue *q = &p->queue[i];
        uint32_t info[SK_MEMINFO_VARS];
        socklen_t len = sizeof(info);
        if (getsockopt(q->fd, SOL_SOCKET, SO_MEMINFO, info, &len) == 0 &&
            len > SK_MEMINFO_DROPS * sizeof(info[0])) {
            q->drops += info[SK_MEMINFO_DROPS] - q->drops_seen;
            q->drops_seen = info[SK_MEMINFO_DROPS];
        }
        sum += q->drops;
    }
    return sum;
}
