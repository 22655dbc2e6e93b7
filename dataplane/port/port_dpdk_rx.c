/* SPDX-License-Identifier: Apache-2.0 */
/* The hot path of an ethdev: a burst from its queue, down to payloads. */
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "dataplane/port/port_dpdk.h"
#include "engine/base/counter.h"

/* Headers that are on their way from memory while one is looked at. */
#define PREFETCH_AHEAD 8u

static unsigned checked_by_nic(const struct rte_mbuf *m)
{
    /* "Bad" is not believed but looked at again: tap and virtio call the
     * unfinished checksum of a local sender bad, and the decoder knows
     * the exact reason. */
    unsigned flags = 0;
    if ((m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD)
        flags |= BL_DECODE_IP_GOOD;
    if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
        flags |= BL_DECODE_UDP_GOOD;
    return flags;
}

/* Out of line: the usual frame needs no frame of its own. */
static __attribute__((noinline)) void decode_closely(const struct rte_mbuf *m, uint16_t udp_port,
                                                     struct bl_payload *out, struct bl_counters *c)
    BL_ON_WORKER;
static void decode_closely(const struct rte_mbuf *m, uint16_t udp_port, struct bl_payload *out,
                           struct bl_counters *c)
{
    int rc = BL_DROP_multi_segment + 1;
    if (m->nb_segs == 1)
        rc = bl_decode_frame(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, udp_port, checked_by_nic(m),
                             out);
    if (rc != 0) {
        out->data = NULL;
        BL_ADD(c->drop[rc - 1], 1);
    }
}

static inline bool udp_good(const struct rte_mbuf *m)
{
    return (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD;
}

unsigned bl_port_dpdk_receive(struct bl_port *port, unsigned queue, struct bl_burst *burst,
                              struct bl_counters *c)
{
    const struct port_dpdk *p = (const struct port_dpdk *)port;
    const uint16_t udp_port = p->base.spec.udp_port;
    struct rte_mbuf **m = (struct rte_mbuf **)burst->buffer + burst->packets;
    unsigned n = rte_eth_rx_burst(p->port_id, (uint16_t)queue, m, BL_PORT_TAKE);
    bl_stage_ends(&c->stages, BL_STAGE_receive);
    uint64_t bytes = 0;
    for (unsigned i = 0; i < n && i < PREFETCH_AHEAD; i++)
        rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
    for (unsigned i = 0; i < n; i++) {
        if (i + PREFETCH_AHEAD < n)
            rte_prefetch0(rte_pktmbuf_mtod(m[i + PREFETCH_AHEAD], void *));
        bytes += m[i]->pkt_len;
        if (m[i]->nb_segs != 1 || !bl_decode_fast(rte_pktmbuf_mtod(m[i], const uint8_t *), m[i]->data_len,
                                                  udp_port, udp_good(m[i]), &burst->payload[i]))
            decode_closely(m[i], udp_port, &burst->payload[i], c);
    }
    BL_ADD(c->packets, n);
    BL_ADD(c->bytes, bytes);
    burst->packets = (uint16_t)(burst->packets + n);
    bl_stage_ends(&c->stages, BL_STAGE_decode);
    return n;
}

void bl_port_dpdk_release(struct bl_burst *burst)
{
    rte_pktmbuf_free_bulk((struct rte_mbuf **)burst->buffer, burst->packets);
}
