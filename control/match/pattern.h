/* SPDX-License-Identifier: Apache-2.0 */
/* pattern: a glob over node names that can catch parts of them, as
 * lovebeat 1.0's alarms do: `$dc.web.*` matches `ams.web.3` with dc =
 * `ams`, and the view named `web-$dc` is then `web-ams`.
 *
 * The language is glob.h's, the whole name must match, and `$name` (a to
 * z) is one character or more, none of them a dot. A `$` before anything else
 * is a `$`. Where a name can be split in more than one way, what stands
 * further left takes as much as it can.
 *
 * Threads: any; constant once made. Cost: at most elements x bytes of the
 * name; runs of literal bytes are one element. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/err.h"

#define BL_PATTERN_MAX       200u /* bytes: as long as a name */
#define BL_PATTERN_VARIABLES 16u

struct bl_pattern;

/* What a variable stands for: bytes of the name that was matched. */
struct bl_capture {
    const char *at;
    unsigned len;
};

/* NULL and why (what is wrong and what to do): empty, too long, a control
 * byte, no UTF-8, the same variable twice, out of memory. */
struct bl_pattern *bl_pattern_new(const char *text, char why[BL_ERR_BYTES]);
void bl_pattern_free(struct bl_pattern *p);

/* Whether the name (terminated, at most BL_NAME_MAX bytes) matches.
 * `captures` NULL, or room for BL_PATTERN_VARIABLES of them. */
bool bl_pattern_match(const struct bl_pattern *p, const char *name, struct bl_capture *captures);

/* Variables, by the order in which captures come. */
unsigned bl_pattern_variables(const struct bl_pattern *p);

/* The literal bytes that each matching name has in it, as pieces:
 * `first`: the name begins with it, `last`: it ends with it. */
struct bl_pattern_piece {
    const char *at;
    unsigned len;
    bool first, last;
};
/* The i-th, false: there are no more. */
bool bl_pattern_piece(const struct bl_pattern *p, unsigned i, struct bl_pattern_piece *piece);
/* Whether a name that has its one piece where it belongs does match: `a`,
 * `a*`, `*a`, `*a*`, and `*` without any. */
bool bl_pattern_is_plain(const struct bl_pattern *p);

/* The name of a view with each variable replaced. Returns its length, or
 * -1: it is longer than `bytes` - 1, or empty. */
int bl_pattern_expand(const struct bl_pattern *p, const char *template, const struct bl_capture *captures,
                      char *out, size_t bytes);
/* Whether the pattern catches all variables of the template; else the
 * first one that it does not is copied to `missing`. */
bool bl_pattern_has_all(const struct bl_pattern *p, const char *template, char missing[BL_PATTERN_MAX + 1]);
/* Whether there is a variable in the text. */
bool bl_pattern_is_template(const char *text);
