/* SPDX-License-Identifier: Apache-2.0 */
/* lines_reference: what lines.h promises, checked in the simplest way: a
 * whole stream against the pieces that its chunks gave. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Gives `stream` to a connection in chunks of chunk(ctx) bytes (held to
 * 1..BL_LINES_READ), closes it, and asserts that the pieces hold exactly
 * the lines that they should. */
void lines_reference_check(const uint8_t *stream, size_t len, uint32_t (*chunk)(void *ctx), void *ctx);
