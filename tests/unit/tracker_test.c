/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/tracker.h"
#include "tests/unit/random.h"

#define T0  UINT64_C(1700000000000)
#define DAY UINT64_C(86400000)

/* What was told, in order. */
struct diary {
    struct bl_tracker *tracker;
    unsigned events, failures;
    char last[256]; /* "name from>to reason" */
    uint64_t last_beat_ms;
    uint32_t incident;
};

static void on_change(void *ctx, const struct bl_tracker_event *e)
{
    struct diary *d = ctx;
    d->events++;
    d->last_beat_ms = e->last_beat_ms;
    d->incident = e->incident;
    snprintf(d->last, sizeof(d->last), "%s %s>%s %s", e->name, bl_tracker_state_name(e->from),
             bl_tracker_state_name(e->to), e->reason);
}

static void on_failure(void *ctx, const struct bl_tracker_event *e)
{
    struct diary *d = ctx;
    d->failures++;
    assert_int_equal(e->to, BL_TRACKER_FAILED);
}

static struct bl_tracker *make(struct diary *d, uint32_t timeout_ms, uint32_t retries)
{
    struct bl_tracker_config c = {.defaults = {.timeout_ms = timeout_ms, .retries = retries},
                                  .on_failure = on_failure,
                                  .on_state_change = on_change,
                                  .ctx = d};
    *d = (struct diary){0};
    d->tracker = bl_tracker_new(&c, T0);
    assert_non_null(d->tracker);
    return d->tracker;
}

static struct bl_tracker_node get(const struct bl_tracker *t, const char *name)
{
    struct bl_tracker_node n;
    assert_int_equal(bl_tracker_get(t, name, &n), 0);
    return n;
}

static void a_node_is_ok_from_its_registration_on(void **state)
{
    (void)state;
    struct diary d;
    struct bl_tracker *t = make(&d, 1000, 2);
    assert_int_equal(bl_tracker_register(t, "db.1", NULL, T0 + 5), 0);
    struct bl_tracker_node n = get(t, "db.1");
    assert_string_equal(n.name, "db.1");
    assert_int_equal(n.state, BL_TRACKER_OK);
    assert_int_equal(n.last_beat_ms, T0 + 5);
    assert_int_equal(n.registered_ms, T0 + 5);
    assert_int_equal(n.policy.timeout_ms, 1000);
    assert_int_equal(n.policy.retries, 2);
    assert_int_equal(n.missed, 0);
    assert_int_equal(bl_tracker_count(t), 1);
    assert_int_equal(bl_tracker_count_state(t, BL_TRACKER_OK), 1);
    assert_int_equal(d.events, 0);
    bl_tracker_free(t);
}

static void silence_leads_to_warning_then_failed(void **state)
{
    (void)state;
    struct diary d;
    struct bl_tracker *t = make(&d, 1000, 2);
    assert_int_equal(bl_tracker_register(t, "n", NULL, T0), 0);
    assert_int_equal(bl_tracker_beat(t, "n", T0 + 400), 0);
    assert_int_equal(bl_tracker_check_timeouts(t, T0 + 1400), 0);
    assert_int_equal(d.events, 0);
    assert_int_equal(bl_tracker_check_timeouts(t, T0 + 1401), 0);
    assert_string_equal(d.last, "n ok>warning timeout");
    assert_int_equal(get(t, "n").missed, 1);
    assert_int_equal(bl_tracker_check_timeouts(t, T0 + 3400), 0);
    assert_int_equal(get(t, "n").missed, 2);
    assert_int_equal(bl_tracker_check_timeouts(t, T0 + 3401), 1);
    assert_string_equal(d.last, "n warning>failed timeout");
    assert_int_equal(d.last_beat_ms, T0 + 400);
    assert_int_equal(d.incident, 1);
    assert_int_equal(get(t, "n").missed, 3);
    assert_int_equal(bl_tracker_check_timeouts(t, T0 + 99999), 0);
    assert_int_equal(d.failures, 1);
    assert_int_equal(get(t, "n").missed, 3);
    assert_int_equal(get(t, "n").last_beat_ms, T0 + 400);
    assert_int_equal(get(t, "n").state_since_ms, T0 + 3401);
    bl_tracker_free(t);
}

