/* SPDX-License-Identifier: Apache-2.0 */
/* resolve: a host name to addresses without waiting. getaddrinfo blocks,
 * for half a minute when the name servers are away; that must hold up
 * neither the other notifiers nor the daemon's end. So each lookup runs
 * on a thread of its own, which nobody waits for: who loses interest
 * drops the lookup, and the thread frees it when it is through.
 *
 * Threads: start, take and drop: one owner. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#define BL_ADDRESSES_MAX 8u

struct bl_addresses {
    unsigned count;
    struct bl_address {
        union {
            struct sockaddr any;
            struct sockaddr_in in;
            struct sockaddr_in6 in6;
        } at;
        socklen_t len;
    } address[BL_ADDRESSES_MAX];
};

/* An address in digits needs no lookup. False: it is a name. Never
 * blocks. `port` in digits, here and below. */
bool bl_resolve_numeric(const char *host, const char *port, struct bl_addresses *out);

struct bl_resolve;

/* NULL: no memory, thread or file descriptor to be had. */
struct bl_resolve *bl_resolve_start(const char *host, const char *port);
/* Readable when the answer is there. */
int bl_resolve_fd(const struct bl_resolve *r);
/* 0 with at least one address; -EAGAIN: not yet; other negative: the
 * name cannot be resolved, *why says so (a constant text). */
int bl_resolve_take(struct bl_resolve *r, struct bl_addresses *out, const char **why);
/* Always, at the end. NULL is fine. */
void bl_resolve_drop(struct bl_resolve *r);
