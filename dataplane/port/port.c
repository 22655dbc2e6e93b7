/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/port/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/port/port_kind.h"

int bl_port_fail(char err[BL_ERR_BYTES], const char *spec, int code, const char *what, ...)
{
    int n = snprintf(err, BL_ERR_BYTES, "port %s: ", spec);
    if (n > 0 && n < (int)BL_ERR_BYTES) {
        va_list args;
        va_start(args, what);
        vsnprintf(err + n, BL_ERR_BYTES - (size_t)n, what, args);
        va_end(args);
    }
    return -code;
}

/* ---- specification ------------------------------------------------- */

/* Digits only, within [min, max]. */
static bool number_of(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
    if (*text < '0' || *text > '9')
        return false;
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' && *value >= min && *value <= max;
}

/* "queues=4" for the key "queues": the value, else NULL. */
static const char *value_of(const char *option, const char *key)
{
    size_t n = strlen(key);
    return strncmp(option, key, n) == 0 && option[n] == '=' ? option + n + 1 : NULL;
}

static int parse_count(struct bl_port_spec *s, const char *key, const char *value, char err[BL_ERR_BYTES])
{
    uint64_t n;
    if (!number_of(value, 1, BL_PORT_QUEUES_MAX, &n))
        return bl_port_fail(err, s->text, EINVAL, "%s=%s: not a number of 1 to %u", key, value,
                            BL_PORT_QUEUES_MAX);
    s->queues = (uint16_t)n;
    return 0;
}

static int parse_socket_option(struct bl_port_spec *s, const char *option, char err[BL_ERR_BYTES])
{
    const char *value = value_of(option, "workers");
    if (value)
        return parse_count(s, "workers", value, err);
    value = value_of(option, "rcvbuf");
    if (!value)
        return bl_port_fail(err, s->text, EINVAL, "no option `%s`; there are workers=N and rcvbuf=BYTES",
                            option);
    uint64_t bytes;
    if (!number_of(value, 4096, INT32_MAX / 2, &bytes))
        return bl_port_fail(err, s->text, EINVAL, "rcvbuf=%s: not a number of bytes, 4096 to %d", value,
                            INT32_MAX / 2);
    s->rcvbuf_bytes = (uint32_t)bytes;
    return 0;
}

/* "ADDR:PORT": cuts it in two. */
static int parse_endpoint(struct bl_port_spec *s, char *endpoint, char err[BL_ERR_BYTES])
{
    char *colon = strrchr(endpoint, ':');
    uint64_t port;
    if (!colon || !number_of(colon + 1, 0, UINT16_MAX, &port))
        return bl_port_fail(err, s->text, EINVAL,
                            "no UDP port of 0 to 65535 at the end; write socket:ADDR:PORT");
    *colon = '\0';
    s->udp_port = (uint16_t)port;

    size_t n = strlen(endpoint);
    struct in6_addr a;
    if (n > 2 && endpoint[0] == '[' && endpoint[n - 1] == ']') {
        endpoint[n - 1] = '\0';
        endpoint++;
        char bare[INET6_ADDRSTRLEN] = "";
        snprintf(bare, sizeof(bare), "%.*s", (int)strcspn(endpoint, "%"), endpoint);
        if (inet_pton(AF_INET6, bare, &a) != 1)
            return bl_port_fail(err, s->text, EINVAL, "`%s` is no IPv6 address", endpoint);
    } else if (inet_pton(AF_INET6, endpoint, &a) == 1) {
        return bl_port_fail(err, s->text, EINVAL, "an IPv6 address goes in brackets: socket:[%s]:%u",
                            endpoint, s->udp_port);
    } else if (inet_pton(AF_INET, endpoint, &a) != 1) {
        return bl_port_fail(
            err, s->text, EINVAL,
            "`%s` is no IPv4 or [IPv6] address; 127.0.0.1 is this machine, 0.0.0.0 every interface",
            endpoint);
    }
    snprintf(s->device, sizeof(s->device), "%s", endpoint);
    return 0;
}

static int parse_socket(struct bl_port_spec *s, char *rest, char err[BL_ERR_BYTES])
{
    s->rcvbuf_bytes = BL_PORT_RCVBUF_BYTES;
    char *endpoint = strsep(&rest, ",");
    int rc = parse_endpoint(s, endpoint, err);
    while (rc == 0 && rest)
        rc = parse_socket_option(s, strsep(&rest, ","), err);
    return rc;
}

/* The device that devargs mean: "net_null0" of "net_null0,size=64", of
 * "vdev:net_null0" and of "bus=vdev,name=net_null0/driver=net_null". */
static void copy_device_name(struct bl_port_spec *s, const char *devargs)
{
    static const char *const before[] = {"vdev:", "pci:"};
    const char *end = ",";

    if (value_of(devargs, "bus")) {
        const char *name = strstr(devargs, ",name=");
        const char *address = strstr(devargs, ",addr=");
        devargs = name ? name + strlen(",name=") : address ? address + strlen(",addr=") : devargs;
        end = ",/";
    }
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
        if (strncmp(devargs, before[i], strlen(before[i])) == 0)
            devargs += strlen(before[i]);
    snprintf(s->name, sizeof(s->name), "%.*s", (int)strcspn(devargs, end), devargs);
}

/* Drivers that make only the queues that their own queues=N asks for. */
static bool device_takes_queues(const struct bl_port_spec *s)
{
    static const char *const drivers[] = {"net_vhost", "eth_vhost", "net_virtio_user", "virtio_user"};

    for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
        if (strncmp(s->name, drivers[i], strlen(drivers[i])) == 0)
            return true;
    return false;
}

