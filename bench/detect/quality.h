/* SPDX-License-Identifier: Apache-2.0 */
/* quality: what a detector is worth, in the figures of Chen, Toueg and
 * Aguilera ("On the quality of service of failure detectors", 2002),
 * measured in simulation: a node sends a beat every 10 s; the network
 * loses some and delays the others; the detector is the engine's own.
 *
 *   detection time     from the crash to the lasting suspicion
 *   mistake rate       suspicions of a node that is alive, per day
 *   mistake duration   from a wrong suspicion to the beat that ends it
 *
 * Delays are 20 ms and on top an exponential share of 20 ms on average,
 * or, heavy-tailed, a Pareto one of the exponent 1.2 (infinite
 * variance): one beat in 1000 takes 6 s and more. Pure; seeded. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/detect/state.h"

#define BL_QUALITY_BEAT_MS 10000u
/* Of the fixed detector: three intervals, what people set. */
#define BL_QUALITY_FIXED_MS 30000u

struct bl_quality_case {
    enum bl_detector detector;
    unsigned loss_percent;
    unsigned retries; /* the failure that counts comes after so many more timeouts */
    bool heavy_tail;
};

struct bl_quality {
    double detection_ms, detection_p99_ms;
    double mistakes_per_day;
    double mistake_ms; /* 0: there was none */
};

/* Over `beats` beats, more than a hundred; the first hundred do not
 * count. After each of the others the node might have crashed. */
void bl_quality_measure(const struct bl_quality_case *c, unsigned beats, uint64_t seed,
                        struct bl_quality *out);
