/* SPDX-License-Identifier: Apache-2.0 */
/* The control core over workers that are fed by hand, in virtual time;
 * and once on threads of its own, for ThreadSanitizer. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/alert/notice.h"
#include "engine/base/rcu.h"
#include "tests/real_time.h"
#include "tests/unit/core_world.h"

#define MS      UINT64_C(1000000)
#define UNIX_MS INT64_C(1790000000000)

struct world {
    struct bl_config *config;
    struct bl_wire_config wire;
    struct bl_worker *worker[2];
    struct bl_core *core;
    uint64_t now_ns;
    struct bl_event event[256]; /* of the api feed, since the last clear */
    unsigned events;
};

static void setup(struct world *w)
{
    char err[BL_ERR_BYTES];

    memset(w, 0, sizeof(*w));
    w->config = core_world_config(&w->wire);
    for (unsigned i = 0; i < 2; i++)
        w->worker[i] = core_world_worker(&w->wire, i, NULL, 100000);
    struct bl_core_config cc = core_world_core_config(w->config, w->worker, &w->wire);
    w->core = bl_core_new(&cc, err);
    assert_non_null(w->core);
    w->now_ns = real_now_ns(); /* the core's clocks began there */
}

static void teardown(struct world *w)
{
    bl_core_free(w->core);
    bl_worker_free(w->worker[0]);
    bl_worker_free(w->worker[1]);
    bl_config_free(w->config);
}

static void collect(struct world *w)
{
    bl_role_assume_api();
    w->events += bl_core_events(w->core, w->event + w->events, 256 - w->events);
}

/* Polls the workers and turns the core for `ms`, a millisecond a step. */
static void pass(struct world *w, unsigned ms)
{
    bl_role_assume_control();
    bl_role_assume_worker();
    for (unsigned i = 0; i < ms; i++) {
        w->now_ns += MS;
        for (unsigned k = 0; k < 2; k++)
            bl_worker_poll(w->worker[k], w->now_ns);
        bl_rcu_quiescent(); /* of the workers, which are this thread's */
        while (bl_core_turn(w->core, w->now_ns, UNIX_MS + (int64_t)(w->now_ns / MS)))
            ;
        collect(w);
    }
}

/* Turns the core alone: no worker polls. */
static void stand(struct world *w, unsigned ms)
{
    bl_role_assume_control();
    for (unsigned i = 0; i < ms; i++) {
        w->now_ns += MS;
        while (bl_core_turn(w->core, w->now_ns, UNIX_MS + (int64_t)(w->now_ns / MS)))
            ;
        collect(w);
    }
}

static void feed(struct world *w, unsigned worker, const char *text)
{
    bl_role_assume_worker();
    bl_worker_feed(w->worker[worker], (const uint8_t *)text, (uint32_t)strlen(text), w->now_ns);
}

/* pass(), with a beat each 100 ms. */
static void beat_on(struct world *w, unsigned ms)
{
    for (unsigned i = 0; i < ms; i += 100) {
        feed(w, 0, "a.beat:1|c");
        pass(w, 100);
    }
}

static const struct bl_event *last_transition(const struct world *w)
{
    for (unsigned i = w->events; i > 0; i--)
        if (w->event[i - 1].kind == BL_EVENT_TRANSITION)
            return &w->event[i - 1];
    return NULL;
}

static unsigned total(const struct world *w)
{
    return bl_registry_total(bl_fleet_registry(bl_core_fleet(w->core)));
}

static void a_beat_becomes_a_node_and_its_silence_an_event(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    feed(&w, 0, "invoice.mailer.beat:1|c");
    pass(&w, 20);
    assert_int_equal(total(&w), 1);
    assert_null(last_transition(&w));
    pass(&w, 1020);
    const struct bl_event *e = last_transition(&w);
    assert_non_null(e);
    assert_string_equal(e->name, "invoice.mailer");
    assert_int_equal(e->from, BL_STATE_OK);
    assert_int_equal(e->to, BL_STATE_FAILED);
    assert_string_equal(e->reason, "timeout");
    teardown(&w);
}

static void both_feeds_get_every_event_in_order(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    bl_role_assume_notifier();
    char line[64];
    for (unsigned i = 0; i < 100; i++) {
        snprintf(line, sizeof(line), "n%u.beat:1|c", i);
        feed(&w, i % 2, line);
        pass(&w, 1);
    }
    pass(&w, 1300);
    struct bl_event notice[256];
    unsigned n = bl_core_notices(w.core, notice, 256);
    assert_int_equal(n, w.events);
    assert_int_equal(n, 101); /* 100 nodes, and `all` */
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(notice[i].number, i + 1);
        assert_string_equal(notice[i].name, w.event[i].name);
    }
    teardown(&w);
}

