/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/loopback.h"

static int new_socket(int family, int type)
{
    int fd = socket(family, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    return fd;
}

static struct sockaddr_in address(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void bind_port(int fd, uint16_t *port)
{
    struct sockaddr_in at = address(*port);
    socklen_t len = sizeof(at);
    int room_bytes = 1 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room_bytes, sizeof(room_bytes));
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
}

int loopback_udp(uint16_t *port)
{
    int fd = new_socket(AF_INET, SOCK_DGRAM);
    bind_port(fd, port);
    return fd;
}

int loopback_tcp(uint16_t *port)
{
    int fd = new_socket(AF_INET, SOCK_STREAM), on = 1;
    /* A listener that restarts finds its old connections in TIME_WAIT. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    bind_port(fd, port);
    assert_int_equal(listen(fd, 64), 0);
    return fd;
}

int loopback_unix(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    assert_true(strlen(path) < sizeof(at.sun_path));
    strcpy(at.sun_path, path);
    unlink(path);
    int fd = new_socket(AF_UNIX, SOCK_DGRAM);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

int loopback_sender(uint16_t port)
{
    struct sockaddr_in to = address(port);
    int fd = new_socket(AF_INET, SOCK_DGRAM);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

bool loopback_readable(int fd, int wait_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, wait_ms) == 1;
}

size_t loopback_receive(int fd, void *out, size_t bytes)
{
    assert_true(loopback_readable(fd, LOOPBACK_PATIENCE_MS));
    ssize_t n = recv(fd, out, bytes - 1, 0);
    assert_true(n > 0);
    ((char *)out)[n] = 0;
    return (size_t)n;
}
