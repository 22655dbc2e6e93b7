/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "dataplane/port/port.h"

static void good_specifications_come_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum bl_port_kind kind;
        const char *device;
        uint16_t udp_port, queues;
        uint32_t rcvbuf_bytes;
    } table[] = {
        {"socket:127.0.0.1:8127", BL_PORT_SOCKET, "127.0.0.1", 8127, 1, BL_PORT_RCVBUF_BYTES},
        {"socket:[::1]:8127", BL_PORT_SOCKET, "::1", 8127, 1, BL_PORT_RCVBUF_BYTES},
        {"socket:[fe80::1%lo]:1", BL_PORT_SOCKET, "fe80::1%lo", 1, 1, BL_PORT_RCVBUF_BYTES},
        {"socket:0.0.0.0:8127,workers=2,rcvbuf=8388608", BL_PORT_SOCKET, "0.0.0.0", 8127, 2, 8388608},
        {"socket:127.0.0.1:0,rcvbuf=4096", BL_PORT_SOCKET, "127.0.0.1", 0, 1, 4096},
        {"dpdk:net_af_packet0,iface=eth1", BL_PORT_DPDK, "net_af_packet0,iface=eth1", 0, 1, 0},
        {"dpdk:0000:01:00.0,queues=4", BL_PORT_DPDK, "0000:01:00.0", 0, 4, 0},
        {"dpdk:net_af_packet0,iface=eth1,queues=2,qpairs=2", BL_PORT_DPDK,
         "net_af_packet0,iface=eth1,qpairs=2", 0, 2, 0},
        {"dpdk:net_vhost0,iface=/run/v.sock,queues=2", BL_PORT_DPDK, "net_vhost0,iface=/run/v.sock,queues=2",
         0, 2, 0},
        {"dpdk:vdev:net_virtio_user0,queues=3,path=/run/v.sock", BL_PORT_DPDK,
         "vdev:net_virtio_user0,queues=3,path=/run/v.sock", 0, 3, 0},
        {"dpdk:bus=vdev,name=net_vhost1/class=eth/driver=net_vhost,queues=2", BL_PORT_DPDK,
         "bus=vdev,name=net_vhost1/class=eth/driver=net_vhost,queues=2", 0, 2, 0},
        {"dpdk:net_tap0,mac=fixed,", BL_PORT_DPDK, "net_tap0,mac=fixed,", 0, 1, 0},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct bl_port_spec s;
        char err[BL_ERR_BYTES] = "";
        print_message("%s\n", table[i].text);
        assert_int_equal(bl_port_spec_parse(&s, table[i].text, err), 0);
        assert_string_equal(s.text, table[i].text);
        assert_int_equal(s.kind, table[i].kind);
        assert_string_equal(s.device, table[i].device);
        assert_int_equal(s.udp_port, table[i].udp_port);
        assert_int_equal(s.queues, table[i].queues);
        assert_int_equal(s.rcvbuf_bytes, table[i].rcvbuf_bytes);
    }
}

static void a_device_has_a_name_however_it_is_written(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name;
    } table[] = {
        {"dpdk:net_null0", "net_null0"},
        {"dpdk:net_pcap0,rx_pcap=/a/b", "net_pcap0"},
        {"dpdk:vdev:net_null0,size=64", "net_null0"},
        {"dpdk:bus=vdev,name=net_null0,queues=2", "net_null0"},
        {"dpdk:bus=vdev,name=net_pcap0/class=eth/driver=net_pcap,rx_pcap=/a/b", "net_pcap0"},
        {"dpdk:0000:01:00.0,queues=4", "0000:01:00.0"},
        {"dpdk:pci:01:00.0", "01:00.0"},
        {"dpdk:bus=pci,addr=01:00.0", "01:00.0"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct bl_port_spec s;
        char err[BL_ERR_BYTES] = "";
        print_message("%s\n", table[i].text);
        assert_int_equal(bl_port_spec_parse(&s, table[i].text, err), 0);
        assert_string_equal(s.name, table[i].name);
    }
}

