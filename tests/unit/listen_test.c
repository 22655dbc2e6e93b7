/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses to listen on, on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/net/listen.h"

static char bound[BL_LISTEN_TEXT];

static int must_listen(const struct bl_listen_list *l, unsigned i)
{
    char err[BL_ERR_BYTES] = "";
    int fd = bl_listen_open("tcp", l, i, bound, err);
    if (fd < 0)
        fail_msg("%s", err);
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in6 a = {.sin6_family = AF_UNSPEC};
    socklen_t len = sizeof(a);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    return ntohs(a.sin6_port); /* sin_port is at the same place */
}

/* Whether a connection over IPv4 to the port of `fd` comes out there. */
static bool takes_ipv4(int fd)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port_of(fd)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int from = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int taken = connect(from, (struct sockaddr *)&to, sizeof(to)) == 0 ? accept(fd, NULL, NULL) : -1;
    close(from);
    if (taken >= 0)
        close(taken);
    return taken >= 0;
}

static void all_of_ipv6_takes_ipv4_too(void **state)
{
    (void)state;
    if (access("/proc/net/if_inet6", R_OK) != 0)
        skip();
    char all[] = "[::]:0", other[] = "127.0.0.1:0";
    struct bl_listen_list l = {.at = {all, other}, .count = 2}; /* not the same port */
    int fd = must_listen(&l, 0);
    assert_true(takes_ipv4(fd));
    close(fd);
}

static void an_ipv4_address_of_the_same_port_keeps_it(void **state)
{
    (void)state;
    if (access("/proc/net/if_inet6", R_OK) != 0)
        skip();
    char any_port[] = "127.0.0.1:0", all[32], ipv4[32];
    struct bl_listen_list free_port = {.at = {any_port}, .count = 1};
    int fd = must_listen(&free_port, 0);
    snprintf(all, sizeof(all), "[::]:%u", port_of(fd));
    snprintf(ipv4, sizeof(ipv4), "0.0.0.0:%u", port_of(fd));
    close(fd);
    struct bl_listen_list l = {.at = {all, ipv4}, .count = 2};
    int first = must_listen(&l, 0), second = must_listen(&l, 1);
    assert_false(takes_ipv4(first));
    assert_true(takes_ipv4(second));
    close(first);
    close(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_ipv6_takes_ipv4_too),
        cmocka_unit_test(an_ipv4_address_of_the_same_port_keeps_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
