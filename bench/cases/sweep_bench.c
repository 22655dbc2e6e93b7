/* SPDX-License-Identifier: Apache-2.0 */
/* The sweep in virtual time: nodes with 30 s timeouts beat on, control
 * looks every 10 ms, and only its looks are timed. Then what a scan of
 * everything costs, against a plain read of the same memory, and what
 * timers would cost instead. */
#include <stdlib.h>

#include <rte_lcore.h>
#include <rte_timer.h>

#include "bench/bench.h"
#include "bench/cases/ab_compare.h"
#include "bench/cases/cases.h"
#include "bench/cases/memory_roofline.h"
#include "bench/sources/beats.h"
#include "engine/base/rcu.h"
#include "engine/fleet/sweep.h"

#define MILLION         UINT64_C(1000000)
#define TIMEOUT_TICKS   30000u
#define LOOK_TICKS      10u
#define WINDOW_TICKS    20000u /* a timeout less a 10 s interval: how often a block is due */
#define SLOTS_PER_BATCH 65536u
#define FINDINGS        4096u

struct sweep_case {
    uint64_t count;
    uint32_t interval_ticks;
    uint64_t need_mib; /* of free memory, to be tried at all */
    bool mixed;        /* timeouts of 30 s to an hour, not 30 s each */
};

struct fleet {
    struct bl_key_set nodes;
    struct bl_table table;
    struct bl_beats beats;
    struct bl_sweep *sweep;
    uint32_t interval_ticks;
    uint32_t now;
    uint64_t owed; /* beats due, in 1 / interval_ticks */
    uint64_t beaten;
    uint64_t found;
    struct bl_finding finding[FINDINGS];
};

/* ---- a fleet ------------------------------------------------------------- */

/* As a fleet of services has them: a few long, most short. */
static const uint32_t mixed_ticks[] = {30000, 30000, 45000, 60000, 60000, 90000, 300000, 3600000};

/* Every node has beaten once within the last interval. */
static void set_policies(struct fleet *f, bool mixed)
{
    bl_role_assume_control();
    struct bl_slots *s = f->table.slots;
    for (uint32_t slot = 0, node = 0; slot < s->slot_count; slot++) {
        if (bl_slots_key(s, slot) == BL_KEY_EMPTY)
            continue;
        uint32_t ticks =
            mixed ? mixed_ticks[node % (sizeof(mixed_ticks) / sizeof(mixed_ticks[0]))] : TIMEOUT_TICKS;
        bl_slots_set_policy(s, slot,
                            (struct bl_slot_policy){.threshold_ticks = ticks, .node = node & 0xffffff});
        s->line[slot / BL_LINE_SLOTS].stamp[slot % BL_LINE_SLOTS] =
            f->now - (uint32_t)((uint64_t)node++ * 2654435761 % f->interval_ticks);
    }
}

static struct fleet *fleet_new(const struct bl_bench_plan *plan, const struct sweep_case *c)
{
    bl_role_assume_control();
    struct fleet *f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->interval_ticks = c->interval_ticks ? c->interval_ticks : 10000;
    f->now = 100000;
    bl_key_set_init(&f->nodes, c->count / plan->scale, BL_BEATS_UNIFORM);
    if (bl_key_set_table(&f->nodes, BL_PAGES_BEST, &f->table)) {
        set_policies(f, c->mixed);
        bl_beats_init(&f->beats, &f->nodes, &f->table, true, 1);
        f->beats.per_call = BL_BURST;
        f->sweep = bl_sweep_new(&f->table);
    }
    return f;
}

static void fleet_free(struct fleet *f)
{
    if (!f)
        return;
    bl_sweep_free(f->sweep);
    bl_table_fini(&f->table);
    bl_key_set_fini(&f->nodes);
    free(f);
}

static void beat_until_now(struct fleet *f)
{
    f->beats.tick = f->now - 1; /* the call adds one */
    f->owed += f->nodes.count * LOOK_TICKS;
    while (f->owed >= (uint64_t)BL_BURST * f->interval_ticks) {
        uint64_t n = bl_beats_work(&f->beats);
        f->beats.tick = f->now - 1;
        f->beaten += n;
        f->owed -= n * f->interval_ticks;
    }
}

static void look(struct fleet *f)
{
    bl_role_assume_control();
    bool done = false;
    while (!done)
        f->found += bl_sweep_run(f->sweep, f->now, SLOTS_PER_BATCH, f->finding, FINDINGS, &done);
}

/* One window; returns the ns that control's looks took, and the worst
 * second's. */
