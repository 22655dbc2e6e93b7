/* SPDX-License-Identifier: Apache-2.0 */
/* binary: wire format v1, for a stranger to implement from.
 *
 * One UDP datagram, network byte order throughout:
 *
 *   off size field
 *    0   2   magic 0xBEA7
 *    2   1   version (high 4 bits) = 1, type (low 4 bits)
 *    3   1   flags: bit 0 = a tag follows the header; others 0
 *    4   4   interval_ms: the sender's promised interval, 0 = none
 *    8   8   node_id
 *   16   4   sequence: +1 per beat of this incarnation
 *   20   4   incarnation: grows with each start of the sender
 *   24   8   sent_unix_ns: sender's wall clock, 0 = unknown
 *  [32   8   tag, if flags bit 0]
 *   32 or 40: what the type adds
 *
 * Types:
 *   0 beat   nothing added.
 *   1 hello  timeout_ms u32 | warn_ms u32 | err_ms u32 | retries u8 |
 *            name_len u8 | reserved u16 = 0 | name[name_len]. 0 in a
 *            timeout, 0xff in retries: not set. A hello is no beat.
 *   2 bye    nothing added: planned leave, no alarm.
 *   3 batch  (a relay's) count x { node_id u64 | sequence u32 |
 *            age_ms u32 }, count = rest / 16, at least 1. The header's
 *            node_id names the relay, which does not beat by it;
 *            interval, sequence and incarnation of the header are 0 or
 *            the relay's own and are not looked at.
 *
 * What is refused, and how it is counted (the first that applies):
 *   binary_short    under 32 bytes; not the length that type, tag flag
 *                   and name_len call for (also: trailing bytes)
 *   binary_version  second magic byte or version not ours
 *   binary_type     type over 3
 *   binary_field    a flag bit or reserved bits set that are 0 in v1; an
 *                   interval (not a batch's) or timeout over
 *                   BL_TIMEOUT_MAX_MS; a name that is too long or has
 *                   a byte that names may not have
 *   bad_tag         with auth required: no tag, or a wrong one
 *   bad_value       one entry of a batch: age_ms over BL_TIMEOUT_MAX_MS
 * All but the last drop the datagram whole.
 *
 * Tag: SipHash-2-4 with the fleet's 16-byte key, as libsodium's
 * crypto_shorthash gives its 8 bytes, over the 32-byte header (types
 * beat, bye), or over header || SipHash-2-4(key, what the type adds)
 * (hello, batch); the header with its tag flag set. Where no auth is
 * required a tag is stepped over unread. A tag proves who sent, not
 * when: a recorded datagram can be played again. */
#pragma once

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/wire/wire.h"

#define BL_BINARY_MAGIC         0xBEA7u
#define BL_BINARY_VERSION       1u
#define BL_BINARY_HEADER_BYTES  32u
#define BL_BINARY_TAG_BYTES     8u
#define BL_BINARY_HELLO_BYTES   16u /* before the name */
#define BL_BINARY_ENTRY_BYTES   16u
#define BL_BINARY_FLAG_TAG      0x01u
#define BL_BINARY_RETRIES_UNSET 0xffu

enum bl_binary_type {
    BL_BINARY_BEAT = 0,
    BL_BINARY_HELLO = 1,
    BL_BINARY_BYE = 2,
    BL_BINARY_BATCH = 3,
};

/* Offsets of the fields, from the header's start and, for the last two
 * groups, from the start of what a hello adds and of a batch's entry. */
enum bl_binary_offset {
    BL_BINARY_AT_VERSION_TYPE = 2,
    BL_BINARY_AT_FLAGS = 3,
    BL_BINARY_AT_INTERVAL = 4,
    BL_BINARY_AT_NODE_ID = 8,
    BL_BINARY_AT_SEQUENCE = 16,
    BL_BINARY_AT_INCARNATION = 20,
    BL_BINARY_AT_SENT = 24,

    BL_BINARY_HELLO_AT_TIMEOUT = 0,
    BL_BINARY_HELLO_AT_WARN = 4,
    BL_BINARY_HELLO_AT_ERR = 8,
    BL_BINARY_HELLO_AT_RETRIES = 12,
    BL_BINARY_HELLO_AT_NAME_LEN = 13,
    BL_BINARY_HELLO_AT_RESERVED = 14,

    BL_BINARY_ENTRY_AT_NODE_ID = 0,
    BL_BINARY_ENTRY_AT_SEQUENCE = 8,
    BL_BINARY_ENTRY_AT_AGE = 12,
};

/* The first eight bytes of a beat without tag, as a number in host order,
 * less its interval_ms: any other type, flag, version or magic is further
 * from it than the longest interval. */
#define BL_BINARY_PLAIN_BEAT                                                                                 \
    ((uint64_t)(BL_BINARY_MAGIC << 16 | BL_BINARY_VERSION << 12 | (uint32_t)BL_BINARY_BEAT << 8) << 32)

/* Big-endian fields at any alignment. */
static inline uint32_t bl_binary_load32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return be32toh(v);
}

static inline uint64_t bl_binary_load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return be64toh(v);
}

static inline void bl_binary_store32(uint8_t *p, uint32_t v)
{
    v = htobe32(v);
    memcpy(p, &v, sizeof v);
}

static inline void bl_binary_store64(uint8_t *p, uint64_t v)
{
    v = htobe64(v);
    memcpy(p, &v, sizeof v);
}

/* A header in host order, for senders. */
struct bl_binary_header {
    enum bl_binary_type type;
    uint32_t interval_ms;
    uint64_t node_id;
    uint32_t sequence;
    uint32_t incarnation;
    uint64_t sent_unix_ns;
};

/* Writes the 32 bytes; no tag. Any thread. */
void bl_binary_write(uint8_t out[BL_BINARY_HEADER_BYTES], const struct bl_binary_header *h);

/* The tag of a header, flag set, and of what its type adds (`rest_len`
 * may be 0). Any thread. */
void bl_binary_tag(const uint8_t header[BL_BINARY_HEADER_BYTES], const uint8_t *rest, uint32_t rest_len,
                   const uint8_t key[16], uint8_t tag[BL_BINARY_TAG_BYTES]);

/* Appends the tag to a finished, untagged beat or bye, or inserts it
 * into a hello or batch of `len` bytes in a buffer of at least len + 8:
 * returns the new length. Any thread. */
uint32_t bl_binary_sign(uint8_t *datagram, uint32_t len, const uint8_t key[16]);

/* See bl_wire_parse; the payload starts with 0xBE. */
uint32_t bl_wire_parse_binary(const struct bl_wire_config *w, const uint8_t *payload, uint32_t len,
                              uint32_t offset, struct bl_sink *sink, struct bl_counters *c) BL_ON_WORKER;

/* bl_wire_parse_fast for plain beats; counts nothing, and asks for no
 * tags. */
unsigned bl_wire_parse_plain(const struct bl_wire_config *w, const struct bl_payload *payload, unsigned n,
                             struct bl_sink *sink) BL_ON_WORKER;
