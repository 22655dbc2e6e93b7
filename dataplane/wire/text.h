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
 *   timeout   seconds, -1 clears, -2 auto   timeout (1.0's; sets err as 0.8's
 *                                           err: failed at once)
 *   warn      the same                      warning threshold (0.8)
 *   err       the same                      failed threshold (0.8)
 *
 * Values: decimal with an optional fraction ("2.5"), up to
 * BL_TIMEOUT_MAX_MS; the type (c g ms s h ...) and rate are accepted and
 * ignored. Names: 1..BL_NAME_MAX bytes, no control byte, space, ':' or
 * '|'. A bad line is counted and skipped; the other lines count.
 * Source: lovebeat's README and its statsd service; statsd's
 * metric_types. */
#pragma once

#include <stdint.h>

#include "dataplane/wire/wire.h"

uint32_t bl_wire_parse_text(const struct bl_wire_config *w, const uint8_t *payload, uint32_t len,
                            uint32_t offset, struct bl_sink *sink, struct bl_counters *c) BL_ON_WORKER;
