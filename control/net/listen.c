/* SPDX-License-Identifier: Apache-2.0 */
#include "control/net/listen.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/text/log.h"

#define BACKLOG 1024

void bl_listen_clear(struct bl_listen_list *l)
{
    for (unsigned i = 0; i < l->count; i++)
        free(l->at[i]);
    *l = (struct bl_listen_list){0};
}

bool bl_listen_replace(struct bl_listen_list *to, const char *const *text, unsigned count)
{
    struct bl_listen_list next = {0};
    for (; next.count < count && (next.at[next.count] = strdup(text[next.count])) != NULL; next.count++) {
    }
    bool whole = next.count == count;
    bl_listen_clear(whole ? to : &next);
    if (whole)
        *to = next;
    return whole;
}

/* Splits "[::1]:80" or "127.0.0.1:80" into host and port. */
static bool listen_split(const char *text, char host[BL_LISTEN_TEXT], const char **port)
{
    const char *colon = strrchr(text, ':'), *from = text, *to = colon;
    if (colon == NULL || colon == text || !isdigit((unsigned char)colon[1]) || strlen(colon + 1) > 5)
        return false;
    if (text[0] == '[') {
        from++;
        to--;
        if (*to != ']')
            return false;
    } else if (memchr(text, ':', (size_t)(colon - text)) != NULL) {
        return false;
    }
    if (to <= from || to - from >= BL_LISTEN_TEXT)
        return false;
    memcpy(host, from, (size_t)(to - from));
    host[to - from] = '\0';
    *port = colon + 1;
    return port[0][strspn(*port, "0123456789")] == '\0' && strtol(*port, NULL, 10) <= UINT16_MAX;
}

bool bl_listen_parse(const char *text, struct sockaddr_storage *to, socklen_t *len)
{
    char host[BL_LISTEN_TEXT];
    const char *port;
    struct addrinfo *list, hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};

    if (!listen_split(text, host, &port) || getaddrinfo(host, port, &hints, &list) != 0)
        return false;
    if (to != NULL) {
        memcpy(to, list->ai_addr, list->ai_addrlen);
        *len = list->ai_addrlen;
    }
    freeaddrinfo(list);
    return true;
}

bool bl_listen_is_loopback(const char *text)
{
    struct sockaddr_storage a;
    socklen_t len;
    if (!bl_listen_parse(text, &a, &len))
        return false;
    if (a.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)&a)->sin6_addr);
    return ntohl(((struct sockaddr_in *)&a)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static void bound_text(int fd, char bound[BL_LISTEN_TEXT])
{
    struct sockaddr_storage a = {0};
    socklen_t len = sizeof(a);
    char host[BL_LISTEN_TEXT - 8], port[8];

    bound[0] = '\0';
    if (getsockname(fd, (struct sockaddr *)&a, &len) != 0 ||
        getnameinfo((struct sockaddr *)&a, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    snprintf(bound, BL_LISTEN_TEXT, a.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static int open_failed(const char *scheme, const char *text, int code, char err[BL_ERR_BYTES])
{
    const char *what_to_do = code == EADDRINUSE ? "ss -tlpn shows who has it; stop that, or take another"
                             : code == EACCES   ? "take a port from 1024 on, or give us CAP_NET_BIND_SERVICE"
                             : code == EADDRNOTAVAIL ? "ip address lists this machine's"
                                                     : "raise the limit on open files (ulimit -n)";
    snprintf(err, BL_ERR_BYTES, "%s %s: %s; %s (--%s ADDR:PORT, or none)", scheme, text, strerror(code),
             what_to_do, scheme);
    return -code;
}

/* Where the list has an IPv4 address with the port of address `i`, which
 * is [::]: that one takes IPv4. */
static bool ipv6_alone(const struct bl_listen_list *l, const struct sockaddr_storage *all)
{
    const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)all;
    bool alone = false;
    for (unsigned i = 0; i < l->count && a->sin6_port != 0 && IN6_IS_ADDR_UNSPECIFIED(&a->sin6_addr); i++) {
        struct sockaddr_storage other;
        socklen_t len;
        alone |= bl_listen_parse(l->at[i], &other, &len) && other.ss_family == AF_INET &&
                 ((const struct sockaddr_in *)&other)->sin_port == a->sin6_port;
    }
    return alone;
}

int bl_listen_open(const char *scheme, const struct bl_listen_list *l, unsigned i, char bound[BL_LISTEN_TEXT],
                   char err[BL_ERR_BYTES])
{
    const char *text = l->at[i];
    struct sockaddr_storage a;
    socklen_t len;
    int on = 1;

    if (!bl_listen_parse(text, &a, &len)) {
        snprintf(err, BL_ERR_BYTES, "%s %s: no address; write 127.0.0.1:PORT or [::1]:PORT", scheme, text);
        return -EINVAL;
    }
    int fd = socket(a.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return open_failed(scheme, text, errno, err);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    int alone = a.ss_family == AF_INET6 && ipv6_alone(l, &a);
    if (a.ss_family == AF_INET6) /* said either way: net.ipv6.bindv6only may be set */
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &alone, sizeof(alone));
    if (bind(fd, (struct sockaddr *)&a, len) != 0 || listen(fd, BACKLOG) != 0) {
        int code = errno;
        close(fd);
        return open_failed(scheme, text, code, err);
    }
    bound_text(fd, bound);
    if (alone)
        bl_log(BL_LOG_INFO, "%s %s takes IPv6 alone: %s.listen has an IPv4 address with the same port",
               scheme, text, scheme);
    return fd;
}
