/* SPDX-License-Identifier: Apache-2.0 */
/* load_options: beatline-load's command line. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bench/load/load_fleet.h"
#include "bench/load/load_out.h"
#include "bench/load/load_wire.h"

struct bl_load_options {
    struct bl_load_fleet_config fleet;
    struct bl_load_wire wire;
    struct bl_load_out_config out;
    uint64_t duration_ns;  /* 0: until beats, or a signal */
    uint64_t beats;        /* 0: no limit */
    uint64_t at_ns;        /* kill and restart */
    uint64_t revive_at_ns; /* 0: never */
    const char *killed_file;
    uint32_t settings_per_s;
    bool hello, bye, json, progress;
    uint64_t timeout_ns; /* 0: none is told */
};

/* Parses, checks and fills in what follows from the rest. Prints what is
 * wrong and exits with 2, as argp does. */
void bl_load_options_parse(struct bl_load_options *o, int argc, char **argv);