static void a_check_in_pieces_finds_the_same(void **state)
{
    (void)state;
    struct diary d;
    struct bl_tracker *t = make(&d, 1000, 0);
    char name[16];
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        assert_int_equal(bl_tracker_register(t, name, NULL, T0), 0);
    }
    bool done = false;
    unsigned pieces = 0;
    int failed = 0;
    for (; !done; pieces++) {
        int n = bl_tracker_check_some(t, T0 + 1001, 100, &done);
        assert_in_range(n, 0, 400); /* 100 nodes and what a block has more */
        failed += n;
    }
    assert_int_equal(failed, 5000);
    assert_int_equal(d.failures, 5000);
    assert_true(pieces > 20);
    assert_int_equal(bl_tracker_check_some(t, T0 + 1001, UINT32_MAX, &done), 0);
    assert_true(done);
    bl_tracker_free(t);
}

static void a_beat_brings_a_failed_node_back_at_once(void **state)
{
    (void)state;
    struct diary d;
    struct bl_tracker *t = make(&d, 1000, 0);
    assert_int_equal(bl_tracker_register(t, "n", NULL, T0), 0);
    assert_int_equal(bl_tracker_check_timeouts(t, T0 + 1001), 1);
    assert_int_equal(bl_tracker_beat(t, "n", T0 + 1500), 0);
    assert_string_equal(d.last, "n failed>ok beat");
    assert_int_equal(get(t, "n").state, BL_TRACKER_OK);
    assert_int_equal(get(t, "n").last_beat_ms, T0 + 1500);
    assert_int_equal(bl_tracker_check_timeouts(t, T0 + 2500), 0);
    assert_int_equal(bl_tracker_check_timeouts(t, T0 + 2501), 1);
    assert_int_equal(d.incident, 2);
    bl_tracker_free(t);
}

static void a_node_can_have_a_policy_of_its_own(void **state)
{
    (void)state;
    struct diary d;
    struct bl_tracker *t = make(&d, 1000, 3);
    struct bl_tracker_policy own = {.warn_ms = 50, .err_ms = 70};
    assert_int_equal(bl_tracker_register(t, "own", &own, T0), 0);
    assert_int_equal(bl_tracker_register(t, "default", NULL, T0), 0);
    assert_int_equal(bl_tracker_check_timeouts(t, T0 + 51), 0);
    assert_string_equal(d.last, "own ok>warning timeout");
    assert_int_equal(bl_tracker_check_timeouts(t, T0 + 71), 1);
    assert_int_equal(bl_tracker_set_policy(t, "own", NULL, T0 + 80), 0);
    assert_string_equal(d.last, "own failed>ok policy");
    assert_int_equal(get(t, "own").policy.timeout_ms, 1000);
    assert_int_equal(get(t, "own").policy.retries, 3);
    assert_int_equal(bl_tracker_check_timeouts(t, T0 + 4001), 2);
    bl_tracker_free(t);
}

static void without_any_timeout_it_is_30_s(void **state)
{
    (void)state;
    struct bl_tracker_config c = {0};
    struct bl_tracker *t = bl_tracker_new(&c, 0);
    assert_int_equal(bl_tracker_register(t, "n", NULL, 0), 0);
    assert_int_equal(get(t, "n").last_beat_ms, 0);
    assert_int_equal(bl_tracker_check_timeouts(t, 30000), 0);
    assert_int_equal(bl_tracker_check_timeouts(t, 30001), 1);
    assert_int_equal(get(t, "n").last_beat_ms, 0);
    bl_tracker_free(t);
}

