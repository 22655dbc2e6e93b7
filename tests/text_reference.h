/* SPDX-License-Identifier: Apache-2.0 */
/* text_reference: the text format read slowly and plainly, to compare
 * the fast parser with. Shares no code with it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tests/gather.h"

/* A line as text.h says it counts. */
struct reference_line {
    const char *fault;  /* the drop's name; NULL: good */
    const char *action; /* "beat", ... of a good line */
    const char *name;
    unsigned name_len;
    bool clear, automatic; /* value of a timeout, warn or err */
    uint32_t ms;           /* the same, if neither */
};

/* `line`: without its CR and LF, not empty. */
struct reference_line reference_read(const char *line, unsigned len);

/* The next line of [*at, end) that is not empty; false if none is left. */
bool reference_next(const char **at, const char *end, const char **line, unsigned *len);

/* Asserts that `g`, gathered from `text`, holds what the reference reads
 * in it, records and drops. */
void reference_compare(const struct gather *g, const char *text, unsigned len);
