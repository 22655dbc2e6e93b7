/* SPDX-License-Identifier: Apache-2.0 */
/* A turn of the control core is bound in time. Here time passes with the
 * work alone: each report, command and event costs as much as a slow
 * machine with many tables takes for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/core/core.h"
#include "engine/base/rcu.h"

#define MS      UINT64_C(1000000)
#define UNIX_MS INT64_C(1790000000000)
#define WORKERS 32u

/* 128 reports are half a millisecond; 32 workers' 1,500 are 192 ms. */
#define REPORT_NS  UINT64_C(4000)
#define COMMAND_NS UINT64_C(1000000)
#define EVENT_NS   UINT64_C(60000)

struct world {
    struct bl_config *config;
    struct bl_wire_config wire;
    struct bl_worker *worker[WORKERS];
    struct bl_core *core;
    uint64_t idle_ns; /* time that passed without work */
    uint64_t longest_ns;
};

static uint64_t world_now_ns(void *ctx)
{
    const struct world *w = ctx;
    struct bl_core_stats stats = {0};

    if (w->core)
        bl_core_stats(w->core, &stats);
    return w->idle_ns + stats.reports * REPORT_NS + stats.commands * COMMAND_NS + stats.events * EVENT_NS;
}

static void setup(struct world *w)
{
    char err[BL_ERR_BYTES];
    uint8_t seed[BL_KEY_SECRET_BYTES + 24];

    memset(w, 0, sizeof(*w));
    memset(seed, 9, sizeof(seed));
    w->idle_ns = 1000 * MS;
    bl_key_secret_init(&w->wire.secret, seed);
    w->config = bl_config_load(NULL, err);
    assert_non_null(w->config);
    w->config->defaults.timeout_ms = 5000;
    for (unsigned i = 0; i < WORKERS; i++) {
        struct bl_worker_config c = {
            .cpu = -1, .lcore = -1, .wire = &w->wire, .first_slots = 16384, .max_nodes = 100000};
        w->worker[i] = bl_worker_new(&c, i, err);
        assert_non_null(w->worker[i]);
    }
    struct bl_core_config cc = {.config = w->config,
                                .worker = w->worker,
                                .worker_count = WORKERS,
                                .secret = &w->wire.secret,
                                .memory = bl_memory_libc,
                                .clock = {.now_ns = world_now_ns, .ctx = w},
                                .cpu = -1};
    w->core = bl_core_new(&cc, err);
    assert_non_null(w->core);
}

static void teardown(struct world *w)
{
    bl_core_free(w->core);
    for (unsigned i = 0; i < WORKERS; i++)
        bl_worker_free(w->worker[i]);
    bl_config_free(w->config);
}

/* A turn after a poll of each worker; every clock runs in it. */
static bool turn(struct world *w)
{
    uint64_t now_ns = world_now_ns(w);

    bl_role_assume_control();
    bl_role_assume_worker();
    for (unsigned i = 0; i < WORKERS; i++)
        bl_worker_poll(w->worker[i], now_ns);
    bl_rcu_quiescent(); /* of the workers, which are this thread's */
    bool busy = bl_core_turn(w->core, now_ns, UNIX_MS + (int64_t)(now_ns / MS));
    for (unsigned i = 0; i < WORKERS; i++) {
        assert_int_equal(bl_ingest_clock_frozen(&w->worker[i]->clock), 0);
        assert_int_equal(w->worker[i]->clock.frozen_ns, 0);
    }
    uint64_t took_ns = world_now_ns(w) - now_ns;
    w->longest_ns = took_ns > w->longest_ns ? took_ns : w->longest_ns;
    return busy;
}

/* Turns until there is no work left. Bounded: a turn does at least one
 * piece of it. */
static void turn_on(struct world *w)
{
    unsigned turns = 0;

    while (turn(w))
        assert_true(turns++ < 100000);
    w->idle_ns += MS;
    turn(w); /* sees how long the last one took */
}

/* Idle time, with a turn each 10 ms: each does a round. */
static void pass(struct world *w, unsigned ms)
{
    for (unsigned i = 0; i < ms; i += 10) {
        w->idle_ns += 10 * MS;
        turn_on(w);
    }
}

static struct bl_core_stats stats_of(const struct world *w)
{
    struct bl_core_stats stats;
    bl_core_stats(w->core, &stats);
    return stats;
}

/* `n` nodes' first beats at one worker, named after it. */
static void feed(struct world *w, unsigned worker, unsigned n)
{
    char line[64];

    bl_role_assume_worker();
    for (unsigned i = 0; i < n; i++) {
        snprintf(line, sizeof(line), "w%u.n%u.beat:1|c", worker, i);
        bl_worker_feed(w->worker[worker], (const uint8_t *)line, (uint32_t)strlen(line), world_now_ns(w));
    }
}

static unsigned in_state(const struct world *w, enum bl_state state)
{
    const struct bl_registry *r = bl_fleet_registry(bl_core_fleet(w->core));
    unsigned n = 0;

    for (uint32_t i = 0; i < bl_registry_end(r); i++) {
        const struct bl_node *node = bl_registry_get(r, i);
        n += node && node->state == state;
    }
    return n;
}

