/* SPDX-License-Identifier: Apache-2.0 */
/* load_frame: Ethernet, IPv4 and UDP around a payload that is already in
 * its place, BL_LOAD_FRAME_BYTES behind the start of the frame. Both
 * checksums are right. Pure; any thread. */
#pragma once

#include <stdint.h>

#define BL_LOAD_FRAME_BYTES 42u /* Ethernet 14, IPv4 20, UDP 8 */

/* From whom to whom; addresses in network byte order, ports in host's. */
struct bl_load_route {
    uint8_t dst_mac[6], src_mac[6];
    uint32_t dst_ip, src_ip;
    uint16_t dst_port, src_port;
};

/* The part of the frame that never changes, written once. */
struct bl_load_frame {
    uint8_t header[BL_LOAD_FRAME_BYTES];
    uint16_t src_port;
};

void bl_load_frame_init(struct bl_load_frame *t, const struct bl_load_route *r);

/* Completes the frame around `payload_len` bytes; the source port is the
 * route's plus `flow`. Returns the frame's length. Cost: one pass over
 * the payload. */
uint32_t bl_load_frame_finish(const struct bl_load_frame *t, uint16_t flow, uint8_t *frame,
                              uint32_t payload_len);
