/* SPDX-License-Identifier: Apache-2.0 */
/* key: the keyed hash that turns a name or an id into a table key.
 *
 * Keyed, with a secret drawn per start, so that nobody who cannot read
 * our memory can aim collisions at the table. Names go through XXH3
 * with a 192-byte secret; ids through three rounds of multiply-by-secret
 * and xor-shift, each a bijection of the 64 bits (the first round alone
 * is Dietzfelbinger's 2-universal multiplicative hash; the others spread
 * regular id patterns: after two, ids that differ in their upper 20 bits
 * only still clumped under 1 secret in 40).
 *
 * A key has its low bit clear, and is never below BL_KEY_FIRST: the
 * table keeps a mark in the low bit and uses the small values for empty
 * and deleted slots. That leaves 63 bits: two of 10 million nodes share
 * a key with a chance of 5e-6 per start; they would be watched as one.
 *
 * Threads: any; a bl_key_secret is constant after it was filled. */
#pragma once

#include <stdint.h>

#define BL_KEY_SECRET_BYTES 192 /* XXH3's own default secret size */
#define BL_KEY_FIRST        4u

struct bl_key_secret {
    uint8_t name_secret[BL_KEY_SECRET_BYTES];
    uint64_t id_xor, id_mul_1, id_mul_2; /* both multipliers odd */
};

/* Fills the secret from `seed`, which the caller draws from the kernel
 * (engine/ has no I/O): BL_KEY_SECRET_BYTES + 24 random bytes. */
void bl_key_secret_init(struct bl_key_secret *s, const uint8_t seed[BL_KEY_SECRET_BYTES + 24]);

/* Key of a name of `len` bytes (1..200, not terminated). About 15 cycles
 * for 24 bytes. */
uint64_t bl_key_of_name(const struct bl_key_secret *s, const char *name, unsigned len);

static inline uint64_t bl_key_clean(uint64_t h)
{
    h &= ~UINT64_C(1);
    return h < BL_KEY_FIRST ? h + BL_KEY_FIRST : h;
}

/* Key of a binary node id. About 15 cycles, inline: the hot path's. */
static inline uint64_t bl_key_of_id(const struct bl_key_secret *s, uint64_t id)
{
    uint64_t h = (id ^ s->id_xor) * s->id_mul_1;
    h ^= h >> 32;
    h *= s->id_mul_2;
    h ^= h >> 29;
    h *= s->id_mul_1;
    h ^= h >> 32;
    return bl_key_clean(h);
}
