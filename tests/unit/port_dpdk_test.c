/* SPDX-License-Identifier: Apache-2.0 */
/* DPDK ports without privilege, huge pages or an interface: pcap file,
 * ring, null, memif. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "dataplane/port/eal.h"
#include "tests/frames.h"
#include "tests/open_port.h"
#include "tests/real_time.h"

#define UDP_PORT 8127

static struct bl_burst burst;

/* ---- frames ------------------------------------------------------------ */

/* Untagged IPv4 to `port`. Returns its length. */
static uint32_t udp_frame(uint8_t *out, uint16_t port, const char *payload)
{
    struct frame f = {
        .src_port = 40000, .dst_port = port, .payload = payload, .payload_len = (uint32_t)strlen(payload)};
    return frame_build(&f, out);
}

static void write_word(FILE *f, uint32_t word)
{
    assert_int_equal(fwrite(&word, sizeof(word), 1, f), 1);
}

/* A pcap file in memory, so that nothing is left behind: magic, version,
 * 16 bytes, link type Ethernet. `spec` is the port that reads it. */
static FILE *pcap_new(char spec[64])
{
    int fd = memfd_create("pcap", MFD_CLOEXEC);
    FILE *f = fdopen(fd, "w");
    assert_non_null(f);
    snprintf(spec, 64, "dpdk:net_pcap0,rx_pcap=/proc/self/fd/%d", fd);
    static const uint32_t header[] = {0xa1b2c3d4, 0x00040002, 0, 0, 262144, 1};
    for (unsigned i = 0; i < 6; i++)
        write_word(f, header[i]);
    return f;
}

static void pcap_add(FILE *f, const uint8_t *frame, uint32_t len)
{
    uint32_t header[] = {0, 0, len, len};
    for (unsigned i = 0; i < 4; i++)
        write_word(f, header[i]);
    assert_int_equal(fwrite(frame, 1, len, f), len);
}

/* ---- EAL ----------------------------------------------------------------- */

