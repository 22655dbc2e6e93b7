/* SPDX-License-Identifier: Apache-2.0 */
/* load_run: the run itself: settings first, then the fleet's beats by
 * the clock, with what is to happen at its times, then byes; and the
 * account of it.
 *
 * Pace: beats are due by schedule, not by what was sent before, so no
 * error adds up. Late (the machine was busy, the port full) the run
 * catches up; more than BL_LOAD_CATCH_UP_NS late it moves the schedule
 * back instead of flooding, and says by how much.
 *
 * A capture file has no clock of its own: its time is the schedule's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bench/load/load_options.h"
#include "engine/base/err.h"

#define BL_LOAD_CATCH_UP_NS UINT64_C(1000000000)

struct bl_load_report {
    struct bl_load_out_counts sent; /* what the port took */
    uint64_t lost;                  /* beats skipped on purpose */
    uint32_t killed, restarted;     /* nodes */
    int64_t killed_unix_ms;         /* when; 0: not */
    int64_t revived_unix_ms;
    uint64_t beats_ns;  /* how long beats were sent */
    uint64_t behind_ns; /* by how much the schedule had to be moved back */
    uint64_t not_sent;  /* datagrams that the port had not taken at the end */
};

/* Runs to the end, or to *stop. `out` is open. 0, or negative errno with
 * err; the report holds in both cases. */
int bl_load_run(const struct bl_load_options *o, struct bl_load_out *out, const volatile int *stop,
                struct bl_load_report *report, char err[BL_ERR_BYTES]);

/* The report, for people or as a flat JSON object. */
void bl_load_report_print(const struct bl_load_options *o, const struct bl_load_report *r);
