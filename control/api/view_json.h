/* SPDX-License-Identifier: Apache-2.0 */
/* view_json: a view as the API and the CLI tell it. Read under RCU, holds
 * good until the thread's next quiescent state. The api thread. */
#pragma once

#include <stdint.h>

#include "control/api/call.h"
#include "engine/views.h"

/* The fields of a view, inside an open object: name, state, total, one
 * count per state, incident, state_since. */
void bl_view_json(struct bl_json *j, const struct bl_view *view);

/* What makes a node belong to it: regexp, pattern, includes and excludes
 * as the config has them, lists as "a, b"; each absent if it is empty. */
void bl_view_json_rules(struct bl_json *j, const struct bl_views_generation *g, const struct bl_view *view);

/* The same as one line for people: "pattern $dc.web.*, without *.test". */
void bl_view_rules_text(struct bl_text *out, const struct bl_views_generation *g, const struct bl_view *view);

/* The view's id in `g`, BL_VIEW_NONE and said so (exit code 4). */
uint32_t bl_call_find_view(struct bl_call *call, const struct bl_views_generation *g, const char *name);
