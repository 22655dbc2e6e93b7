/* SPDX-License-Identifier: Apache-2.0 */
/* sequence: what a sequence number tells that is not the next one.
 *
 *   incarnation     sequence              tells        stored sequence
 *   newer           any                   restarted    becomes the beat's
 *   older           any                   reordered    stays
 *   same, unknown   the stored one        duplicate    stays
 *                   1 ahead               nothing      becomes the beat's
 *                   n > 1 ahead           n - 1 lost   becomes the beat's
 *                   up to BL_SEQUENCE_REORDER behind
 *                                         reordered, one lost less: it
 *                                         was late, not lost; stays
 *                   further behind        restarted    becomes the beat's
 *
 * An incarnation of 0 is unknown: of the beat (a format without one, a
 * relay's entry) or of the node (no beat has brought one yet; the first
 * that does sets it). Both numbers wrap; "ahead" is the nearer way
 * round. A sender that restarts under its old incarnation (its clock
 * stood still) is caught by the last row. Counts saturate.
 *
 * Pure; any thread. */
#pragma once

#include <stdint.h>

#include "engine/table.h"

/* A beat this many numbers late is a late one; further back the sender
 * counts anew. 17 minutes of a 1 s interval. */
#define BL_SEQUENCE_REORDER 1024

/* Settles `sequence` of `incarnation` against `stored`: counts into *a
 * and returns the sequence that the next beat is compared with. */
uint32_t bl_sequence_settle(struct bl_anomaly *a, uint32_t stored, uint32_t sequence, uint32_t incarnation);
