/* SPDX-License-Identifier: Apache-2.0 */
/* What control does while a worker hangs: a thread that RCU counts as a
 * reader and that does not go on stands for it. In virtual time, but for
 * the threads that wait for grace periods and make tables. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/rcu.h"
#include "tests/real_time.h"
#include "tests/unit/core_world.h"

#define MS      UINT64_C(1000000)
#define UNIX_MS INT64_C(1790000000000)
/* A control that waits for a reader that does not go on waits for ever. */
#define STUCK_S 50

struct world {
    struct bl_config *config;
    struct bl_wire_config wire;
    struct bl_worker *worker[2]; /* 0 hangs, 1 is polled */
    struct bl_core *core;
    uint64_t now_ns;
    unsigned failed; /* events of nodes that failed */
    unsigned released;
    pthread_t hung;
    uint32_t go_on, reading;
};

static void *hang(void *arg)
{
    struct world *w = arg;
    bl_rcu_thread_register();
    __atomic_store_n(&w->reading, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&w->go_on, __ATOMIC_ACQUIRE))
        real_sleep_ms(1);
    bl_rcu_thread_unregister();
    return NULL;
}

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
    assert_int_equal(pthread_create(&w->hung, NULL, hang, w), 0);
    while (!__atomic_load_n(&w->reading, __ATOMIC_ACQUIRE))
        real_sleep_ms(1);
    alarm(STUCK_S);
}

static void let_go_on(struct world *w)
{
    __atomic_store_n(&w->go_on, 1, __ATOMIC_RELEASE);
    bl_rcu_offline();
    pthread_join(w->hung, NULL);
    bl_rcu_online();
}

static void teardown(struct world *w)
{
    alarm(0);
    bl_core_free(w->core);
    bl_worker_free(w->worker[0]);
    bl_worker_free(w->worker[1]);
    bl_config_free(w->config);
}

static void count_failed(struct world *w)
{
    struct bl_event event[64];
    bl_role_assume_api();
    for (unsigned n = 1; n > 0;) {
        n = bl_core_events(w->core, event, 64);
        for (unsigned i = 0; i < n; i++)
            w->failed += event[i].kind == BL_EVENT_TRANSITION && event[i].to == BL_STATE_FAILED;
    }
}

/* Polls worker 1 and turns the core for `ms`, a millisecond a step. */
static void pass(struct world *w, unsigned ms)
{
    bl_role_assume_control();
    bl_role_assume_worker();
    for (unsigned i = 0; i < ms; i++) {
        w->now_ns += MS;
        bl_worker_poll(w->worker[1], w->now_ns);
        bl_rcu_quiescent(); /* of worker 1 and control, which are this thread's */
        while (bl_core_turn(w->core, w->now_ns, UNIX_MS + (int64_t)(w->now_ns / MS)))
            ;
        count_failed(w);
    }
}

static void feed(struct world *w, const char *text)
{
    bl_role_assume_worker();
    bl_worker_feed(w->worker[1], (const uint8_t *)text, (uint32_t)strlen(text), w->now_ns);
}

/* `count` nodes on worker 1, whose table grows for them. Bounded: a
 * generation is there after milliseconds. */
static void beat_many(struct world *w, unsigned count)
{
    const struct bl_table *t = &w->worker[1]->table;
    char line[64];
    for (unsigned i = 0; i < count; i++) {
        snprintf(line, sizeof(line), "node-%u.beat:1|c", i);
        feed(w, line);
        if (i % 50 != 0)
            continue;
        pass(w, 1);
        for (unsigned k = 0; k < 5000 && bl_table_used(t) * 10 > bl_table_slot_count(t) * 6; k++) {
            real_sleep_ms(1);
            pass(w, 1);
        }
    }
    pass(w, 20);
}

static int command(struct world *w, enum bl_command_kind kind, const char *name)
{
    struct bl_command c = {.kind = kind};
    bl_role_assume_api();
    c.name_len = (uint8_t)snprintf(c.name, sizeof(c.name), "%s", name);
    assert_true(bl_core_submit(w->core, &c));
    pass(w, 1);
    assert_ptr_equal(bl_core_answered(w->core), &c);
    return c.result;
}

static const struct bl_registry *registry(const struct world *w)
{
    return bl_fleet_registry(bl_core_fleet(w->core));
}

static uint32_t waiting(const struct world *w)
{
    bl_role_assume_control();
    return bl_registry_removed(registry(w)) + bl_views_waiting(bl_core_views(w->core));
}

/* Until nothing waits for a grace period any more; bounded. */
static void let_it_reclaim(struct world *w)
{
    for (unsigned i = 0; i < 5000 && waiting(w) > 0; i++) {
        real_sleep_ms(1);
        pass(w, 1);
    }
}

static void all_in_one(void *ctx, const char *name, unsigned len, struct bl_views_found *found)
{
    (void)ctx, (void)name, (void)len;
    bl_role_assume_control();
    bl_views_found(found, 0, NULL, 0);
}

static void count_release(void *ctx)
{
    ((struct world *)ctx)->released++;
}

/* `entry` stays readable until its plan is released. */
static void set_view(struct world *w, const struct bl_views_entry *entry)
{
    const struct bl_views_plan plan = {
        .entry = entry, .entry_count = 1, .ctx = w, .match = all_in_one, .release = count_release};
    bl_core_set_views(w->core, &plan);
    pass(w, 5);
}

static bool has_view(const struct world *w, const char *name)
{
    return bl_view_find(bl_views_now(bl_core_views(w->core)), name, (unsigned)strlen(name)) != BL_VIEW_NONE;
}