static void what_a_node_does_its_view_does_after_it(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    feed(&w, 0, "n.beat:1|c");
    pass(&w, 1200);
    assert_int_equal(w.events, 2);
    assert_int_equal(w.event[0].kind, BL_EVENT_TRANSITION);
    assert_int_equal(w.event[1].kind, BL_EVENT_VIEW);
    assert_string_equal(w.event[1].name, "all");
    assert_int_equal(w.event[1].from, BL_STATE_OK);
    assert_int_equal(w.event[1].to, BL_STATE_FAILED);
    assert_int_equal(w.event[1].incident, 1);
    assert_int_equal(w.event[1].time_unix_ms, w.event[0].time_unix_ms);
    teardown(&w);
}

/* The next generation is made on a thread of its own: in virtual time it
 * would come late. Bounded: it is there after milliseconds. */
static void let_it_grow(struct world *w, unsigned worker)
{
    const struct bl_table *t = &w->worker[worker]->table;
    for (unsigned i = 0; i < 5000 && bl_table_used(t) * 10 > bl_table_slot_count(t) * 6; i++) {
        real_sleep_ms(1);
        pass(w, 1);
    }
}

static void a_table_grows_under_beats_and_loses_nobody(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    char line[64];
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(line, sizeof(line), "node-%u.beat:1|c", i);
        feed(&w, 0, line);
        if (i % 50 == 0) {
            pass(&w, 1);
            let_it_grow(&w, 0);
        }
    }
    pass(&w, 10);
    struct bl_core_stats stats;
    bl_core_stats(w.core, &stats);
    assert_true(stats.growths >= 2);
    assert_int_equal(total(&w), 20000 - w.worker[0]->counters.drop[BL_DROP_table_full]);
    assert_int_equal(w.worker[0]->counters.drop[BL_DROP_table_full], 0);
    teardown(&w);
}

/* 700 ids of one beat each, and a ring that takes a few of their reports:
 * the others fill the table to its limit, but not for ever. */
static void ids_of_one_beat_keep_no_real_node_out(void **state)
{
    (void)state;
    struct world w;
    char line[64];
    setup(&w);
    bl_role_assume_control();
    bl_ring_free(w.worker[0]->reports);
    w.worker[0]->reports = bl_ring_new(31, BL_WORKER_EVENT_PIECE);
    bl_table_set_limit(&w.worker[0]->table, 200);
    for (unsigned i = 0; i < 700; i++) {
        snprintf(line, sizeof(line), "spoofed-%u.beat:1|c", i);
        feed(&w, 0, line);
    }
    pass(&w, 10);
    assert_int_equal(bl_table_used(&w.worker[0]->table), 200);
    assert_in_range(total(&w), 1, 20);
    unsigned known = total(&w);
    feed(&w, 0, "real.beat:1|c");
    assert_int_equal(w.worker[0]->counters.drop[BL_DROP_max_nodes], 501);
    pass(&w, 80000);
    assert_int_equal(bl_table_used(&w.worker[0]->table), known);
    assert_int_equal(bl_fleet_stats_of(bl_core_fleet(w.core))->retired_nodeless, 200 - known);
    feed(&w, 0, "real.beat:1|c");
    pass(&w, 10);
    assert_int_equal(total(&w), known + 1);
    assert_int_equal(bl_table_used(&w.worker[0]->table), known + 1);
    teardown(&w);
}

static void submit(struct world *w, struct bl_command *c, enum bl_command_kind kind, const char *name)
{
    bl_role_assume_api();
    c->kind = kind;
    c->name_len = (uint8_t)snprintf(c->name, sizeof(c->name), "%s", name);
    assert_true(bl_core_submit(w->core, c));
    pass(w, 1);
    assert_ptr_equal(bl_core_answered(w->core), c);
}

static void commands_are_answered_with_what_to_do(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    struct bl_command c = {.patch = {.set = BL_SET_ERR, .policy = {.err_ms = 500}}};
    submit(&w, &c, BL_COMMAND_SET, "nobody");
    assert_int_equal(c.result, -ENOENT);
    assert_non_null(strstr(c.text, "nobody: no such node"));
    c.create = true;
    submit(&w, &c, BL_COMMAND_SET, "nobody");
    assert_int_equal(c.result, 0);
    assert_int_equal(total(&w), 1);
    submit(&w, &c, BL_COMMAND_PAUSE, "nobody");
    assert_int_equal(c.result, 0);
    submit(&w, &c, BL_COMMAND_REMOVE, "nobody");
    assert_int_equal(c.result, 0);
    assert_int_equal(total(&w), 0);
    teardown(&w);
}

