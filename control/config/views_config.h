/* SPDX-License-Identifier: Apache-2.0 */
/* views_config: the entries of the config's list `views`.
 *
 *   views:
 *     - {name: backups, regexp: "^backup"}          lovebeat 0.8
 *     - {name: web-$dc, pattern: "$dc.web.*"}       lovebeat 1.0
 *     - {name: old, includes: ["a.*", "b.*"], excludes: ["*.test"], notify: true}
 *
 * A node is in the view if the regular expression is found in its name,
 * or a pattern (pattern.h) of `pattern` or `includes` matches it, and
 * none of `excludes` does. A name with variables stands for one view for
 * each value that they catch; the first of `includes`, then `pattern`,
 * that matches says which.
 *
 * Threads: as control/config/config.h. */
#pragma once

#include <stdbool.h>

#include "control/match/entry.h"

struct bl_config;

/* Room for one more, zeroed; NULL: out of memory, or BL_VIEWS_MAX. */
struct bl_view_config *bl_view_config_add(struct bl_config *c);
void bl_view_configs_clear(struct bl_config *c);
/* Whether two configs list the same views, in the same order. */
bool bl_view_configs_are_same(const struct bl_config *a, const struct bl_config *b);

/* Whether the values of one entry fit together and its name is not an
 * earlier one's, each of them being good by itself; else why, and what to
 * do. */
bool bl_view_config_is_good(const struct bl_config *c, const struct bl_view_config *v, char *why,
                            unsigned bytes);
