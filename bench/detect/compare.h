/* SPDX-License-Identifier: Apache-2.0 */
/* compare: a detector and lovebeat's rule over the same intervals. A
 * false alarm is an interval longer than the timeout set before it; the
 * median is of the timeouts set after each interval (while ours gives no
 * verdict it sets none). Pure. */
#pragma once

#include <stdint.h>

#include "bench/detect/series.h"
#include "engine/detect/state.h"

struct bl_compared {
    unsigned false_alarms;
    double median_ms;
    double timeout_ms[BL_SERIES_BEATS]; /* after each interval; 0: no verdict */
};

void bl_compare_lovebeat(const struct bl_series *s, struct bl_compared *out);
void bl_compare_ours(const struct bl_series *s, enum bl_detector detector, struct bl_compared *out);
