/* SPDX-License-Identifier: Apache-2.0 */
/* status_check: `beatline status --check`: the fleet, or a view, as a
 * monitoring plugin tells it: one line with performance data and an exit
 * code of 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, which is also what a
 * mistake in the command line gives. The api thread. */
#pragma once

#include "control/cli/server/cli_request.h"

/* How many nodes, or what share of all, are too many. */
struct bl_check_limit {
    uint32_t count; /* of nodes; 0: never */
    bool percent;   /* count is one of percent */
};

struct bl_check {
    const char *view; /* NULL: all nodes */
    /* warning: nodes that are not well (warning, unknown or failed);
     * critical: failed ones. 1 each if not given. */
    struct bl_check_limit warning, critical;
};

/* "3" or "5%"; false: it is neither. */
bool bl_check_limit_parse(const char *text, struct bl_check_limit *limit);

/* Writes the line, or with -j an object, and sets the exit code. */
void bl_check_run(struct bl_cli_request *call, const struct bl_check *check);

/* Makes what bl_cli_fail has said an UNKNOWN: on stdout, code 3. */
void bl_check_unknown(struct bl_cli_request *call);
