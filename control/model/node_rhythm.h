/* SPDX-License-Identifier: Apache-2.0 */
/* node_rhythm: what a node's detector makes of its beats: the detector in
 * force, the intervals it has learned, the ages at which the node is
 * news. The api thread, under RCU. */
#pragma once

#include "control/model/node_view.h"

/* Into an open object: the thresholds in force and, of a node on auto or
 * phi, what it has learned:
 *
 *   warning_after_ms failed_after_ms           null: never
 *   intervals interval_mean_ms interval_deviation_ms phi */
void bl_node_rhythm_json(struct bl_json *j, const struct bl_node_view *v);

/* "auto: every 10.0s, deviation 0.3s; failed after 11.4s", "phi: learning
 * (2 of 3 intervals); failed never", "fixed: failed after 30.0s". */
#define BL_NODE_RHYTHM_TEXT 192
const char *bl_node_rhythm_text(const struct bl_node_view *v, char out[BL_NODE_RHYTHM_TEXT]);
