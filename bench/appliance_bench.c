/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an appliance in one story, in real time, a worker on one
 * CPU and control on the other: a million nodes, then ten, some that go
 * silent one after the other, a million at once. The first row that is
 * asked for lives as much of the story as it needs; the rows after it go
 * on from there. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/appliance.h"
#include "bench/cases.h"
#include "bench/cpus.h"
#include "bench/pair.h"
#include "engine/rcu.h"

#define NODES       UINT64_C(10000000)
#define FIRST_NODES UINT64_C(1000000)
#define FIRST_SLOTS UINT32_C(2359296) /* what a million nodes have got from the daemon's 2^18 */
#define TIMEOUT_MS  5000u
#define SMOKE_MS    300u
#define PATIENT_MS  60000u /* while it grows: nobody fails then, however slow the machine */
#define WINDOWS     1024u
#define EVENTS      1024u
#define WAIT_NS     UINT64_C(60000000000)

enum step { OPENED, GROWN, WEIGHED, LATE, STORMED, STEPS };

struct story {
    struct bl_appliance a;
    struct bl_bench_plan plan;
    uint64_t nodes, silent; /* all; those that were told to stop */
    uint32_t timeout_ms;    /* once grown */
    bool all_registered;
    int lived; /* steps; -1: it went wrong, and err says how */
    char err[BL_CONFIG_ERR_BYTES];
    struct bl_spread registered_per_s, registered_per_control_s;
    struct bl_spread gap_us, wall_gap_us, spin_gap_us, spin_wall_gap_us, bytes, storm;
    struct bl_spread late[4]; /* p50, p99, p99.9, max in ms */
    double control_share, bytes_table, bytes_registry, bytes_rss, grow_s, found_s, capacity_per_s;
    unsigned lateness_count;
};

