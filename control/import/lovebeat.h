/* SPDX-License-Identifier: Apache-2.0 */
/* lovebeat: takes a lovebeat database over into the state folder, for who
 * moves to beatline: services become nodes with their timeouts, states,
 * last beats and mutes; incident numbers of views and alarms go on. The
 * views themselves are the config's: what it takes is written as YAML, to
 * be pasted there.
 *
 *   beatlined -c FILE --import-lovebeat /var/lib/lovebeat/lovebeat.db
 *
 * All or nothing: a line that cannot be read, and nothing is saved. What
 * the folder has already stays; a node of the same name becomes what
 * lovebeat says. Not while a daemon uses the folder.
 *
 * Threads: main, no other runs. */
#pragma once

#include <stdio.h>

#include "control/config/config.h"
#include "engine/base/err.h"
#include "engine/fleet/fleet.h"
#include "engine/views/views.h"

struct bl_lovebeat_import {
    struct bl_fleet *fleet;
    struct bl_views *views;
    int64_t now_unix_ms;
};

struct bl_lovebeat_imported {
    uint64_t services, muted, bad; /* bad: warning or failed */
    uint64_t shortened;            /* timeouts over 45 days */
    uint64_t views;                /* alarms, too */
    struct bl_text yaml, comments; /* for the config; bl_text_free them */
};

/* Reads a database into a fleet. 0, or negative errno with why, which says
 * the line; the fleet is then good for nothing. */
int bl_lovebeat_read(const struct bl_lovebeat_import *to, const char *file, struct bl_lovebeat_imported *out,
                     char err[BL_ERR_BYTES]) BL_ON_CONTROL;

/* The whole of `beatlined --import-lovebeat`: YAML to `yaml`, an account
 * to `account`. 0 or negative errno with err. */
int bl_lovebeat_import(const struct bl_config *c, const char *file, FILE *yaml, FILE *account,
                       char err[BL_ERR_BYTES]);
