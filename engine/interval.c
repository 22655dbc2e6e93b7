/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/interval.h"

#include <stdbool.h>

#include "engine/beat.h"

/* Weights of one interval. */
#define MEAN_WEIGHT     (1.0f / 7)
#define WIDER_WEIGHT    (1.0f / 6)
#define NARROWER_WEIGHT (1.0f / 25)
#define FAR_OUT_WEIGHT  (1.0f / 2)
#define FAR_OUT         4.0f /* times the variance */

/* So many in a row within half a deviation: the rhythm has calmed. */
#define CALM_BEATS  4u
#define CALM_SHARE  (1.0f / 4) /* of the variance */
#define CALM_WEIGHT (1.0f / 6)

/* So many old intervals a faster rhythm must last: a quarter more than
 * what is left to whoever looks (bl_interval_floor_ms), as the first of
 * the short ones may have begun a quarter before the look. */
#define FASTER_LASTS 1.25f

#define OUTLIER_VARIANCES 16.0f /* 4 deviations */

static void forget_outliers(struct bl_interval_stats *s)
{
    s->held_ms = s->peak_ms = 0;
    s->quiet = 0;
}

/* Equal weights while there are few: 1/n is a table's. */
static void learn_early(struct bl_interval_stats *s, float off)
{
    static const float one_by[BL_INTERVAL_FEW + 2] = {1.0f,     1.0f,     1.0f / 2, 1.0f / 3, 1.0f / 4,
                                                      1.0f / 5, 1.0f / 6, 1.0f / 7, 1.0f / 8, 1.0f / 9};
    float weight = one_by[s->count + 1];
    s->mean_ms += (weight > MEAN_WEIGHT ? weight : MEAN_WEIGHT) * off;
    s->variance_ms2 += one_by[s->count] * (off * off * (1 - weight) - s->variance_ms2);
}

static void learn_later(struct bl_interval_stats *s, float off)
{
    float square = off * off, weight = square > s->variance_ms2 ? WIDER_WEIGHT : NARROWER_WEIGHT;
    if (square > CALM_SHARE * s->variance_ms2)
        s->calm = 0;
    else if (s->calm < CALM_BEATS)
        s->calm++;
    if (s->calm == CALM_BEATS)
        weight = CALM_WEIGHT;
    if (square > FAR_OUT * s->variance_ms2)
        weight = FAR_OUT_WEIGHT;
    s->mean_ms += MEAN_WEIGHT * off;
    s->variance_ms2 += weight * (square * (1 - MEAN_WEIGHT) - s->variance_ms2);
}

static void learn_regular(struct bl_interval_stats *s, float off)
{
    s->run = 0;
    if (s->held_ms < 0)
        s->held_ms = 0;
    if (s->quiet > 0 && --s->quiet == 0)
        forget_outliers(s);
    if (s->count < BL_INTERVAL_FEW)
        learn_early(s, off);
    else
        learn_later(s, off);
    if (s->count < UINT8_MAX)
        s->count++;
}

static void learn_above(struct bl_interval_stats *s, float ms)
{
    if (s->run > 0) { /* two of them: the new rhythm */
        float apart = ms - s->held_ms, variance = apart * apart / 2;
        s->mean_ms = (ms + s->held_ms) / 2;
        if (s->variance_ms2 < variance)
            s->variance_ms2 = variance;
        s->run = 0;
        forget_outliers(s);
        return;
    }
    if (s->quiet > 0) { /* a habit */
        if (s->peak_ms < s->held_ms)
            s->peak_ms = s->held_ms;
        if (s->peak_ms < ms)
            s->peak_ms = ms;
    }
    s->held_ms = ms;
    s->quiet = BL_INTERVAL_RECUR;
    s->run = 1;
    s->variance_ms2 += NARROWER_WEIGHT * (OUTLIER_VARIANCES - 1) * s->variance_ms2;
}

static void learn_below(struct bl_interval_stats *s, float ms)
{
    if (s->run >= 0)
        s->run = 0, s->held_ms = 0;
    if (s->run > INT8_MIN)
        s->run--;
    s->held_ms -= ms;
    if (s->run > -BL_INTERVAL_FASTER || -s->held_ms < FASTER_LASTS * s->mean_ms)
        return;
    s->mean_ms = ms;
    if (s->variance_ms2 > ms * ms / 16)
        s->variance_ms2 = ms * ms / 16;
    s->run = 0;
    forget_outliers(s);
}

void bl_interval_learn(struct bl_interval_stats *s, uint32_t interval_ms)
{
    float ms = (float)interval_ms;
    if (interval_ms == 0 || interval_ms > BL_TIMEOUT_MAX_MS)
        return;
    if (s->count == 0) {
        s->mean_ms = ms;
        s->variance_ms2 = 0;
        s->count = 1;
        return;
    }
    float off = ms - s->mean_ms, margin = bl_interval_margin_ms(s->mean_ms), quarter = s->mean_ms / 4;
    float limit = OUTLIER_VARIANCES * s->variance_ms2 + margin * margin + quarter * quarter;
    bool known = s->count >= BL_INTERVAL_LEARNED;
    if (known && ms < quarter)
        learn_below(s, ms);
    else if (known && off > 0 && off * off > limit)
        learn_above(s, ms);
    else
        learn_regular(s, off);
}
