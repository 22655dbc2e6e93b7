/* SPDX-License-Identifier: Apache-2.0 */
/* pieces: which literal part of each pattern to look for in a name. A
 * thousand patterns `prod.*.disk-7` share `prod.` and differ in
 * `.disk-7`: the part that the fewest patterns share says most, and the
 * longer one of two that are as rare.
 *
 * A piece at the begin or end of the name has a byte there that no name
 * has; a pattern without any literal has but the first of them. Used once
 * per config. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define BL_PIECE_FIRST '\x01'
#define BL_PIECE_LAST  '\x02'

struct bl_pattern;
struct bl_pieces;

struct bl_pieces *bl_pieces_new(void);
void bl_pieces_free(struct bl_pieces *p);
/* The pieces of pattern number `id`; ids ascend. 0 or -ENOMEM. */
int bl_pieces_add(struct bl_pieces *p, uint32_t id, const struct bl_pattern *pattern);
/* After the last one. */
void bl_pieces_count(struct bl_pieces *p);
/* Asked with ascending ids. Good as long as `p`. */
const char *bl_pieces_rarest(struct bl_pieces *p, uint32_t id, size_t *len);
