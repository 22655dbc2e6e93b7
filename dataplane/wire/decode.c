/* SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>
#include <string.h>

#include "dataplane/wire/decode.h"

#define ETHER_HEADER 14u
#define ETHER_TYPE   12u /* offset */
#define VLAN_BYTES   4u
#define VLAN_TAGS    2u

/* IEEE 802 numbers (ethertypes) and IANA protocol numbers. */
enum {
    TYPE_IPV4 = 0x0800,
    TYPE_IPV6 = 0x86dd,
    TYPE_VLAN = 0x8100,
    TYPE_QINQ = 0x88a8,
    TYPE_QINQ_OLD = 0x9100, /* before 802.1ad; still met */
};
enum {
    NEXT_HOP_BY_HOP = 0,
    NEXT_UDP = 17,
    NEXT_ROUTING = 43,
    NEXT_FRAGMENT = 44,
    NEXT_AUTH = 51,
    NEXT_DESTINATION = 60,
};

#define IPV4_HEADER        20u
#define IPV4_FRAGMENT_MASK 0x3fffu /* more-fragments and offset, not DF */
#define IPV6_HEADER        40u
#define IPV6_EXTENSIONS    8u
#define UDP_HEADER         8u

#define REFUSE(reason) ((int)BL_DROP_##reason + 1)

static inline uint32_t decode_load16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return be16toh(v);
}

/* ---- internet checksum (RFC 1071) ----------------------------------
 *
 * The ones' complement sum does not care in which byte order its words
 * are added, so words are added as they lie in memory, 64 bits at a
 * time, and folded to 16 bits at the end. */

static inline uint64_t sum_add(uint64_t sum, uint64_t word)
{
    sum += word;
    return sum + (sum < word); /* the carry goes round */
}

static inline uint64_t sum_bytes(uint64_t sum, const uint8_t *p, uint32_t len)
{
    for (; len >= 8; len -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        sum = sum_add(sum, word);
    }
    if (len & 4) {
        uint32_t word;
        memcpy(&word, p, 4);
        sum = sum_add(sum, word);
        p += 4;
    }
    if (len & 2) {
        uint16_t word;
        memcpy(&word, p, 2);
        sum = sum_add(sum, word);
        p += 2;
    }
    /* A last odd byte counts as if a zero followed it. */
    return len & 1 ? sum_add(sum, htobe16((uint16_t)(p[0] << 8))) : sum;
}

static inline uint16_t sum_fold(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    return (uint16_t)sum;
}

/* A sum over data and checksum that is right folds to all ones. */
bool bl_decode_udp_checksum(const uint8_t *udp, uint32_t len, const uint8_t *addresses,
                            uint32_t address_bytes)
{
    uint64_t sum = sum_bytes(0, addresses, address_bytes);
    uint16_t given;
    memcpy(&given, udp + 6, sizeof given);
    sum = sum_add(sum, htobe16(NEXT_UDP));
    sum = sum_add(sum, htobe16((uint16_t)len));
    if (given == sum_fold(sum))
        return true; /* CHECKSUM_PARTIAL, see decode.h */
    return sum_fold(sum_bytes(sum, udp, len)) == UINT16_MAX;
}

/* ---- layers, innermost first ---------------------------------------- */

enum udp_over { UDP_OVER_IPV4, UDP_OVER_IPV6 };

/* `len`: what IP carries; `address`: source and destination, as in the
 * IP header. */
static inline int decode_udp(const uint8_t *udp, uint32_t len, const uint8_t *address, enum udp_over over,
                             uint16_t udp_port, unsigned flags, struct bl_payload *out)
{
    if (len < UDP_HEADER)
        return REFUSE(udp_length);
    uint32_t udp_len = decode_load16(udp + 4);
    if (udp_len < UDP_HEADER || udp_len > len)
        return REFUSE(udp_length);
    if (decode_load16(udp + 2) != udp_port)
        return REFUSE(wrong_port);
    if (decode_load16(udp + 6) == 0) {
        /* None given: allowed over IPv4 (RFC 768), not over IPv6 (RFC 8200). */
        if (over == UDP_OVER_IPV6)
            return REFUSE(udp_checksum);
    } else if (!(flags & BL_DECODE_UDP_GOOD) &&
               !bl_decode_udp_checksum(udp, udp_len, address, over == UDP_OVER_IPV4 ? 8 : 32)) {
        return REFUSE(udp_checksum);
    }
    if (udp_len == UDP_HEADER)
        return REFUSE(empty);
    out->data = udp + UDP_HEADER;
    out->len = udp_len - UDP_HEADER;
    return 0;
}

