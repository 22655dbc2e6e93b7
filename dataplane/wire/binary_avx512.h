/* SPDX-License-Identifier: Apache-2.0 */
/* binary_avx512: eight binary beats at a time, by AVX-512: byte order,
 * checks and keys of all eight in the lanes of a register. Shared by
 * binary*.c and used by nobody else. The scalar loops in binary.c take
 * what is left, and whatever is not plain; both give the same beats.
 *
 * Threads: a worker. Cost of a batch's entry in cache: 5.5 ticks of a TSC
 * of 2.6 GHz; by the scalar loop 10. */
#pragma once

#include "dataplane/wire/binary.h"

#define BL_EIGHT 8u

/* Whether to call them: wire.h's `text` is BL_TEXT_AVX512. */
static inline bool bl_binary_by_avx512(const struct bl_wire_config *w)
{
    return w->text == BL_TEXT_AVX512;
}

/* Parses the first of `n` payloads into `beat`, in eights, up to an eight
 * in which one is no plain beat. Returns how many, a multiple of eight. */
unsigned bl_binary_avx512_plain(const struct bl_key_secret *secret, const struct bl_payload *payload,
                                unsigned n, uint32_t now_tick, struct bl_beat *beat);

/* The same for the entries of a batch, one after the other in memory; up
 * to an eight in which one is too old. */
unsigned bl_binary_avx512_entries(const struct bl_key_secret *secret, const uint8_t *entry, unsigned n,
                                  uint32_t now_tick, struct bl_beat *beat);
