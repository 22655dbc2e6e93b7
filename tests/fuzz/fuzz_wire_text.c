/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a byte for the sink's room, then a datagram of text. */
#include "dataplane/wire/binary.h"
#include "tests/fuzz/fuzz.h"
#include "tests/text_reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bl_wire_config config;
    static struct gather g;
    bl_role_assume_worker();
    if (size < 2 || data[1] == BL_BINARY_MAGIC >> 8)
        return 0;
    gather_config(&config);
    gather_twice(&g, &config, data + 1, (uint32_t)size - 1, 1 + data[0] % BL_SINK_ROOM);
    reference_compare(&g, (const char *)data + 1, (unsigned)size - 1);
    return 0;
}