static void bad_asks_are_refused(void **state)
{
    (void)state;
    struct diary d;
    struct bl_tracker *t = make(&d, 1000, 0);
    struct bl_tracker_node n;
    struct bl_tracker_policy often = {.retries = 256}, slow = {.err_ms = BL_TRACKER_TIMEOUT_MAX_MS + 1};
    struct bl_tracker_config c = {.defaults = often};
    char longest[BL_TRACKER_NAME_MAX + 2] = {0};
    memset(longest, 'x', BL_TRACKER_NAME_MAX + 1);
    assert_int_equal(bl_tracker_register(t, "", NULL, T0), -EINVAL);
    assert_int_equal(bl_tracker_register(t, "a b", NULL, T0), -EINVAL);
    assert_int_equal(bl_tracker_register(t, longest, NULL, T0), -EINVAL);
    assert_int_equal(bl_tracker_register(t, "n", &often, T0), -EINVAL);
    assert_int_equal(bl_tracker_register(t, "n", &slow, T0), -EINVAL);
    assert_int_equal(bl_tracker_register(t, "n", NULL, T0), 0);
    assert_int_equal(bl_tracker_register(t, "n", NULL, T0), -EEXIST);
    assert_int_equal(bl_tracker_set_policy(t, "n", &often, T0), -EINVAL);
    assert_int_equal(bl_tracker_beat(t, "nobody", T0), -ENOENT);
    assert_int_equal(bl_tracker_beat(t, "", T0), -ENOENT);
    assert_int_equal(bl_tracker_beat(t, longest, T0), -ENOENT);
    assert_int_equal(bl_tracker_remove(t, "nobody"), -ENOENT);
    assert_int_equal(bl_tracker_pause(t, "nobody", T0), -ENOENT);
    assert_int_equal(bl_tracker_resume(t, "nobody", T0), -ENOENT);
    assert_int_equal(bl_tracker_set_policy(t, "nobody", NULL, T0), -ENOENT);
    assert_int_equal(bl_tracker_get(t, "nobody", &n), -ENOENT);
    assert_int_equal(bl_tracker_get(t, longest, &n), -ENOENT);
    assert_null(bl_tracker_new(&c, T0));
    assert_int_equal(errno, EINVAL);
    bl_tracker_free(t);
    bl_tracker_free(NULL);
}

static void max_nodes_holds(void **state)
{
    (void)state;
    struct bl_tracker_config c = {.max_nodes = 2};
    struct bl_tracker *t = bl_tracker_new(&c, T0);
    assert_int_equal(bl_tracker_register(t, "a", NULL, T0), 0);
    assert_int_equal(bl_tracker_register(t, "b", NULL, T0), 0);
    assert_int_equal(bl_tracker_register(t, "c", NULL, T0), -ENOSPC);
    assert_int_equal(bl_tracker_remove(t, "a"), 0);
    assert_int_equal(bl_tracker_register(t, "c", NULL, T0), 0);
    assert_int_equal(bl_tracker_count(t), 2);
    bl_tracker_free(t);
}

static void a_removed_node_is_forgotten(void **state)
{
    (void)state;
    struct diary d;
    struct bl_tracker *t = make(&d, 1000, 0);
    assert_int_equal(bl_tracker_register(t, "n", NULL, T0), 0);
    assert_int_equal(bl_tracker_remove(t, "n"), 0);
    assert_int_equal(bl_tracker_beat(t, "n", T0), -ENOENT);
    assert_int_equal(bl_tracker_check_timeouts(t, T0 + 5000), 0);
    assert_int_equal(bl_tracker_count(t), 0);
    assert_int_equal(bl_tracker_register(t, "n", NULL, T0 + 5000), 0);
    assert_int_equal(bl_tracker_check_timeouts(t, T0 + 6000), 0);
    assert_int_equal(bl_tracker_check_timeouts(t, T0 + 6001), 1);
    bl_tracker_free(t);
}

static void a_paused_node_is_muted_until_resume(void **state)
{
    (void)state;
    struct diary d;
    struct bl_tracker *t = make(&d, 1000, 0);
    assert_int_equal(bl_tracker_register(t, "n", NULL, T0), 0);
    assert_int_equal(bl_tracker_pause(t, "n", T0 + 100), 0);
    assert_int_equal(bl_tracker_check_timeouts(t, T0 + 9000), 0);
    assert_int_equal(bl_tracker_beat(t, "n", T0 + 9500), 0);
    assert_int_equal(get(t, "n").state, BL_TRACKER_PAUSED);
    assert_int_equal(get(t, "n").missed, 0);
    assert_int_equal(d.events, 1);
    assert_int_equal(bl_tracker_resume(t, "n", T0 + 9600), 0);
    assert_string_equal(d.last, "n paused>ok resumed");
    assert_int_equal(get(t, "n").last_beat_ms, T0 + 9500);
    assert_int_equal(bl_tracker_check_timeouts(t, T0 + 10501), 1);
    bl_tracker_free(t);
}

static void time_never_runs_backwards(void **state)
{
    (void)state;
    struct diary d;
    struct bl_tracker *t = make(&d, 1000, 0);
    assert_int_equal(bl_tracker_register(t, "n", NULL, T0 + 700), 0);
    assert_int_equal(bl_tracker_beat(t, "n", T0), 0);
    assert_int_equal(get(t, "n").last_beat_ms, T0 + 700);
    assert_int_equal(bl_tracker_check_timeouts(t, 0), 0);
    assert_int_equal(bl_tracker_check_timeouts(t, T0 + 1701), 1);
    bl_tracker_free(t);
}