static struct story *story;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void sleep_ms(unsigned ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

static struct bl_spread just(double value)
{
    return (struct bl_spread){value, value, value};
}

static bool wrong(struct story *s, const char *why)
{
    snprintf(s->err, sizeof(s->err), "%s", why);
    return false;
}

/* ---- a start ----------------------------------------------------------------- */

static bool open_it(struct story *s)
{
    struct bl_appliance_config c = {
        .nodes = NODES / s->plan.scale, .first_slots = FIRST_SLOTS / s->plan.scale, .timeout_ms = PATIENT_MS};
    if (!bl_appliance_open(&s->a, &c, s->err) || !bl_appliance_start(&s->a, s->err))
        return false;
    s->nodes = s->a.traffic.count;
    s->timeout_ms = s->plan.scale > 1 ? SMOKE_MS : TIMEOUT_MS;
    return true;
}

/* ---- growth -------------------------------------------------------------------- */

/* Nobody is told of anything meanwhile, but the feeds must not fill. */
static void forget_events(struct story *s)
{
    static struct bl_event event[EVENTS];
    while (bl_appliance_listen(&s->a, event, EVENTS) > 0)
        ;
}

/* Until `count` nodes are registered; a rate per window of 50 ms. */
static bool await_registered(struct story *s, uint64_t count, double *rate, unsigned *windows)
{
    uint64_t start = now_ns(), from = start, then = bl_appliance_registered(&s->a), n = then;
    *windows = 0;
    while (n < count && from - start < WAIT_NS) {
        sleep_ms(s->plan.scale > 1 ? 1 : 50);
        forget_events(s);
        uint64_t now = now_ns();
        n = bl_appliance_registered(&s->a);
        if (*windows < WINDOWS)
            rate[(*windows)++] = (double)(n - then) * 1e9 / (double)(now - from);
        then = n;
        from = now;
    }
    return n >= count;
}

static void await_quiet_table(struct story *s)
{
    struct bl_core_stats stats;
    uint64_t growths;
    do {
        bl_core_stats(s->a.core, &stats);
        growths = stats.growths;
        sleep_ms(300);
        forget_events(s);
        bl_core_stats(s->a.core, &stats);
    } while (stats.growths != growths || bl_rcu_read(&s->a.worker->table.next) != NULL);
}

struct spinner {
    int cpu;
    uint64_t for_ns, longest_ns, longest_cpu_ns;
};

/* What the machine does to a thread that wants nothing from it. */
static void *spin(void *arg)
{
    struct spinner *s = arg;
    bl_cpus_pin(s->cpu);
    uint64_t start = now_ns(), then = start, then_cpu = bl_cpu_ns(), now, cpu;
    do {
        now = now_ns();
        cpu = bl_cpu_ns();
        if (now - then > s->longest_ns)
            s->longest_ns = now - then;
        if (cpu - then_cpu > s->longest_cpu_ns)
            s->longest_cpu_ns = cpu - then_cpu;
        then = now;
        then_cpu = cpu;
    } while (now - start < s->for_ns);
    return NULL;
}

static void note_registered(struct story *s, uint64_t before, uint64_t cpu_before_ns, uint64_t took_ns)
{
    double nodes = (double)(bl_appliance_registered(&s->a) - before);
    s->grow_s = (double)took_ns * 1e-9;
    s->registered_per_s.median = nodes / s->grow_s;
    double cpu_ns = (double)(bl_appliance_control_cpu_ns(&s->a) - cpu_before_ns);
    s->control_share = cpu_ns / (double)took_ns;
    s->registered_per_control_s = just(nodes * 1e9 / cpu_ns);
}

/* The machine's own gaps, on the worker's CPU, for as long. */
static bool note_gaps(struct story *s, uint64_t took_ns)
{
    pthread_t thread;
    struct spinner spinner = {.cpu = s->a.cpu[0], .for_ns = took_ns};
    s->gap_us = just((double)__atomic_load_n(&s->a.feed.longest_cpu_ns, __ATOMIC_RELAXED) * 1e-3);
    s->wall_gap_us = just((double)__atomic_load_n(&s->a.feed.longest_wall_ns, __ATOMIC_RELAXED) * 1e-3);
    bl_worker_stop(s->a.worker);
    if (pthread_create(&thread, NULL, spin, &spinner) == 0)
        pthread_join(thread, NULL);
    s->spin_gap_us = just((double)spinner.longest_cpu_ns * 1e-3);
    s->spin_wall_gap_us = just((double)spinner.longest_ns * 1e-3);
    return bl_worker_start(s->a.worker, s->err) == 0;
}

static bool grow(struct story *s)
{
    static double rate[WINDOWS];
    const uint64_t frame = s->a.traffic.per_frame, first = FIRST_NODES / s->plan.scale / frame * frame;
    unsigned windows;
    bl_feed_beating(&s->a.feed, first);
    if (!await_registered(s, first, rate, &windows))
        return wrong(s, "not even the first million were registered in time");
    await_quiet_table(s);
    uint64_t start = now_ns(), cpu_ns = bl_appliance_control_cpu_ns(&s->a);
    bl_feed_watch_gaps(&s->a.feed);
    bl_feed_beating(&s->a.feed, s->nodes);
    s->all_registered = await_registered(s, s->nodes, rate, &windows);
    uint64_t took = now_ns() - start;
    s->registered_per_s = bl_spread_of(rate, windows);
    note_registered(s, first, cpu_ns, took);
    if (s->all_registered)
        await_quiet_table(s);
    return note_gaps(s, took);
}

/* ---- memory ----------------------------------------------------------------------- */

static uint64_t table_bytes(const struct bl_table *t)
{
    return bl_rcu_read(&t->slots)->bytes;
}

/* What the registry and the views hold, and what the tables have and
 * the sweep beside them. */
static bool weigh(struct story *s)
{
    struct bl_memory_stats m;
    double nodes = (double)s->nodes;
    if (!s->all_registered)
        return wrong(s, "not every node was registered in time");
    bl_memory_stats(s->a.arena, &m);
    uint64_t slots = bl_table_slot_count(&s->a.worker->table);
    uint64_t sweep = slots / BL_BLOCK_SLOTS * 5 + slots * sizeof(uint32_t);
    s->bytes_table = (double)(table_bytes(&s->a.worker->table) + sweep) / nodes;
    s->bytes_registry = (double)m.registry_held / nodes;
    s->bytes_rss = (double)m.rss_bytes / nodes;
    s->bytes = just(s->bytes_table + s->bytes_registry);
    return m.jemalloc ? true : wrong(s, "this build's allocator does not say what it holds");
}

/* ---- late ---------------------------------------------------------------------------- */

static double beats_per_s(struct story *s, unsigned ms)
{
    uint64_t start = now_ns(), before = bl_appliance_beats(&s->a);
    sleep_ms(ms);
    return (double)(bl_appliance_beats(&s->a) - before) * 1e9 / (double)(now_ns() - start);
}

/* Takes events; failures' lateness in ms goes to `late`. Returns how many
 * failures there were. */
static unsigned take_failures(struct story *s, double *late, unsigned max)
{
    static struct bl_event event[EVENTS];
    unsigned failures = 0, n;
    while ((n = bl_appliance_listen(&s->a, event, EVENTS)) > 0) {
        for (unsigned i = 0; i < n; i++) {
            if (event[i].kind != BL_EVENT_TRANSITION || event[i].to != BL_STATE_FAILED)
                continue;
            if (failures < max)
                late[failures] = (double)(event[i].time_unix_ms - event[i].last_beat_unix_ms - s->timeout_ms);
            failures++;
        }
    }
    return failures;
}

static void silence(struct story *s, uint64_t nodes)
{
    s->silent += nodes;
    bl_feed_beating(&s->a.feed, s->nodes - s->silent);
}

static double quantile(const double *sorted, unsigned n, double share)
{
    unsigned at = (unsigned)(share * n);
    return sorted[at < n ? at : n - 1];
}

static bool go_silent_one_by_one(struct story *s)
{
    const unsigned frames = s->plan.scale > 1 ? 10 : s->plan.quick ? 250 : 500, step_ms = 10;
    const unsigned count = frames * s->a.traffic.per_frame;
    double *late = calloc(count, sizeof(*late));
    unsigned found = 0;
    if (!late)
        return wrong(s, "no memory");
    if (!bl_appliance_set_timeout(&s->a, s->timeout_ms, s->err)) {
        free(late);
        return false;
    }
    forget_events(s);
    s->capacity_per_s = beats_per_s(s, s->plan.scale > 1 ? 50 : 2000);
    bl_feed_pace(&s->a.feed, (uint64_t)(0.7 * s->capacity_per_s));
    sleep_ms(s->timeout_ms / 2);
    for (unsigned i = 0; i < frames; i++) {
        silence(s, s->a.traffic.per_frame);
        sleep_ms(step_ms);
        found += take_failures(s, late + found, count - found);
    }
    for (unsigned i = 0; found < count && i < 3 * s->timeout_ms; i++) {
        sleep_ms(1);
        found += take_failures(s, late + found, count - found);
    }
    bl_feed_pace(&s->a.feed, 0);
    if (found == count) {
        struct bl_spread spread = bl_spread_of(late, count); /* sorts */
        s->late[0] = just(spread.median);
        s->late[1] = just(quantile(late, count, 0.99));
        s->late[2] = just(quantile(late, count, 0.999));
        s->late[3] = just(late[count - 1]);
        s->lateness_count = count;
    }
    free(late);
    return found == count ? true : wrong(s, "not as many nodes failed as went silent");
}

/* ---- a storm ------------------------------------------------------------------------- */

/* Beats per second of the worker's CPU time: what it loses to control,
 * not what others take from its CPU. */
static double rate_of_window(struct story *s, unsigned ms)
{
    uint64_t cpu = bl_appliance_worker_cpu_ns(&s->a), beats = bl_appliance_beats(&s->a), took;
    do { /* once more where others had the CPU all the time */
        sleep_ms(ms);
        took = bl_appliance_worker_cpu_ns(&s->a) - cpu;
    } while (took == 0);
    return (double)(bl_appliance_beats(&s->a) - beats) / (double)took;
}

static bool storm(struct story *s)
{
    static double before[WINDOWS], during[WINDOWS];
    const uint64_t count = s->nodes / 10 / s->a.traffic.per_frame * s->a.traffic.per_frame;
    const unsigned window_ms = s->plan.scale > 1 ? 1 : 20;
    unsigned befores = 0, durings = 0;
    uint64_t found = 0, start, first_ns = 0;
    forget_events(s);
    silence(s, count);
    sleep_ms(s->timeout_ms / 2);
    start = now_ns();
    while (found < count && now_ns() - start < WAIT_NS) {
        double rate = rate_of_window(s, window_ms);
        unsigned n = take_failures(s, NULL, 0);
        found += n;
        if (n > 0 && first_ns == 0)
            first_ns = now_ns();
        if (found == 0 && befores < WINDOWS)
            before[befores++] = rate;
        if (n > 0 && found < count && durings < WINDOWS)
            during[durings++] = rate;
    }
    s->found_s = (double)(now_ns() - first_ns) * 1e-9;
    if (found < count || befores == 0)
        return wrong(s, "not as many nodes failed as went silent");
    if (durings == 0) /* all within one window */
        during[durings++] = rate_of_window(s, window_ms);
    double usual = bl_spread_of(before, befores).median;
    for (unsigned i = 0; i < durings; i++)
        during[i] /= usual;
    s->storm = bl_spread_of(during, durings);
    return true;
}

/* ---- the rows ------------------------------------------------------------------------- */

static bool live_to(struct story *s, enum step step)
{
    static bool (*const lives[STEPS])(struct story *) = {[OPENED] = open_it,
                                                         [GROWN] = grow,
                                                         [WEIGHED] = weigh,
                                                         [LATE] = go_silent_one_by_one,
                                                         [STORMED] = storm};
    bl_rcu_offline();
    while (s->lived >= 0 && s->lived <= (int)step)
        s->lived = lives[s->lived](s) ? s->lived + 1 : -1;
    bl_rcu_online();
    return s->lived > (int)step;
}

struct row {
    enum step step;
    size_t result;  /* offset of its struct bl_spread in the story */
    double divisor; /* 0: 1 */
    void (*remark)(const struct story *s, char *words, size_t bytes); /* NULL: none */
};

/* What the machine took from the figure. */
static void remark_control(const struct story *s, char *words, size_t bytes)
{
    snprintf(words, bytes, "control had its CPU for %.0f %% of the time", s->control_share * 100);
}

static void remark_spin(const struct story *s, char *words, size_t bytes)
{
    snprintf(words, bytes, "a thread that only spins: %.0f", s->spin_gap_us.median);
}

static void add_counters(struct bl_bench_state *state, const struct story *s)
{
    bl_bench_counter(state, "grow_s", s->grow_s);
    bl_bench_counter(state, "table_bytes_per_node", s->bytes_table);
    bl_bench_counter(state, "registry_bytes_per_node", s->bytes_registry);
    bl_bench_counter(state, "process_bytes_per_node", s->bytes_rss);
    bl_bench_counter(state, "capacity_per_s", s->capacity_per_s);
    bl_bench_counter(state, "lateness_count", s->lateness_count);
    bl_bench_counter(state, "storm_found_s", s->found_s);
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
    if (!live_to(story, row->step)) {
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
    bl_appliance_close(&story->a);
    bl_rcu_online();
    free(story);
    story = NULL;
}

#define GOAL(kind, must_, hope_) .goal = BL_GOAL_##kind, .must = (must_), .hope = (hope_)
#define AT(step_, result_, ...)                                                                              \
    .run = run_row, .arg = &(const struct row)                                                               \
    {                                                                                                        \
        .step = (step_), .result = offsetof(struct story, result_), __VA_ARGS__                              \
    }

static const struct bl_bench_case appliance_cases[] = {
    {.name = "appliance/register/10M",
     .measure = "new nodes (text, 24-byte names) registered, packet to registry, 1 to 10 M",
     .unit = "M/s",
     GOAL(AT_LEAST, 1, 3),
     .slow = true,
     AT(GROWN, registered_per_s, .divisor = 1e6, .remark = remark_control)},
    {.name = "appliance/register/10M/control",
     .measure = "the same by the second of control's CPU time",
     .unit = "M/s",
     .slow = true,
     AT(GROWN, registered_per_control_s, .divisor = 1e6)},
    {.name = "appliance/growth/gap",
     .measure = "longest poll gap meanwhile (growth 1 to 10 M), of the worker's own time",
     .unit = "us",
     GOAL(AT_MOST, 1000, 200),
     .slow = true,
     AT(GROWN, gap_us, .remark = remark_spin)},
    {.name = "appliance/growth/gap/wall",
     .measure = "the same by the wall clock",
     .unit = "us",
     .slow = true,
     AT(GROWN, wall_gap_us)},
    {.name = "appliance/growth/gap/spin",
     .measure = "longest gap of a thread that only spins as long on that CPU, own time",
     .unit = "us",
     .slow = true,
     AT(GROWN, spin_gap_us)},
    {.name = "appliance/growth/gap/spin/wall",
     .measure = "the same by the wall clock",
     .unit = "us",
     .slow = true,
     AT(GROWN, spin_wall_gap_us)},
    {.name = "appliance/memory/10M",
     .measure = "all memory per node with 24-byte names, 10 M nodes",
     .unit = "B",
     GOAL(AT_MOST, 200, 140),
     .slow = true,
     AT(WEIGHED, bytes)},
    {.name = "appliance/lateness/p999",
     .measure = "lateness p99.9 at 10 M nodes, ingest at 70 %, 10 ms tick",
     .unit = "ms",
     GOAL(AT_MOST, 20, 10),
     .slow = true,
     AT(LATE, late[2])},
    {.name = "appliance/lateness/p50",
     .measure = "the same, p50",
     .unit = "ms",
     .slow = true,
     AT(LATE, late[0])},
    {.name = "appliance/lateness/p99",
     .measure = "the same, p99",
     .unit = "ms",
     .slow = true,
     AT(LATE, late[1])},
    {.name = "appliance/lateness/max",
     .measure = "the same, the latest",
     .unit = "ms",
     .slow = true,
     AT(LATE, late[3])},
    {.name = "appliance/storm",
     .measure = "ingest rate while 1 M of 10 M nodes fail at once / before",
     GOAL(AT_LEAST, 0.90, 0.97),
     .slow = true,
     AT(STORMED, storm)},
};

void bl_bench_appliance_cases(void)
{
    for (unsigned i = 0; i < sizeof(appliance_cases) / sizeof(appliance_cases[0]); i++)
        bl_bench_register(&appliance_cases[i]);
}
