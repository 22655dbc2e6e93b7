/* SPDX-License-Identifier: Apache-2.0 */
/* human: figures and columns as people read them. Any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/text/json.h"

#define BL_HUMAN_TEXT 32

/* "0.3s" "12s" "5m12s" "2h14m" "3d4h". */
const char *bl_human_age(uint64_t ms, char out[BL_HUMAN_TEXT]);
/* "1,234,567". */
const char *bl_human_count(uint64_t n, char out[BL_HUMAN_TEXT]);
/* "512 B" "1.2 KiB" "3.4 GiB". */
const char *bl_human_bytes(uint64_t n, char out[BL_HUMAN_TEXT]);

enum bl_align { BL_LEFT, BL_RIGHT };

/* Appends `text` filled up with spaces to `width` characters. */
void bl_human_column(struct bl_text *out, const char *text, unsigned width, enum bl_align align);

/* Widths in characters of a line "  label       figure". */
struct bl_columns {
    unsigned indent, label, figure;
};

/* Appends such a line: the label on the left of its column, the figure
 * on the right. */
void bl_human_row(struct bl_text *out, const struct bl_columns *c, const char *label, const char *figure);
/* The same with bl_human_count(n) for the figure. */
void bl_human_count_row(struct bl_text *out, const struct bl_columns *c, const char *label, uint64_t n);

/* Ends a line: takes the spaces before it away. */
void bl_human_line(struct bl_text *out);

/* Copies a name so that it cannot drive a terminal: control characters
 * and what is no UTF-8 become "?". Returns its width in characters. */
unsigned bl_human_name(const char *name, char *out, unsigned bytes);

/* The state's word, in its colour if `color`, filled up to `width`. */
void bl_human_state(struct bl_text *out, unsigned state, unsigned width, bool color);
