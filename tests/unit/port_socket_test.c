/* SPDX-License-Identifier: Apache-2.0 */
/* The socket port on loopback, as whoever runs the tests: no privilege. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/open_port.h"

static struct bl_burst burst;

static void datagrams_arrive_whole_and_in_order(void **state)
{
    (void)state;
    bl_role_assume_worker();
    struct bl_port *p = must_open_port("socket:127.0.0.1:0", 0);
    int fd = sender_to_port(p);
    static char large[65507];
    memset(large, 'l', sizeof(large));
    assert_int_equal(send(fd, "one", 3, 0), 3);
    assert_int_equal(send(fd, "", 0, 0), 0);
    assert_int_equal(send(fd, large, sizeof(large), 0), sizeof(large));

    struct bl_counters c = {0};
    assert_int_equal(bl_port_receive(p, 0, &burst, &c), 3);
    assert_int_equal(burst.packets, 3);
    assert_int_equal(burst.payload[0].len, 3);
    assert_memory_equal(burst.payload[0].data, "one", 3);
    assert_null(burst.payload[1].data);
    assert_int_equal(burst.payload[2].len, sizeof(large));
    assert_memory_equal(burst.payload[2].data, large, sizeof(large));
    bl_port_release(p, 0, &burst);
    assert_int_equal(c.packets, 3);
    assert_int_equal(c.bytes, 3 + sizeof(large));
    assert_int_equal(c.drop[BL_DROP_empty], 1);

    assert_int_equal(bl_port_receive(p, 0, &burst, &c), 0);
    assert_int_equal(burst.packets, 0);
    assert_int_equal(c.packets, 3);
    close(fd);
    bl_port_close(p);
}

static void a_burst_is_64_packets_at_most(void **state)
{
    (void)state;
    bl_role_assume_worker();
    struct bl_port *p = must_open_port("socket:127.0.0.1:0", 0);
    int fd = sender_to_port(p);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(send(fd, &i, sizeof(i), 0), sizeof(i));
    struct bl_counters c = {0};
    uint32_t seen = 0;
    for (unsigned want = 64; want > 0; want = want == 64 ? 36 : 0) {
        assert_int_equal(bl_port_receive(p, 0, &burst, &c), want);
        for (unsigned i = 0; i < want; i++, seen++)
            assert_memory_equal(burst.payload[i].data, &seen, sizeof(seen));
        bl_port_release(p, 0, &burst);
    }
    assert_int_equal(c.packets, 100);
    close(fd);
    bl_port_close(p);
}

static void workers_share_one_port_and_get_all_packets(void **state)
{
    (void)state;
    bl_role_assume_worker();
    struct bl_port *p = must_open_port("socket:127.0.0.1:0,workers=2", 0);
    for (unsigned i = 0; i < 32; i++) {
        int fd = sender_to_port(p);
        assert_int_equal(send(fd, "x", 1, 0), 1);
        close(fd);
    }
    struct bl_counters c[2] = {{0}};
    for (unsigned q = 0; q < 2; q++)
        while (bl_port_receive(p, q, &burst, &c[q]) > 0)
            bl_port_release(p, q, &burst);
    assert_int_equal(c[0].packets + c[1].packets, 32);
    assert_true(c[0].packets > 0 && c[1].packets > 0); /* 32 flows: 2^-31 by chance */
    bl_port_close(p);
}

static void what_the_kernel_dropped_is_counted(void **state)
{
    (void)state;
    bl_role_assume_worker();
    bl_role_assume_control();
    bl_role_assume_port_watch();
    struct bl_port *p = must_open_port("socket:127.0.0.1:0,rcvbuf=4096", 0);
    assert_int_equal(bl_port_missed(p), 0);
    int fd = sender_to_port(p);
    char datagram[512] = "x";
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(send(fd, datagram, sizeof(datagram), 0), sizeof(datagram));
    struct bl_counters c = {0};
    while (bl_port_receive(p, 0, &burst, &c) > 0)
        bl_port_release(p, 0, &burst);
    assert_true(c.packets < 200);
    assert_int_equal(bl_port_missed(p), 200 - c.packets);
    assert_int_equal(bl_port_missed(p), 200 - c.packets);
    assert_true(bl_port_link_up(p));
    close(fd);
    bl_port_close(p);
}

