/* SPDX-License-Identifier: Apache-2.0 */
/* syslog_target: where syslog messages go, parsed from the config. Pure.
 *
 *   local                /dev/log; while that does not exist: stderr
 *   local:/PATH          the same with another socket
 *   unix:/PATH           a datagram socket, without the way out
 *   udp://HOST[:PORT]    RFC 5424, one datagram each (RFC 5426)
 *   tcp://HOST[:PORT]    RFC 5424, octet-counted (RFC 6587)
 *
 * IPv6 addresses stand in brackets; the port defaults to 514. */
#pragma once

#include <stdbool.h>

#include "dataplane/port/port.h"
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