/* 49.7 days is where 32-bit milliseconds wrap; far beyond it the jump is
 * still answered at once. */
static void a_leap_in_time_is_no_hiding_place(void **state)
{
    (void)state;
    const uint64_t leaps[] = {2 * DAY, 49 * DAY, 50 * DAY, 100 * DAY, 1000 * DAY, UINT64_C(1) << 62};
    for (unsigned i = 0; i < sizeof(leaps) / sizeof(leaps[0]); i++) {
        struct diary d;
        struct bl_tracker *t = make(&d, BL_TRACKER_TIMEOUT_MS, 1);
        assert_int_equal(bl_tracker_register(t, "n", NULL, T0), 0);
        assert_int_equal(bl_tracker_check_timeouts(t, T0 + leaps[i]), 1);
        assert_int_equal(get(t, "n").last_beat_ms, T0);
        assert_int_equal(bl_tracker_beat(t, "n", T0 + leaps[i] + 5), 0);
        assert_int_equal(get(t, "n").last_beat_ms, T0 + leaps[i] + 5);
        assert_int_equal(bl_tracker_check_timeouts(t, T0 + leaps[i] + 60005), 0);
        assert_int_equal(get(t, "n").state, BL_TRACKER_WARNING);
        assert_int_equal(bl_tracker_check_timeouts(t, T0 + leaps[i] + 60006), 1);
        bl_tracker_free(t);
    }
}

static void a_year_of_beats_is_no_failure(void **state)
{
    (void)state;
    struct diary d;
    struct bl_tracker *t = make(&d, 3700000, 0);
    assert_int_equal(bl_tracker_register(t, "n", NULL, T0), 0);
    for (uint64_t ms = T0; ms < T0 + 366 * DAY; ms += 3600000) {
        assert_int_equal(bl_tracker_beat(t, "n", ms), 0);
        assert_int_equal(get(t, "n").last_beat_ms, ms);
        assert_int_equal(bl_tracker_check_timeouts(t, ms + 1000), 0);
    }
    assert_int_equal(d.events, 0);
    bl_tracker_free(t);
}

static void meddle(void *ctx, const struct bl_tracker_event *e)
{
    struct diary *d = ctx;
    struct bl_tracker_node n;
    uint32_t cursor = 0;
    d->events++;
    assert_int_equal(bl_tracker_get(d->tracker, e->name, &n), 0);
    assert_int_equal(n.state, e->to);
    assert_true(bl_tracker_next(d->tracker, &cursor, &n));
    assert_int_equal(bl_tracker_count(d->tracker), 1);
    assert_int_equal(bl_tracker_register(d->tracker, "x", NULL, T0), -EBUSY);
    assert_int_equal(bl_tracker_beat(d->tracker, e->name, T0), -EBUSY);
    assert_int_equal(bl_tracker_remove(d->tracker, e->name), -EBUSY);
    assert_int_equal(bl_tracker_set_policy(d->tracker, e->name, NULL, T0), -EBUSY);
    assert_int_equal(bl_tracker_pause(d->tracker, e->name, T0), -EBUSY);
    assert_int_equal(bl_tracker_resume(d->tracker, e->name, T0), -EBUSY);
    assert_int_equal(bl_tracker_check_timeouts(d->tracker, T0), -EBUSY);
}

static void a_callback_may_look_but_not_change(void **state)
{
    (void)state;
    struct diary d = {0};
    struct bl_tracker_config c = {.on_failure = meddle, .ctx = &d};
    struct bl_tracker *t = d.tracker = bl_tracker_new(&c, T0);
    assert_int_equal(bl_tracker_register(t, "n", NULL, T0), 0);
    assert_int_equal(bl_tracker_check_timeouts(t, T0 + 30001), 1);
    assert_int_equal(d.events, 1);
    assert_int_equal(bl_tracker_remove(t, "n"), 0);
    bl_tracker_free(t);
}

static void states_have_the_gem_s_names_too(void **state)
{
    (void)state;
    assert_string_equal(bl_tracker_state_name(BL_TRACKER_OK), "ok");
    assert_string_equal(bl_tracker_state_alias(BL_TRACKER_OK), "active");
    assert_string_equal(bl_tracker_state_alias(BL_TRACKER_WARNING), "inactive");
    assert_string_equal(bl_tracker_state_alias(BL_TRACKER_FAILED), "failed");
    assert_string_equal(bl_tracker_state_name((enum bl_tracker_state)0), "?");
    assert_string_equal(bl_tracker_state_alias((enum bl_tracker_state)5), "?");
}

