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
 * Trailing bytes after what the type says: binary_short.
 *
 * Tag: SipHash-2-4 with the fleet's 16-byte key, as libsodium's
 * crypto_shorthash gives its 8 bytes, over the 32-byte header (types
 * beat, bye), or over header || SipHash-2-4(key, what the type adds)
 * (hello, batch). */
#pragma once

#include <stdint.h>

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

/* Appends the tag to a finished beat or bye, or inserts it into a hello
 * or batch of `len` bytes in a buffer of at least len + 8: returns the
 * new length. Any thread. */
uint32_t bl_binary_sign(uint8_t *datagram, uint32_t len, const uint8_t key[16]);

uint32_t bl_wire_parse_binary(const struct bl_wire_config *w, const uint8_t *payload, uint32_t len,
                              uint32_t offset, struct bl_sink *sink, struct bl_counters *c) BL_ON_WORKER;
