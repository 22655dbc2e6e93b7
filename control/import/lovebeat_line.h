/* SPDX-License-Identifier: Apache-2.0 */
/* lovebeat_line: a line of a lovebeat database, of any of its versions:
 *
 *   SERV\t{"Name": ..., "LastBeat": seconds, "WarningTimeout": ...}   0.8
 *   SERV\t{"name": ..., "last_beat": ms, "warning_timeout": ...}      later
 *   SERV\t{"name": ..., "last_beat": ms, "timeout": ..., "muted_since"}  1.0
 *   VIEW\t{"Name": ..., "Regexp": ..., "IncidentNbr": ...}, or in lower
 *         case without the expression, which is in lovebeat's config then
 *   ALARM\t{"name": ..., "incident_nbr": ..., "last_state_change": ms}   1.0
 *
 * -1 and 0 are no timeout, -2 is auto. A service of 1.0 that is muted, and
 * nothing else, becomes a paused node; "paused" of 0.8 is one that has
 * never beaten. Members that we do not know are let pass.
 *
 * Pure; any thread. Cost: some microseconds a line. */
#pragma once

#include <stddef.h>

#include "engine/base/err.h"
#include "engine/fleet/fleet.h"
#include "engine/views/views.h"

#define BL_LOVEBEAT_REGEXP_MAX 1000u

enum bl_lovebeat_kind { BL_LOVEBEAT_SERVICE = 1, BL_LOVEBEAT_VIEW, BL_LOVEBEAT_ALARM };

struct bl_lovebeat_record {
    enum bl_lovebeat_kind kind;
    char name[BL_NAME_MAX + 1]; /* terminated */
    uint8_t name_len;
    bool shortened;           /* a service's timeout was over BL_TIMEOUT_MAX_MS */
    struct bl_node_past node; /* a service; its name is the one above */
    struct bl_view_past view; /* a view or alarm; likewise */
    char regexp[BL_LOVEBEAT_REGEXP_MAX + 1];
    bool has_regexp;
};

/* 0; or -EINVAL, and why: "last_beat: ...". `now_unix_ms` stands for times
 * that lovebeat did not keep. */
int bl_lovebeat_line_parse(const char *line, size_t len, int64_t now_unix_ms, struct bl_lovebeat_record *out,
                           char why[BL_ERR_BYTES]);