/* Takes our queues=N out, unless the driver wants it, too; leaves DPDK's
 * devargs as they were. */
static int parse_dpdk(struct bl_port_spec *s, char *rest, char err[BL_ERR_BYTES])
{
    if (*rest == '\0' || *rest == ',')
        return bl_port_fail(err, s->text, EINVAL,
                            "no device; write dpdk: and a PCI address (0000:01:00.0) or a vdev "
                            "(net_af_packet0,iface=eth1)");
    copy_device_name(s, rest);
    size_t used = 0;
    while (rest) {
        const char *item = strsep(&rest, ",");
        const char *value = used > 0 ? value_of(item, "queues") : NULL;
        if (value) {
            int rc = parse_count(s, "queues", value, err);
            if (rc != 0)
                return rc;
            if (!device_takes_queues(s))
                continue;
        }
        int n = snprintf(s->device + used, sizeof(s->device) - used, "%s%s", used > 0 ? "," : "", item);
        if (n < 0 || (size_t)n >= sizeof(s->device) - used)
            return bl_port_fail(err, s->text, EINVAL, "too long; at most %zu bytes", sizeof(s->device) - 1);
        used += (size_t)n;
    }
    return 0;
}

int bl_port_spec_parse(struct bl_port_spec *s, const char *text, char err[BL_ERR_BYTES])
{
    memset(s, 0, sizeof(*s));
    s->queues = 1;
    size_t len = strlen(text);
    if (len >= sizeof(s->text))
        return bl_port_fail(err, "", EINVAL, "specification of %zu bytes; at most %zu", len,
                            sizeof(s->text) - 1);
    char rest[sizeof(s->text)];
    memcpy(s->text, text, len + 1);
    memcpy(rest, text, len + 1);

    static const char socket_prefix[] = "socket:", dpdk_prefix[] = "dpdk:";
    if (strncmp(rest, socket_prefix, strlen(socket_prefix)) == 0) {
        s->kind = BL_PORT_SOCKET;
        return parse_socket(s, rest + strlen(socket_prefix), err);
    }
    if (strncmp(rest, dpdk_prefix, strlen(dpdk_prefix)) == 0) {
        s->kind = BL_PORT_DPDK;
        return parse_dpdk(s, rest + strlen(dpdk_prefix), err);
    }
    return bl_port_fail(
        err, text, EINVAL,
        "no such kind of port; write socket:ADDR:PORT (socket:127.0.0.1:8127) or dpdk:DEVARGS "
        "(dpdk:net_af_packet0,iface=eth1)");
}

static bool takes_all_of_ipv6(const struct bl_port_spec *s)
{
    struct in6_addr a;
    return s->kind == BL_PORT_SOCKET && inet_pton(AF_INET6, s->device, &a) == 1 &&
           IN6_IS_ADDR_UNSPECIFIED(&a);
}

static bool takes_ipv4(const struct bl_port_spec *s)
{
    struct in_addr a;
    return s->kind == BL_PORT_SOCKET && inet_pton(AF_INET, s->device, &a) == 1;
}

void bl_port_specs_share(struct bl_port_spec *s, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        for (unsigned other = 0; other < count && takes_all_of_ipv6(&s[i]); other++)
            s[i].ipv6_alone |=
                takes_ipv4(&s[other]) && s[i].udp_port != 0 && s[other].udp_port == s[i].udp_port;
}

/* ---- the kinds ------------------------------------------------------ */

static bool is_socket(const struct bl_port *p)
{
    return p->spec.kind == BL_PORT_SOCKET;
}

struct bl_port *bl_port_open(const struct bl_port_spec *s, uint16_t udp_port, char err[BL_ERR_BYTES])
{
    return s->kind == BL_PORT_SOCKET ? bl_port_socket_open(s, err) : bl_port_dpdk_open(s, udp_port, err);
}

void bl_port_close(struct bl_port *p)
{
    if (!p)
        return;
    if (is_socket(p))
        bl_port_socket_close(p);
    else
        bl_port_dpdk_close(p);
}

const struct bl_port_spec *bl_port_spec_of(const struct bl_port *p)
{
    return &p->spec;
}

const char *bl_port_note(const struct bl_port *p)
{
    return p->note;
}

unsigned bl_port_receive(struct bl_port *p, unsigned queue, struct bl_burst *burst, struct bl_counters *c)
{
    return is_socket(p) ? bl_port_socket_receive(p, queue, burst, c)
                        : bl_port_dpdk_receive(p, queue, burst, c);
}

void bl_port_release(struct bl_port *p, unsigned queue, struct bl_burst *burst)
{
    (void)queue; /* a socket's buffers are used again, an mbuf knows its pool */
    if (!is_socket(p))
        bl_port_dpdk_release(burst);
    burst->packets = 0;
}

void bl_port_wait(struct bl_port *p, unsigned queue, int timeout_ms)
{
    if (is_socket(p))
        bl_port_socket_wait(p, queue, timeout_ms);
}

bool bl_port_sleeps(const struct bl_port *p)
{
    return is_socket(p);
}

bool bl_port_link_up(struct bl_port *p)
{
    return is_socket(p) ? bl_port_socket_link_up(p) : bl_port_dpdk_link_up(p);
}

uint64_t bl_port_missed(struct bl_port *p)
{
    return is_socket(p) ? bl_port_socket_missed(p) : bl_port_dpdk_missed(p);
}
