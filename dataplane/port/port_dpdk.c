/* SPDX-License-Identifier: Apache-2.0 */
/* Any ethdev of DPDK: attach, configure, start; link and missed. */
#include "dataplane/port/port_dpdk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_pci.h>

#include "dataplane/port/eal.h"

/* Receive descriptors wished for: 140 us of 14.88 M packets/s, for a
 * poll that was held up. The driver rounds as it must. */
#define RX_DESCRIPTORS 2048u
#define TX_DESCRIPTORS 64u
/* mbufs per queue: ring, the worker's burst and cache, and what a driver
 * keeps in a second ring (af_xdp: 2048 in its fill ring). */
#define MBUFS_PER_QUEUE (2u * RX_DESCRIPTORS + 511u)
#define MBUF_CACHE      512u

/* ---- why it failed ---------------------------------------------------- */

/* Value of "key=" in devargs, cut at the next comma; "" if absent. */
static void port_dpdk_devarg(const char *devargs, const char *key, char *out, size_t size)
{
    char pattern[32];
    snprintf(pattern, sizeof(pattern), ",%s=", key);
    const char *v = strstr(devargs, pattern);
    v = v ? v + strlen(pattern) : "";
    snprintf(out, size, "%.*s", (int)strcspn(v, ","), v);
}

/* The device's name as DPDK spells it: a PCI address with its domain.
 * Returns whether it is one. */
static bool device_name(const struct bl_port_spec *s, char name[RTE_DEV_NAME_MAX_LEN])
{
    struct rte_pci_addr pci;
    snprintf(name, RTE_DEV_NAME_MAX_LEN, "%.*s", RTE_DEV_NAME_MAX_LEN - 1, s->name);
    if (rte_pci_addr_parse(name, &pci) != 0)
        return false;
    rte_pci_device_name(&pci, name, RTE_DEV_NAME_MAX_LEN);
    return true;
}

static int pci_failed(const struct bl_port_spec *s, const char *address, char err[BL_ERR_BYTES])
{
    char path[128], driver[256];
    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", address);
    ssize_t len = readlink(path, driver, sizeof(driver) - 1);
    driver[len > 0 ? len : 0] = '\0';
    const char *name = strrchr(driver, '/') ? strrchr(driver, '/') + 1 : "no driver";
    *strrchr(path, '/') = '\0';
    if (access(path, F_OK) != 0)
        return bl_port_fail(err, s->text, ENODEV, "no PCI device %s; lspci -D lists them", address);
    return bl_port_fail(err, s->text, ENODEV,
                        "PCI device %s is with %s, and DPDK cannot take it (%s); "
                        "dpdk-devbind.py --bind=vfio-pci %s gives it to DPDK",
                        address, name, bl_eal_said(), address);
}

static bool may_open_packet_sockets(void)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* What most often is wrong with the devargs, looked up after the fact:
 * the kernel knows it better than DPDK's log tells it. */
static int attach_failed(const struct bl_port_spec *s, int code, char err[BL_ERR_BYTES])
{
    char iface[64], file[256], name[RTE_DEV_NAME_MAX_LEN];
    port_dpdk_devarg(s->device, "iface", iface, sizeof(iface));
    port_dpdk_devarg(s->device, "rx_pcap", file, sizeof(file));
    bool kernel = strncmp(s->name, "net_af_", 7) == 0;
    if (code == EEXIST)
        return bl_port_fail(err, s->text, code, "this device is a port already; name it once, with queues=N");
    if (device_name(s, name))
        return pci_failed(s, name, err);
    if (strncmp(s->name, "net_", 4) != 0 && strncmp(s->name, "virtio_user", 11) != 0)
        return bl_port_fail(err, s->text, code,
                            "neither a PCI address nor a vdev of DPDK; an interface of the kernel is "
                            "dpdk:net_af_packet0,iface=%s",
                            s->name);
    if (kernel && !iface[0])
        return bl_port_fail(err, s->text, code, "no iface=NAME; ip link lists the interfaces");
    if (kernel && if_nametoindex(iface) == 0)
        return bl_port_fail(err, s->text, ENODEV, "no such interface %s; ip link lists them", iface);
    if (file[0] && access(file, R_OK) != 0)
        return bl_port_fail(err, s->text, errno, "file %s: %s; name one that beatlined may read", file,
                            strerror(errno));
    if ((kernel && !may_open_packet_sockets()) || (strncmp(s->name, "net_tap", 7) == 0 && geteuid() != 0))
        return bl_port_fail(
            err, s->text, EPERM,
            "no permission (%s); it needs CAP_NET_RAW and CAP_NET_ADMIN, af_xdp CAP_BPF, too: "
            "setcap on beatlined, or run it as root",
            bl_eal_said());
    if (code == EFAULT)
        return bl_port_fail(err, s->text, ENODEV,
                            "DPDK has no driver of that name; there are net_af_packet, net_af_xdp, net_tap, "
                            "net_memif, net_pcap, net_null and others");
    /* Drivers return -1 for anything: what they said is better. */
    const char *said = bl_eal_said()[0] ? bl_eal_said() : strerror(code);
    return bl_port_fail(err, s->text, code,
                        "DPDK refuses the device: %s; the driver's page in DPDK's guide lists its arguments",
                        said);
}