/* ---- many, against a model ------------------------------------------------ */

#define MANY 40000u

struct watched {
    bool known;
    uint64_t beat_ms;
    enum bl_tracker_state state;
};
static struct watched model[MANY];
static uint32_t told_failed;

/* The number of "node.<number>". */
static unsigned number_of(const char *name)
{
    char *end;
    assert_memory_equal(name, "node.", 5);
    unsigned long k = strtoul(name + 5, &end, 10);
    assert_true(*end == '\0' && k < MANY);
    return (unsigned)k;
}

static void count_failure(void *ctx, const struct bl_tracker_event *e)
{
    unsigned k = number_of(e->name);
    (void)ctx;
    assert_true(model[k].known && model[k].state != BL_TRACKER_FAILED);
    assert_int_equal(e->last_beat_ms, model[k].beat_ms);
    told_failed++;
}

static uint32_t model_check(uint64_t now_ms)
{
    uint32_t failures = 0;
    for (unsigned k = 0; k < MANY; k++) {
        struct watched *w = &model[k];
        uint64_t age = now_ms - w->beat_ms;
        if (!w->known)
            continue;
        bool failed = age > 2000;
        failures += failed && w->state != BL_TRACKER_FAILED;
        w->state = failed ? BL_TRACKER_FAILED : age > 1000 ? BL_TRACKER_WARNING : BL_TRACKER_OK;
    }
    return failures;
}

static void compare(const struct bl_tracker *t)
{
    uint32_t known = 0, listed = 0, cursor = 0, failed = 0;
    struct bl_tracker_node n;
    for (unsigned k = 0; k < MANY; k++) {
        known += model[k].known;
        failed += model[k].known && model[k].state == BL_TRACKER_FAILED;
    }
    while (bl_tracker_next(t, &cursor, &n)) {
        unsigned k = number_of(n.name);
        assert_true(model[k].known);
        assert_int_equal(n.state, model[k].state);
        assert_int_equal(n.last_beat_ms, model[k].beat_ms);
        listed++;
    }
    assert_int_equal(listed, known);
    assert_int_equal(bl_tracker_count(t), known);
    assert_int_equal(bl_tracker_count_state(t, BL_TRACKER_FAILED), failed);
}

static void do_something(struct bl_tracker *t, unsigned k, unsigned what, uint64_t now_ms)
{
    char name[24];
    snprintf(name, sizeof(name), "node.%u", k);
    struct watched *w = &model[k];
    if (what < 50) {
        assert_int_equal(bl_tracker_beat(t, name, now_ms), w->known ? 0 : -ENOENT);
        if (w->known)
            *w = (struct watched){true, now_ms, BL_TRACKER_OK};
    } else if (what < 90) {
        assert_int_equal(bl_tracker_register(t, name, NULL, now_ms), w->known ? -EEXIST : 0);
        if (!w->known)
            *w = (struct watched){true, now_ms, BL_TRACKER_OK};
    } else {
        assert_int_equal(bl_tracker_remove(t, name), w->known ? 0 : -ENOENT);
        w->known = false;
    }
}

static void it_behaves_like_a_list_of_last_beats(void **state)
{
    (void)state;
    uint64_t x = 20240608, now_ms = T0;
    print_message("seed %llu\n", (unsigned long long)x);
    struct bl_tracker_config c = {
        .defaults = {.timeout_ms = 1000, .retries = 1}, .on_failure = count_failure, .seed = x};
    struct bl_tracker *t = bl_tracker_new(&c, T0);
    memset(model, 0, sizeof(model));
    for (unsigned op = 0; op < 600000; op++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        do_something(t, (unsigned)(x >> 40) % MANY, (unsigned)(x >> 20) % 100, now_ms);
        if (op % 100 != 0)
            continue;
        now_ms += x % 3;
        if (op % 5000 == 0) {
            told_failed = 0;
            int failed = bl_tracker_check_timeouts(t, now_ms);
            uint32_t told = told_failed;
            assert_int_equal(failed, model_check(now_ms));
            assert_int_equal(failed, told);
            compare(t);
        }
    }
    bl_tracker_free(t);
}

/* ---- detectors ------------------------------------------------------------ */