/* Each error names the specification, what is wrong and the mend. */
static void bad_specifications_say_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *text, *say;
    } table[] = {
        {"", "write socket:ADDR:PORT"},
        {"udp:127.0.0.1:8127", "no such kind of port; write socket:ADDR:PORT"},
        {"socket", "no such kind of port"},
        {"socket:", "no UDP port of 0 to 65535"},
        {"socket:127.0.0.1", "no UDP port of 0 to 65535"},
        {"socket:127.0.0.1:", "no UDP port of 0 to 65535"},
        {"socket:127.0.0.1:65536", "no UDP port of 0 to 65535"},
        {"socket:127.0.0.1:-1", "no UDP port of 0 to 65535"},
        {"socket:127.0.0.1:80x", "no UDP port of 0 to 65535"},
        {"socket::8127", "0.0.0.0 every interface"},
        {"socket:8127", "no UDP port of 0 to 65535"},
        {"socket:localhost:8127", "`localhost` is no IPv4 or [IPv6] address"},
        {"socket:::1:8127", "an IPv6 address goes in brackets"},
        {"socket:[::1:8127", "no IPv4 or [IPv6] address"},
        {"socket:[nonsense]:8127", "`nonsense` is no IPv6 address"},
        {"socket:[]:8127", "no IPv4 or [IPv6] address"},
        {"socket:127.0.0.1:8127,", "no option ``; there are workers=N"},
        {"socket:127.0.0.1:8127,worker=2", "no option `worker=2`; there are workers=N"},
        {"socket:127.0.0.1:8127,workers=0", "workers=0: not a number of 1 to 128"},
        {"socket:127.0.0.1:8127,workers=129", "workers=129: not a number of 1 to 128"},
        {"socket:127.0.0.1:8127,workers=", "not a number of 1 to 128"},
        {"socket:127.0.0.1:8127,rcvbuf=1", "rcvbuf=1: not a number of bytes"},
        {"socket:127.0.0.1:8127,rcvbuf=99999999999999999999", "not a number of bytes"},
        {"dpdk:", "no device; write dpdk: and a PCI address"},
        {"dpdk:,iface=eth1", "no device"},
        {"dpdk:net_null0,queues=x", "queues=x: not a number of 1 to 128"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct bl_port_spec s;
        char err[BL_ERR_BYTES] = "";
        assert_int_equal(bl_port_spec_parse(&s, table[i].text, err), -EINVAL);
        print_message("%s\n", err);
        assert_non_null(strstr(err, table[i].say));
        assert_non_null(strstr(err, table[i].text));
        assert_null(strchr(err, '\n'));
    }
}

static void a_specification_without_end_is_refused(void **state)
{
    (void)state;
    char text[2048], err[BL_ERR_BYTES];
    struct bl_port_spec s;
    for (size_t len = 470; len < sizeof(text); len++) {
        memset(text, 'x', len);
        text[len] = '\0';
        memcpy(text, "dpdk:", 5);
        int rc = bl_port_spec_parse(&s, text, err);
        assert_int_equal(rc, len - 5 < sizeof(s.device) ? 0 : -EINVAL);
    }
}

static void all_of_ipv6_leaves_ipv4_to_a_port_of_the_same_number(void **state)
{
    (void)state;
    static const struct {
        const char *other;
        bool alone;
    } table[] = {
        {"socket:0.0.0.0:8127", true},  {"socket:192.0.2.1:8127,workers=2", true},
        {"socket:0.0.0.0:8128", false}, {"socket:[::1]:8127", false},
        {"dpdk:net_null0", false},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        for (unsigned all = 0; all < 2; all++) {
            char err[BL_ERR_BYTES];
            struct bl_port_spec s[2];
            assert_int_equal(bl_port_spec_parse(&s[all], "socket:[0::]:8127", err), 0);
            assert_int_equal(bl_port_spec_parse(&s[1 - all], table[i].other, err), 0);
            bl_port_specs_share(s, 2);
            assert_int_equal(s[all].ipv6_alone, table[i].alone);
            assert_false(s[1 - all].ipv6_alone);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_specifications_come_apart),
        cmocka_unit_test(a_device_has_a_name_however_it_is_written),
        cmocka_unit_test(bad_specifications_say_what_to_do),
        cmocka_unit_test(a_specification_without_end_is_refused),
        cmocka_unit_test(all_of_ipv6_leaves_ipv4_to_a_port_of_the_same_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
