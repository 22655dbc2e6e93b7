/* SPDX-License-Identifier: Apache-2.0 */
/* restore: what the daemon knows before it hears the first beat: what it
 * knew when it last stopped (the folder state.dir, control/store/). Main
 * thread, before any other runs. */
#pragma once

#include "control/core/core.h"
#include "control/store/store.h"
#include "engine/base/err.h"

struct bl_restore {
    const char *state_dir; /* "": nothing is kept */
    uint32_t save_every_ms;
    struct bl_core *core;
    struct bl_changes *changes; /* the core's */
};

/* Brings the core's fleet and views back, puts every node that had beaten
 * into a table, numbers the events on. *store is what keeps the state from
 * now on, to be started after the core; NULL where nothing is kept.
 * 0, or negative errno with err: the daemon must not start, or it would
 * write over what it could not read. */
int bl_restore(const struct bl_restore *r, struct bl_store **store, char err[BL_ERR_BYTES]) BL_ON_CONTROL;
