/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/key.h"

#include <string.h>

/* A call into the library would cost as much as the hash of a name. */
#define XXH_INLINE_ALL
#include <xxhash.h>

_Static_assert(BL_KEY_SECRET_BYTES >= XXH3_SECRET_SIZE_MIN, "XXH3 refuses a shorter secret");

void bl_key_secret_init(struct bl_key_secret *s, const uint8_t seed[BL_KEY_SECRET_BYTES + 24])
{
    uint64_t id[3];
    memcpy(s->name_secret, seed, BL_KEY_SECRET_BYTES);
    memcpy(id, seed + BL_KEY_SECRET_BYTES, sizeof(id));
    s->id_xor = id[0];
    /* odd, or the multiplication would throw bits away */
    s->id_mul_1 = id[1] | 1;
    s->id_mul_2 = id[2] | 1;
}

/* What is longer than a name: lists of names, and names that are none.
 * Apart, because XXH3 wants a stack frame for it. */
static __attribute__((noinline)) uint64_t key_of_long(const struct bl_key_secret *s, const char *text,
                                                      unsigned len)
{
    return bl_key_clean(XXH3_64bits_withSecret(text, len, s->name_secret, BL_KEY_SECRET_BYTES));
}

/* Flattened, or both would share one copy that is called. */
__attribute__((flatten)) uint64_t bl_key_of_name(const struct bl_key_secret *s, const char *name,
                                                 unsigned len)
{
    if (__builtin_expect(len > XXH3_MIDSIZE_MAX, 0))
        return key_of_long(s, name, len);
    return bl_key_clean(XXH3_64bits_withSecret(name, len, s->name_secret, BL_KEY_SECRET_BYTES));
}
