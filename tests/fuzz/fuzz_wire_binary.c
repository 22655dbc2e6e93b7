/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a byte for the sink's room, then a datagram, whose first byte
 * is made the binary format's. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/wire/binary.h"
#include "tests/fuzz/fuzz.h"
#include "tests/gather.h"

/* What is taken without auth is taken with it once signed, and refused
 * where a bit of the tag is wrong. */
BL_ON_WORKER static void check_signed(const struct bl_wire_config *open, const uint8_t *payload, uint32_t len,
                                      const struct gather *plain)
{
    static struct gather g;
    struct bl_wire_config auth = *open;
    auth.auth_required = true;
    uint8_t *copy = malloc(len + BL_BINARY_TAG_BYTES);
    assert(copy);
    memcpy(copy, payload, len);
    uint32_t signed_len = bl_binary_sign(copy, len, auth.auth_key);
    gather(&g, &auth, copy, signed_len, BL_SINK_ROOM);
    assert(g.counters.packets_parsed == 1 && g.counters.records == plain->counters.records);
    assert(g.beats == plain->beats && g.settings == plain->settings);
    copy[BL_BINARY_HEADER_BYTES] ^= 1;
    gather(&g, &auth, copy, signed_len, BL_SINK_ROOM);
    assert(g.counters.drop[BL_DROP_bad_tag] == 1);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bl_wire_config config;
    static struct gather g;
    bl_role_assume_worker();
    if (size < 2)
        return 0;
    uint32_t len = (uint32_t)size - 1;
    uint8_t *payload = malloc(len);
    assert(payload);
    memcpy(payload, data + 1, len);
    payload[0] = BL_BINARY_MAGIC >> 8;
    gather_config(&config);
    gather_twice(&g, &config, payload, len, 1 + data[0] % BL_SINK_ROOM);
    if (g.counters.packets_parsed == 1 && !(payload[BL_BINARY_AT_FLAGS] & BL_BINARY_FLAG_TAG))
        check_signed(&config, payload, len, &g);
    free(payload);
    return 0;
}
