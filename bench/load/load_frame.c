/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/load_frame.h"

#include <arpa/inet.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#define IP_AT  RTE_ETHER_HDR_LEN
#define UDP_AT (IP_AT + sizeof(struct rte_ipv4_hdr))

static_assert(UDP_AT + sizeof(struct rte_udp_hdr) == BL_LOAD_FRAME_BYTES, "headers have no padding");

void bl_load_frame_init(struct bl_load_frame *t, const struct bl_load_route *r)
{
    struct rte_ether_hdr ethernet = {.ether_type = htons(RTE_ETHER_TYPE_IPV4)};
    memcpy(&ethernet.dst_addr, r->dst_mac, sizeof r->dst_mac);
    memcpy(&ethernet.src_addr, r->src_mac, sizeof r->src_mac);
    struct rte_ipv4_hdr ip = {.version_ihl = RTE_IPV4_VHL_DEF,
                              .fragment_offset = htons(RTE_IPV4_HDR_DF_FLAG),
                              .time_to_live = 64,
                              .next_proto_id = IPPROTO_UDP,
                              .src_addr = r->src_ip,
                              .dst_addr = r->dst_ip};
    struct rte_udp_hdr udp = {.dst_port = htons(r->dst_port)};
    memcpy(t->header, &ethernet, sizeof ethernet);
    memcpy(t->header + IP_AT, &ip, sizeof ip);
    memcpy(t->header + UDP_AT, &udp, sizeof udp);
    t->src_port = r->src_port;
}

uint32_t bl_load_frame_finish(const struct bl_load_frame *t, uint16_t flow, uint8_t *frame,
                              uint32_t payload_len)
{
    memcpy(frame, t->header, BL_LOAD_FRAME_BYTES);
    struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + IP_AT);
    struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(frame + UDP_AT);
    uint16_t udp_len = (uint16_t)(sizeof *udp + payload_len);
    ip->total_length = htons((uint16_t)(sizeof *ip + udp_len));
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    udp->src_port = htons((uint16_t)(t->src_port + flow));
    udp->dgram_len = htons(udp_len);
    udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
    return BL_LOAD_FRAME_BYTES + payload_len;
}
