/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/load_out.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "dataplane/port/eal.h"

#define TX_DESCRIPTORS 1024u
#define RX_DESCRIPTORS 64u /* nobody sends to us; drivers want a queue */
#define POOL_CACHE     128u
/* What a driver may hold back in full rings, what we fill, what is being
 * allocated before the taken ones are known, and the cache. */
#define POOL_MBUFS (2 * TX_DESCRIPTORS + RX_DESCRIPTORS + 4 * BL_LOAD_BURST + POOL_CACHE)
/* A peer's memif ring goes away with our side of it: time for the peer
 * to fetch what is left. At 1 M packets/s a full ring takes 1 ms. */
#define LINGER_US    1500000u
#define LINK_POLL_US 10000u
/* Polls of the link after which a memif client tries anew. */
#define MEMIF_PATIENCE 100u

struct dpdk_out {
    uint16_t port;
    bool started;
    const char *devargs;
    struct rte_mempool *pool;
    struct bl_load_frame frame;
};

static int fail(struct bl_load_out *out, int rc, const char *what, const char *mend)
{
    const struct dpdk_out *d = out->state;
    const char *said = bl_eal_said();
    snprintf(out->err, sizeof out->err, "--to dpdk:%s: %s: %s; %s", d->devargs, what,
             *said ? said : rte_strerror(-rc), mend);
    return rc;
}

static void take_buffer(struct bl_load_datagram *slot, struct rte_mbuf *m)
{
    slot->buffer = m;
    slot->data = rte_pktmbuf_mtod(m, uint8_t *) + BL_LOAD_FRAME_BYTES;
}

/* Fresh buffers come first: without them nothing could be taken. */
static int dpdk_send(struct bl_load_out *out, struct bl_load_datagram *slot, unsigned n)
{
    const struct dpdk_out *d = out->state;
    struct rte_mbuf *ready[BL_LOAD_BURST], *fresh[BL_LOAD_BURST];
    if (rte_pktmbuf_alloc_bulk(d->pool, fresh, n) != 0)
        return 0;
    for (unsigned i = 0; i < n; i++) {
        ready[i] = slot[i].buffer;
        uint32_t len =
            bl_load_frame_finish(&d->frame, slot[i].flow, slot[i].data - BL_LOAD_FRAME_BYTES, slot[i].len);
        ready[i]->data_len = (uint16_t)len;
        ready[i]->pkt_len = len;
    }
    unsigned taken = rte_eth_tx_burst(d->port, 0, ready, (uint16_t)n);
    for (unsigned i = 0; i < taken; i++)
        take_buffer(&slot[i], fresh[i]);
    if (taken < n)
        rte_pktmbuf_free_bulk(fresh + taken, n - taken);
    return (int)taken;
}

static int dpdk_close(struct bl_load_out *out)
{
    struct dpdk_out *d = out->state;
    struct rte_eth_stats stats;
    if (d->started) {
        rte_delay_us_sleep(LINGER_US);
        if (rte_eth_stats_get(d->port, &stats) == 0)
            out->counts.errors += stats.oerrors;
        rte_eth_dev_stop(d->port);
    }
    if (d->port != RTE_MAX_ETHPORTS)
        rte_eth_dev_close(d->port);
    rte_mempool_free(d->pool);
    free(d);
    bl_eal_stop();
    return 0;
}

static const struct bl_load_out_ops dpdk_ops = {.send = dpdk_send, .close = dpdk_close};

static int start_eal(struct bl_load_out *out, const char *devargs, const struct bl_load_out_config *c)
{
    struct bl_eal_config eal = {.program = c->program,
                                .extra = c->eal,
                                .workers = 0,
                                .pci = strncmp(devargs, "net_", 4) != 0,
                                .main_cpu = -1};
    return bl_eal_start(&eal, out->err);
}

static int probe(struct bl_load_out *out)
{
    struct dpdk_out *d = out->state;
    char name[RTE_ETH_NAME_MAX_LEN];
    int rc = rte_dev_probe(d->devargs);
    if (rc)
        return fail(out, rc, "no such device",
                    "see its arguments in DPDK's guide to its driver, and rights (root)");
    snprintf(name, sizeof name, "%.*s", (int)strcspn(d->devargs, ","), d->devargs);
    rc = rte_eth_dev_get_port_by_name(name, &d->port);
    return rc ? fail(out, rc, "not an Ethernet device", "give one that DPDK can send on") : 0;
}

