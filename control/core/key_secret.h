/* SPDX-License-Identifier: Apache-2.0 */
/* key_secret: draws the secret of the hash of names (engine/base/key.h), new
 * with every start. Main. */
#pragma once

#include "engine/base/key.h"

/* 0, or -EIO: the kernel gives no random bytes. */
int bl_key_secret_draw(struct bl_key_secret *s);
