/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/detect/interval.h"

#include <stdbool.h>

#include "engine/base/beat.h"

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
#define EARLY_OUTLIER     4.0f  /* times the mean, while no deviation is known */

static float interval_larger(float a, float b)
{
    return a > b ? a : b;
}

static void forget_outliers(struct bl_interval_stats *s)
{
    s->held_ms = s->quiet_ms = 0;
    s->habit = 0;
}

static void end_run(struct bl_interval_stats *s)
{
    s->run = 0;
    s->below_ms = 0;
}

/* `ms` more of a rhythm that goes on. */
static void let_pass(struct bl_interval_stats *s, float ms)
{
    s->owed_ms = interval_larger(s->owed_ms - ms, 0);
    if (s->quiet_ms <= 0)
        return;
    s->quiet_ms -= ms;
    if (s->quiet_ms <= 0)
        forget_outliers(s);
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

static void learn_regular(struct bl_interval_stats *s, float ms)
{
    float off = ms - s->mean_ms;
    end_run(s);
    let_pass(s, ms);
    if (s->count < BL_INTERVAL_FEW)
        learn_early(s, off);
    else
        learn_later(s, off);
    if (s->count < UINT8_MAX)
        s->count++;
}

/* The second of two outliers above, `ms`, makes the rhythm. */
static void learn_slower(struct bl_interval_stats *s, float ms)
{
    float before_ms = s->habit ? ms : s->held_ms, apart = ms - before_ms;
    s->mean_ms = (ms + before_ms) / 2;
    s->variance_ms2 = interval_larger(s->variance_ms2, apart * apart / 2);
    if (!bl_interval_is_known(s)) /* what was before them was a burst */
        s->count = 2;
    s->owed_ms = interval_larger(s->owed_ms - ms, 0);
    end_run(s);
    forget_outliers(s);
}

static void learn_above(struct bl_interval_stats *s, float ms)
{
    if (s->run > 0) {
        learn_slower(s, ms);
        return;
    }
    end_run(s);
    s->run = 1;
    s->habit = s->quiet_ms > 0;
    s->held_ms = s->habit ? interval_larger(s->held_ms, ms) : ms;
    if (s->owed_ms > 0 && !s->habit) /* it has not gone on for long, and stopped */
        s->owed_ms = BL_INTERVAL_SPAN_MS;
    s->quiet_ms = interval_larger(BL_INTERVAL_RECUR * s->mean_ms, BL_INTERVAL_RECUR_MS);
    s->variance_ms2 += NARROWER_WEIGHT * (OUTLIER_VARIANCES - 1) * s->variance_ms2;
}

/* Short ones in a row make the rhythm. */
static void learn_faster(struct bl_interval_stats *s, float ms)
{
    s->mean_ms = ms;
    if (s->variance_ms2 > ms * ms / 16)
        s->variance_ms2 = ms * ms / 16;
    end_run(s);
    forget_outliers(s);
}

static void learn_below(struct bl_interval_stats *s, float ms)
{
    if (s->run >= 0)
        end_run(s);
    if (s->run > INT8_MIN)
        s->run--;
    s->below_ms += ms;
    if (s->count < BL_INTERVAL_LEARNED) { /* the long one before was no rhythm */
        if (s->run > -(int)BL_INTERVAL_LEARNED)
            return;
        s->count = BL_INTERVAL_LEARNED;
        s->owed_ms = BL_INTERVAL_SPAN_MS;
        learn_faster(s, ms);
        return;
    }
    let_pass(s, ms);
    float lasts_ms =
        interval_larger(interval_larger(FASTER_LASTS * s->mean_ms, BL_INTERVAL_SPAN_MS), s->held_ms);
    if (s->run <= -BL_INTERVAL_FASTER && s->below_ms >= lasts_ms)
        learn_faster(s, ms);
}

/* Whether `ms`, above the mean, is an outlier. */
static bool is_above(const struct bl_interval_stats *s, float ms)
{
    float off = ms - s->mean_ms, margin = bl_interval_margin_ms(s->mean_ms), quarter = s->mean_ms / 4;
    if (s->count < BL_INTERVAL_LEARNED)
        return ms > EARLY_OUTLIER * s->mean_ms;
    return off > 0 && off * off > OUTLIER_VARIANCES * s->variance_ms2 + margin * margin + quarter * quarter;
}

void bl_interval_learn(struct bl_interval_stats *s, uint32_t interval_ms)
{
    float ms = (float)interval_ms;
    if (interval_ms == 0 || interval_ms > BL_TIMEOUT_MAX_MS)
        return;
    if (s->count == 0) {
        s->mean_ms = ms;
        s->variance_ms2 = 0;
        s->owed_ms = interval_larger(BL_INTERVAL_SPAN_MS - ms, 0);
        s->count = 1;
    } else if (ms < s->mean_ms / 4) {
        learn_below(s, ms);
    } else if (is_above(s, ms)) {
        learn_above(s, ms);
    } else {
        learn_regular(s, ms);
    }
}
