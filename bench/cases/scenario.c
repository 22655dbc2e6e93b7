/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cases/scenario.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

#include "bench/cases/ab_compare.h"
#include "bench/cpus.h"
#include "engine/base/counter.h"
#include "engine/base/rcu.h"

#define NODES       UINT64_C(10000000)
#define FIRST_NODES UINT64_C(1000000)
#define FIRST_SLOTS UINT32_C(2359296) /* what a million nodes have got from the daemon's 2^18 */
#define TIMEOUT_MS  5000u
#define SMOKE_MS    300u
#define PATIENT_MS  60000u /* while it grows: nobody fails then, however slow the machine */
#define HUGE_PAGE   (2u << 20)
/* For a node: the registry's memory and that of some generations of the
 * table, which comes of reserved huge pages where there are any. */
#define TOUCHED_BYTES      250u
#define TOUCHED_HUGE_BYTES 100u
#define GROWTHS            4u
#define STRETCHES          100u /* of as many beats as there are nodes */
#define EVENTS             1024u
#define WAIT_NS            UINT64_C(60000000000)

uint64_t bl_scenario_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void bl_scenario_sleep_ms(unsigned ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

void bl_scenario_forget_events(struct bl_scenario *s)
{
    static struct bl_event event[EVENTS];
    while (bl_appliance_listen(&s->a, event, EVENTS) > 0)
        ;
}

struct bl_spread bl_scenario_just(double value)
{
    return (struct bl_spread){value, value, value};
}

bool bl_scenario_wrong(struct bl_scenario *s, const char *why)
{
    snprintf(s->err, sizeof(s->err), "%s", why);
    return false;
}

/* ---- a start ----------------------------------------------------------------- */

static bool open_it(struct bl_scenario *s)
{
    struct bl_appliance_config c = {
        .nodes = NODES / s->plan.scale, .first_slots = FIRST_SLOTS / s->plan.scale, .timeout_ms = PATIENT_MS};
    if (!bl_appliance_open(&s->a, &c, s->err) || !bl_appliance_start(&s->a, s->err))
        return false;
    s->nodes = s->a.traffic.count;
    s->timeout_ms = s->plan.scale > 1 ? SMOKE_MS : TIMEOUT_MS;
    return true;
}

/* ---- memory to be had ---------------------------------------------------------- */

/* What a virtual machine's host has not given it yet, or has taken back,
 * comes at the first touch, at a thirtieth of the speed of what the
 * machine has: not what growth is about. */
static void touch(size_t bytes, int kind)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | kind, -1, 0);
    if (p == MAP_FAILED)
        return;
    (void)madvise(p, bytes, MADV_HUGEPAGE);
    (void)madvise(p, bytes, MADV_POPULATE_WRITE);
    (void)munmap(p, bytes);
}

/* ---- growth -------------------------------------------------------------------- */

static bool await_registered(struct bl_scenario *s, uint64_t count)
{
    uint64_t start = bl_scenario_now_ns();
    while (bl_appliance_registered(&s->a) < count && bl_scenario_now_ns() - start < WAIT_NS) {
        bl_scenario_sleep_ms(s->plan.scale > 1 ? 1 : 20);
        bl_scenario_forget_events(s);
    }
    return bl_appliance_registered(&s->a) >= count;
}

