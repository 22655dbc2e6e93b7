/* SPDX-License-Identifier: Apache-2.0 */
/* interval: what is kept of the time between a node's beats: mean and
 * variance, learned one interval after the other, no history.
 *
 * An interval moves the mean by 1/7, and the variance by 1/6 if it lies
 * wide of the mean, by 1/25 if near, by 1/2 if far out, by 1/6 if it is
 * the fourth in a row very near: quick to grow careful, slow to forget.
 * Outliers are held down:
 *
 *   far above   (over 4 deviations, the margin and a quarter of the
 *               mean) it is held, the variance widens a little; a second
 *               one in a row is the new rhythm; one within
 *               BL_INTERVAL_RECUR intervals of another, or within
 *               BL_INTERVAL_RECUR_MS, is a habit, and its peak is kept for
 *               as long
 *   far below   (under a quarter of the mean: a double beat, a burst) it
 *               is passed over; BL_INTERVAL_FASTER in a row that together
 *               last longer than the mean, BL_INTERVAL_SPAN_MS and a
 *               silence just before (a queue that drains) are the new
 *               rhythm
 *
 * A burst is no rhythm: one is known when it has gone on for
 * BL_INTERVAL_LEARNED intervals and for BL_INTERVAL_SPAN_MS. Until then
 * there is no verdict (detector.h).
 *
 * Threads: a worker learns; control and readers look, each field whole
 * but two fields maybe of two beats, which moves a threshold by less
 * than the beat would. Pure functions on a plain value, in float: 24 bits
 * of a day in ms are 8 ms. What follows from it: detector.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BL_INTERVAL_LEARNED 3u  /* intervals before outliers are told by deviation and verdicts given */
#define BL_INTERVAL_RECUR   20u /* intervals for which an outlier may recur */
#define BL_INTERVAL_FASTER  8   /* short intervals in a row that are a faster rhythm */
#define BL_INTERVAL_FEW     8u  /* up to so many intervals weigh the same */
/* What is over sooner is a burst: a queue that drains, a beat sent again
 * and again, a sender's fast first phase. */
#define BL_INTERVAL_SPAN_MS 10000.0f
/* An outlier may recur for so long at least: bursts and the pauses between
 * them make rounds of up to three spans. */
#define BL_INTERVAL_RECUR_MS (3 * BL_INTERVAL_SPAN_MS)

struct bl_interval_stats {
    float mean_ms;
    float variance_ms2;
    float held_ms;  /* the last outlier above, of a habit the largest; 0: none, or long ago */
    float quiet_ms; /* until it is forgotten */
    float below_ms; /* sum of the run below */
    float owed_ms;  /* for so long the rhythm must still go on to be known */
    uint32_t last_tick;
    uint8_t count; /* intervals learned, saturates */
    int8_t run;    /* outliers in a row: above > 0, below < 0 */
    uint8_t habit; /* 1: outliers above recur */
    uint8_t calm;  /* intervals near the mean in a row */
};
_Static_assert(sizeof(struct bl_interval_stats) == 32, "memory of a node on auto or phi; in one cache line");

/* Whether verdicts may be drawn from it. */
static inline bool bl_interval_is_known(const struct bl_interval_stats *s)
{
    return s->count >= BL_INTERVAL_LEARNED && s->owed_ms <= 0;
}

/* Learns one interval, in ms. An interval of 0 (two beats in a tick) or
 * beyond BL_TIMEOUT_MAX_MS says nothing. No division, no square root.
 * Cost: about 10 ns. */
void bl_interval_learn(struct bl_interval_stats *s, uint32_t interval_ms);

/* What a threshold leaves for network and sweep: 50 ms and an eighth of
 * the mean, at most 830 ms. */
static inline float bl_interval_margin_ms(float mean_ms)
{
    float ms = 50.0f + mean_ms / 8;
    return ms < 830.0f ? ms : 830.0f;
}
