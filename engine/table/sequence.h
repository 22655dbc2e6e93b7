/* SPDX-License-Identifier: Apache-2.0 */
/* sequence: what a sequence number tells that is not the next one.
 *
 *   incarnation     sequence              tells        stored sequence
 *   newer           any                   restarted    becomes the beat's
 *   older           any                   reordered    stays
 *   same, unknown   the stored one        duplicate    stays
 *                   1 ahead               nothing      becomes the beat's
 *                   n > 1 ahead           n - 1 lost   becomes the beat's
 *                   behind                reordered    stays
 *   of the last row, up to BL_SEQUENCE_REORDER behind: one lost less, as
 *   it was late, not lost
 *   BL_SEQUENCE_RESTART reordered ones in order
 *                                         restarted    incarnation and sequence
 *                                                      become the beat's
 *
 * An incarnation of 0 is unknown: of the beat (a format without one, a
 * relay's entry) or of the node (no beat has brought one yet; the first
 * that does sets it). Both numbers wrap; "ahead" is the nearer way
 * round. Counts saturate.
 *
 * The last row is a sender that counts anew under an older incarnation
 * (its clock was set back), under the same or under none. Its beats
 * follow each other, each up to BL_SEQUENCE_STEP ahead of the one before
 * (some get lost on the way; the same one twice is no harm), and no beat
 * that the node's present count expects comes between. So beats that
 * were late, copied or played back are no restart while there are fewer
 * of them in a row, or while the node itself beats on between them.
 * What it costs: the first BL_SEQUENCE_RESTART - 1 beats of such a
 * sender count as reordered, and so many old ones sent again in order,
 * with none of the node's between, are a false restart; then the node's
 * next own beat tells a second one (a newer incarnation) or a gap. Ages
 * and verdicts hang on neither.
 *
 * Pure; any thread. */
#pragma once

#include <stdint.h>

#include "engine/table/table.h"

/* A beat at most this many numbers late may be one that was counted as
 * lost. 17 minutes of a 1 s interval. */
#define BL_SEQUENCE_REORDER 1024

/* So many beats from behind, in order, are a sender that counts anew:
 * more than a relay or a network that fails over holds back as a rule,
 * and some seconds of a 1 s interval. */
#define BL_SEQUENCE_RESTART 8u

/* Ahead of the one before it by so much, a beat still follows it: a
 * restart is found though half of the beats get lost. */
#define BL_SEQUENCE_STEP 16u

/* Settles `sequence` of `incarnation` against `stored`: counts into *a
 * and returns the sequence that the next beat is compared with. */
uint32_t bl_sequence_settle(struct bl_anomaly *a, uint32_t stored, uint32_t sequence, uint32_t incarnation);