/* Beats every 10 s, up to 1 s late, and checks every 100 ms meanwhile.
 * Returns the time of the last beat. */
static uint64_t beat_about_every_10_s(struct bl_tracker *t, const char *name, uint64_t now_ms, unsigned beats)
{
    struct test_random r = {test_random_seed(name)};
    for (unsigned i = 0; i < beats; i++) {
        uint64_t next_ms = now_ms + 10000 + test_random_below(&r, 1000);
        for (; now_ms + 100 < next_ms; now_ms += 100)
            bl_tracker_check_timeouts(t, now_ms + 100);
        now_ms = next_ms;
        assert_int_equal(bl_tracker_beat(t, name, now_ms), 0);
    }
    return now_ms;
}

/* How long a node lasts after a beat at `now_ms`, to the next 100 ms. */
static uint64_t lasts_ms(struct bl_tracker *t, const char *name, uint64_t now_ms)
{
    uint64_t ms = 0;
    while (get(t, name).state == BL_TRACKER_OK && ms < DAY)
        bl_tracker_check_timeouts(t, now_ms + (ms += 100));
    return ms;
}

static void auto_and_phi_learn_the_timeout_from_the_beats(void **state)
{
    (void)state;
    static const uint32_t detectors[] = {BL_TRACKER_AUTO, BL_TRACKER_PHI};
    for (unsigned i = 0; i < 2; i++) {
        struct diary d;
        struct bl_tracker *t = make(&d, 600000, 0);
        struct bl_tracker_policy learns = {.detector = detectors[i]};
        assert_int_equal(bl_tracker_register(t, "n", &learns, T0), 0);
        assert_int_equal(get(t, "n").policy.detector, detectors[i]);
        assert_int_equal(get(t, "n").policy.timeout_ms, 600000);
        assert_int_equal(get(t, "n").learned_ms, 0);
        uint64_t now_ms = beat_about_every_10_s(t, "n", T0, 200);
        assert_int_equal(d.events, 0);
        uint32_t learned_ms = get(t, "n").learned_ms;
        assert_in_range(learned_ms, 11000, 15000);
        assert_in_range(lasts_ms(t, "n", now_ms), learned_ms, learned_ms + 101);
        assert_int_equal(d.failures, 1);
        assert_int_equal(get(t, "n").missed, 1);
        assert_int_equal(bl_tracker_beat(t, "n", now_ms + 60000), 0);
        assert_string_equal(d.last, "n failed>ok beat");
        bl_tracker_free(t);
    }
}

static void until_a_rhythm_is_known_the_fixed_timeout_holds(void **state)
{
    (void)state;
    struct diary d;
    struct bl_tracker *t = make(&d, 60000, 0);
    struct bl_tracker_policy learns = {.detector = BL_TRACKER_AUTO};
    assert_int_equal(bl_tracker_register(t, "n", &learns, T0), 0);
    assert_int_equal(bl_tracker_beat(t, "n", T0 + 1000), 0);
    assert_int_equal(bl_tracker_beat(t, "n", T0 + 2000), 0);
    assert_int_equal(get(t, "n").learned_ms, 0);
    assert_int_equal(lasts_ms(t, "n", T0 + 2000), 60100);
    bl_tracker_free(t);
}

static void phi_waits_longer_the_higher_its_level(void **state)
{
    (void)state;
    uint32_t before_ms = 0;
    for (uint32_t phi = 1; phi <= 16; phi += 3) {
        struct bl_tracker_config c = {.defaults = {.detector = BL_TRACKER_PHI}, .phi = phi};
        struct bl_tracker *t = bl_tracker_new(&c, T0);
        assert_non_null(t);
        assert_int_equal(bl_tracker_register(t, "n", NULL, T0), 0);
        beat_about_every_10_s(t, "n", T0, 50);
        assert_true(get(t, "n").learned_ms > before_ms);
        before_ms = get(t, "n").learned_ms;
        bl_tracker_free(t);
    }
}