static void a_worker_that_stops_polling_is_an_event_not_a_failed_fleet(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    bl_role_assume_control();
    feed(&w, 0, "a.beat:1|c");
    pass(&w, 50);
    stand(&w, 1000);
    assert_int_equal(w.events, 0); /* not for a second yet */
    stand(&w, 4000);
    assert_null(last_transition(&w));
    assert_int_equal(w.events, 1);
    assert_int_equal(w.event[0].kind, BL_EVENT_FREEZE);
    assert_string_equal(w.event[0].reason, "poll_gap");
    assert_int_equal(w.event[0].workers_frozen, 2);
    pass(&w, 100);
    assert_int_equal(w.events, 2);
    assert_int_equal(w.event[1].kind, BL_EVENT_THAW);
    teardown(&w);
}

static void blinks_are_counted_and_no_events(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    bl_role_assume_control();
    pass(&w, 50);
    for (unsigned i = 0; i < 10; i++) {
        stand(&w, 500);
        pass(&w, 500);
    }
    assert_int_equal(w.events, 0);
    assert_int_equal(w.worker[0]->clock.freezes, 10);
    teardown(&w);
}

/* What the notifier is handed that people are told of. */
static unsigned told(struct world *w, struct bl_event *out, unsigned max)
{
    struct bl_event e[256];
    bl_role_assume_notifier();
    unsigned n = bl_core_notices(w->core, e, 256), kept = 0;
    for (unsigned i = 0; i < n && kept < max; i++)
        if (bl_notice_wanted(&e[i], 1u << BL_STATE_FAILED | 1u << BL_STATE_OK))
            out[kept++] = e[i];
    return kept;
}

static void people_are_told_of_a_freeze_and_of_its_end(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    struct bl_event e[8];
    feed(&w, 0, "a.beat:1|c");
    pass(&w, 50);
    stand(&w, 1900);
    assert_int_equal(told(&w, e, 8), 0);
    stand(&w, 60000);
    assert_int_equal(told(&w, e, 8), 1); /* of both workers, once */
    assert_int_equal(e[0].kind, BL_EVENT_FREEZE);
    assert_int_equal(e[0].number, w.event[0].number);
    beat_on(&w, 3000);
    assert_int_equal(told(&w, e, 8), 1);
    assert_int_equal(e[0].kind, BL_EVENT_THAW);
    assert_in_range(e[0].lasted_ms, 61700, 61900);
    stand(&w, 1500);
    beat_on(&w, 5000);
    assert_int_equal(told(&w, e, 8), 0); /* nobody knows of it */
    assert_int_equal(w.events, 4);       /* but it happened */
    teardown(&w);
}

static void a_freeze_that_goes_on_makes_the_silent_unknown(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    struct bl_event e[8];
    w.config->max_freeze_ms = 10000;
    bl_core_reconfigure(w.core, w.config);
    feed(&w, 0, "a.beat:1|c");
    pass(&w, 50);
    stand(&w, 9000);
    assert_null(last_transition(&w));
    stand(&w, 7000);
    const struct bl_event *t = last_transition(&w);
    assert_non_null(t);
    assert_int_equal(t->to, BL_STATE_UNKNOWN);
    assert_string_equal(t->reason, "ingest frozen");
    beat_on(&w, 3000);
    t = last_transition(&w);
    assert_int_equal(t->from, BL_STATE_UNKNOWN);
    assert_int_equal(t->to, BL_STATE_OK);
    assert_int_equal(told(&w, e, 8), 2); /* the freeze and the thaw, no word of each node */
    assert_int_equal(e[1].kind, BL_EVENT_THAW);
    teardown(&w);
}

static void a_gap_of_ours_does_not_end_the_freeze_of_a_port(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    pass(&w, 50);
    stand(&w, 5000);
    assert_int_equal(w.events, 1);
    w.now_ns += 200 * MS;
    stand(&w, 5000);
    assert_int_equal(w.events, 1);
    teardown(&w);
}