static int set_up_port(struct bl_load_out *out)
{
    struct dpdk_out *d = out->state;
    struct rte_eth_conf conf = {0};
    uint16_t tx = TX_DESCRIPTORS, rx = RX_DESCRIPTORS;
    int socket = rte_eth_dev_socket_id(d->port);
    unsigned node = socket < 0 ? 0 : (unsigned)socket;
    d->pool =
        rte_pktmbuf_pool_create("load", POOL_MBUFS, POOL_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, (int)node);
    if (!d->pool)
        return fail(out, -rte_errno, "no memory for packets",
                    "free some, or give DPDK more with --eal \"-m MB\"");
    int rc = rte_eth_dev_configure(d->port, 1, 1, &conf);
    if (rc == 0)
        rc = rte_eth_dev_adjust_nb_rx_tx_desc(d->port, &rx, &tx);
    if (rc == 0)
        rc = rte_eth_tx_queue_setup(d->port, 0, tx, node, NULL);
    if (rc == 0)
        rc = rte_eth_rx_queue_setup(d->port, 0, rx, node, NULL, d->pool);
    return rc ? fail(out, rc, "cannot be set up", "--eal \"--log-level=debug\" tells more") : 0;
}

static bool link_is_up(const struct dpdk_out *d)
{
    struct rte_eth_link link = {0};
    return rte_eth_link_get_nowait(d->port, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

/* A memif client tries to reach its server when it is started, and only
 * then; one that was refused (no server yet, or one that is not ready)
 * has to be started again. Other devices start once. */
static int start_port(struct bl_load_out *out, const struct bl_load_out_config *c)
{
    struct dpdk_out *d = out->state;
    bool memif = strncmp(d->devargs, "net_memif", 9) == 0;
    for (uint64_t polls = 0; !*c->stop; polls++) {
        if (!d->started) {
            int rc = rte_eth_dev_start(d->port);
            if (rc && !memif)
                return fail(out, rc, "does not start", "see that nobody else uses it");
            d->started = rc == 0;
        }
        if (d->started && link_is_up(d))
            return 0;
        if (polls * LINK_POLL_US * 1000 >= c->wait_ns)
            return fail(out, -ENETDOWN, "no link",
                        "start the other side (or ip link set it up), or --wait longer");
        if (d->started && memif && polls % MEMIF_PATIENCE == MEMIF_PATIENCE - 1)
            d->started = rte_eth_dev_stop(d->port) != 0;
        rte_delay_us_sleep(LINK_POLL_US);
    }
    return fail(out, -EINTR, "stopped while waiting for the link", "let it come up first");
}

static int fill_slots(struct bl_load_out *out)
{
    const struct dpdk_out *d = out->state;
    struct rte_mbuf *m[BL_LOAD_BURST + 1];
    int rc = rte_pktmbuf_alloc_bulk(d->pool, m, BL_LOAD_BURST + 1);
    if (rc)
        return fail(out, rc, "no buffers", "give DPDK more memory with --eal \"-m MB\"");
    for (unsigned i = 0; i <= BL_LOAD_BURST; i++)
        take_buffer(&out->slot[i], m[i]);
    return 0;
}

int bl_load_out_dpdk_open(struct bl_load_out *out, const char *rest, const struct bl_load_out_config *c)
{
    int rc = start_eal(out, rest, c);
    if (rc)
        return rc;
    struct dpdk_out *d = calloc(1, sizeof *d);
    if (!d) {
        snprintf(out->err, sizeof out->err, "--to dpdk:%s: out of memory; free some", rest);
        return -ENOMEM;
    }
    d->devargs = rest;
    d->port = RTE_MAX_ETHPORTS;
    out->state = d;
    out->ops = &dpdk_ops;
    bl_load_frame_init(&d->frame, &c->route);
    rc = probe(out);
    if (rc == 0)
        rc = set_up_port(out);
    if (rc == 0)
        rc = fill_slots(out);
    return rc ? rc : start_port(out, c);
}
