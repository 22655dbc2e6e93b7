/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/sender_link.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/counter.h"

/* One lost packet or a restart of the daemon is no reason yet. */
#define LINK_ERRORS 3u

void bl_sender_link_close(struct bl_sender_link *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    l->errors = 0;
}

/* 0 or errno. */
static int connect_to(struct bl_sender_link *l, const struct addrinfo *a)
{
    l->fd = socket(a->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd >= 0 && connect(l->fd, a->ai_addr, a->ai_addrlen) == 0)
        return 0;
    int error = errno;
    bl_sender_link_close(l);
    return error;
}

/* Connects to the host's first address that has a route, starting one
 * further each time: the one that gave errors goes last. */
static void open_link(struct bl_sender_link *l, uint64_t now_ms)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV}, *list;
    BL_ADD(l->lookups, 1);
    l->opened_ms = now_ms;
    l->why = EHOSTUNREACH;
    l->addresses = 0;
    if (getaddrinfo(l->host, l->port, &hints, &list) != 0)
        return;
    for (struct addrinfo *a = list; a; a = a->ai_next)
        l->addresses++;
    for (unsigned tried = 0; tried < l->addresses && l->fd < 0; tried++) {
        const struct addrinfo *a = list;
        for (unsigned skip = (l->turn + tried) % l->addresses; skip > 0; skip--)
            a = a->ai_next;
        l->why = connect_to(l, a);
    }
    l->turn++;
    freeaddrinfo(list);
}

static bool is_time_to_open(const struct bl_sender_link *l, uint64_t now_ms)
{
    return l->opened_ms == 0 || now_ms >= l->opened_ms + BL_SENDER_REOPEN_MS;
}

/* 0 or errno. ECONNREFUSED: this datagram, or an earlier one and this
 * was kept back, met a closed port. */
static int send_once(struct bl_sender_link *l, const void *data, uint32_t len)
{
    if (send(l->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return errno;
    int error = 0; /* on the same host the answer is there at once */
    socklen_t error_len = sizeof(error);
    getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &error_len);
    return error;
}

int bl_sender_link_send(struct bl_sender_link *l, const void *data, uint32_t len, uint64_t now_ms)
{
    if (l->errors >= LINK_ERRORS && is_time_to_open(l, now_ms))
        bl_sender_link_close(l);
    if (l->fd < 0 && is_time_to_open(l, now_ms))
        open_link(l, now_ms);
    if (l->fd < 0)
        return -l->why;
    int error = send_once(l, data, len);
    l->errors = error ? l->errors + 1 : 0;
    if (error != ECONNREFUSED)
        return -error;
    /* "localhost" is two addresses, and the daemon may listen on one. */
    if (l->addresses > 1) {
        bl_sender_link_close(l);
        open_link(l, now_ms);
    }
    if (l->fd >= 0)
        send_once(l, data, len);
    return -error;
}