static uint64_t window(struct fleet *f, uint64_t *worst_ns)
{
    uint64_t total = 0, second = 0;
    for (uint32_t i = 0; i < WINDOW_TICKS; i += LOOK_TICKS) {
        f->now += LOOK_TICKS;
        beat_until_now(f);
        uint64_t start = bl_cpu_ns();
        look(f);
        uint64_t took = bl_cpu_ns() - start;
        total += took;
        second = i % 1000 == 0 ? took : second + took;
        if (second > *worst_ns)
            *worst_ns = second;
    }
    return total;
}

static void check(struct bl_bench_state *state, const struct fleet *f)
{
    if (f->found != 0)
        bl_bench_fail(state, "nodes expired though they beat");
    if (f->beats.exception != 0)
        bl_bench_fail(state, "beats came back as odd");
}

/* ---- control's share ------------------------------------------------------- */

static void run_share(struct bl_bench_state *state, const void *arg)
{
    const struct sweep_case *c = arg;
    const struct bl_bench_plan *plan = bl_bench_plan_of(state);
    struct bl_spread spread;
    double share[4];
    uint64_t worst_ns = 0;
    if (bl_bench_meminfo("MemAvailable:") / 1024 < c->need_mib / plan->scale) {
        bl_bench_skip(state, "too little memory");
        return;
    }
    struct fleet *f = fleet_new(plan, c);
    if (!f || !f->sweep) {
        bl_bench_skip(state, "no memory");
        fleet_free(f);
        return;
    }
    look(f); /* the first look at everything */
    for (unsigned i = 0; i < 4; i++)
        share[i] = (double)window(f, &worst_ns) / (WINDOW_TICKS * 1e6) * 100;
    spread = bl_spread_of(share, 4);
    bl_bench_result(state, &spread);
    bl_bench_counter(state, "worst_second_percent", (double)worst_ns / 1e7);
    check(state, f);
    fleet_free(f);
}

/* ---- everything at once ------------------------------------------------------ */

/* Bytes of lines and policy words. */
static uint64_t scanned_bytes(const struct fleet *f)
{
    return (uint64_t)f->table.slots->slot_count * (sizeof(struct bl_line) / BL_LINE_SLOTS + sizeof(uint64_t));
}

static uint64_t scan_work(void *arg)
{
    struct fleet *f = arg;
    bl_role_assume_control();
    (void)bl_sweep_rebuild(f->sweep);
    look(f);
    return scanned_bytes(f);
}

static uint64_t expire_work(void *arg)
{
    struct fleet *f = arg;
    uint64_t before = f->found;
    (void)scan_work(f);
    return f->found - before;
}

static void run_scan(struct bl_bench_state *state, const void *arg)
{
    struct bl_ab_compare_result r;
    struct bl_stream stream;
    struct fleet *f = fleet_new(bl_bench_plan_of(state), arg);
    if (!f || !f->sweep) {
        bl_bench_skip(state, "no memory");
        fleet_free(f);
        return;
    }
    bl_stream_init(&stream, f->table.slots->line, scanned_bytes(f));
    bl_ab_compare_run(bl_bench_plan_of(state), &(struct bl_side){scan_work, f},
                      &(struct bl_side){bl_stream_work, &stream}, &r);
    bl_ab_compare_report(state, &r);
    bl_bench_counter(state, "streams", stream.streams);
    bl_bench_counter(state, "prefetch_ahead", stream.ahead);
    check(state, f);
    fleet_free(f);
}

static void run_expire(struct bl_bench_state *state, const void *arg)
{
    struct bl_ab_compare_result r;
    struct fleet *f = fleet_new(bl_bench_plan_of(state), arg);
    if (!f || !f->sweep) {
        bl_bench_skip(state, "no memory");
        fleet_free(f);
        return;
    }
    f->now += 2 * TIMEOUT_TICKS;
    bl_series_run(bl_bench_plan_of(state), &(struct bl_side){expire_work, f}, &r);
    struct bl_spread s = r.a_per_s;
    bl_bench_result(state, &(struct bl_spread){s.p10 / 1e6, s.median / 1e6, s.p90 / 1e6});
    if (f->found % f->nodes.count != 0)
        bl_bench_fail(state, "not every node was found");
    fleet_free(f);
}

/* ---- against timers ------------------------------------------------------------- */

struct timers {
    struct rte_timer *timer;
    uint64_t count, at, timeout;
};

static void never(struct rte_timer *t, void *arg)
{
    (void)t, (void)arg;
}

static uint64_t rearm_work(void *arg)
{
    struct timers *t = arg;
    for (unsigned i = 0; i < 64; i++) {
        uint64_t which = t->at * UINT64_C(2654435761) % t->count;
        (void)rte_timer_reset(&t->timer[which], t->timeout, SINGLE, rte_lcore_id(), never, NULL);
        t->at++;
    }
    return 64;
}

