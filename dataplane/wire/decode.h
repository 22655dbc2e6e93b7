/* SPDX-License-Identifier: Apache-2.0 */
/* decode: from an Ethernet frame to the UDP payload in it.
 *
 * Ethernet II, up to two VLAN tags (802.1Q, 802.1ad QinQ), IPv4 with
 * options, IPv6 with hop-by-hop, routing, destination and
 * authentication headers (at most 8), UDP. Fragments, bad checksums and
 * lengths that do not fit are refused with their reason. Any
 * destination address is taken; the UDP port must be ours.
 *
 * A UDP checksum equal to the bare pseudo-header sum is taken as good:
 * that is what Linux leaves in a frame whose checksum the (virtual)
 * device was to finish (CHECKSUM_PARTIAL), seen on veth and tap.
 *
 * Pure; any thread. Reads no byte outside frame[0..len). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/base/drop.h"

/* What the NIC already verified. */
enum bl_decode_flags {
    BL_DECODE_IP_GOOD = 1,  /* IPv4 header checksum */
    BL_DECODE_UDP_GOOD = 2, /* UDP checksum */
};

struct bl_payload {
    const uint8_t *data;
    uint32_t len;
};

/* Returns 0 and the payload (which may be empty: BL_DROP_empty is
 * returned then), or the reason (bl_drop + 1, so that 0 is success). */
int bl_decode_frame(const uint8_t *frame, uint32_t len, uint16_t udp_port, unsigned flags,
                    struct bl_payload *out);

/* Whether the UDP checksum of a datagram of `len` bytes is right, or was
 * left to be finished. `addresses`: source and destination, as in the IP
 * header; together 8 or 32 bytes. */
bool bl_decode_udp_checksum(const uint8_t *udp, uint32_t len, const uint8_t *addresses,
                            uint32_t address_bytes);

/* ---- the usual frame, inline --------------------------------------------- */

static inline uint64_t bl_decode_load(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t bl_decode_field16(uint64_t word, unsigned byte)
{
    return __builtin_bswap16((uint16_t)(word >> 8 * byte));
}

/* Whether the checksum over 20 bytes of IPv4 header is right. The ones'
 * complement sum of RFC 1071 is a sum modulo 65535, whatever the size of
 * the words; an odd divisor d divides n where n times d's inverse modulo
 * 2^64 is at most (2^64 - 1) / d (Granlund and Montgomery 1994, section
 * 9). The sum is not 0: the first byte is 0x45. */
static inline bool bl_decode_ip_checksum(const uint8_t *ip)
{
    uint64_t sum, last = bl_decode_load(ip + 12) >> 32;
    bool carry = __builtin_add_overflow(bl_decode_load(ip), bl_decode_load(ip + 8), &sum);
    carry = __builtin_add_overflow(sum, last + carry, &sum);
    return (sum + carry) * UINT64_C(0xfffefffefffeffff) <= UINT64_MAX / 65535;
}
_Static_assert(UINT64_C(65535) * UINT64_C(0xfffefffefffeffff) == 1, "inverse");

/* What nearly every frame is: IPv4 without options or fragments, UDP to
 * our port that fills the packet. `udp_good`: as BL_DECODE_UDP_GOOD. True:
 * bl_decode_frame would return the same payload. False: ask it. About 40
 * instructions, no branch that is not foreseen, and a call only for a UDP
 * checksum that nobody verified. */
static inline bool bl_decode_fast(const uint8_t *frame, uint32_t len, uint16_t udp_port, bool udp_good,
                                  struct bl_payload *out)
{
    if (len <= 42)
        return false;
    /* Little-endian words of the headers, as they lie in memory. */
    uint64_t ethernet_ip = bl_decode_load(frame + 12); /* type, version, -, total length, - */
    uint64_t ip = bl_decode_load(frame + 20);          /* fragment, -, protocol, - */
    uint64_t udp = bl_decode_load(frame + 34);         /* -, port, length, checksum */
    uint32_t total = bl_decode_field16(ethernet_ip, 4), udp_len = bl_decode_field16(udp, 4);
    uint64_t exception = ((ethernet_ip & 0xffffff) ^ 0x450008) | ((ip & 0xff00ff3f) ^ 0x11000000) |
                         (bl_decode_field16(udp, 2) ^ udp_port) | (total ^ (udp_len + 20));
    if (exception != 0 || udp_len <= 8 || total > len - 14 || !bl_decode_ip_checksum(frame + 14))
        return false;
    if (udp >> 48 != 0 && !udp_good && !bl_decode_udp_checksum(frame + 34, udp_len, frame + 26, 8))
        return false;
    out->data = frame + 42;
    out->len = udp_len - 8;
    return true;
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bl_decode_usual reads words as they lie");
