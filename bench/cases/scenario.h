/* SPDX-License-Identifier: Apache-2.0 */
/* scenario: the life of an appliance in real time, a worker on one CPU and
 * control on the other: a million nodes, then ten, from the start again
 * some times, then some that go silent one after the other, a million at
 * once, again and again. Step by step: a step goes on from where the one
 * before it ended.
 *
 * One thread, RCU-registered and offline. */
#pragma once

#include "bench/bench.h"
#include "bench/cases/appliance.h"
#include "engine/base/err.h"

enum bl_scenario_step {
    BL_STORY_OPENED,
    BL_STORY_GROWN,
    BL_STORY_WEIGHED,
    BL_STORY_LATE,
    BL_STORY_STORMED,
    BL_STORY_STEPS
};

/* What it has told so far. A spread with one value has it three times. */
struct bl_scenario {
    struct bl_appliance a;
    struct bl_bench_plan plan;
    uint64_t nodes, silent; /* all; those that were told to stop */
    uint32_t timeout_ms;    /* once grown */
    bool all_registered;
    int lived; /* steps; -1: it went wrong, and err says how */
    char err[BL_ERR_BYTES];
    struct bl_spread registered_per_s, registered_per_control_s;
    /* What every growth had; p10 and p90 of the longest of each. */
    struct bl_spread gap_us, wall_gap_us;
    struct bl_spread spin_gap_us, spin_wall_gap_us, bytes;
    struct bl_spread late_ms[4]; /* p50, p99, p99.9, max */
    struct bl_spread storm;      /* ingest during a storm / just before it, storm by storm */
    struct bl_spread found_s;    /* from a storm's first failure told to its last */
    double control_share, bytes_table, bytes_registry, bytes_rss, grow_s, capacity_per_s;
    unsigned lateness_count, storms;
};

/* Lives on until `step` is behind it. False: it went wrong, s->err says
 * how. A story that is all zero but for its plan is one that begins. */
bool bl_scenario_live_to(struct bl_scenario *s, enum bl_scenario_step step);
void bl_scenario_end(struct bl_scenario *s);

/* ---- between its files ------------------------------------------------ */

/* The steps after growth. */
bool bl_scenario_go_silent_one_by_one(struct bl_scenario *s);
bool bl_scenario_storms(struct bl_scenario *s);

uint64_t bl_scenario_now_ns(void);
void bl_scenario_sleep_ms(unsigned ms);
/* Nobody is told of anything, but the feeds must not fill. */
void bl_scenario_forget_events(struct bl_scenario *s);
struct bl_spread bl_scenario_just(double value);
bool bl_scenario_wrong(struct bl_scenario *s, const char *why);