static double rearm_ns(const struct bl_bench_plan *plan, struct timers *t)
{
    uint64_t n = 0, start = bl_cpu_ns(), elapsed;
    do {
        n += rearm_work(t);
        elapsed = bl_cpu_ns() - start;
    } while (elapsed < plan->phase_ns);
    return (double)elapsed / (double)n;
}

static void run_timers(struct bl_bench_state *state, const void *arg)
{
    const struct sweep_case *c = arg;
    const struct bl_bench_plan *plan = bl_bench_plan_of(state);
    double ratio[BL_PAIRS_MAX], timer_ns[BL_PAIRS_MAX], sweep_ns[BL_PAIRS_MAX];
    struct fleet *f = fleet_new(plan, c);
    struct timers t = {.count = c->count / plan->scale, .timeout = rte_get_timer_hz() * 30};
    t.timer = calloc(t.count, sizeof(*t.timer));
    if (!f || !f->sweep || !t.timer || rte_timer_subsystem_init() != 0) {
        bl_bench_skip(state, "no memory");
        free(t.timer);
        fleet_free(f);
        return;
    }
    while (t.at < t.count)
        (void)rearm_work(&t);
    look(f);
    for (unsigned i = 0; i < plan->pairs; i++) {
        uint64_t worst_ns = 0, before = f->beaten;
        timer_ns[i] = rearm_ns(plan, &t);
        sweep_ns[i] = (double)window(f, &worst_ns);
        sweep_ns[i] /= (double)(f->beaten - before);
        ratio[i] = timer_ns[i] / sweep_ns[i];
    }
    struct bl_spread spread = bl_spread_of(ratio, plan->pairs);
    bl_bench_result(state, &spread);
    bl_bench_counter(state, "timer_ns", bl_spread_of(timer_ns, plan->pairs).median);
    bl_bench_counter(state, "sweep_ns_per_beat", bl_spread_of(sweep_ns, plan->pairs).median);
    check(state, f);
    for (uint64_t i = 0; i < t.count; i++)
        (void)rte_timer_stop(&t.timer[i]);
    (void)rte_timer_subsystem_finalize();
    free(t.timer);
    fleet_free(f);
}

/* ---- the cases -------------------------------------------------------------------- */

#define GOAL(kind, must_, hope_) .goal = BL_GOAL_##kind, .must = (must_), .hope = (hope_)
#define OF(...)                                                                                              \
    .arg = &(const struct sweep_case)                                                                        \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }

static const struct bl_bench_case sweep_cases[] = {
    {.name = "sweep/1M/share",
     .measure = "control core's share for sweeping 1 M nodes, 30 s timeouts, 10 ms tick",
     .unit = "%",
     .run = run_share,
     OF(.count = MILLION)},
    {.name = "sweep/10M/share",
     .measure = "control core's share for sweeping 10 M nodes, 30 s timeouts, 10 ms tick",
     .unit = "%",
     GOAL(AT_MOST, 3, 0.5),
     .run = run_share,
     OF(.count = 10 * MILLION)},
    {.name = "sweep/10M/share/mixed",
     .measure = "the same with timeouts from 30 s to an hour, mixed",
     .unit = "%",
     .slow = true,
     .run = run_share,
     OF(.count = 10 * MILLION, .mixed = true)},
    {.name = "sweep/100M/share",
     .measure = "control core's share for sweeping 100 M nodes, 30 s timeouts, 10 ms tick",
     .unit = "%",
     .slow = true,
     .run = run_share,
     OF(.count = 100 * MILLION, .need_mib = 9000)},
    {.name = "sweep/10M/scan",
     .measure = "full scan bandwidth / best tuned stream read, 10 M nodes",
     GOAL(AT_LEAST, 0.8, 0.95),
     .run = run_scan,
     OF(.count = 10 * MILLION)},
    {.name = "sweep/10M/all-expired",
     .measure = "10 M nodes expired at once: findings",
     .unit = "M/s",
     .run = run_expire,
     OF(.count = 10 * MILLION)},
    {.name = "sweep/1M/timers",
     .measure = "rte_timer re-arm at 1 M timers / sweep's cost per beat, 1 s interval",
     GOAL(AT_LEAST, 100, 1000),
     .run = run_timers,
     OF(.count = MILLION, .interval_ticks = 1000)},
    {.name = "sweep/1M/timers/10s",
     .measure = "the same at a 10 s interval",
     .slow = true,
     .run = run_timers,
     OF(.count = MILLION, .interval_ticks = 10000)},
};

void bl_bench_sweep_cases(void)
{
    for (unsigned i = 0; i < sizeof(sweep_cases) / sizeof(sweep_cases[0]); i++)
        bl_bench_register(&sweep_cases[i]);
}