static void who_has_times_or_a_detector_of_its_own_takes_not_the_default_one(void **state)
{
    (void)state;
    struct bl_tracker_config c = {.defaults = {.detector = BL_TRACKER_PHI, .timeout_ms = 5000}};
    struct bl_tracker_policy times = {.timeout_ms = 700}, fixed = {.detector = BL_TRACKER_FIXED},
                             both = {.timeout_ms = 700, .detector = BL_TRACKER_AUTO};
    struct bl_tracker *t = bl_tracker_new(&c, T0);
    assert_non_null(t);
    assert_int_equal(bl_tracker_register(t, "times", &times, T0), 0);
    assert_int_equal(bl_tracker_register(t, "fixed", &fixed, T0), 0);
    assert_int_equal(bl_tracker_register(t, "both", &both, T0), 0);
    assert_int_equal(bl_tracker_register(t, "default", NULL, T0), 0);
    assert_int_equal(get(t, "times").policy.detector, BL_TRACKER_FIXED);
    assert_int_equal(get(t, "fixed").policy.detector, BL_TRACKER_FIXED);
    assert_int_equal(get(t, "fixed").policy.timeout_ms, 5000);
    assert_int_equal(get(t, "both").policy.detector, BL_TRACKER_AUTO);
    assert_int_equal(get(t, "both").policy.timeout_ms, 700);
    assert_int_equal(get(t, "default").policy.detector, BL_TRACKER_PHI);
    assert_int_equal(bl_tracker_set_policy(t, "both", NULL, T0), 0);
    assert_int_equal(get(t, "both").policy.detector, BL_TRACKER_PHI);
    assert_int_equal(get(t, "both").policy.timeout_ms, 5000);
    bl_tracker_free(t);
}

static void what_was_learned_outlives_the_growth_of_the_tracker(void **state)
{
    (void)state;
    struct diary d;
    struct bl_tracker *t = make(&d, 600000, 0);
    struct bl_tracker_policy learns = {.detector = BL_TRACKER_AUTO};
    char name[16];
    assert_int_equal(bl_tracker_register(t, "n", &learns, T0), 0);
    uint64_t now_ms = beat_about_every_10_s(t, "n", T0, 20);
    uint32_t learned_ms = get(t, "n").learned_ms;
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        assert_int_equal(bl_tracker_register(t, name, NULL, now_ms), 0);
    }
    assert_int_equal(get(t, "n").learned_ms, learned_ms);
    now_ms = beat_about_every_10_s(t, "n", now_ms, 1);
    assert_in_range(lasts_ms(t, "n", now_ms), 11000, 16000);
    bl_tracker_free(t);
}

static void a_detector_that_there_is_not_is_refused(void **state)
{
    (void)state;
    struct diary d;
    struct bl_tracker *t = make(&d, 1000, 0);
    struct bl_tracker_policy none = {.detector = BL_TRACKER_PHI + 1};
    struct bl_tracker_config c = {.defaults = none}, loud = {.phi = 17};
    assert_int_equal(bl_tracker_register(t, "n", &none, T0), -EINVAL);
    assert_null(bl_tracker_new(&c, T0));
    assert_int_equal(errno, EINVAL);
    assert_null(bl_tracker_new(&loud, T0));
    bl_tracker_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_is_ok_from_its_registration_on),
        cmocka_unit_test(silence_leads_to_warning_then_failed),
        cmocka_unit_test(a_check_in_pieces_finds_the_same),
        cmocka_unit_test(a_beat_brings_a_failed_node_back_at_once),
        cmocka_unit_test(a_node_can_have_a_policy_of_its_own),
        cmocka_unit_test(without_any_timeout_it_is_30_s),
        cmocka_unit_test(bad_asks_are_refused),
        cmocka_unit_test(max_nodes_holds),
        cmocka_unit_test(a_removed_node_is_forgotten),
        cmocka_unit_test(a_paused_node_is_muted_until_resume),
        cmocka_unit_test(time_never_runs_backwards),
        cmocka_unit_test(a_leap_in_time_is_no_hiding_place),
        cmocka_unit_test(a_year_of_beats_is_no_failure),
        cmocka_unit_test(a_callback_may_look_but_not_change),
        cmocka_unit_test(states_have_the_gem_s_names_too),
        cmocka_unit_test(it_behaves_like_a_list_of_last_beats),
        cmocka_unit_test(auto_and_phi_learn_the_timeout_from_the_beats),
        cmocka_unit_test(until_a_rhythm_is_known_the_fixed_timeout_holds),
        cmocka_unit_test(phi_waits_longer_the_higher_its_level),
        cmocka_unit_test(who_has_times_or_a_detector_of_its_own_takes_not_the_default_one),
        cmocka_unit_test(what_was_learned_outlives_the_growth_of_the_tracker),
        cmocka_unit_test(a_detector_that_there_is_not_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