static void a_process_that_was_stopped_says_so_once(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    bl_role_assume_control();
    struct bl_event e[8] = {0};
    pass(&w, 50);
    w.now_ns += 60000 * MS;
    pass(&w, 5000);
    assert_int_equal(w.events, 2);
    assert_string_equal(w.event[0].name, "all ports");
    assert_string_equal(w.event[0].reason, "own_gap");
    assert_int_equal(told(&w, e, 8), 2);
    assert_int_equal(e[1].kind, BL_EVENT_THAW);
    assert_in_range(e[1].lasted_ms, 60000, 60100);
    teardown(&w);
}

static void a_worker_that_has_not_begun_is_no_event(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    bl_role_assume_control();
    for (unsigned i = 0; i < 500; i++) {
        w.now_ns += MS;
        bl_core_turn(w.core, w.now_ns, UNIX_MS);
    }
    pass(&w, 200);
    assert_int_equal(w.events, 0);
    teardown(&w);
}

/* ---- on threads ------------------------------------------------------------ */

struct beater {
    struct world *world;
    uint32_t stop;
};

static void *beat_many(void *arg)
{
    struct beater *b = arg;
    struct bl_worker *worker = b->world->worker[0];
    char line[64];

    bl_role_assume_worker();
    bl_rcu_thread_register();
    for (unsigned i = 0; !__atomic_load_n(&b->stop, __ATOMIC_ACQUIRE); i++) {
        snprintf(line, sizeof(line), "n%u.beat:1|c\nn%u.timeout:30|g", i % 3000, i % 3000);
        bl_worker_feed(worker, (const uint8_t *)line, (uint32_t)strlen(line), real_now_ns());
        bl_worker_poll(worker, real_now_ns());
        bl_rcu_quiescent();
    }
    bl_rcu_thread_unregister();
    return NULL;
}

static void worker_control_and_reader_run_side_by_side(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    char err[BL_ERR_BYTES];
    struct beater b = {.world = &w};
    pthread_t thread;

    bl_role_assume_api();
    assert_int_equal(bl_core_start(w.core, err), 0);
    assert_int_equal(pthread_create(&thread, NULL, beat_many, &b), 0);
    /* Bounded: 3000 nodes take a fraction of a second, even sanitized. */
    for (unsigned i = 0; i < 10000 && total(&w) < 3000; i++) {
        for (uint32_t n = 0; n < bl_registry_end(bl_fleet_registry(bl_core_fleet(w.core))); n++) {
            const struct bl_node *node = bl_registry_get(bl_fleet_registry(bl_core_fleet(w.core)), n);
            struct bl_latest_beat seen;
            if (node && bl_fleet_latest_beat(bl_core_fleet(w.core), node, real_now_ns(), &seen))
                assert_true(seen.age_ticks < 60000);
        }
        bl_rcu_quiescent();
        real_sleep_ms(1);
    }
    assert_int_equal(total(&w), 3000);
    struct bl_command c = {.kind = BL_COMMAND_REMOVE, .name = "n7", .name_len = 2}, *answer = NULL;
    assert_true(bl_core_submit(w.core, &c));
    for (unsigned i = 0; i < 5000 && !answer; i++) {
        answer = bl_core_answered(w.core);
        bl_rcu_quiescent();
        real_sleep_ms(1);
    }
    assert_ptr_equal(answer, &c);
    assert_int_equal(c.result, 0);
    __atomic_store_n(&b.stop, 1, __ATOMIC_RELEASE);
    bl_rcu_offline();
    pthread_join(thread, NULL);
    bl_core_stop(w.core);
    bl_rcu_online();
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_beat_becomes_a_node_and_its_silence_an_event),
        cmocka_unit_test(both_feeds_get_every_event_in_order),
        cmocka_unit_test(what_a_node_does_its_view_does_after_it),
        cmocka_unit_test(a_table_grows_under_beats_and_loses_nobody),
        cmocka_unit_test(ids_of_one_beat_keep_no_real_node_out),
        cmocka_unit_test(commands_are_answered_with_what_to_do),
        cmocka_unit_test(a_worker_that_stops_polling_is_an_event_not_a_failed_fleet),
        cmocka_unit_test(blinks_are_counted_and_no_events),
        cmocka_unit_test(people_are_told_of_a_freeze_and_of_its_end),
        cmocka_unit_test(a_freeze_that_goes_on_makes_the_silent_unknown),
        cmocka_unit_test(a_gap_of_ours_does_not_end_the_freeze_of_a_port),
        cmocka_unit_test(a_process_that_was_stopped_says_so_once),
        cmocka_unit_test(a_worker_that_has_not_begun_is_no_event),
        cmocka_unit_test(worker_control_and_reader_run_side_by_side),
    };
    bl_rcu_thread_register();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bl_rcu_thread_unregister();
    return failed;
}
