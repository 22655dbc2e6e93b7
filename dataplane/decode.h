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

#include "dataplane/drop.h"

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