static int count_lines(const char *text)
{
    int lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

/* EAL keeps what it read of the arguments it refused: in a process of
 * its own. */
static void bad_eal_arguments_are_one_line(void **state)
{
    (void)state;
    int out[2];
    assert_int_equal(pipe(out), 0);
    pid_t child = fork();
    if (child == 0) {
        char err[BL_ERR_BYTES] = "";
        struct bl_eal_config c = {.program = "test", .extra = "--nonsense", .workers = 1, .main_cpu = -1};
        dup2(out[1], STDOUT_FILENO);
        dup2(out[1], STDERR_FILENO);
        int rc = bl_eal_start(&c, err);
        dprintf(out[1], "%s", err);
        _exit(rc < 0 && !bl_eal_started() ? 0 : 1);
    }
    close(out[1]);
    char said[2048];
    ssize_t n = 0, got;
    while ((got = read(out[0], said + n, sizeof(said) - 1 - (size_t)n)) > 0)
        n += got;
    said[n] = '\0';
    close(out[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    print_message("%s\n", said);
    assert_int_equal(status, 0);
    assert_memory_equal(said, "DPDK does not start: ", 21);
    assert_non_null(strstr(said, "nonsense"));
    assert_int_equal(count_lines(said), 0);
}

static void a_port_before_eal_is_refused(void **state)
{
    (void)state;
    char err[BL_ERR_BYTES] = "";
    assert_null(open_port("dpdk:net_null0", UDP_PORT, err));
    assert_non_null(strstr(err, "DPDK was not started"));
}

static void eal_starts_and_leaves_the_caller_where_it_was(void **state)
{
    (void)state;
    char err[BL_ERR_BYTES] = "";
    cpu_set_t before, after;
    sched_getaffinity(0, sizeof(before), &before);
    struct bl_eal_config c = {.program = "test", .workers = 2, .main_cpu = -1};
    if (bl_eal_start(&c, err) != 0)
        fail_msg("%s", err);
    assert_true(bl_eal_started());
    sched_getaffinity(0, sizeof(after), &after);
    assert_true(CPU_EQUAL(&before, &after));
    assert_int_equal(rte_lcore_count(), 3);
}

static int report_cpu(void *arg)
{
    *(int *)arg = sched_getcpu();
    return 7;
}

static void worker_lcores_keep_off_mains_cpu(void **state)
{
    (void)state;
    cpu_set_t allowed;
    sched_getaffinity(0, sizeof(allowed), &allowed);
    int first = 0;
    while (!CPU_ISSET((size_t)first, &allowed))
        first++;
    for (unsigned i = 0; i < 2; i++) {
        int cpu = -1;
        unsigned lcore = bl_eal_worker_lcore(i);
        assert_int_equal(rte_eal_remote_launch(report_cpu, &cpu, lcore), 0);
        assert_int_equal(rte_eal_wait_lcore(lcore), 7);
        assert_true(CPU_ISSET((size_t)cpu, &allowed));
        assert_true(cpu != first || CPU_COUNT(&allowed) == 1);
    }
}

/* ---- what comes in -------------------------------------------------------- */

static void a_pcap_file_comes_in_and_what_is_no_beat_is_counted(void **state)
{
    (void)state;
    bl_role_assume_worker();
    bl_role_assume_control();
    bl_role_assume_port_watch();
    char text[64];
    static uint8_t frame[FRAME_MAX];
    FILE *f = pcap_new(text);
    pcap_add(f, frame, udp_frame(frame, UDP_PORT, "a.beat:1|c"));
    pcap_add(f, frame, udp_frame(frame, UDP_PORT + 1, "b.beat:1|c"));
    pcap_add(f, frame, udp_frame(frame, UDP_PORT, ""));
    uint32_t len = udp_frame(frame, UDP_PORT, "c.beat:1|c");
    frame[len - 1] ^= 1;
    pcap_add(f, frame, len);
    memset(frame, 0, sizeof(frame));
    pcap_add(f, frame, 60);
    fflush(f);

    for (unsigned round = 0; round < 2; round++) { /* it can be opened again */
        struct bl_port *p = must_open_port(text, UDP_PORT);
        assert_false(bl_port_sleeps(p));
        struct bl_counters c = {0};
        assert_int_equal(bl_port_receive(p, 0, &burst, &c), 5);
        assert_int_equal(burst.payload[0].len, 10);
        assert_memory_equal(burst.payload[0].data, "a.beat:1|c", 10);
        for (unsigned i = 1; i < 5; i++)
            assert_null(burst.payload[i].data);
        bl_port_release(p, 0, &burst);
        assert_int_equal(c.packets, 5);
        assert_int_equal(c.bytes, 52 + 52 + 42 + 52 + 60);
        assert_int_equal(c.drop[BL_DROP_wrong_port], 1);
        assert_int_equal(c.drop[BL_DROP_empty], 1);
        assert_int_equal(c.drop[BL_DROP_udp_checksum], 1);
        assert_int_equal(c.drop[BL_DROP_not_ip], 1);
        assert_int_equal(bl_port_receive(p, 0, &burst, &c), 0);
        assert_true(bl_port_link_up(p));
        assert_int_equal(bl_port_missed(p), 0);
        bl_port_close(p);
    }
    fclose(f);
}

static void a_frame_larger_than_a_buffer_is_counted(void **state)
{
    (void)state;
    bl_role_assume_worker();
    static uint8_t frame[9000];
    char text[64];
    FILE *f = pcap_new(text);
    pcap_add(f, frame, sizeof(frame));
    fflush(f);
    struct bl_port *p = must_open_port(text, UDP_PORT);
    struct bl_counters c = {0};
    assert_int_equal(bl_port_receive(p, 0, &burst, &c), 1);
    assert_null(burst.payload[0].data);
    bl_port_release(p, 0, &burst);
    assert_int_equal(c.packets, 1);
    assert_int_equal(c.bytes, sizeof(frame));
    assert_int_equal(c.drop[BL_DROP_multi_segment], 1);
    bl_port_close(p);
    fclose(f);
}

static void put_beat(struct rte_mbuf *m, const char *payload)
{
    static uint8_t frame[FRAME_MAX];
    uint16_t len = (uint16_t)udp_frame(frame, UDP_PORT, payload);
    memcpy(rte_pktmbuf_append(m, len), frame, len);
}

/* Puts a beat into queue `queue` of net_ring0. */
static void ring_put(struct rte_mempool *pool, unsigned queue, const char *payload)
{
    char name[RTE_RING_NAMESIZE];
    snprintf(name, sizeof(name), "ETH_RXTX%u_net_ring0", queue);
    struct rte_ring *ring = rte_ring_lookup(name);
    assert_non_null(ring);
    struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
    assert_non_null(m);
    put_beat(m, payload);
    assert_int_equal(rte_ring_enqueue(ring, m), 0);
}

static void each_queue_is_a_workers_own_and_no_buffer_is_lost(void **state)
{
    (void)state;
    bl_role_assume_worker();
    struct rte_mempool *pool = rte_pktmbuf_pool_create("test", 255, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
    struct bl_port *p = must_open_port("dpdk:net_ring0,queues=2", UDP_PORT);
    struct bl_counters c[2] = {{0}};
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < 100; i++)
            ring_put(pool, i % 4 == 0, "x.beat:1|c");
        assert_int_equal(bl_port_receive(p, 1, &burst, &c[1]), 25);
        assert_memory_equal(burst.payload[24].data, "x.beat:1|c", 10);
        bl_port_release(p, 1, &burst);
        /* More than one take: both are released at once. */
        assert_int_equal(bl_port_receive(p, 0, &burst, &c[0]), BL_PORT_TAKE);
        assert_int_equal(bl_port_receive(p, 0, &burst, &c[0]), 75 - BL_PORT_TAKE);
        assert_memory_equal(burst.payload[75 - BL_PORT_TAKE - 1].data, "x.beat:1|c", 10);
        assert_int_equal(burst.packets, 75);
        bl_port_release(p, 0, &burst);
        assert_int_equal(burst.packets, 0);
    }
    assert_int_equal(c[0].packets, 750);
    assert_int_equal(c[1].packets, 250);
    assert_int_equal(rte_mempool_avail_count(pool), 255);
    bl_port_close(p);
    rte_mempool_free(pool);
}

static void null_runs(void **state)
{
    (void)state;
    bl_role_assume_worker();
    struct bl_port *p = must_open_port("dpdk:net_null0,size=64", UDP_PORT);
    struct bl_counters c = {0};
    for (unsigned packets = BL_PORT_TAKE; packets <= BL_BURST; packets += BL_PORT_TAKE) {
        assert_int_equal(bl_port_receive(p, 0, &burst, &c), BL_PORT_TAKE);
        assert_int_equal(burst.packets, packets);
    }
    bl_port_release(p, 0, &burst);
    assert_int_equal(c.packets, BL_BURST);
    bl_port_close(p);
}

static void a_device_may_come_with_its_bus(void **state)
{
    (void)state;
    static const char *const specs[] = {"dpdk:vdev:net_null0", "dpdk:bus=vdev,name=net_null0",
                                        "dpdk:vdev:net_null0,size=64,queues=2"};
    bl_role_assume_worker();
    for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
        struct bl_port *p = must_open_port(specs[i], UDP_PORT);
        struct bl_counters c = {0};
        assert_int_equal(bl_port_receive(p, 0, &burst, &c), BL_PORT_TAKE);
        bl_port_release(p, 0, &burst);
        bl_port_close(p);
    }
}

/* ---- memif: a peer in the same process ------------------------------------ */

static uint16_t memif_peer(const char *name, struct rte_mempool *pool)
{
    char args[256];
    snprintf(args, sizeof(args), "role=client,socket=%s", name);
    assert_int_equal(rte_eal_hotplug_add("vdev", "net_memif9", args), 0);
    uint16_t id;
    assert_int_equal(rte_eth_dev_get_port_by_name("net_memif9", &id), 0);
    struct rte_eth_conf conf = {0};
    assert_int_equal(rte_eth_dev_configure(id, 1, 1, &conf), 0);
    assert_int_equal(rte_eth_rx_queue_setup(id, 0, 512, 0, NULL, pool), 0);
    assert_int_equal(rte_eth_tx_queue_setup(id, 0, 512, 0, NULL), 0);
    assert_int_equal(rte_eth_dev_start(id), 0);
    return id;
}

static void memif_beats_arrive_and_a_lost_peer_is_a_lost_link(void **state)
{
    (void)state;
    bl_role_assume_worker();
    bl_role_assume_control();
    bl_role_assume_port_watch();
    char name[64], text[128];
    snprintf(name, sizeof(name), "beatline-test-%d", getpid()); /* abstract: no file */
    snprintf(text, sizeof(text), "dpdk:net_memif0,role=server,socket=%s", name);
    struct bl_port *p = must_open_port(text, UDP_PORT);
    struct bl_counters c = {0};
    assert_false(bl_port_link_up(p));
    assert_int_equal(bl_port_receive(p, 0, &burst, &c), 0);

    struct rte_mempool *pool = rte_pktmbuf_pool_create("peer", 1023, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
    uint16_t peer = memif_peer(name, pool);
    for (unsigned i = 0; i < 500 && !bl_port_link_up(p); i++)
        real_sleep_ms(10);
    assert_true(bl_port_link_up(p));

    unsigned seen = 0;
    for (unsigned i = 0; i < 100; i++) {
        struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
        put_beat(m, "m.beat:1|c");
        assert_int_equal(rte_eth_tx_burst(peer, 0, &m, 1), 1);
    }
    for (unsigned i = 0; i < 100 && seen < 100; i++) {
        unsigned n = bl_port_receive(p, 0, &burst, &c);
        for (unsigned k = 0; k < n; k++)
            assert_memory_equal(burst.payload[k].data, "m.beat:1|c", 10);
        bl_port_release(p, 0, &burst);
        seen += n;
    }
    assert_int_equal(seen, 100);
    assert_int_equal(bl_port_missed(p), 0);

    rte_eth_dev_stop(peer);
    rte_eth_dev_close(peer);
    rte_eal_hotplug_remove("vdev", "net_memif9");
    for (unsigned i = 0; i < 500 && bl_port_link_up(p); i++)
        real_sleep_ms(10);
    assert_false(bl_port_link_up(p));
    bl_port_close(p);
    rte_mempool_free(pool);
}

/* ---- errors ------------------------------------------------------------------ */

static void each_failure_is_one_line_that_says_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *text, *say;
    } table[] = {
        {"dpdk:eth1", "dpdk:net_af_packet0,iface=eth1"},
        {"dpdk:net_nosuch0", "DPDK has no driver of that name"},
        {"dpdk:net_af_packet0", "no iface=NAME; ip link"},
        {"dpdk:net_af_packet0,iface=nosuch9", "no such interface nosuch9; ip link lists them"},
        {"dpdk:net_af_xdp0,iface=nosuch9", "no such interface nosuch9; ip link lists them"},
        {"dpdk:net_pcap0,rx_pcap=/nonexistent/f.pcap", "/nonexistent/f.pcap: No such file"},
        {"dpdk:0000:ff:1f.7", "no PCI device 0000:ff:1f.7; lspci -D lists them"},
        {"dpdk:ff:1f.7", "no PCI device 0000:ff:1f.7; lspci -D lists them"},
        {"dpdk:net_null0,queues=128", "no memory for 589696 packet buffers"},
        {"dpdk:net_pcap0,rx_pcap=/dev/null,queues=2", ""},
        {"dpdk:net_null0,nonsense=1", "DPDK refuses the device"},
        {"dpdk:net_ring0,queues=100", "queues=100, but the device has 16; ask for fewer"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char err[BL_ERR_BYTES] = "";
        struct bl_port *p = open_port(table[i].text, UDP_PORT, err);
        print_message("%s\n", p ? table[i].text : err);
        if (p) {
            bl_port_close(p);
            continue;
        }
        assert_non_null(strstr(err, table[i].text));
        assert_non_null(strstr(err, table[i].say));
        assert_int_equal(count_lines(err), 0);
    }
}

static void a_device_twice_says_so(void **state)
{
    (void)state;
    char err[BL_ERR_BYTES] = "";
    struct bl_port *p = must_open_port("dpdk:net_null0", UDP_PORT);
    assert_null(open_port("dpdk:net_null0", UDP_PORT, err));
    print_message("%s\n", err);
    assert_non_null(strstr(err, "this device is a port already"));
    bl_port_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_eal_arguments_are_one_line),
        cmocka_unit_test(a_port_before_eal_is_refused),
        cmocka_unit_test(eal_starts_and_leaves_the_caller_where_it_was),
        cmocka_unit_test(worker_lcores_keep_off_mains_cpu),
        cmocka_unit_test(a_pcap_file_comes_in_and_what_is_no_beat_is_counted),
        cmocka_unit_test(a_frame_larger_than_a_buffer_is_counted),
        cmocka_unit_test(each_queue_is_a_workers_own_and_no_buffer_is_lost),
        cmocka_unit_test(null_runs),
        cmocka_unit_test(a_device_may_come_with_its_bus),
        cmocka_unit_test(memif_beats_arrive_and_a_lost_peer_is_a_lost_link),
        cmocka_unit_test(each_failure_is_one_line_that_says_what_to_do),
        cmocka_unit_test(a_device_twice_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, stop_dpdk);
}
