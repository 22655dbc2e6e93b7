/* SPDX-License-Identifier: Apache-2.0 */
/* text_fast: the lines that almost all are, many at a glance:
 *
 *   name.beat:digits|letters
 *
 * A first pass over a piece of the text writes down the places of all
 * bytes that no name may have (name_scan.h: control bytes, line ends
 * among them, space, 0x7f, ':' and '|'), 64 bytes at a look. A second one
 * walks over the places, three to such a line, and no line waits for the
 * one before it. Any other line is left to text.c, which reads both kinds
 * alike, byte by byte, where there are no such instructions.
 *
 * Pure; any thread. Reads nothing outside of the text. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/wire/wire.h"

/* The longest piece; and room for its places, which are stored in whole
 * vectors, and for the end of the text. With it a piece's places stay in
 * the nearest cache. */
#define BL_TEXT_PIECE      1024u
#define BL_TEXT_LOOK       64u
#define BL_TEXT_PLACES_MAX (BL_TEXT_PIECE + BL_TEXT_LOOK + 1)

/* A piece and what was found in it; `len` 0: none yet. */
struct bl_text_piece {
    const uint8_t *start;
    uint32_t len;
    unsigned places, next; /* next: the first that is not behind us */
    uint16_t place[BL_TEXT_PLACES_MAX];
};

/* Whether the machine has it. */
bool bl_text_has(enum bl_simd_level how);

/* Takes usual lines of [p, end), the rest of a text, into the sink, until
 * it is full or a line may be anything else. Beats come without their
 * keys, and nothing is counted: there are as many lines as beats. `s` is
 * for this text alone; `how` is not plain. Returns where the next line
 * begins, or one that is empty; `end`: there is none. */
const uint8_t *bl_text_take_fast(struct bl_text_piece *s, const uint8_t *p, const uint8_t *end,
                                 struct bl_sink *sink, enum bl_simd_level how);

/* The same for a text of BL_TEXT_LOOK bytes at most, a line or two, whose
 * places need not be written down. */
const uint8_t *bl_text_take_short(const uint8_t *p, const uint8_t *end, struct bl_sink *sink,
                                  enum bl_simd_level how);

/* Of `n` texts the first that are one line each, of the commonest kind: a
 * name, ".beat:", a digit, '|' and a letter, in BL_TEXT_LOOK bytes at most,
 * with or without LF. Beats without their keys. Returns how many. Only for
 * BL_TEXT_AVX512. */
unsigned bl_text_take_lines(const struct bl_payload *payload, unsigned n, uint32_t now_tick,
                            struct bl_beat *beat);

/* ---- what both readers do ------------------------------------------------ */

static inline bool bl_text_is_digit(uint8_t c)
{
    return (uint8_t)(c - '0') <= 9;
}

static inline bool bl_text_is_letter(uint8_t c)
{
    return (uint8_t)((c | 0x20) - 'a') < 26;
}

/* Whether the text of [start, end) ends in `tail`, a string. */
#define BL_TEXT_ENDS_IN(start, end, tail)                                                                    \
    ((size_t)((end) - (start)) >= sizeof(tail) - 1 &&                                                        \
     memcmp((end) - (sizeof(tail) - 1), tail, sizeof(tail) - 1) == 0)

/* A beat without its key. */
static inline void bl_text_put_beat(const uint8_t *name, unsigned len, struct bl_sink *sink)
{
    sink->beat[sink->beats++] =
        (struct bl_beat){.stamp = sink->now_tick, .name = (const char *)name, .name_len = (uint8_t)len};
}
