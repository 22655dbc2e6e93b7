/* SPDX-License-Identifier: Apache-2.0 */
/* nodes_change: asks control the same of each named node, one after the
 * other, and says how it went: what `nodes set`, `rm`, `pause` and
 * `resume` share. The api thread. */
#pragma once

#include "control/cli/server/cli_request.h"

struct bl_nodes_change {
    bool asked; /* control has the node before `next` */
    int next;   /* in argv: names only */
    enum bl_command_kind kind;
    bool create;
    struct bl_policy_patch patch;
    struct bl_pause pause;
    const char *done; /* "paused" */
};

/* Reads the call's words: options go to `take` (the index in
 * ops->options; false: said what is wrong), names stay in argv. False:
 * said so, also that there is no name. */
bool bl_nodes_change_parse(struct bl_cli_request *call, struct bl_nodes_change *c,
                           bool (*take)(struct bl_cli_request *call, struct bl_nodes_change *c, int option,
                                        const char *value));

/* A step of the command: call it until it says DONE. */
enum bl_step bl_nodes_change_run(struct bl_cli_request *call, struct bl_nodes_change *c);
