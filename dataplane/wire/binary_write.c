/* SPDX-License-Identifier: Apache-2.0 */
/* The sender's side of wire format v1: all that a program which embeds
 * libbeatline needs of it, so no parser here. */
#include <sodium.h>

#include "dataplane/wire/binary.h"

_Static_assert(BL_BINARY_TAG_BYTES == crypto_shorthash_BYTES, "the tag is one SipHash");
_Static_assert(crypto_shorthash_KEYBYTES == 16, "bl_wire_config.auth_key");

void bl_binary_tag(const uint8_t header[BL_BINARY_HEADER_BYTES], const uint8_t *rest, uint32_t rest_len,
                   const uint8_t key[16], uint8_t tag[BL_BINARY_TAG_BYTES])
{
    uint8_t both[BL_BINARY_HEADER_BYTES + crypto_shorthash_BYTES];
    if (rest_len == 0) {
        crypto_shorthash(tag, header, BL_BINARY_HEADER_BYTES, key);
        return;
    }
    memcpy(both, header, BL_BINARY_HEADER_BYTES);
    crypto_shorthash(both + BL_BINARY_HEADER_BYTES, rest, rest_len, key);
    crypto_shorthash(tag, both, sizeof both, key);
}

void bl_binary_write(uint8_t out[BL_BINARY_HEADER_BYTES], const struct bl_binary_header *h)
{
    bl_binary_store32(out, BL_BINARY_MAGIC << 16 | BL_BINARY_VERSION << 12 | (uint32_t)h->type << 8);
    bl_binary_store32(out + BL_BINARY_AT_INTERVAL, h->interval_ms);
    bl_binary_store64(out + BL_BINARY_AT_NODE_ID, h->node_id);
    bl_binary_store32(out + BL_BINARY_AT_SEQUENCE, h->sequence);
    bl_binary_store32(out + BL_BINARY_AT_INCARNATION, h->incarnation);
    bl_binary_store64(out + BL_BINARY_AT_SENT, h->sent_unix_ns);
}

uint32_t bl_binary_sign(uint8_t *datagram, uint32_t len, const uint8_t key[16])
{
    uint8_t *rest = datagram + BL_BINARY_HEADER_BYTES;
    uint32_t rest_len = len - BL_BINARY_HEADER_BYTES;
    uint8_t tag[BL_BINARY_TAG_BYTES];
    datagram[BL_BINARY_AT_FLAGS] |= BL_BINARY_FLAG_TAG;
    bl_binary_tag(datagram, rest, rest_len, key, tag);
    memmove(rest + BL_BINARY_TAG_BYTES, rest, rest_len);
    memcpy(rest, tag, sizeof tag);
    return len + BL_BINARY_TAG_BYTES;
}
