/* SPDX-License-Identifier: Apache-2.0 */
/* match: the config's views as one matcher: which of them is a name in?
 * All patterns are looked for at once, whatever their number: of each
 * glob the literal piece that the fewest others share (and then the
 * whole of it, if that piece is not all there is to it), of regular
 * expressions all. It is the plan of engine/views/views.h.
 *
 * A regular expression is looked for anywhere in the name, in bytes. It
 * is vectorscan's: Perl's without what takes unbounded time or memory
 * (lookaround, back references, possessive or atomic groups, huge
 * repeats), which covers all of Go's that lovebeat takes.
 *
 * Threads: main makes it (it may take a second for a thousand regular
 * expressions); control matches with it; the api thread tests with it,
 * with a state of its own. Memory: some hundred bytes a pattern. Cost:
 * about 0.3 us a name that is in none of a thousand views, 0.7 us one
 * that is in three (bench/cases/views_bench.c). */
#pragma once

#include <stdbool.h>

#include "control/match/entry.h"
#include "engine/base/err.h"
#include "engine/base/role.h"
#include "engine/views/views.h"

struct bl_view_match;

/* NULL with err: "views[3].regexp: ...", or out of memory. The config may
 * go away afterwards. */
struct bl_view_match *bl_view_match_new(const struct bl_view_config *views, unsigned count,
                                        char err[BL_ERR_BYTES]);
/* Of one that has not become a plan. */
void bl_view_match_free(struct bl_view_match *m);

/* Hands it over: the plan's release frees it. */
struct bl_views_plan bl_view_match_plan(struct bl_view_match *m);

/* The views that a name would be in, but `all`, in the order of the
 * config. `m` is bl_views_plan_of the generation in force, NULL allowed. */
typedef void bl_view_match_found(void *ctx, const char *view, unsigned len);
void bl_view_match_test(const struct bl_view_match *m, const char *name, bl_view_match_found *found,
                        void *ctx) BL_ON_API;

/* The config of an entry (bl_view.entry), NULL for BL_VIEW_NO_ENTRY. Any
 * reader of the generation. */
const struct bl_view_config *bl_view_match_entry(const struct bl_view_match *m, uint32_t entry);

/* Whether a regular expression will do; else why, and what to do. */
bool bl_view_regexp_is_good(const char *text, char why[BL_ERR_BYTES]);