static void a_removal_beside_a_hung_worker_stops_nothing(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    beat_many(&w, 20);
    assert_int_equal(command(&w, BL_COMMAND_REMOVE, "node-7"), 0);
    pass(&w, 300);
    assert_true(waiting(&w) > 0);
    assert_int_equal(command(&w, BL_COMMAND_PAUSE, "node-8"), 0);
    pass(&w, 1000);
    assert_int_equal(w.failed, 18);
    let_go_on(&w);
    let_it_reclaim(&w);
    assert_int_equal(waiting(&w), 0);
    /* Its number is used again. */
    uint32_t end = bl_registry_end(registry(&w));
    feed(&w, "another.beat:1|c");
    pass(&w, 20);
    assert_int_equal(bl_registry_total(registry(&w)), 20);
    assert_int_equal(bl_registry_end(registry(&w)), end);
    teardown(&w);
}

static void table_and_index_grow_beside_a_hung_worker(void **state)
{
    (void)state;
    struct world w;
    struct bl_core_stats stats;
    setup(&w);
    beat_many(&w, 20000);
    bl_core_stats(w.core, &stats);
    assert_true(stats.growths >= 3);
    assert_int_equal(bl_registry_total(registry(&w)), 20000);
    assert_int_equal(w.worker[1]->counters.drop[BL_DROP_table_full], 0);
    assert_true(waiting(&w) > 0); /* the outgrown arrays of the index */
    let_go_on(&w);
    let_it_reclaim(&w);
    assert_int_equal(waiting(&w), 0);
    teardown(&w);
}

static void views_change_beside_a_hung_worker(void **state)
{
    (void)state;
    struct world w;
    const struct bl_views_entry entry[] = {{.name = "first"}, {.name = "second"}, {.name = "third"}};
    setup(&w);
    beat_many(&w, 20);
    set_view(&w, &entry[0]);
    assert_true(has_view(&w, "first"));
    set_view(&w, &entry[1]);
    assert_true(has_view(&w, "second"));
    set_view(&w, &entry[2]);
    pass(&w, 1200);
    assert_true(has_view(&w, "third"));
    assert_int_equal(w.failed, 20);
    assert_int_equal(w.released, 0); /* the hung one may be reading it */
    let_go_on(&w);
    let_it_reclaim(&w);
    assert_int_equal(w.released, 2);
    teardown(&w);
    assert_int_equal(w.released, 3);
}

/* Each generation that waits is memory: there is a limit. */
static void outgrown_tables_that_wait_are_not_piled_up(void **state)
{
    (void)state;
    struct world w;
    struct bl_core_stats stats;
    char line[64];
    setup(&w);
    bl_role_assume_control();
    bl_role_assume_worker();
    /* Nodes that come and go fill the table with deleted slots, which only
     * a new generation of it drops. */
    for (unsigned i = 0; i < 6000; i++) {
        snprintf(line, sizeof(line), "passing-%u", i);
        feed(&w, strcat(line, ".beat:1|c"));
        pass(&w, 1);
        line[strlen(line) - strlen(".beat:1|c")] = '\0';
        if (i % 20 == 0)
            real_sleep_ms(1);
        (void)command(&w, BL_COMMAND_REMOVE, line);
    }
    bl_core_stats(w.core, &stats);
    assert_true(stats.growths <= 8);
    let_go_on(&w);
    let_it_reclaim(&w);
    teardown(&w);
}

/* ---- on threads ------------------------------------------------------------ */

static void control_runs_on_while_a_reader_hangs(void **state)
{
    (void)state;
    struct world w;
    char err[BL_ERR_BYTES], line[64];
    setup(&w);
    bl_role_assume_api();
    bl_role_assume_worker();
    assert_int_equal(bl_core_start(w.core, err), 0);
    /* Bounded: a fraction of a second, even sanitized. */
    for (unsigned i = 0; i < 10000 && bl_registry_total(registry(&w)) < 2000; i++) {
        for (unsigned k = 0; k < 20; k++) {
            snprintf(line, sizeof(line), "n%u.beat:1|c", (i * 20 + k) % 2000);
            bl_worker_feed(w.worker[1], (const uint8_t *)line, (uint32_t)strlen(line), real_now_ns());
        }
        bl_worker_poll(w.worker[1], real_now_ns());
        bl_rcu_quiescent();
        real_sleep_ms(1);
    }
    assert_int_equal(bl_registry_total(registry(&w)), 2000);
    struct bl_command c = {.kind = BL_COMMAND_REMOVE, .name = "n7", .name_len = 2}, *answer = NULL;
    for (unsigned round = 0; round < 2;
         round++) { /* the second comes after the first one's grace period began */
        answer = NULL;
        assert_true(bl_core_submit(w.core, &c));
        for (unsigned i = 0; i < 5000 && !answer; i++) {
            answer = bl_core_answered(w.core);
            bl_rcu_quiescent();
            real_sleep_ms(1);
        }
        assert_ptr_equal(answer, &c);
        c.name[1] = '8';
        bl_rcu_offline();
        real_sleep_ms(150);
        bl_rcu_online();
    }
    let_go_on(&w);
    bl_rcu_offline();
    bl_core_stop(w.core);
    bl_rcu_online();
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_removal_beside_a_hung_worker_stops_nothing),
        cmocka_unit_test(table_and_index_grow_beside_a_hung_worker),
        cmocka_unit_test(views_change_beside_a_hung_worker),
        cmocka_unit_test(outgrown_tables_that_wait_are_not_piled_up),
        cmocka_unit_test(control_runs_on_while_a_reader_hangs),
    };
    bl_rcu_thread_register();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bl_rcu_thread_unregister();
    return failed;
}
