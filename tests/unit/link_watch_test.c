/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says of links, addresses and routes, in a network
 * namespace of each test's own. Needs root, or user namespaces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataplane/port/link_watch.h"
#include "tests/real_time.h"

#define LIMIT_MS  10000u
#define SKIP_CODE 77

/* ---- the namespace ------------------------------------------------------ */

static bool run(const char *command)
{
    int status = system(command); /* NOLINT(cert-env33-c): constant commands of this file */
    return status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool become_root(void)
{
    char map[64];
    snprintf(map, sizeof(map), "0 %d 1", getuid());
    return geteuid() == 0 || (unshare(CLONE_NEWUSER) == 0 && write_file("/proc/self/uid_map", map));
}

/* With lo alone; the one before goes with its last socket. */
static int new_namespace(void **state)
{
    (void)state;
    return unshare(CLONE_NEWNET) == 0 && run("ip link set lo up") ? 0 : -1;
}

/* A cable between us (bl0) and the other side (bl1). */
static void plug(void)
{
    assert_true(run("ip link add bl0 type veth peer name bl1 && ip address add 192.0.2.2/24 dev bl0"));
    assert_true(run("ip link set bl0 up && ip link set bl1 up"));
}

static bool has_ipv6(void)
{
    return access("/proc/net/if_inet6", R_OK) == 0;
}

/* ---- watching ------------------------------------------------------------- */

static struct bl_link_watch *watch(const char *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr *bound = (struct sockaddr *)&v4;
    if (inet_pton(AF_INET, address, &v4.sin_addr) != 1) {
        assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
        bound = (struct sockaddr *)&v6;
        v6.sin6_scope_id = if_nametoindex("bl0"); /* asked of link-local addresses alone */
    }
    struct bl_link_watch *w = bl_link_watch_new(bound, true);
    if (!w)
        fail_msg("rtnetlink: %s", strerror(errno));
    return w;
}

/* The kernel says so after a while at most (its link watch, duplicate
 * detection). */
static void expect(struct bl_link_watch *w, bool up)
{
    for (unsigned i = 0; i < LIMIT_MS && bl_link_watch_up(w) != up; i++)
        real_sleep_ms(1);
    assert_int_equal(bl_link_watch_up(w), up);
}

static void an_address_has_the_carrier_of_its_interface(void **state)
{
    (void)state;
    plug();
    struct bl_link_watch *w = watch("192.0.2.2");
    expect(w, true);
    assert_true(run("ip link set bl1 down")); /* the cable is out */
    expect(w, false);
    assert_true(run("ip link set bl1 up"));
    expect(w, true);
    assert_true(run("ip link set bl0 down")); /* switched off */
    expect(w, false);
    assert_true(run("ip link set bl0 up"));
    expect(w, true);
    bl_link_watch_free(w);
}

static void an_address_that_is_gone_is_down_until_it_is_back(void **state)
{
    (void)state;
    plug();
    assert_true(run("ip address add 192.0.2.3/24 dev bl0"));
    struct bl_link_watch *w = watch("192.0.2.2"), *other = watch("192.0.2.3");
    assert_true(write_file("/proc/sys/net/ipv4/conf/bl0/promote_secondaries", "1"));
    assert_true(run("ip address del 192.0.2.2/24 dev bl0"));
    expect(w, false);
    assert_true(bl_link_watch_up(other));
    assert_true(run("ip address add 192.0.2.2/24 dev bl0"));
    expect(w, true);
    bl_link_watch_free(w);
    bl_link_watch_free(other);
}

static void the_interface_may_be_renamed_and_made_anew(void **state)
{
    (void)state;
    plug();
    struct bl_link_watch *w = watch("192.0.2.2"), *any = watch("0.0.0.0");
    assert_true(run("ip link set bl0 down && ip link set bl0 name wan0 && ip link set wan0 up"));
    expect(w, true);
    assert_true(run("ip link del wan0"));
    expect(w, false);
    assert_false(bl_link_watch_up(any)); /* lo is not enough for who had more */
    plug();
    expect(w, true);
    expect(any, true);
    bl_link_watch_free(w);
    bl_link_watch_free(any);
}

static void any_address_is_up_with_any_interface_but_lo(void **state)
{
    (void)state;
    plug();
    assert_true(run("ip link add bl2 type veth peer name bl3 && ip link set bl2 up && ip link set bl3 up"));
    struct bl_link_watch *w = watch("0.0.0.0");
    expect(w, true);
    assert_true(run("ip link set bl1 down")); /* bl2 has carrier, but no address */
    expect(w, false);
    assert_true(run("ip address add 198.51.100.1/24 dev bl2"));
    expect(w, true);
    assert_true(run("ip link set bl3 down"));
    expect(w, false);
    bl_link_watch_free(w);
}

static void lo_alone_is_enough_where_nothing_else_is(void **state)
{
    (void)state;
    struct bl_link_watch *w = watch("0.0.0.0");
    assert_true(bl_link_watch_up(w));
    assert_true(run("ip link set lo down"));
    expect(w, false);
    assert_true(run("ip link set lo up"));
    expect(w, true);
    assert_true(run("ip link add bl0 type veth peer name bl1")); /* off: nobody expects anything of it */
    assert_true(bl_link_watch_up(w));
    assert_true(run("ip link set bl0 up"));
    expect(w, false);
    bl_link_watch_free(w);
}

static void loopback_addresses_need_lo_alone(void **state)
{
    (void)state;
    plug();
    struct bl_link_watch *w[] = {watch("127.0.0.1"), watch("127.1.2.3"), watch("::1")};
    assert_true(run("ip link set bl0 down"));
    for (unsigned i = 0; i < 3; i++)
        expect(w[i], true);
    assert_true(run("ip link set lo down"));
    for (unsigned i = 0; i < 3; i++) {
        expect(w[i], false);
        bl_link_watch_free(w[i]);
    }
}

/* An anycast address on lo, or local by a route: packets come in by the
 * others. */
static void an_address_of_lo_needs_a_way_in(void **state)
{
    (void)state;
    plug();
    assert_true(run("ip address add 203.0.113.1/32 dev lo && ip route add local 203.0.113.64/26 dev lo"));
    struct bl_link_watch *on_lo = watch("203.0.113.1"), *by_route = watch("203.0.113.65");
    struct bl_link_watch *nowhere = watch("203.0.113.200");
    expect(on_lo, true);
    expect(by_route, true);
    expect(nowhere, false);
    assert_true(run("ip address del 192.0.2.2/24 dev bl0")); /* bl0 needs none of its own */
    assert_true(bl_link_watch_up(on_lo));
    assert_true(run("ip link set bl1 down"));
    expect(on_lo, false);
    expect(by_route, false);
    bl_link_watch_free(on_lo);
    bl_link_watch_free(by_route);
    bl_link_watch_free(nowhere);
}

static void rp_filter_makes_a_route_back_needed(void **state)
{
    (void)state;
    plug();
    assert_true(run("ip link add bl2 type veth peer name bl3 && ip address add 198.51.100.1/24 dev bl2 &&"
                    "ip link set bl3 up && ip link set bl2 up"));
    assert_true(write_file("/proc/sys/net/ipv4/conf/all/rp_filter", "0"));
    assert_true(write_file("/proc/sys/net/ipv4/conf/bl0/rp_filter", "0"));
    struct bl_link_watch *w = watch("192.0.2.2");
    expect(w, true);
    assert_true(run("ip route del 192.0.2.0/24 dev bl0"));
    assert_true(bl_link_watch_up(w)); /* the kernel takes packets all the same */
    assert_true(write_file("/proc/sys/net/ipv4/conf/bl0/rp_filter", "1"));
    expect(w, false);
    assert_true(write_file("/proc/sys/net/ipv4/conf/bl0/rp_filter", "2"));
    expect(w, true); /* there is a route, by bl2 */
    assert_true(run("ip route del 198.51.100.0/24 dev bl2"));
    expect(w, false);
    assert_true(run("ip route add 192.0.2.0/24 dev bl0"));
    expect(w, true);
    bl_link_watch_free(w);
}

static void ipv6_addresses_wait_for_duplicate_detection(void **state)
{
    (void)state;
    if (!has_ipv6())
        skip();
    plug();
    struct bl_link_watch *any = watch("::"), *global = watch("2001:db8::2");
    assert_false(bl_link_watch_up(global));
    assert_true(run("ip address add 2001:db8::2/64 dev bl0"));
    assert_false(bl_link_watch_up(global)); /* tentative */
    expect(global, true);
    expect(any, true);
    assert_true(run("ip link set bl1 down"));
    expect(global, false);
    expect(any, false);
    bl_link_watch_free(any);
    bl_link_watch_free(global);
}

static void a_link_local_address_is_of_its_scope(void **state)
{
    (void)state;
    if (!has_ipv6())
        skip();
    plug();
    assert_true(run("ip address add fe80::2/64 dev bl0 nodad && ip link add bl2 type veth peer name bl3 &&"
                    "ip link set bl2 up && ip link set bl3 up && ip address add fe80::2/64 dev bl2 nodad"));
    struct bl_link_watch *w = watch("fe80::2");
    expect(w, true);
    assert_true(run("ip address del fe80::2/64 dev bl0"));
    expect(w, false);
    bl_link_watch_free(w);
}

/* More than the watching socket has room for: the kernel drops them, and
 * the look sees all the same what is. */
static void lost_notifications_do_not_hide_a_change(void **state)
{
    (void)state;
    plug();
    struct bl_link_watch *w = watch("192.0.2.2");
    expect(w, true);
    assert_true(run("for i in $(seq 1 40); do for j in $(seq 1 50); do"
                    " echo address add 10.0.$i.$j/32 dev bl1; done; done >/tmp/bl-batch.$$ &&"
                    "ip -batch /tmp/bl-batch.$$; rm -f /tmp/bl-batch.$$"));
    assert_true(run("ip link set bl1 down"));
    expect(w, false);
    bl_link_watch_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_address_has_the_carrier_of_its_interface, new_namespace),
        cmocka_unit_test_setup(an_address_that_is_gone_is_down_until_it_is_back, new_namespace),
        cmocka_unit_test_setup(the_interface_may_be_renamed_and_made_anew, new_namespace),
        cmocka_unit_test_setup(any_address_is_up_with_any_interface_but_lo, new_namespace),
        cmocka_unit_test_setup(lo_alone_is_enough_where_nothing_else_is, new_namespace),
        cmocka_unit_test_setup(loopback_addresses_need_lo_alone, new_namespace),
        cmocka_unit_test_setup(an_address_of_lo_needs_a_way_in, new_namespace),
        cmocka_unit_test_setup(rp_filter_makes_a_route_back_needed, new_namespace),
        cmocka_unit_test_setup(ipv6_addresses_wait_for_duplicate_detection, new_namespace),
        cmocka_unit_test_setup(a_link_local_address_is_of_its_scope, new_namespace),
        cmocka_unit_test_setup(lost_notifications_do_not_hide_a_change, new_namespace),
    };
    if (!become_root() || new_namespace(NULL) != 0 ||
        !run("ip link add bl0 type veth peer name bl1 && ip link del bl0")) {
        printf("skipped: no network namespace of one's own with a veth (%s); run as root\n", strerror(errno));
        return SKIP_CODE;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
