/* SPDX-License-Identifier: Apache-2.0 */
/* The story of an appliance (scenario.h), a row for each thing it tells.
 * The first row that is asked for lives as much of the story as it
 * needs; the rows after it go on from there. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/cases/cases.h"
#include "bench/cases/scenario.h"
#include "engine/base/rcu.h"

static struct bl_scenario *story;

struct row {
    enum bl_scenario_step step;
    size_t result;  /* offset of its struct bl_spread in the story */
    double divisor; /* 0: 1 */
    void (*remark)(const struct bl_scenario *s, char *words, size_t bytes); /* NULL: none */
};

/* What the machine took from the figure. */
static void remark_control(const struct bl_scenario *s, char *words, size_t bytes)
{
    snprintf(words, bytes, "control had its CPU for %.0f %% of the time", s->control_share * 100);
}

static void remark_spin(const struct bl_scenario *s, char *words, size_t bytes)
{
    snprintf(words, bytes, "a thread that only spins: %.0f", s->spin_gap_us.median);
}

static void add_counters(struct bl_bench_state *state, const struct bl_scenario *s)
{
    bl_bench_counter(state, "grow_s", s->grow_s);
    bl_bench_counter(state, "table_bytes_per_node", s->bytes_table);
    bl_bench_counter(state, "registry_bytes_per_node", s->bytes_registry);
    bl_bench_counter(state, "process_bytes_per_node", s->bytes_rss);
    bl_bench_counter(state, "capacity_per_s", s->capacity_per_s);
    bl_bench_counter(state, "lateness_count", s->lateness_count);
    bl_bench_counter(state, "storms", s->storms);
}

static void run_row(struct bl_bench_state *state, const void *arg)
{
    const struct row *row = arg;
    if (!story) {
        story = calloc(1, sizeof(*story));
        if (!story) {
            bl_bench_skip(state, "no memory");
            return;
        }
        story->plan = *bl_bench_plan_of(state);
    }
    bl_rcu_offline();
    bool told = bl_scenario_live_to(story, row->step);
    bl_rcu_online();
    if (!told) {
        bl_bench_skip(state, story->err);
        return;
    }
    const struct bl_spread *r = (const struct bl_spread *)(const void *)((const char *)story + row->result);
    double k = row->divisor != 0 ? row->divisor : 1;
    bl_bench_result(state, &(struct bl_spread){r->p10 / k, r->median / k, r->p90 / k});
    add_counters(state, story);
    if (row->remark) {
        char words[80];
        row->remark(story, words, sizeof(words));
        bl_bench_remark(state, words);
    }
}

void bl_bench_appliance_end(void)
{
    if (!story)
        return;
    bl_rcu_offline();
    bl_scenario_end(story);
    bl_rcu_online();
    free(story);
    story = NULL;
}

#define GOAL(kind, must_, hope_) .goal = BL_GOAL_##kind, .must = (must_), .hope = (hope_)
#define AT(step_, result_, ...)                                                                              \
    .run = run_row, .arg = &(const struct row)                                                               \
    {                                                                                                        \
        .step = (step_), .result = offsetof(struct bl_scenario, result_), __VA_ARGS__                        \
    }

static const struct bl_bench_case appliance_cases[] = {
    {.name = "appliance/register/10M",
     .measure = "new nodes (text, 24-byte names) registered, packet to registry, 1 to 10 M",
     .unit = "M/s",
     GOAL(AT_LEAST, 1, 3),
     .slow = true,
     AT(BL_STORY_GROWN, registered_per_s, .divisor = 1e6, .remark = remark_control)},
    {.name = "appliance/register/10M/control",
     .measure = "the same by the second of control's CPU time",
     .unit = "M/s",
     .slow = true,
     AT(BL_STORY_GROWN, registered_per_control_s, .divisor = 1e6)},
    {.name = "appliance/growth/gap",
     .measure = "longest poll gap meanwhile, of the worker's own time, that all growths share",
     .unit = "us",
     GOAL(AT_MOST, 1000, 200),
     .slow = true,
     AT(BL_STORY_GROWN, gap_us, .remark = remark_spin)},
    {.name = "appliance/growth/gap/wall",
     .measure = "the same by the wall clock",
     .unit = "us",
     .slow = true,
     AT(BL_STORY_GROWN, wall_gap_us)},
    {.name = "appliance/growth/gap/spin",
     .measure = "longest gap of a thread that only spins there, beside another, own time",
     .unit = "us",
     .slow = true,
     AT(BL_STORY_GROWN, spin_gap_us)},
    {.name = "appliance/growth/gap/spin/wall",
     .measure = "the same by the wall clock",
     .unit = "us",
     .slow = true,
     AT(BL_STORY_GROWN, spin_wall_gap_us)},
    {.name = "appliance/memory/10M",
     .measure = "all memory per node with 24-byte names, 10 M nodes",
     .unit = "B",
     GOAL(AT_MOST, 200, 140),
     .slow = true,
     AT(BL_STORY_WEIGHED, bytes)},
    {.name = "appliance/lateness/p999",
     .measure = "lateness p99.9 at 10 M nodes, ingest at 70 %, 10 ms tick",
     .unit = "ms",
     GOAL(AT_MOST, 20, 10),
     .slow = true,
     AT(BL_STORY_LATE, late_ms[2])},
    {.name = "appliance/lateness/p50",
     .measure = "the same, p50",
     .unit = "ms",
     .slow = true,
     AT(BL_STORY_LATE, late_ms[0])},
    {.name = "appliance/lateness/p99",
     .measure = "the same, p99",
     .unit = "ms",
     .slow = true,
     AT(BL_STORY_LATE, late_ms[1])},
    {.name = "appliance/lateness/max",
     .measure = "the same, the latest",
     .unit = "ms",
     .slow = true,
     AT(BL_STORY_LATE, late_ms[3])},
    {.name = "appliance/storm",
     .measure = "ingest rate while 1 M of 10 M nodes fail at once / before",
     GOAL(AT_LEAST, 0.90, 0.97),
     .slow = true,
     AT(BL_STORY_STORMED, storm)},
    {.name = "appliance/storm/told",
     .measure = "from the first of these failures told to the last",
     .unit = "s",
     .slow = true,
     AT(BL_STORY_STORMED, found_s)},
};

void bl_bench_appliance_cases(void)
{
    for (unsigned i = 0; i < sizeof(appliance_cases) / sizeof(appliance_cases[0]); i++)
        bl_bench_register(&appliance_cases[i]);
}