static void a_wait_ends_with_a_packet_or_the_time(void **state)
{
    (void)state;
    bl_role_assume_worker();
    struct bl_port *p = must_open_port("socket:127.0.0.1:0", 0);
    assert_true(bl_port_sleeps(p));
    bl_port_wait(p, 0, 1);
    int fd = sender_to_port(p);
    assert_int_equal(send(fd, "x", 1, 0), 1);
    bl_port_wait(p, 0, 60000); /* the test's own timeout is shorter */
    struct bl_counters c = {0};
    assert_int_equal(bl_port_receive(p, 0, &burst, &c), 1);
    close(fd);
    bl_port_close(p);
}

static void ipv6_works_where_there_is_ipv6(void **state)
{
    (void)state;
    bl_role_assume_worker();
    if (access("/proc/net/if_inet6", R_OK) != 0)
        skip();
    struct bl_port *p = must_open_port("socket:[::1]:0", 0);
    struct sockaddr_in6 to = {.sin6_family = AF_INET6,
                              .sin6_port = htons(bl_port_spec_of(p)->udp_port),
                              .sin6_addr = in6addr_loopback};
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(sendto(fd, "six", 3, 0, (struct sockaddr *)&to, sizeof(to)), 3);
    struct bl_counters c = {0};
    assert_int_equal(bl_port_receive(p, 0, &burst, &c), 1);
    assert_memory_equal(burst.payload[0].data, "six", 3);
    close(fd);
    bl_port_close(p);
}

/* Sends "four" to it over IPv4 and "six" over IPv6; returns how many it
 * got, each of which is one of those and counted. */
static unsigned got_of_both(struct bl_port *p)
{
    bl_role_assume_worker();
    struct sockaddr_in6 to = {.sin6_family = AF_INET6,
                              .sin6_port = htons(bl_port_spec_of(p)->udp_port),
                              .sin6_addr = in6addr_loopback};
    int four = sender_to_port(p), six = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    (void)send(four, "four", 4, 0);
    assert_int_equal(sendto(six, "six", 3, 0, (struct sockaddr *)&to, sizeof(to)), 3);
    struct bl_counters c = {0};
    unsigned n = bl_port_receive(p, 0, &burst, &c);
    uint64_t bytes = 0;
    for (unsigned i = 0; i < n; i++) {
        bytes += burst.payload[i].len;
        assert_memory_equal(burst.payload[i].data, burst.payload[i].len == 4 ? "four" : "six",
                            burst.payload[i].len);
    }
    assert_int_equal(c.packets, n);
    assert_int_equal(c.bytes, bytes);
    close(four);
    close(six);
    return n;
}

static void all_of_ipv6_takes_ipv4_unless_another_port_does(void **state)
{
    (void)state;
    if (access("/proc/net/if_inet6", R_OK) != 0)
        skip();
    struct bl_port *p = must_open_port("socket:[::]:0", 0);
    assert_int_equal(got_of_both(p), 2);
    bl_port_close(p);

    struct bl_port *ipv4 = must_open_port("socket:0.0.0.0:0", 0);
    char text[2][64], err[BL_ERR_BYTES];
    struct bl_port_spec s[2];
    for (unsigned i = 0; i < 2; i++) {
        snprintf(text[i], sizeof(text[i]), "socket:%s:%u", i ? "[::]" : "0.0.0.0",
                 bl_port_spec_of(ipv4)->udp_port);
        assert_int_equal(bl_port_spec_parse(&s[i], text[i], err), 0);
    }
    bl_port_specs_share(s, 2);
    p = bl_port_open(&s[1], 0, err);
    assert_non_null(p);
    assert_int_equal(got_of_both(p), 1);
    bl_port_close(p);
    bl_port_close(ipv4);
}

