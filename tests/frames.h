/* SPDX-License-Identifier: Apache-2.0 */
/* frames: builds Ethernet frames with UDP in them, checksums right
 * unless asked otherwise. Checksums are computed byte by byte from the
 * RFC, not with the code under test. Any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FRAME_MAX     (64u * 1024 + 256)
#define FRAME_TAGS    3u
#define FRAME_EXT_MAX 12u

enum frame_sum {
    FRAME_SUM_GOOD,
    FRAME_SUM_NONE,    /* 0 in the field */
    FRAME_SUM_PARTIAL, /* the pseudo-header's only: left for the device to finish */
    FRAME_SUM_WRONG,
};

/* All 0: untagged IPv4, no options, port 0, no payload. */
struct frame {
    uint16_t tag[FRAME_TAGS]; /* tag ethertypes, outermost first, up to the first 0 */
    bool ipv6;
    uint8_t option_words; /* IPv4 options, 4 bytes each */
    struct {
        uint8_t kind;  /* IPv6 next-header number */
        uint8_t words; /* its length byte, as it stands in the header */
    } ext[FRAME_EXT_MAX];
    unsigned ext_count;
    uint16_t src_port, dst_port;
    const void *payload;
    uint32_t payload_len;
    enum frame_sum udp_sum;
    uint32_t padding; /* bytes behind the IP packet */

    /* filled by frame_build: where things are */
    uint32_t ip_at, udp_at, payload_at;
};

/* Writes the frame into out[FRAME_MAX]; returns its length. */
uint32_t frame_build(struct frame *f, uint8_t *out);

/* Makes the IPv4 header checksum right again after a test changed the
 * header. */
void frame_mend_ip(const struct frame *f, uint8_t *out);
/* The same for the UDP checksum. */
void frame_mend_udp(const struct frame *f, uint8_t *out);

/* Ones' complement sum of 16-bit big-endian words, not complemented. */
uint16_t frame_sum16(uint32_t start, const uint8_t *p, uint32_t len);
