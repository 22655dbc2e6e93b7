/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/detect/detector.h"

#include <math.h>

#include "engine/base/beat.h"

/* phi takes no deviation for smaller than this. */
#define PHI_FLOOR_MS     20.0f
#define PHI_FLOOR_SHARE  (1.0f / 32) /* of the mean */
#define PHI_FLOOR_MAX_MS 1000.0f

static float detector_larger(float a, float b)
{
    return a > b ? a : b;
}

/* Of few intervals the deviation is hardly known. */
static float detector_unsure(const struct bl_interval_stats *s)
{
    return s->count < 2 * BL_INTERVAL_FEW ? 1 + 2.0f / (float)s->count : 1;
}

float bl_interval_deviation_ms(const struct bl_interval_stats *s)
{
    return sqrtf(s->variance_ms2);
}

static float phi_deviation_ms(const struct bl_interval_stats *s)
{
    float least = PHI_FLOOR_MS + PHI_FLOOR_SHARE * s->mean_ms;
    if (least > PHI_FLOOR_MAX_MS)
        least = PHI_FLOOR_MAX_MS;
    return detector_larger(bl_interval_deviation_ms(s) * detector_unsure(s), least);
}

static uint32_t whole_ms(float ms)
{
    return ms < (float)BL_TIMEOUT_MAX_MS ? (uint32_t)ms + 1 : BL_TIMEOUT_MAX_MS;
}

static float auto_sigmas(const struct bl_interval_stats *s)
{
    float wild = bl_interval_deviation_ms(s) / s->mean_ms;
    return (BL_AUTO_SIGMAS + BL_AUTO_WILD_SIGMAS * (wild < 1 ? wild : 1)) * detector_unsure(s);
}

uint32_t bl_detector_timeout_ms(const struct bl_interval_stats *s, enum bl_detector detector,
                                float phi_sigmas)
{
    float ms = s->mean_ms, margin = bl_interval_margin_ms(s->mean_ms);
    if (detector == BL_DETECTOR_FIXED || !bl_interval_is_known(s))
        return 0;
    if (detector == BL_DETECTOR_PHI)
        ms += phi_sigmas * phi_deviation_ms(s);
    else
        ms += auto_sigmas(s) * bl_interval_deviation_ms(s) + margin;
    return whole_ms(s->habit ? detector_larger(ms, s->held_ms + bl_interval_margin_ms(s->held_ms)) : ms);
}

/* The chance of more than `sigmas` deviations above the mean. */
static double chance_beyond(double sigmas)
{
    return erfc(sigmas * M_SQRT1_2) / 2;
}

float bl_phi_sigmas(unsigned phi)
{
    double low = 0, high = 16, wanted = pow(10, -(double)phi);
    for (unsigned i = 0; i < 48; i++) {
        double middle = (low + high) / 2;
        if (chance_beyond(middle) > wanted)
            low = middle;
        else
            high = middle;
    }
    return (float)high;
}

float bl_phi_of_age(const struct bl_interval_stats *s, uint32_t age_ms)
{
    if (!bl_interval_is_known(s))
        return 0;
    double sigmas = ((double)age_ms - s->mean_ms) / phi_deviation_ms(s);
    double chance = chance_beyond(sigmas);
    return chance > 1e-99 ? (float)-log10(chance) : 99;
}

uint32_t bl_interval_floor_ms(const struct bl_interval_stats *s)
{
    float ms = s->mean_ms;
    if (s->count < BL_INTERVAL_LEARNED && ms > BL_INTERVAL_SPAN_MS)
        ms = BL_INTERVAL_SPAN_MS;
    return whole_ms(detector_larger(ms - s->below_ms, bl_interval_margin_ms(0)));
}
