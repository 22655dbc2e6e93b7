/* SPDX-License-Identifier: Apache-2.0 */
/* text: the statsd lines that lovebeat's senders speak, both dialects.
 *
 *   name.action:value|type[|@rate]
 *
 * One or more lines per datagram, LF or CRLF, the last with or without.
 * Empty lines are not records. The last ".action" before the value is
 * the separator ("a.beat.beat:1|c" beats "a.beat").
 *
 *   action    value                         does
 *   beat      any number                    a beat
 *   autobeat  any number                    a beat; detector auto
 *   timeout   seconds, -1 clears, -2 auto   timeout (lovebeat 1.0's: failed at
 *                                           once where retries is 0)
 *   warn      the same                      warning threshold (0.8)
 *   err       the same                      failed threshold (0.8)
 *
 * Seconds and -1 also set the detector back to fixed: the last of
 * timeout, warn, err and autobeat that came decides. -2 of warn or err
 * also takes the place of seconds given before; those of a timeout hold
 * until a rhythm is known, and autobeat leaves all three alone, as it
 * comes with every beat and a person may have set them.
 *
 * Values: [+-]digits[.digits], no exponent. Seconds are taken to the
 * millisecond and what is below dropped ("2.5" is 2500 ms); they are
 * 0.001 up to BL_TIMEOUT_MAX_MS. 0 is refused: to lovebeat it means
 * "always failing", which is no timeout, and a 0 that came of a sender's
 * mistake must not clear one. The type is one or more letters (c g ms s
 * h ...), accepted and ignored, as is what follows a further '|' (rate,
 * tags).
 *
 * Names: 1..BL_NAME_MAX bytes, no control byte, space, 0x7f, ':' or '|'.
 * A bad line is counted and skipped; the other lines count. A line with
 * several faults counts under the leftmost:
 *   bad_line    no ':', or no '.' before it; no '|', or no type
 *   bad_name    the name (before the last '.' before the first ':')
 *   bad_action  what stands between that '.' and ':'
 *   bad_value   the value is none, or not one that the action takes
 * A datagram without any line drops as empty; with auth required every
 * text datagram drops as bad_tag.
 * Source: lovebeat's docs/api.rst and api/lineparser.go; statsd's
 * docs/metric_types.md. */
#pragma once

#include <stdint.h>

#include "dataplane/wire/wire.h"

/* See bl_wire_parse. Cost: one pass over each line, plus its name's
 * hash. */
uint32_t bl_wire_parse_text(const struct bl_wire_config *w, const uint8_t *payload, uint32_t len,
                            uint32_t offset, struct bl_sink *sink, struct bl_counters *c) BL_ON_WORKER;

/* bl_wire_parse_fast for single lines; counts nothing. None are usual
 * where w->text is not BL_TEXT_AVX512. */
unsigned bl_wire_parse_lines(const struct bl_wire_config *w, const struct bl_payload *payload, unsigned n,
                             struct bl_sink *sink) BL_ON_WORKER;