static int step_failed(const struct port_dpdk *p, const char *step, int rc, char err[BL_ERR_BYTES])
{
    const char *said = bl_eal_said();
    return bl_port_fail(err, p->base.spec.text, -rc, "%s: %s%s%s; see the device's arguments", step, said,
                        said[0] ? "; " : "", strerror(-rc));
}

/* ---- opening (main) ---------------------------------------------------- */

/* Finds the ethdev of p->name. */
static bool find_ethdev(struct port_dpdk *p)
{
    for (uint16_t id = 0; id < RTE_MAX_ETHPORTS; id++) {
        struct rte_eth_dev_info info;
        if (!rte_eth_dev_is_valid_port(id) || rte_eth_dev_info_get(id, &info) != 0 ||
            strcmp(rte_dev_name(info.device), p->name) != 0)
            continue;
        p->port_id = id;
        p->device = info.device;
        return true;
    }
    return false;
}

static int port_dpdk_attach(struct port_dpdk *p, char err[BL_ERR_BYTES])
{
    const struct bl_port_spec *s = &p->base.spec;
    bl_eal_forget_said();
    (void)device_name(s, p->name);
    if (find_ethdev(p)) { /* vdevs may be probed twice without an error */
        p->device = NULL;
        return attach_failed(s, EEXIST, err);
    }
    int rc = rte_dev_probe(s->device);
    if (rc == 0 && !find_ethdev(p))
        rc = -ENODEV;
    return rc == 0 ? 0 : attach_failed(s, -rc, err);
}

static struct rte_eth_conf conf_for(const struct rte_eth_dev_info *info, unsigned queues)
{
    struct rte_eth_conf conf = {0};
    conf.rxmode.offloads =
        info->rx_offload_capa & (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM);
    uint64_t spread = info->flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP);
    if (queues > 1 && spread != 0) {
        conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        conf.rx_adv_conf.rss_conf.rss_hf = spread;
    }
    return conf;
}

/* One try with `tx` transmit queues, which we never use: none is best,
 * but tap, for one, wants as many as there are receive queues. */
static int port_dpdk_configure(struct port_dpdk *p, const struct rte_eth_dev_info *info, uint16_t tx)
{
    uint16_t queues = p->base.spec.queues, rx_desc = RX_DESCRIPTORS, tx_desc = TX_DESCRIPTORS;
    struct rte_eth_conf conf = conf_for(info, queues);
    int socket = rte_eth_dev_socket_id(p->port_id);
    int rc = rte_eth_dev_configure(p->port_id, queues, tx, &conf);
    if (rc == 0)
        rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->port_id, &rx_desc, &tx_desc);
    for (uint16_t q = 0; rc == 0 && q < tx; q++)
        rc = rte_eth_tx_queue_setup(p->port_id, q, tx_desc, (unsigned)socket, NULL);
    for (uint16_t q = 0; rc == 0 && q < queues; q++)
        rc = rte_eth_rx_queue_setup(p->port_id, q, rx_desc, (unsigned)socket, NULL, p->pool);
    return rc;
}

static int make_pool(struct port_dpdk *p, char err[BL_ERR_BYTES])
{
    char name[RTE_MEMPOOL_NAMESIZE];
    snprintf(name, sizeof(name), "beatline_%u", p->port_id);
    unsigned count = MBUFS_PER_QUEUE * p->base.spec.queues;
    p->pool = rte_pktmbuf_pool_create(name, count, MBUF_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
                                      rte_eth_dev_socket_id(p->port_id));
    if (p->pool)
        return 0;
    return bl_port_fail(err, p->base.spec.text, rte_errno,
                        "no memory for %u packet buffers (%s); more huge pages (sysctl vm.nr_hugepages), "
                        "or --eal \"-m MIB\"",
                        count, strerror(rte_errno));
}