static inline int decode_ipv4(const uint8_t *ip, uint32_t len, uint16_t udp_port, unsigned flags,
                              struct bl_payload *out)
{
    if (len < IPV4_HEADER)
        return REFUSE(runt);
    uint32_t header = (ip[0] & 15u) * 4;
    if (ip[0] >> 4 != 4 || header < IPV4_HEADER)
        return REFUSE(ip_header);
    if (len < header)
        return REFUSE(runt);
    if (!(flags & BL_DECODE_IP_GOOD) && sum_fold(sum_bytes(0, ip, header)) != UINT16_MAX)
        return REFUSE(ip_checksum);
    /* Shorter than the frame is Ethernet's padding. */
    uint32_t total = decode_load16(ip + 2);
    if (total < header || total > len)
        return REFUSE(ip_length);
    if (decode_load16(ip + 6) & IPV4_FRAGMENT_MASK)
        return REFUSE(ip_fragment);
    if (ip[9] != NEXT_UDP)
        return REFUSE(not_udp);
    return decode_udp(ip + header, total - header, ip + 12, UDP_OVER_IPV4, udp_port, flags, out);
}

/* Length of the extension header `next` at p, of which `left` bytes are
 * there: 0 if it is none that we step over, more than `left` if it is
 * cut off. */
static uint32_t extension_bytes(unsigned next, const uint8_t *p, uint32_t left)
{
    bool known =
        next == NEXT_HOP_BY_HOP || next == NEXT_ROUTING || next == NEXT_DESTINATION || next == NEXT_AUTH;
    if (!known)
        return 0;
    if (left < 2)
        return 2;
    /* RFC 8200: 8-byte words after the first; RFC 4302: 4-byte words, less 2. */
    return next == NEXT_AUTH ? (p[1] + 2u) * 4 : (p[1] + 1u) * 8;
}

static int decode_ipv6(const uint8_t *ip, uint32_t len, uint16_t udp_port, unsigned flags,
                       struct bl_payload *out)
{
    if (len < IPV6_HEADER)
        return REFUSE(runt);
    if (ip[0] >> 4 != 6)
        return REFUSE(ip_header);
    uint32_t left = decode_load16(ip + 4);
    if (left > len - IPV6_HEADER)
        return REFUSE(ip_length);

    unsigned next = ip[6];
    const uint8_t *p = ip + IPV6_HEADER;
    for (unsigned i = 0; next != NEXT_UDP; i++) {
        if (next == NEXT_FRAGMENT)
            return REFUSE(ip_fragment);
        uint32_t bytes = extension_bytes(next, p, left);
        if (bytes == 0)
            return REFUSE(not_udp);
        if (bytes > left || i == IPV6_EXTENSIONS)
            return REFUSE(ip_header);
        next = p[0];
        p += bytes;
        left -= bytes;
    }
    return decode_udp(p, left, ip + 8, UDP_OVER_IPV6, udp_port, flags, out);
}

static bool is_vlan(uint32_t type)
{
    return type == TYPE_VLAN || type == TYPE_QINQ || type == TYPE_QINQ_OLD;
}

/* What is not plain IPv4: tags, IPv6, and what we do not take. */
static int decode_other(const uint8_t *frame, uint32_t len, uint16_t udp_port, unsigned flags,
                        struct bl_payload *out)
{
    uint32_t type = decode_load16(frame + ETHER_TYPE);
    uint32_t at = ETHER_HEADER;
    for (unsigned tags = 0; tags < VLAN_TAGS && is_vlan(type); tags++) {
        if (len < at + VLAN_BYTES)
            return REFUSE(runt);
        type = decode_load16(frame + at + 2);
        at += VLAN_BYTES;
    }
    if (type == TYPE_IPV4)
        return decode_ipv4(frame + at, len - at, udp_port, flags, out);
    if (type == TYPE_IPV6)
        return decode_ipv6(frame + at, len - at, udp_port, flags, out);
    return REFUSE(not_ip);
}

int bl_decode_frame(const uint8_t *frame, uint32_t len, uint16_t udp_port, unsigned flags,
                    struct bl_payload *out)
{
    if (len < ETHER_HEADER)
        return REFUSE(runt);
    if (__builtin_expect(decode_load16(frame + ETHER_TYPE) == TYPE_IPV4, 1))
        return decode_ipv4(frame + ETHER_HEADER, len - ETHER_HEADER, udp_port, flags, out);
    return decode_other(frame, len, udp_port, flags, out);
}
