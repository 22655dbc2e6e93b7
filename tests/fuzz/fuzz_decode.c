/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a byte of bl_decode_flags, then a frame. */
#include <assert.h>

#include "dataplane/wire/decode.h"
#include "tests/fuzz/fuzz.h"

#define PORT 8127

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const uint8_t *frame = data + 1;
    uint32_t len = (uint32_t)size - 1;
    struct bl_payload out = {0}, trusting = {0};
    int r = bl_decode_frame(frame, len, PORT, data[0] & 3u, &out);
    assert(r >= 0 && r <= (int)BL_DROP_FIRST_RECORD);
    assert(r != BL_DROP_missed + 1 && r != BL_DROP_multi_segment + 1); /* the port's own */
    struct bl_payload usual = {0};
    if (bl_decode_fast(frame, len, PORT, (data[0] & BL_DECODE_UDP_GOOD) != 0, &usual))
        assert(r == 0 && usual.data == out.data && usual.len == out.len);
    if (r != 0)
        return 0;
    assert(out.len != 0 && out.data > frame && out.data + out.len <= frame + len);
    /* A NIC that vouches for the checksums changes nothing else. */
    r = bl_decode_frame(frame, len, PORT, BL_DECODE_IP_GOOD | BL_DECODE_UDP_GOOD, &trusting);
    assert(r == 0 && trusting.data == out.data && trusting.len == out.len);
    return 0;
}
