/* SPDX-License-Identifier: Apache-2.0 */
#include "control/core/key_secret.h"

#include <errno.h>
#include <sys/random.h>

int bl_key_secret_draw(struct bl_key_secret *s)
{
    uint8_t seed[BL_KEY_SECRET_BYTES + 24];

    if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        return -EIO;
    bl_key_secret_init(s, seed);
    return 0;
}
