/* SPDX-License-Identifier: Apache-2.0 */
/* syslog_line: a notice as a syslog message. Pure.
 *
 *   RFC 5424, for remote receivers:
 *   <27>1 2026-11-21T09:19:10.123Z host beatline 4711 TRANSITION
 *     [beatline@32473 node="n" from="ok" to="failed" incident="1"
 *     reason="timeout" number="17"] node n failed: no beat for 2.0 s ...
 *
 *   RFC 3164, for the machine's own: on /dev/log without the host name,
 *   as syslog(3) writes it; on stderr with it.
 *   <27>Nov 21 09:19:10 host beatline[4711]: node n failed: ...
 *
 * Severity: failed err, warning warning, ok notice, others info; a freeze
 * of ingest err, its thaw notice, with port= instead of node=. 32473
 * is the enterprise number that RFC 5612 gives to documentation. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "control/alert/notice.h"
#include "control/text/json.h"

struct bl_syslog_identity {
    unsigned facility; /* 0..23 */
    pid_t pid;
    char host[256];
};

void bl_syslog_5424(struct bl_text *out, const struct bl_syslog_identity *who, const struct bl_notice *n);
/* The time is local, as RFC 3164 wants it. */
void bl_syslog_3164(struct bl_text *out, const struct bl_syslog_identity *who, const struct bl_notice *n,
                    bool with_host);
