/* SPDX-License-Identifier: Apache-2.0 */
/* duration: "500ms" "2s" "1.5m" "2h" "3d" "none", as people write them in
 * the config and on the command line. A bare number is refused: say the
 * unit. So is what is no whole number of milliseconds. Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

#define BL_DURATION_TEXT 24

/* 0 and *ms ("none" is 0), or -EINVAL / -ERANGE (over max_ms, negative). */
int bl_duration_parse(const char *text, uint32_t max_ms, uint32_t *ms);
/* Shortest exact text: "90s" not "90000ms"; 0 is "none". */
const char *bl_duration_text(uint32_t ms, char out[BL_DURATION_TEXT]);
/* What is wrong with a text that bl_duration_parse refused with `error`,
 * and what to write: `"30" has no unit; write 30s or 30ms`. */
const char *bl_duration_error(const char *text, int error, uint32_t max_ms, char out[BL_ERR_BYTES]);
