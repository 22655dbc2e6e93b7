/* SPDX-License-Identifier: Apache-2.0 */
/* detector: when the rhythm of a node's beats says to worry.
 *
 *   fixed   the timeouts that somebody set
 *   auto    mean + BL_AUTO_SIGMAS deviations + a margin; the wilder the
 *           rhythm (deviation by mean), the more of them
 *   phi     accrual (Hayashibara et al. 2004): the silence whose chance,
 *           were the node alive, is 10^-phi
 *
 * auto and phi draw on the intervals seen (interval.h) and stay above
 * outliers that recur. No verdict before a rhythm is known
 * (bl_interval_is_known): fixed timeouts, the node's own or the defaults,
 * hold until then, so a node that dies after its first burst is found by
 * those. After one or two beats, or some in a tenth of a second, nobody
 * knows a rhythm; lovebeat, which takes one for granted, expects the
 * second beat within a second.
 *
 * Measured against lovebeat's rule on its own eight series, and all
 * three against loss and delay: bench/detect.
 * Pure functions on plain values; any thread. */
#pragma once

#include <stdint.h>

#include "engine/detect/interval.h"
#include "engine/detect/state.h"

#define BL_AUTO_SIGMAS      2.25f
#define BL_AUTO_WILD_SIGMAS 1.3f /* more, times deviation by mean, at most 1 */

/* At 8 one beat in 100 million is taken for a failure, if intervals are
 * normally distributed. */
#define BL_PHI_DEFAULT 8u
#define BL_PHI_MAX     16u

/* The timeout that `detector` draws from the intervals, in ms; 0: none
 * yet, or fixed. `phi_sigmas`: of bl_phi_sigmas, for phi. */
uint32_t bl_detector_timeout_ms(const struct bl_interval_stats *s, enum bl_detector detector,
                                float phi_sigmas);

/* How many deviations beyond the mean the level `phi` is. Cost: 10 us,
 * once per config. */
float bl_phi_sigmas(unsigned phi);

/* The accrued suspicion of a silence of `age_ms`: -log10 of its chance,
 * at most 99. 0 before the rhythm is known. */
float bl_phi_of_age(const struct bl_interval_stats *s, uint32_t age_ms);

float bl_interval_deviation_ms(const struct bl_interval_stats *s);

/* No timeout that the next beat can bring is below this many ms after
 * it: who looks once in as long misses no verdict, however the timeout
 * shrinks. The mean; less while short intervals gather that may turn out
 * to be a faster rhythm, and while few are known. */
uint32_t bl_interval_floor_ms(const struct bl_interval_stats *s);
