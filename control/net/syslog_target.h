/* SPDX-License-Identifier: Apache-2.0 */
/* syslog_target: where syslog messages go and under which facility, and
 * where statsd's figures go, parsed from the config. What the config
 * takes and what the receivers open is the same, as both ask here. Pure;
 * any thread.
 *
 *   local                /dev/log; while that does not exist: stderr
 *   local:/PATH          the same with another socket
 *   unix:/PATH           a datagram socket, without the way out
 *   udp://HOST[:PORT]    RFC 5424, one datagram each (RFC 5426)
 *   tcp://HOST[:PORT]    RFC 5424, octet-counted (RFC 6587)
 *
 * IPv6 addresses stand in brackets; the port defaults to 514. A host has none of " /@[]" in it. */
#pragma once

#include <stdbool.h>

#include "engine/base/err.h"

enum bl_syslog_kind { BL_SYSLOG_UNIX, BL_SYSLOG_UDP, BL_SYSLOG_TCP };

struct bl_syslog_target {
    enum bl_syslog_kind kind;
    bool or_stderr; /* local */
    char path[108]; /* unix */
    char host[256]; /* udp, tcp; without brackets */
    char port[6];
};

/* 0, or -EINVAL with the reason and the mend in err. */
int bl_syslog_target_parse(struct bl_syslog_target *t, const char *text, char err[BL_ERR_BYTES]);

/* The same for udp://HOST:PORT, where statsd listens: no other kind, and
 * the port must be there, as 514 is not statsd's. */
int bl_statsd_target_parse(struct bl_syslog_target *t, const char *text, char err[BL_ERR_BYTES]);

/* RFC 5424's number of a facility name ("daemon", "local0"), or -1. */
int bl_syslog_facility(const char *name);