/* ---- reports ------------------------------------------------------------------ */

static void reports_are_taken_from_the_workers_in_turns(void **state)
{
    (void)state;
    struct world w;
    unsigned waiting[WORKERS];
    setup(&w);
    for (unsigned i = 0; i < WORKERS; i++) {
        feed(&w, i, 1500);
        waiting[i] = bl_ring_count(w.worker[i]->reports);
    }
    assert_true(turn(&w));
    assert_in_range(stats_of(&w).reports, 1, 1024); /* a few batches, of 48,000 */
    for (unsigned i = 0; i < 7; i++)
        assert_true(turn(&w));
    for (unsigned i = 0; i < WORKERS; i++)
        assert_true(bl_ring_count(w.worker[i]->reports) < waiting[i]);
    assert_in_range(stats_of(&w).reports, WORKERS, WORKERS * 256);
    turn_on(&w);
    assert_int_equal(stats_of(&w).reports, WORKERS * 1500);
    assert_int_equal(in_state(&w, BL_STATE_OK), WORKERS * 1500);
    assert_in_range(w.longest_ns, 1, 10 * MS);
    teardown(&w);
}

/* ---- commands ----------------------------------------------------------------- */

static void commands_that_come_at_once_are_spread_over_turns(void **state)
{
    (void)state;
    struct world w;
    static struct bl_command c[200];
    setup(&w);
    bl_role_assume_api();
    for (unsigned i = 0; i < 200; i++) {
        c[i] = (struct bl_command){
            .kind = BL_COMMAND_SET, .create = true, .patch = {.set = BL_SET_ERR, .policy = {.err_ms = 500}}};
        c[i].name_len = (uint8_t)snprintf(c[i].name, sizeof(c[i].name), "c%u", i);
        assert_true(bl_core_submit(w.core, &c[i]));
    }
    assert_true(turn(&w));
    assert_in_range(stats_of(&w).commands, 1, 4);
    turn_on(&w);
    for (unsigned i = 0; i < 200; i++) {
        assert_ptr_equal(bl_core_answered(w.core), &c[i]);
        assert_int_equal(c[i].result, 0);
    }
    assert_in_range(w.longest_ns, 1, 10 * MS);
    teardown(&w);
}

/* ---- verdicts ------------------------------------------------------------------ */

#define NODES 8000u

/* Nodes of one worker; a batch is as large as a config can ask for. */
static void setup_nodes(struct world *w)
{
    setup(w);
    w->config->batch_small = w->config->batch_medium = 1000000;
    for (unsigned i = 0; i < NODES; i += 1000) {
        feed(w, i / 1000, 1000);
        turn_on(w);
    }
    pass(w, 100);
    assert_int_equal(in_state(w, BL_STATE_OK), NODES);
    w->longest_ns = 0;
}

static void a_fleet_that_falls_silent_stops_no_clock(void **state)
{
    (void)state;
    struct world w;
    setup_nodes(&w);
    pass(&w, 6000);
    assert_int_equal(in_state(&w, BL_STATE_FAILED), NODES);
    assert_in_range(w.longest_ns, 1, BL_POLL_GAP_NS / 2);
    teardown(&w);
}

static void new_defaults_reach_all_nodes_and_stop_no_clock(void **state)
{
    (void)state;
    struct world w;
    setup_nodes(&w);
    pass(&w, 2000);
    w.config->defaults.timeout_ms = 1000;
    bl_core_reconfigure(w.core, w.config);
    turn(&w);
    turn_on(&w); /* of one round: it is complete when all have followed */
    pass(&w, 20);
    assert_int_equal(in_state(&w, BL_STATE_FAILED), NODES);
    assert_in_range(w.longest_ns, 1, BL_POLL_GAP_NS / 2);
    teardown(&w);
}

static void pauses_that_end_at_once_stop_no_clock(void **state)
{
    (void)state;
    struct world w;
    setup_nodes(&w);
    bl_role_assume_control();
    uint64_t now_ns = world_now_ns(&w);
    int64_t unix_ms = UNIX_MS + (int64_t)(now_ns / MS);
    for (uint32_t i = 0; i < NODES; i++)
        assert_int_equal(
            bl_fleet_pause(bl_core_fleet_own(w.core), i, &(struct bl_pause){.for_ms = 1000}, unix_ms), 0);
    w.idle_ns -= world_now_ns(&w) - now_ns; /* that took no time */
    turn_on(&w);
    assert_int_equal(in_state(&w, BL_STATE_PAUSED), NODES);
    w.longest_ns = 0;
    pass(&w, 2100);
    assert_int_equal(in_state(&w, BL_STATE_PAUSED), 0);
    assert_in_range(w.longest_ns, 1, BL_POLL_GAP_NS / 2);
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_are_taken_from_the_workers_in_turns),
        cmocka_unit_test(commands_that_come_at_once_are_spread_over_turns),
        cmocka_unit_test(a_fleet_that_falls_silent_stops_no_clock),
        cmocka_unit_test(new_defaults_reach_all_nodes_and_stop_no_clock),
        cmocka_unit_test(pauses_that_end_at_once_stop_no_clock),
    };
    bl_rcu_thread_register();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bl_rcu_thread_unregister();
    return failed;
}