static void await_quiet_table(struct bl_scenario *s)
{
    struct bl_core_stats stats;
    uint64_t growths;
    do {
        bl_core_stats(s->a.core, &stats);
        growths = stats.growths;
        bl_scenario_sleep_ms(300);
        bl_scenario_forget_events(s);
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
    uint64_t start = bl_scenario_now_ns(), then = start, then_cpu = bl_cpu_ns(), now, cpu;
    do {
        now = bl_scenario_now_ns();
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

/* The machine's own gaps, on the worker's CPU, for as long; control's CPU
 * is as busy as it was. */
static bool note_spin(struct bl_scenario *s, double for_s)
{
    pthread_t thread[2];
    struct spinner spinner[2];
    unsigned n = 0;
    bl_worker_stop(s->a.worker);
    for (unsigned i = 0; i < 2; i++) {
        spinner[i] = (struct spinner){.cpu = s->a.cpu[i], .for_ns = (uint64_t)(for_s * 1e9)};
        n += pthread_create(&thread[n], NULL, spin, &spinner[i]) == 0;
    }
    while (n > 0)
        pthread_join(thread[--n], NULL);
    s->spin_gap_us = bl_scenario_just((double)spinner[0].longest_cpu_ns * 1e-3);
    s->spin_wall_gap_us = bl_scenario_just((double)spinner[0].longest_ns * 1e-3);
    return bl_worker_start(s->a.worker, s->err) == 0;
}

/* What each growth told. */
struct growths {
    unsigned n;
    double per_s[GROWTHS], per_control_s[GROWTHS], share[GROWTHS], took_s[GROWTHS];
    /* The longest gaps of a growth; and, of each stretch, the least of
     * its longest in all growths that came so far: what a poll takes is
     * there every time, what the machine adds to it is not. 0: none yet. */
    double gap_us[GROWTHS], wall_gap_us[GROWTHS];
    uint64_t least_ns[BL_FEED_STRETCHES], least_wall_ns[BL_FEED_STRETCHES];
};

/* Returns the growth's longest. */
static double note_gaps(uint64_t *least_ns, const uint64_t *longest_ns)
{
    uint64_t most_ns = 0;
    for (unsigned i = 0; i < BL_FEED_STRETCHES; i++) {
        uint64_t ns = BL_READ(longest_ns[i]);
        if (ns > 0 && (least_ns[i] == 0 || ns < least_ns[i]))
            least_ns[i] = ns;
        most_ns = ns > most_ns ? ns : most_ns;
    }
    return (double)most_ns * 1e-3;
}

static void note_growth(const struct bl_scenario *s, struct growths *g, uint64_t before, double control_s)
{
    const double nodes = (double)(bl_appliance_registered(&s->a) - before), took_s = g->took_s[g->n];
    g->per_s[g->n] = nodes / took_s;
    g->per_control_s[g->n] = nodes / control_s;
    g->share[g->n] = control_s / took_s;
    g->gap_us[g->n] = note_gaps(g->least_ns, s->a.feed.longest_cpu_ns);
    g->wall_gap_us[g->n] = note_gaps(g->least_wall_ns, s->a.feed.longest_wall_ns);
    g->n++;
}

static bool grow_once(struct bl_scenario *s, struct growths *g)
{
    const uint64_t frame = s->a.traffic.per_frame, first = FIRST_NODES / s->plan.scale / frame * frame;
    bl_frame_source_beating(&s->a.feed, first);
    if (!await_registered(s, first))
        return bl_scenario_wrong(s, "not even the first million were registered in time");
    await_quiet_table(s);
    touch(s->nodes * TOUCHED_BYTES, 0);
    touch(s->nodes * TOUCHED_HUGE_BYTES / HUGE_PAGE * HUGE_PAGE, MAP_HUGETLB);
    uint64_t start = bl_scenario_now_ns(), cpu_ns = bl_appliance_control_cpu_ns(&s->a);
    bl_frame_source_watch_gaps(&s->a.feed, s->nodes / STRETCHES);
    bl_frame_source_beating(&s->a.feed, s->nodes);
    s->all_registered = await_registered(s, s->nodes);
    g->took_s[g->n] = (double)(bl_scenario_now_ns() - start) * 1e-9;
    note_growth(s, g, first, (double)(bl_appliance_control_cpu_ns(&s->a) - cpu_ns) * 1e-9);
    if (s->all_registered)
        await_quiet_table(s);
    return true;
}

/* The longest of the stretches' least, beside the growths' own longest. */
static struct bl_spread gap_of(const uint64_t *least_ns, double *longest_us, unsigned n)
{
    struct bl_spread spread = bl_spread_of(longest_us, n);
    uint64_t most_ns = 0;
    for (unsigned i = 0; i < BL_FEED_STRETCHES; i++)
        most_ns = least_ns[i] > most_ns ? least_ns[i] : most_ns;
    spread.median = (double)most_ns * 1e-3;
    return spread;
}

static bool grow(struct bl_scenario *s)
{
    struct growths g = {.n = 0};
    while (g.n < (s->plan.scale > 1 ? 2 : GROWTHS)) {
        if (g.n > 0) {
            bl_appliance_close(&s->a);
            if (!open_it(s))
                return false;
        }
        if (!grow_once(s, &g))
            return false;
    }
    s->registered_per_s = bl_spread_of(g.per_s, g.n);
    s->registered_per_control_s = bl_spread_of(g.per_control_s, g.n);
    s->control_share = bl_spread_of(g.share, g.n).median;
    s->grow_s = bl_spread_of(g.took_s, g.n).median;
    s->gap_us = gap_of(g.least_ns, g.gap_us, g.n);
    s->wall_gap_us = gap_of(g.least_wall_ns, g.wall_gap_us, g.n);
    return note_spin(s, s->grow_s);
}

/* ---- memory ----------------------------------------------------------------------- */

static uint64_t table_bytes(const struct bl_table *t)
{
    return bl_rcu_read(&t->slots)->bytes;
}

/* What the registry and the views hold, and what the tables have and
 * the sweep beside them. */
static bool weigh(struct bl_scenario *s)
{
    struct bl_memory_stats m;
    double nodes = (double)s->nodes;
    if (!s->all_registered)
        return bl_scenario_wrong(s, "not every node was registered in time");
    bl_memory_stats(s->a.arena, &m);
    uint64_t slots = bl_table_slot_count(&s->a.worker->table);
    uint64_t sweep = slots / BL_BLOCK_SLOTS * 5 + slots * sizeof(uint32_t);
    s->bytes_table = (double)(table_bytes(&s->a.worker->table) + sweep) / nodes;
    s->bytes_registry = (double)m.registry_held / nodes;
    s->bytes_rss = (double)m.rss_bytes / nodes;
    s->bytes = bl_scenario_just(s->bytes_table + s->bytes_registry);
    return m.jemalloc ? true : bl_scenario_wrong(s, "this build's allocator does not say what it holds");
}

/* ---- the whole ---------------------------------------------------------------------- */

bool bl_scenario_live_to(struct bl_scenario *s, enum bl_scenario_step step)
{
    static bool (*const lives[BL_STORY_STEPS])(struct bl_scenario *) = {
        [BL_STORY_OPENED] = open_it,
        [BL_STORY_GROWN] = grow,
        [BL_STORY_WEIGHED] = weigh,
        [BL_STORY_LATE] = bl_scenario_go_silent_one_by_one,
        [BL_STORY_STORMED] = bl_scenario_storms};
    while (s->lived >= 0 && s->lived <= (int)step)
        s->lived = lives[s->lived](s) ? s->lived + 1 : -1;
    return s->lived > (int)step;
}

void bl_scenario_end(struct bl_scenario *s)
{
    bl_appliance_close(&s->a);
}
