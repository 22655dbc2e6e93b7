/* SPDX-License-Identifier: Apache-2.0 */
/* lovebeat: the timeout that lovebeat 1.0 would set, from its published
 * rule: the last 20 intervals, those strictly within 3 sample standard
 * deviations of their mean (all if none), bias-adjusted moving averages
 * of x and x squared with weight 1/11, three deviations and a second on
 * top. The reference that ours is held to. Pure. */
#pragma once

/* After the `n` >= 1 intervals so far, in ms. */
double bl_lovebeat_timeout_ms(const double *interval_ms, unsigned n);
