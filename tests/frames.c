/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tests/frames.h"

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

uint16_t frame_sum16(uint32_t start, const uint8_t *p, uint32_t len)
{
    uint64_t sum = start;
    for (uint32_t i = 0; i < len; i++)
        sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

void frame_mend_ip(const struct frame *f, uint8_t *out)
{
    uint8_t *ip = out + f->ip_at;
    put16(ip + 10, 0);
    put16(ip + 10, (uint16_t)~frame_sum16(0, ip, (ip[0] & 15u) * 4));
}

static uint16_t pseudo_sum(const struct frame *f, const uint8_t *out)
{
    const uint8_t *addresses = out + f->ip_at + (f->ipv6 ? 8 : 12);
    uint32_t len = get16(out + f->udp_at + 4);
    return frame_sum16(17 + len, addresses, f->ipv6 ? 32 : 8);
}

void frame_mend_udp(const struct frame *f, uint8_t *out)
{
    uint8_t *udp = out + f->udp_at;
    put16(udp + 6, 0);
    uint16_t sum = (uint16_t)~frame_sum16(pseudo_sum(f, out), udp, get16(udp + 4));
    put16(udp + 6, sum == 0 ? 0xffff : sum); /* RFC 768: 0 means none */
}

static uint32_t put_ethernet(struct frame *f, uint8_t *out)
{
    static const uint8_t addresses[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
    uint32_t at = sizeof addresses;
    memcpy(out, addresses, sizeof addresses);
    for (unsigned i = 0; i < FRAME_TAGS && f->tag[i] != 0; i++, at += 4) {
        put16(out + at, f->tag[i]);
        put16(out + at + 2, 100 + i);
    }
    put16(out + at, f->ipv6 ? 0x86dd : 0x0800);
    return at + 2;
}

static uint32_t put_ipv4(const struct frame *f, uint8_t *ip)
{
    static const uint8_t addresses[8] = {192, 0, 2, 1, 198, 51, 100, 254};
    uint32_t header = 20 + f->option_words * 4u;
    memset(ip, 1, header); /* options: no-operation */
    memset(ip, 0, 20);
    ip[0] = (uint8_t)(0x40 | header / 4);
    put16(ip + 2, header + 8 + f->payload_len);
    put16(ip + 6, 0x4000); /* don't fragment */
    ip[8] = 64;
    ip[9] = 17;
    memcpy(ip + 12, addresses, sizeof addresses);
    return header;
}

static uint32_t put_ipv6(const struct frame *f, uint8_t *ip)
{
    uint32_t at = 40;
    memset(ip, 0, 40);
    ip[0] = 0x60;
    ip[7] = 64;
    for (unsigned i = 0; i < 32; i++)
        ip[8 + i] = (uint8_t)(0x20 + i * 7);
    uint8_t *next = ip + 6;
    for (unsigned i = 0; i < f->ext_count; i++) {
        /* The authentication header counts 4-byte words less 2. */
        uint32_t bytes = f->ext[i].kind == 51 ? (f->ext[i].words + 2u) * 4 : (f->ext[i].words + 1u) * 8;
        *next = f->ext[i].kind;
        memset(ip + at, 0, bytes);
        next = ip + at;
        ip[at + 1] = f->ext[i].words;
        at += bytes;
    }
    *next = 17;
    put16(ip + 4, at - 40 + 8 + f->payload_len);
    return at;
}

uint32_t frame_build(struct frame *f, uint8_t *out)
{
    f->ip_at = put_ethernet(f, out);
    f->udp_at = f->ip_at + (f->ipv6 ? put_ipv6(f, out + f->ip_at) : put_ipv4(f, out + f->ip_at));
    f->payload_at = f->udp_at + 8;
    uint8_t *udp = out + f->udp_at;
    put16(udp, f->src_port);
    put16(udp + 2, f->dst_port);
    put16(udp + 4, 8 + f->payload_len);
    put16(udp + 6, 0);
    if (f->payload_len != 0)
        memcpy(out + f->payload_at, f->payload, f->payload_len);
    if (!f->ipv6)
        frame_mend_ip(f, out);
    if (f->udp_sum == FRAME_SUM_GOOD || f->udp_sum == FRAME_SUM_WRONG)
        frame_mend_udp(f, out);
    if (f->udp_sum == FRAME_SUM_PARTIAL)
        put16(udp + 6, pseudo_sum(f, out));
    if (f->udp_sum == FRAME_SUM_WRONG)
        udp[6] ^= 0x55;
    memset(out + f->payload_at + f->payload_len, 0xee, f->padding);
    return f->payload_at + f->payload_len + f->padding;
}
