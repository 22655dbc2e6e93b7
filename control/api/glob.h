/* SPDX-License-Identifier: Apache-2.0 */
/* glob: shell patterns over node names: `*` any bytes (dots too), `?` one
 * character, `[a-z]` one of (ASCII), `[!a-z]` none of, `\` takes the next
 * literally. A `[` without its `]` is a `[`. Any thread.
 * Cost: at most name x pattern steps, whatever the pattern; fnmatch(3)
 * takes exponential time on some and depends on the locale. */
#pragma once

#include <stdbool.h>

/* Both terminated. The whole name must match. */
bool bl_glob_match(const char *pattern, const char *name);
