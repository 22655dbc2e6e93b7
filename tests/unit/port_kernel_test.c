/* SPDX-License-Identifier: Apache-2.0 */
/* DPDK ports on interfaces of the kernel: af_packet, af_xdp and tap, in
 * a network namespace of the test's own, which ends with it. Needs root,
 * or user namespaces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataplane/port/eal.h"
#include "tests/frames.h"
#include "tests/open_port.h"
#include "tests/real_time.h"

#define UDP_PORT  8127
#define FLOOD     20000u
#define LIMIT_MS  10000u
#define SKIP_CODE 77

static struct bl_burst burst;

/* libxdp 1.3 forgets 80 bytes per umem; LeakSanitizer asks here. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:xsk_umem__create";
}

/* ---- the namespace --------------------------------------------------------- */

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

/* A namespace with bl0 and bl1, the two ends of a veth, and nothing that
 * sends on its own. */
static bool make_namespace(void)
{
    char map[64];
    snprintf(map, sizeof(map), "0 %d 1", getuid());
    bool privileged = geteuid() == 0;
    if (unshare(privileged ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return false;
    if (!privileged && !write_file("/proc/self/uid_map", map))
        return false;
    (void)write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
    (void)write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
    return run("ip link add bl0 type veth peer name bl1 && ip link set bl0 up && ip link set bl1 up");
}

/* ---- sender and port --------------------------------------------------------- */

static int raw_socket_on(const char *iface)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    struct sockaddr_ll at = {
        .sll_family = AF_PACKET, .sll_protocol = 0, .sll_ifindex = (int)if_nametoindex(iface)};
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static void send_beats(int fd, unsigned count)
{
    static uint8_t out[FRAME_MAX];
    struct frame f = {.src_port = 40000, .dst_port = UDP_PORT, .payload = "k.beat:1|c", .payload_len = 10};
    uint32_t len = frame_build(&f, out);
    for (unsigned i = 0; i < count; i++)
        while (send(fd, out, len, 0) != (ssize_t)len)
            assert_true(errno == ENOBUFS || errno == EAGAIN);
}

/* Receives until nothing came for a while or `want` packets are in. */
static void receive(struct bl_port *p, struct bl_counters *c, uint64_t want)
{
    bl_role_assume_worker();
    for (unsigned idle_ms = 0; idle_ms < 500 && c->packets < want;) {
        unsigned n = bl_port_receive(p, 0, &burst, c);
        for (unsigned i = 0; i < n; i++)
            if (burst.payload[i].data)
                assert_memory_equal(burst.payload[i].data, "k.beat:1|c", 10);
        bl_port_release(p, 0, &burst);
        idle_ms = n > 0 ? 0 : idle_ms + 1;
        if (n == 0)
            real_sleep_ms(1);
    }
}

static uint64_t missed(struct bl_port *p)
{
    bl_role_assume_port_watch();
    return bl_port_missed(p);
}

static void wait_for_link(struct bl_port *p, bool up)
{
    bl_role_assume_port_watch();
    for (unsigned i = 0; i < LIMIT_MS && bl_port_link_up(p) != up; i++)
        real_sleep_ms(1);
    assert_int_equal(bl_port_link_up(p), up);
}

/* ---- what holds for each ------------------------------------------------------- */

static void beats_arrive(struct bl_port *p, const char *from)
{
    int fd = raw_socket_on(from);
    struct bl_counters c = {0};
    for (unsigned i = 0; i < 10; i++) {
        send_beats(fd, 100);
        receive(p, &c, 100 * (i + 1));
    }
    assert_int_equal(c.packets, 1000);
    assert_int_equal(missed(p), 0);
    uint64_t drops = 0;
    for (unsigned d = 0; d < BL_DROP_COUNT; d++)
        drops += c.drop[d];
    assert_int_equal(drops, 0);
    close(fd);
}

/* More than any ring takes, with nobody receiving: what is not taken is
 * counted as missed, to the packet. */
static void a_flood_is_accounted_for(struct bl_port *p, const char *from)
{
    int fd = raw_socket_on(from);
    uint64_t missed_before = missed(p);
    send_beats(fd, FLOOD);
    struct bl_counters c = {0};
    receive(p, &c, FLOOD);
    uint64_t lost = missed(p) - missed_before;
    print_message("%llu taken, %llu missed of %u\n", (unsigned long long)c.packets, (unsigned long long)lost,
                  FLOOD);
    assert_true(lost > 0);
    assert_int_equal(c.packets + lost, FLOOD);
    send_beats(fd, 10);
    receive(p, &c, c.packets + 10);
    assert_int_equal(c.packets + lost, FLOOD + 10);
    close(fd);
}

static void the_link_follows_the_interface(struct bl_port *p)
{
    wait_for_link(p, true);
    assert_true(run("ip link set bl1 down"));
    wait_for_link(p, false);
    assert_true(run("ip link set bl1 up"));
    wait_for_link(p, true);
}

/* Its sockets are on the interface, not on the name. */
static void the_link_is_of_the_interface_not_of_its_name(void **state)
{
    (void)state;
    assert_true(run("ip link add bl2 type veth peer name bl3 && ip link set bl2 up && ip link set bl3 up"));
    struct bl_port *p = must_open_port("dpdk:net_af_packet2,iface=bl2", UDP_PORT);
    wait_for_link(p, true);
    assert_true(run("ip link set bl2 down && ip link set bl2 name bl4 && ip link set bl4 up"));
    wait_for_link(p, true);
    beats_arrive(p, "bl3");
    assert_true(run("ip link del bl4"));
    wait_for_link(p, false);
    assert_true(run("ip link add bl2 type veth peer name bl3 && ip link set bl2 up && ip link set bl3 up"));
    real_sleep_ms(50); /* until the kernel calls it running */
    bl_role_assume_port_watch();
    assert_false(bl_port_link_up(p));
    assert_true(run("ip link del bl2"));
    bl_port_close(p);
}

static void af_packet_takes_beats_and_owns_up_to_misses(void **state)
{
    (void)state;
    struct bl_port *p = must_open_port("dpdk:net_af_packet0,iface=bl0", UDP_PORT);
    the_link_follows_the_interface(p);
    beats_arrive(p, "bl1");
    a_flood_is_accounted_for(p, "bl1");
    bl_port_close(p);
}

static void af_xdp_takes_beats_and_owns_up_to_misses(void **state)
{
    (void)state;
    int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        print_message("skipped: this kernel has no AF_XDP (%s)\n", strerror(errno));
        skip();
    }
    close(fd);
    struct bl_port *p = must_open_port("dpdk:net_af_xdp0,iface=bl0", UDP_PORT);
    the_link_follows_the_interface(p);
    beats_arrive(p, "bl1");
    a_flood_is_accounted_for(p, "bl1");
    bl_port_close(p);
}

static void tap_takes_beats(void **state)
{
    (void)state;
    if (access("/dev/net/tun", R_OK | W_OK) != 0) {
        print_message("skipped: no /dev/net/tun\n");
        skip();
    }
    struct bl_port *p = must_open_port("dpdk:net_tap0,iface=bltap0", UDP_PORT);
    wait_for_link(p, true);
    beats_arrive(p, "bltap0");
    bl_port_close(p);
}

static void no_permission_says_what_is_needed(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        char err[BL_ERR_BYTES] = "";
        bool ok =
            setresuid(65534, 65534, 65534) == 0 && !open_port("dpdk:net_af_packet1,iface=bl0", UDP_PORT, err);
        printf("%s\n", err);
        fflush(stdout);
        _exit(ok && strstr(err, "CAP_NET_RAW") ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(af_packet_takes_beats_and_owns_up_to_misses),
        cmocka_unit_test(the_link_is_of_the_interface_not_of_its_name),
        cmocka_unit_test(af_xdp_takes_beats_and_owns_up_to_misses),
        cmocka_unit_test(tap_takes_beats),
        cmocka_unit_test(no_permission_says_what_is_needed),
    };
    if (!make_namespace()) {
        printf("skipped: no network namespace of one's own with a veth (%s); run as root\n", strerror(errno));
        return SKIP_CODE;
    }
    char err[BL_ERR_BYTES] = "";
    struct bl_eal_config c = {.program = "test", .workers = 1, .main_cpu = -1};
    if (bl_eal_start(&c, err) != 0) {
        printf("%s\n", err);
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, stop_dpdk);
}
