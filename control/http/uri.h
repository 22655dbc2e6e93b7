/* SPDX-License-Identifier: Apache-2.0 */
/* uri: what a request line and a form say: percent-escapes, parameters,
 * and whether a path fits a route's pattern. Pure functions over text
 * that unknown nodes sent; any thread. Nothing is allocated: parameters point
 * into the text they were read from. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Undoes %XX in place ("+" is a space if `plus`) and terminates the text.
 * Returns its new length; -EINVAL: an escape without two hex digits, or a
 * NUL byte, which no text of ours may hold. */
int bl_uri_decode(char *text, bool plus);

/* A name and its value, both decoded and terminated. */
struct bl_param {
    const char *name, *value;
};

/* Takes "a=1&b=x%20y" apart, in place. Returns how many parameters it
 * holds (an empty part is none, a name without "=" has the value ""),
 * -EINVAL as above, -E2BIG: over `max`. */
int bl_uri_parameters(char *text, struct bl_param *params, unsigned max);

/* What a pattern's {names} stood for, not decoded yet: pieces of the
 * path. */
#define BL_URI_CAPTURES 4u
struct bl_capture {
    const char *name; /* in the pattern */
    size_t name_len;
    const char *text; /* in the path */
    size_t len;
};
struct bl_captures {
    struct bl_capture item[BL_URI_CAPTURES];
    unsigned count;
};

/* Whether `path` (escapes still in it) is what `pattern` describes:
 * "/api/nodes/{name}/pause" has literal segments and segments {name},
 * each of which stands for one segment of at least a byte. */
bool bl_uri_match(const char *pattern, const char *path, struct bl_captures *captures);