/* No netlink socket, here for want of an open file. */
static void a_kernel_that_tells_nothing_of_links_is_noted(void **state)
{
    (void)state;
    bl_role_assume_port_watch();
    struct bl_port *p = must_open_port("socket:127.0.0.1:0", 0);
    assert_string_equal(bl_port_note(p), "");
    assert_true(bl_port_link_up(p));
    bl_port_close(p);

    struct rlimit before, one;
    int next = dup(STDOUT_FILENO);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    one = (struct rlimit){.rlim_cur = (rlim_t)next + 1, .rlim_max = before.rlim_max};
    close(next);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &one), 0);
    p = must_open_port("socket:127.0.0.1:0", 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    print_message("%s\n", bl_port_note(p));
    assert_non_null(strstr(bl_port_note(p), "rtnetlink: Too many open files"));
    assert_true(bl_port_link_up(p));
    bl_port_close(p);
}

/* One daemon or several workers: the second daemon is told. */
static void a_port_in_use_says_so(void **state)
{
    (void)state;
    static const char *const workers[] = {"", ",workers=2"};
    for (unsigned a = 0; a < 2; a++) {
        for (unsigned b = 0; b < 2; b++) {
            char text[64], err[BL_ERR_BYTES] = "";
            snprintf(text, sizeof(text), "socket:127.0.0.1:0%s", workers[a]);
            struct bl_port *first = must_open_port(text, 0);
            snprintf(text, sizeof(text), "socket:127.0.0.1:%u%s", bl_port_spec_of(first)->udp_port,
                     workers[b]);
            assert_null(open_port(text, 0, err));
            print_message("%s\n", err);
            assert_non_null(strstr(err, text));
            assert_non_null(strstr(err, "address already in use; another beatlined? ss -ulpn shows who"));
            bl_port_close(first);
        }
    }
}

static void an_address_of_no_interface_says_so(void **state)
{
    (void)state;
    char err[BL_ERR_BYTES] = "";
    assert_null(open_port("socket:192.0.2.1:0", 0, err));
    print_message("%s\n", err);
    assert_non_null(strstr(err, "no interface has address 192.0.2.1; ip address lists them"));
    assert_null(open_port("socket:[fe80::1%nosuch0]:0", 0, err));
    print_message("%s\n", err);
    assert_non_null(strstr(err, "address fe80::1%nosuch0"));
}

static void a_privileged_port_says_what_it_needs(void **state)
{
    (void)state;
    char err[BL_ERR_BYTES] = "";
    struct bl_port *p = open_port("socket:127.0.0.1:9", 0, err);
    if (p) { /* root, or net.ipv4.ip_unprivileged_port_start */
        bl_port_close(p);
        skip();
    }
    print_message("%s\n", err);
    assert_non_null(strstr(err, "CAP_NET_BIND_SERVICE"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_arrive_whole_and_in_order),
        cmocka_unit_test(a_burst_is_64_packets_at_most),
        cmocka_unit_test(workers_share_one_port_and_get_all_packets),
        cmocka_unit_test(what_the_kernel_dropped_is_counted),
        cmocka_unit_test(a_wait_ends_with_a_packet_or_the_time),
        cmocka_unit_test(ipv6_works_where_there_is_ipv6),
        cmocka_unit_test(all_of_ipv6_takes_ipv4_unless_another_port_does),
        cmocka_unit_test(a_kernel_that_tells_nothing_of_links_is_noted),
        cmocka_unit_test(a_port_in_use_says_so),
        cmocka_unit_test(an_address_of_no_interface_says_so),
        cmocka_unit_test(a_privileged_port_says_what_it_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