static int check_queues(const struct port_dpdk *p, const struct rte_eth_dev_info *info,
                        char err[BL_ERR_BYTES])
{
    const struct bl_port_spec *s = &p->base.spec;
    if (s->queues <= info->max_rx_queues)
        return 0;
    const char *mend = strncmp(s->name, "net_af_packet", 13) == 0 ? ", or add qpairs=N"
                       : strncmp(s->name, "net_af_xdp", 10) == 0  ? ", or add queue_count=N"
                                                                  : "";
    return bl_port_fail(err, s->text, EINVAL, "queues=%u, but the device has %u; ask for fewer%s", s->queues,
                        info->max_rx_queues, mend);
}

/* A memif without rings to its peer is configured, but never connects. */
static bool is_memif(const struct port_dpdk *p)
{
    return strncmp(p->name, "net_memif", 9) == 0;
}

static int set_up(struct port_dpdk *p, char err[BL_ERR_BYTES])
{
    struct rte_eth_dev_info info;
    int rc = rte_eth_dev_info_get(p->port_id, &info);
    if (rc != 0)
        return step_failed(p, "device information", rc, err);
    rc = check_queues(p, &info, err);
    if (rc == 0)
        rc = make_pool(p, err);
    if (rc != 0)
        return rc;
    uint16_t queues = p->base.spec.queues;
    rc = port_dpdk_configure(p, &info, is_memif(p) ? queues : 0);
    /* If that was not it, the first refusal is the one to tell. */
    if (rc != 0 && info.max_tx_queues >= queues && port_dpdk_configure(p, &info, queues) == 0)
        rc = 0;
    return rc == 0 ? 0 : step_failed(p, "cannot set the receive queues up", rc, err);
}

static int port_dpdk_start(struct port_dpdk *p, char err[BL_ERR_BYTES])
{
    bl_eal_forget_said();
    int rc = rte_eth_dev_start(p->port_id);
    if (rc != 0)
        return step_failed(p, "cannot start the device", rc, err);
    p->started = true;
    (void)rte_eth_promiscuous_enable(p->port_id); /* not all can; the decoder takes any MAC */
    bl_kernel_side_find_sockets(&p->kernel);
    return 0;
}

struct bl_port *bl_port_dpdk_open(const struct bl_port_spec *s, uint16_t udp_port, char err[BL_ERR_BYTES])
{
    if (!bl_eal_started()) {
        (void)bl_port_fail(err, s->text, EINVAL, "DPDK was not started");
        return NULL;
    }
    struct port_dpdk *p = calloc(1, sizeof(*p));
    if (!p) {
        (void)bl_port_fail(err, s->text, ENOMEM, "out of memory");
        return NULL;
    }
    p->base.spec = *s;
    p->base.spec.udp_port = udp_port;
    p->port_id = RTE_MAX_ETHPORTS;
    bl_kernel_side_open(&p->kernel, s->device);
    struct bl_captured_output hush;
    bl_eal_capture_output(&hush);
    bool open = port_dpdk_attach(p, err) == 0 && set_up(p, err) == 0 && port_dpdk_start(p, err) == 0;
    bl_eal_release_output(&hush, NULL, 0);
    if (open)
        return &p->base;
    bl_port_dpdk_close(&p->base);
    return NULL;
}

void bl_port_dpdk_close(struct bl_port *port)
{
    struct port_dpdk *p = (struct port_dpdk *)port;
    struct bl_captured_output hush;
    bl_eal_capture_output(&hush);
    if (p->started)
        (void)rte_eth_dev_stop(p->port_id);
    if (p->device) {
        (void)rte_eth_dev_close(p->port_id);
        (void)rte_dev_remove(p->device);
    }
    rte_mempool_free(p->pool);
    bl_eal_release_output(&hush, NULL, 0);
    bl_kernel_side_close(&p->kernel);
    free(p);
}

/* ---- the port's watch ---------------------------------------------------- */

bool bl_port_dpdk_link_up(struct bl_port *port)
{
    const struct port_dpdk *p = (const struct port_dpdk *)port;
    struct rte_eth_link link;
    return rte_eth_link_get_nowait(p->port_id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP &&
           bl_kernel_side_up(&p->kernel);
}

uint64_t bl_port_dpdk_missed(struct bl_port *port)
{
    struct port_dpdk *p = (struct port_dpdk *)port;
    struct rte_eth_stats s;
    uint64_t missed = bl_kernel_side_missed(&p->kernel);
    if (rte_eth_stats_get(p->port_id, &s) == 0)
        missed += s.imissed + s.rx_nombuf;
    return missed;
}
