/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the story in which nodes fail. */
#include "bench/cases/ab_compare.h"
#include "bench/cases/scenario.h"

#define EVENTS     1024u
#define LATE_MAX   10000u
#define STORMS_MAX BL_PAIRS_MAX
#define LISTEN_MS  4u /* the feed to a notifier is full in 8 at the least */
#define WAIT_NS    UINT64_C(60000000000)

/* ---- late ---------------------------------------------------------------------------- */

static double beats_per_s(struct bl_scenario *s, unsigned ms)
{
    uint64_t start = bl_scenario_now_ns(), before = bl_appliance_beats(&s->a);
    bl_scenario_sleep_ms(ms);
    return (double)(bl_appliance_beats(&s->a) - before) * 1e9 / (double)(bl_scenario_now_ns() - start);
}

/* Takes events. Returns how many transitions to `to` there were; how late
 * a timeout of each would be, in ms, goes to late[0 .. max). */
static unsigned take_transitions(struct bl_scenario *s, enum bl_state to, double *late, unsigned max)
{
    static struct bl_event event[EVENTS];
    unsigned told = 0, n;
    while ((n = bl_appliance_listen(&s->a, event, EVENTS)) > 0) {
        for (unsigned i = 0; i < n; i++) {
            if (event[i].kind != BL_EVENT_TRANSITION || event[i].to != to)
                continue;
            if (told < max)
                late[told] = (double)(event[i].time_unix_ms - event[i].last_beat_unix_ms - s->timeout_ms);
            told++;
        }
    }
    return told;
}

/* The last `nodes` of all beat no more. */
static void silence(struct bl_scenario *s, uint64_t nodes)
{
    s->silent = nodes;
    bl_frame_source_beating(&s->a.feed, s->nodes - nodes);
}

static double quantile(const double *sorted, unsigned n, double share)
{
    unsigned at = (unsigned)(share * n);
    return sorted[at < n ? at : n - 1];
}

/* Sorts. */
static void note_lateness(struct bl_scenario *s, double *late, unsigned count)
{
    struct bl_spread spread = bl_spread_of(late, count);
    s->late_ms[0] = bl_scenario_just(spread.median);
    s->late_ms[1] = bl_scenario_just(quantile(late, count, 0.99));
    s->late_ms[2] = bl_scenario_just(quantile(late, count, 0.999));
    s->late_ms[3] = bl_scenario_just(late[count - 1]);
    s->lateness_count = count;
}

/* A frame's nodes every 10 ms. Returns how many failed in time. */
static unsigned go_silent(struct bl_scenario *s, unsigned frames, double *late, unsigned count)
{
    unsigned found = 0;
    for (unsigned i = 0; i < frames; i++) {
        silence(s, s->silent + s->a.traffic.per_frame);
        bl_scenario_sleep_ms(10);
        found += take_transitions(s, BL_STATE_FAILED, late + found, count - found);
    }
    for (unsigned i = 0; found < count && i < 3 * s->timeout_ms; i++) {
        bl_scenario_sleep_ms(1);
        found += take_transitions(s, BL_STATE_FAILED, late + found, count - found);
    }
    return found;
}

bool bl_scenario_go_silent_one_by_one(struct bl_scenario *s)
{
    const unsigned frames = s->plan.scale > 1 ? 10 : 500;
    const unsigned count = frames * s->a.traffic.per_frame;
    static double late[LATE_MAX];
    if (count > LATE_MAX)
        return bl_scenario_wrong(s, "a frame has too many nodes for this");
    if (!bl_appliance_set_timeout(&s->a, s->timeout_ms, s->err))
        return false;
    bl_scenario_forget_events(s);
    s->capacity_per_s = beats_per_s(s, s->plan.scale > 1 ? 50 : 2000);
    bl_frame_source_pace(&s->a.feed, (uint64_t)(0.7 * s->capacity_per_s));
    bl_scenario_sleep_ms(s->timeout_ms / 2);
    unsigned found = go_silent(s, frames, late, count);
    bl_frame_source_pace(&s->a.feed, 0);
    if (found != count)
        return bl_scenario_wrong(s, "not as many nodes failed as went silent");
    note_lateness(s, late, count);
    return true;
}

/* ---- storms --------------------------------------------------------------------------- */

/* Beats, and the worker's CPU time: what it loses to control counts, not
 * what others take from its CPU. */
struct ingest {
    uint64_t beats, cpu_ns;
};

static struct ingest ingest(const struct bl_scenario *s)
{
    return (struct ingest){bl_appliance_beats(&s->a), bl_appliance_worker_cpu_ns(&s->a)};
}

static double rate(const struct ingest *from, const struct ingest *to)
{
    return (double)(to->beats - from->beats) / (double)(to->cpu_ns - from->cpu_ns);
}

/* Listens until `count` transitions to `to` were told. *first_ns: when it
 * had been told of one, *quiet: the ingest by then. */
static bool await_told(struct bl_scenario *s, enum bl_state to, uint64_t count, uint64_t *first_ns,
                       struct ingest *quiet)
{
    uint64_t told = 0, start = bl_scenario_now_ns();
    while (told < count && bl_scenario_now_ns() - start < WAIT_NS) {
        struct ingest before = ingest(s);
        bl_scenario_sleep_ms(LISTEN_MS);
        uint64_t n = take_transitions(s, to, NULL, 0);
        if (told == 0 && n > 0) {
            *first_ns = bl_scenario_now_ns();
            *quiet = before;
        }
        told += n;
    }
    return told == count ? true : bl_scenario_wrong(s, "not as many nodes changed as should have");
}

/* A million go silent, fail, and come back. */
static bool storm(struct bl_scenario *s, uint64_t count, double *ratio, double *found_s)
{
    struct ingest before, quiet, after;
    uint64_t first_ns = 0;
    silence(s, s->silent + count);
    bl_scenario_sleep_ms(s->timeout_ms / 2);
    bl_scenario_forget_events(s);
    before = quiet = ingest(s);
    if (!await_told(s, BL_STATE_FAILED, count, &first_ns, &quiet))
        return false;
    after = ingest(s);
    if (quiet.cpu_ns == before.cpu_ns)
        return bl_scenario_wrong(s, "nodes failed before their time");
    *ratio = rate(&quiet, &after) / rate(&before, &quiet);
    *found_s = (double)(bl_scenario_now_ns() - first_ns) * 1e-9;
    silence(s, s->silent - count);
    return await_told(s, BL_STATE_OK, count, &first_ns, &quiet);
}

/* One is a matter of what the machine does just then. */
bool bl_scenario_storms(struct bl_scenario *s)
{
    static double ratio[STORMS_MAX], found_s[STORMS_MAX];
    const uint64_t count = s->nodes / 10 / s->a.traffic.per_frame * s->a.traffic.per_frame;
    for (s->storms = 0; s->storms < s->plan.pairs && s->storms < STORMS_MAX; s->storms++) {
        if (!storm(s, count, &ratio[s->storms], &found_s[s->storms]))
            return false;
    }
    s->storm = bl_spread_of(ratio, s->storms);
    s->found_s = bl_spread_of(found_s, s->storms);
    return true;
}
