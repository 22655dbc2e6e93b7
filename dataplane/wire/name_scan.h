/* SPDX-License-Identifier: Apache-2.0 */
/* name_scan: the first byte that a node name may not have, found eight
 * bytes at a time. Such bytes are control bytes, space, 0x7f, ':' and
 * '|'; bytes from 0x80 on (UTF-8) may be in a name. The same set as
 * bl_name_is_valid (engine/registry/registry.h); a test holds the two together.
 *
 * Pure; any thread. Cost: about 2 cycles per 8 bytes. */
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define BL_BYTES(b) (UINT64_C(0x0101010101010101) * (b))

/* The top bit of each byte that no name has. The lowest bit set is
 * exact; a borrow can raise false ones only above a true one. */
static inline uint64_t bl_name_stops(uint64_t word)
{
    uint64_t del = word ^ BL_BYTES(0x7f), colon = word ^ BL_BYTES(':'), bar = word ^ BL_BYTES('|');
    uint64_t low = (word - BL_BYTES(0x21)) & ~word;
    low |= (del - BL_BYTES(1)) & ~del;
    low |= (colon - BL_BYTES(1)) & ~colon;
    low |= (bar - BL_BYTES(1)) & ~bar;
    return low & BL_BYTES(0x80);
}

/* The first byte from `start` on that no name has; `end` if there is
 * none. Reads nothing outside [start, end). */
static inline const uint8_t *bl_name_scan(const uint8_t *start, const uint8_t *end)
{
    const uint8_t *p = start;
    uint64_t word, stops;
    for (; end - p >= 8; p += 8) {
        memcpy(&word, p, 8);
        stops = bl_name_stops(le64toh(word));
        if (stops != 0)
            return p + (unsigned)__builtin_ctzll(stops) / 8;
    }
    if (p == end)
        return end;
    if (p != start) {
        /* The last 1..7 bytes, by a load that overlaps what was seen;
         * the zeros shifted in above them stop the scan at `end`. */
        memcpy(&word, end - 8, 8);
        word = le64toh(word) >> (8 - (unsigned)(end - p)) * 8;
        return p + (unsigned)__builtin_ctzll(bl_name_stops(word)) / 8;
    }
    while (p < end && bl_name_stops(BL_BYTES('x') << 8 | *p) == 0)
        p++;
    return p;
}
