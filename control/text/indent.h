/* SPDX-License-Identifier: Apache-2.0 */
/* indent: JSON for people's eyes: two spaces a level, a member a line, as
 * Go's MarshalIndent writes it, so that who reads lovebeat's answers with
 * grep and awk goes on doing so. Any thread. */
#pragma once

#include <stddef.h>

#include "control/text/json.h"

/* Appends valid JSON of `len` bytes, laid out for a place `level` levels
 * deep: its first line is not indented, the others are. */
void bl_json_indent(struct bl_text *out, const char *json, size_t len, unsigned level);
