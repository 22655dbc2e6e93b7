/* SPDX-License-Identifier: Apache-2.0 */
/* command: what the api thread asks control to do, and the answer.
 *
 * The api thread fills one, hands its pointer over (bl_core_submit) and
 * must not touch it until control hands it back (bl_core_answered); from
 * then on it is the api thread's again. Reading needs no command: the
 * api thread reads registry, tables and counters under RCU. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/fleet/fleet.h"

enum bl_command_kind {
    BL_COMMAND_SET = 1, /* name, patch; create: also if unknown */
    BL_COMMAND_REMOVE,
    BL_COMMAND_PAUSE, /* name, pause; again: a new end */
    BL_COMMAND_RESUME,
    BL_COMMAND_FORGET_VIEW, /* name, of a view: an empty one of a template goes; -EBUSY, -EINVAL: see
                               bl_views_forget */
};

struct bl_command {
    enum bl_command_kind kind;
    char name[BL_NAME_MAX + 1];
    uint8_t name_len;
    bool create;
    struct bl_policy_patch patch;
    struct bl_pause pause;
    void *owner; /* the api thread's: which connection waits */
    /* the answer */
    int result;      /* 0 or negative errno */
    char text[1024]; /* why not, and what to do */
};
