/* SPDX-License-Identifier: Apache-2.0 */
/* glob: shell patterns over node names: `*` any characters (dots too), `?` one
 * character, `[a-z]` one of (ASCII), `[!a-z]` none of, `\` takes the next
 * literally. A `[` without its `]` is a `[`. Any thread.
 * Cost: at most name x pattern steps, whatever the pattern; fnmatch(3)
 * takes exponential time on some and depends on the locale. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Length of the UTF-8 character at s, as its lead byte says, held at the
 * terminator; a byte that begins none is one by itself. Matching goes
 * from character to character. */
size_t bl_glob_character(const char *s);

/* Both terminated. The whole name must match. */
bool bl_glob_match(const char *pattern, const char *name);

/* For matchers that add to this language (views/pattern.h). The bytes of
 * the pattern's element at p, which is neither `*` nor the end; *wild:
 * more than one character is it. */
size_t bl_glob_element(const char *p, bool *wild);
/* One element, not `*`, against the character at *name. Advances both and
 * returns true if it matches. */
bool bl_glob_step(const char **pattern, const char **name);
