/* SPDX-License-Identifier: Apache-2.0 */
/* view_json: a view as the API and the CLI tell it. Read under RCU, holds
 * good until the thread's next quiescent state. The api thread. */
#pragma once

#include <stdint.h>

#include "control/model/context.h"
#include "engine/views/views.h"

/* The fields of a view, inside an open object:
 *
 *   name         "backups"
 *   state        "ok", "unknown", "warning" or "failed": its worst node's
 *   total        its nodes; and one count for each of a node's states:
 *   new, paused, ok, unknown, warning, failed
 *   incident     +1 each time it leaves ok
 *   state_since  "2026-02-03T04:05:06.789Z"; null: not known yet */
#define BL_VIEW_FIELDS "name,state,total,new,paused,ok,unknown,warning,failed,incident,state_since"
void bl_view_json(struct bl_json *j, const struct bl_view *view);

/* What makes a node belong to it: regexp, pattern, includes and excludes
 * as the config has them, the last two as arrays; each absent if it is
 * empty. */
void bl_view_json_rules(struct bl_json *j, const struct bl_views_generation *g, const struct bl_view *view);

/* The same as one line for people: "pattern $dc.web.*, without *.test". */
void bl_view_rules_text(struct bl_text *out, const struct bl_views_generation *g, const struct bl_view *view);

/* One incident of a view (incidents.h), inside an open object:
 *
 *   id           "backups/3": the view and the number
 *   view, number
 *   open         whether it goes on
 *   state        the view's, if it goes on; else "ok"
 *   worst        the worst that the view was in it
 *   since        time; until: time, null if it goes on, or when it ended
 *                is not known
 *   duration_ms  until then, or now
 *   failed_most, warning_most, unknown_most
 *                nodes that were at a time, at the most, as far as it was
 *                seen: they are counted once a second
 *   total, failed, warning, unknown
 *                nodes as they are now; only of one that goes on
 *
 * `i` NULL: the one that goes on, of which no more is known than the view
 * says. */
#define BL_INCIDENT_FIELDS                                                                                   \
    "id,view,number,open,state,worst,since,until,duration_ms,failed_most,warning_most,unknown_most,total,"   \
    "failed,warning,unknown"
void bl_incident_json(struct bl_json *j, const struct bl_view *view, const struct bl_incident *i,
                      int64_t now_unix_ms);
