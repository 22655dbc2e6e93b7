/* SPDX-License-Identifier: Apache-2.0 */
/* timestamp: wall-clock times as people and programs read them: RFC 3339,
 * UTC, milliseconds: "2026-02-03T04:05:06.789Z". Any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BL_TIMESTAMP_TEXT 32

/* Years 0 (March) to 9999; what is outside is held at the nearest. Cost
 * about 20 ns: a list of a million nodes has two of them a line. */
const char *bl_timestamp_text(int64_t unix_ms, char out[BL_TIMESTAMP_TEXT]);

/* Reads an RFC 3339 time: "2026-02-03T04:05:06Z", a space for the T,
 * seconds with a fraction or left out, an offset as +01:00 for the Z.
 * False: it is none (no such day, no zone, outside of the years
 * above), *unix_ms is untouched. */
bool bl_timestamp_parse(const char *text, int64_t *unix_ms);

/* The wall clock now. */
int64_t bl_timestamp_now_ms(void);
