/* SPDX-License-Identifier: Apache-2.0 */
/* The emitter: on a clock of the test's own where the order of things is
 * at stake, on the real one where its threads are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/callback_queue.h"
#include "lib/emitter.h"
#include "lib/tracker.h"
#include "tests/real_time.h"
#include "tests/unit/random.h"

#define PATIENCE_MS 20000u

/* What a test is told, and what it lets its callbacks do. */
struct world {
    struct bl_emitter *emitter;
    _Atomic uint64_t clock_ms;
    atomic_uint failures, changes, in_callback, most_at_once, batches, most_in_batch;
    sem_t *gate;      /* a callback waits for it */
    bool breaks_rule; /* a callback stops and frees its emitter */
    bool beats;       /* a callback beats the node that failed */
    _Atomic int stop_said, free_said;
    pthread_mutex_t lock;
    char last[300];
};

static uint64_t test_clock(void *ctx)
{
    struct world *w = ctx;
    return w->clock_ms;
}

static void on_failure(void *ctx, const struct bl_tracker_event *e)
{
    struct world *w = ctx;
    unsigned now = ++w->in_callback;
    if (now > w->most_at_once)
        w->most_at_once = now;
    if (w->gate)
        sem_wait(w->gate);
    if (w->breaks_rule) {
        w->stop_said = bl_emitter_stop(w->emitter);
        w->free_said = bl_emitter_free(w->emitter);
    }
    if (w->beats)
        assert_int_equal(bl_emitter_beat(w->emitter, e->name), 0);
    w->failures++;
    w->in_callback--;
}

static void on_change(void *ctx, const struct bl_tracker_event *e)
{
    struct world *w = ctx;
    pthread_mutex_lock(&w->lock);
    snprintf(w->last, sizeof(w->last), "%s %s>%s", e->name, bl_tracker_state_alias(e->from),
             bl_tracker_state_alias(e->to));
    pthread_mutex_unlock(&w->lock);
    w->changes++;
}

static void on_failures(void *ctx, const struct bl_tracker_event *failures, unsigned n)
{
    struct world *w = ctx;
    w->batches++;
    if (n > w->most_in_batch)
        w->most_in_batch = n;
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(failures[i].to, BL_TRACKER_FAILED);
        assert_true(strlen(failures[i].name) > 0);
    }
}

static struct bl_tracker_config nodes_of(struct world *w, uint32_t timeout_ms, uint32_t retries)
{
    *w = (struct world){.clock_ms = 1000, .lock = PTHREAD_MUTEX_INITIALIZER};
    return (struct bl_tracker_config){.defaults = {.timeout_ms = timeout_ms, .retries = retries},
                                      .on_failure = on_failure,
                                      .on_state_change = on_change,
                                      .ctx = w};
}

static void make(struct world *w, const struct bl_emitter_config *c)
{
    char err[BL_EMITTER_ERR_BYTES] = "";
    w->emitter = bl_emitter_new(c, err);
    assert_string_equal(err, "");
    assert_non_null(w->emitter);
}

static void wait_for(const atomic_uint *count, unsigned wanted)
{
    uint64_t until = real_now_ms() + PATIENCE_MS;
    while (*count < wanted && real_now_ms() < until)
        real_sleep_ms(1);
    assert_true(*count >= wanted);
}

static struct bl_emitter_stats stats_of(struct bl_emitter *e)
{
    struct bl_emitter_stats s;
    bl_emitter_stats(e, &s);
    return s;
}

static void register_many(struct bl_emitter *e, unsigned n)
{
    char name[32];
    for (unsigned i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        assert_int_equal(bl_emitter_register(e, name, NULL), 0);
    }
}

/* `n` nodes fail in one check. */
static void fail_many(struct world *w, unsigned n)
{
    register_many(w->emitter, n);
    w->clock_ms += 1001;
    assert_int_equal(bl_emitter_check(w->emitter), n);
}

/* ---- stopped: it tells in the call ------------------------------------------ */

static void while_stopped_callbacks_run_in_the_call(void **state)
{
    (void)state;
    struct world w;
    struct bl_tracker_config nodes = nodes_of(&w, 1000, 1);
    make(&w, &(struct bl_emitter_config){.tracker = &nodes, .clock_ms = test_clock});
    assert_int_equal(bl_emitter_register(w.emitter, "n", NULL), 0);
    w.clock_ms += 1001;
    assert_int_equal(bl_emitter_check(w.emitter), 0);
    assert_string_equal(w.last, "n active>inactive");
    w.clock_ms += 1000;
    assert_int_equal(bl_emitter_check(w.emitter), 1);
    assert_string_equal(w.last, "n inactive>failed");
    assert_int_equal(w.failures, 1);
    assert_int_equal(bl_emitter_beat(w.emitter, "n"), 0);
    assert_string_equal(w.last, "n failed>active");
    assert_int_equal(bl_emitter_pause(w.emitter, "n"), 0);
    assert_string_equal(w.last, "n active>paused");
    assert_int_equal(bl_emitter_resume(w.emitter, "n"), 0);
    assert_string_equal(w.last, "n paused>active");
    struct bl_emitter_stats s = stats_of(w.emitter);
    assert_int_equal(s.told, 5);
    assert_int_equal(s.failures, 1);
    assert_int_equal(s.checks, 2);
    assert_int_equal(s.pending, 0);
    assert_int_equal(bl_emitter_free(w.emitter), 0);
}

static void a_callback_may_call_the_emitter(void **state)
{
    (void)state;
    struct world w;
    struct bl_tracker_config nodes = nodes_of(&w, 1000, 0);
    make(&w, &(struct bl_emitter_config){.tracker = &nodes, .clock_ms = test_clock, .threads = 3});
    w.beats = true;
    fail_many(&w, 20);
    assert_int_equal(w.failures, 20);
    assert_int_equal(w.changes, 40);
    assert_int_equal(bl_emitter_count_state(w.emitter, BL_TRACKER_OK), 20);
    bl_emitter_free(w.emitter);
}

static void failures_come_in_batches(void **state)
{
    (void)state;
    struct world w;
    struct bl_tracker_config nodes = nodes_of(&w, 1000, 0);
    struct bl_emitter_config c = {
        .tracker = &nodes, .on_failures = on_failures, .clock_ms = test_clock, .batch_small = 70};
    make(&w, &c);
    fail_many(&w, 1000);
    assert_int_equal(w.failures, 1000);
    assert_int_equal(w.most_in_batch, 70);
    assert_int_equal(w.batches, 1000 / 70 + 1);
    bl_emitter_free(w.emitter);
}

static void batches_grow_with_the_number_of_nodes(void **state)
{
    (void)state;
    struct world w;
    struct bl_tracker_config nodes = nodes_of(&w, 1000, 0);
    struct bl_emitter_config c = {.tracker = &nodes,
                                  .on_failures = on_failures,
                                  .clock_ms = test_clock,
                                  .batch_small = 3,
                                  .batch_medium = 40,
                                  .batch_large = 500};
    static const struct {
        unsigned nodes, batch;
    } fleets[] = {{9999, 3}, {10000, 40}, {100000, 500}};
    for (unsigned i = 0; i < 3; i++) {
        nodes = nodes_of(&w, 1000, 0);
        make(&w, &c);
        fail_many(&w, fleets[i].nodes);
        assert_int_equal(w.most_in_batch, fleets[i].batch);
        bl_emitter_free(w.emitter);
    }
}

static void nodes_can_be_looked_at_and_changed(void **state)
{
    (void)state;
    struct world w;
    struct bl_tracker_config nodes = nodes_of(&w, 1000, 0);
    struct bl_tracker_policy own = {.timeout_ms = 77, .retries = 2};
    struct bl_tracker_node n;
    char name[BL_TRACKER_NAME_MAX + 1];
    uint32_t cursor = 0;
    make(&w, &(struct bl_emitter_config){.tracker = &nodes, .clock_ms = test_clock});
    struct bl_emitter *e = w.emitter;
    assert_int_equal(bl_emitter_register(e, "a", &own), 0);
    assert_int_equal(bl_emitter_register(e, "a", NULL), -EEXIST);
    assert_int_equal(bl_emitter_register(e, "a b", NULL), -EINVAL);
    assert_int_equal(bl_emitter_register(e, NULL, NULL), -EINVAL);
    assert_int_equal(bl_emitter_beat(e, "b"), -ENOENT);
    assert_int_equal(bl_emitter_beat(e, NULL), -EINVAL);
    assert_int_equal(bl_emitter_get(e, "b", &n), -ENOENT);
    assert_int_equal(bl_emitter_get(e, "a", &n), 0);
    assert_string_equal(n.name, "a");
    assert_int_equal(n.policy.timeout_ms, 77);
    assert_int_equal(n.registered_ms, bl_emitter_now_ms(e));
    assert_int_equal(bl_emitter_set_policy(e, "a", NULL), 0);
    assert_int_equal(bl_emitter_get(e, "a", &n), 0);
    assert_int_equal(n.policy.timeout_ms, 1000);
    assert_int_equal(bl_emitter_count(e), 1);
    assert_true(bl_emitter_next(e, &cursor, &n, name));
    assert_string_equal(name, "a");
    assert_ptr_equal(n.name, name);
    assert_false(bl_emitter_next(e, &cursor, &n, name));
    assert_int_equal(bl_emitter_remove(e, "a"), 0);
    assert_int_equal(bl_emitter_count(e), 0);
    bl_emitter_free(e);
}

static void a_wrong_config_says_what_is_wrong(void **state)
{
    (void)state;
    char err[BL_EMITTER_ERR_BYTES] = "";
    struct bl_tracker_config nodes = {.defaults = {.retries = 256}};
    assert_null(bl_emitter_new(&(struct bl_emitter_config){.threads = 65}, err));
    assert_string_equal(err, "emitter: threads: 65 is too many; use up to 64");
    assert_null(bl_emitter_new(&(struct bl_emitter_config){.batch_large = 1000001}, err));
    assert_string_equal(err, "emitter: batch_large: 1000001 is too many; use up to 1000000");
    assert_null(bl_emitter_new(&(struct bl_emitter_config){.check_every_ms = UINT32_MAX}, err));
    assert_null(bl_emitter_new(&(struct bl_emitter_config){.tracker = &nodes}, err));
    assert_string_equal(err, "emitter: tracker: a timeout is over 45 days or retries are over 255");
    assert_int_equal(bl_emitter_free(NULL), 0);
}

/* ---- running ------------------------------------------------------------------ */

static void a_running_emitter_finds_the_silent(void **state)
{
    (void)state;
    struct world w;
    struct bl_tracker_config nodes = nodes_of(&w, 30, 1);
    struct bl_tracker_policy patient = {.timeout_ms = 3600000};
    make(&w, &(struct bl_emitter_config){.tracker = &nodes, .check_every_ms = 5});
    assert_int_equal(bl_emitter_register(w.emitter, "silent", NULL), 0);
    assert_int_equal(bl_emitter_register(w.emitter, "patient", &patient), 0);
    assert_int_equal(bl_emitter_start(w.emitter), 0);
    assert_true(stats_of(w.emitter).running);
    wait_for(&w.failures, 1);
    wait_for(&w.changes, 2);
    assert_int_equal(bl_emitter_beat(w.emitter, "silent"), 0);
    wait_for(&w.failures, 2);
    assert_int_equal(bl_emitter_count_state(w.emitter, BL_TRACKER_OK), 1);
    bl_emitter_free(w.emitter);
}

static void start_and_stop_may_come_twice(void **state)
{
    (void)state;
    struct world w;
    struct bl_tracker_config nodes = nodes_of(&w, 20, 0);
    make(&w, &(struct bl_emitter_config){.tracker = &nodes, .check_every_ms = 1, .threads = 2});
    assert_int_equal(bl_emitter_stop(w.emitter), 0);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(bl_emitter_start(w.emitter), 0);
        assert_int_equal(bl_emitter_start(w.emitter), 0);
        if (i == 1)
            register_many(w.emitter, 10);
        wait_for(&w.failures, 10 * i);
        assert_int_equal(bl_emitter_stop(w.emitter), 0);
        assert_int_equal(bl_emitter_stop(w.emitter), 0);
        assert_false(stats_of(w.emitter).running);
        for (unsigned n = 0; n < 10; n++)
            assert_int_equal(bl_emitter_beat(w.emitter, (char[]){'n', (char)('0' + n), 0}), 0);
    }
    unsigned changes = w.changes;
    real_sleep_ms(60);
    assert_int_equal(w.failures, 30);
    assert_int_equal(w.changes, changes);
    bl_emitter_free(w.emitter);
}

static void stop_in_a_callback_is_refused(void **state)
{
    (void)state;
    struct world w;
    struct bl_tracker_config nodes = nodes_of(&w, 10, 0);
    make(&w, &(struct bl_emitter_config){.tracker = &nodes, .check_every_ms = 1});
    w.breaks_rule = true;
    assert_int_equal(bl_emitter_register(w.emitter, "n", NULL), 0);
    assert_int_equal(bl_emitter_start(w.emitter), 0);
    wait_for(&w.failures, 1);
    assert_int_equal(bl_emitter_stop(w.emitter), 0);
    assert_int_equal(w.stop_said, -EDEADLK);
    assert_int_equal(w.free_said, -EDEADLK);
    bl_emitter_free(w.emitter);
}

static void a_slow_callback_keeps_no_beat_waiting(void **state)
{
    (void)state;
    struct world w;
    sem_t gate;
    struct bl_tracker_config nodes = nodes_of(&w, 10, 0);
    struct bl_tracker_node n;
    sem_init(&gate, 0, 0);
    make(&w, &(struct bl_emitter_config){.tracker = &nodes, .check_every_ms = 1});
    w.gate = &gate;
    register_many(w.emitter, 2);
    assert_int_equal(bl_emitter_start(w.emitter), 0);
    wait_for(&w.in_callback, 1);
    /* It waits for us: who waited for it would never get here. */
    assert_int_equal(bl_emitter_beat(w.emitter, "n0"), 0);
    assert_int_equal(bl_emitter_register(w.emitter, "another", NULL), 0);
    assert_int_equal(bl_emitter_get(w.emitter, "n1", &n), 0);
    assert_true(bl_emitter_check(w.emitter) >= 0);
    for (unsigned i = 0; i < 100; i++)
        sem_post(&gate);
    assert_int_equal(bl_emitter_free(w.emitter), 0);
    assert_true(w.failures >= 2);
    sem_destroy(&gate);
}

/* A name that takes this lane of two. */
static void name_of_queue(uint32_t queue, char name[16])
{
    for (unsigned i = 0;; i++) {
        snprintf(name, 16, "lane%u", i);
        if (bl_callback_queue_of(name, 2) == queue)
            return;
    }
}

static void nodes_of_two_threads_are_told_at_once(void **state)
{
    (void)state;
    struct world w;
    sem_t gate;
    struct bl_tracker_config nodes = nodes_of(&w, 10, 0);
    char name[16];
    sem_init(&gate, 0, 0);
    make(&w, &(struct bl_emitter_config){.tracker = &nodes, .check_every_ms = 1, .threads = 2});
    w.gate = &gate;
    for (uint32_t queue = 0; queue < 2; queue++) {
        name_of_queue(queue, name);
        assert_int_equal(bl_emitter_register(w.emitter, name, NULL), 0);
    }
    assert_int_equal(bl_emitter_start(w.emitter), 0);
    wait_for(&w.in_callback, 2);
    sem_post(&gate);
    sem_post(&gate);
    bl_emitter_free(w.emitter);
    assert_int_equal(w.most_at_once, 2);
    assert_int_equal(w.failures, 2);
    sem_destroy(&gate);
}

static void callbacks_that_fall_behind_hold_the_check_up(void **state)
{
    (void)state;
    struct world w;
    sem_t gate;
    struct bl_tracker_config nodes = nodes_of(&w, 10, 0);
    sem_init(&gate, 0, 0);
    make(&w, &(struct bl_emitter_config){
                 .tracker = &nodes, .check_every_ms = 1, .batch_small = 64, .pending_max = 100});
    w.gate = &gate;
    register_many(w.emitter, 2000);
    assert_int_equal(bl_emitter_start(w.emitter), 0);
    wait_for(&w.in_callback, 1);
    real_sleep_ms(50);
    assert_true(stats_of(w.emitter).pending < 100 + 2 * 2 * 64);
    for (unsigned i = 0; i < 2000; i++)
        sem_post(&gate);
    wait_for(&w.failures, 2000);
    assert_int_equal(bl_emitter_stop(w.emitter), 0);
    assert_int_equal(stats_of(w.emitter).told, 2000);
    assert_int_equal(stats_of(w.emitter).lost, 0);
    bl_emitter_free(w.emitter);
    sem_destroy(&gate);
}

static void time_in_which_nobody_looked_counts_for_no_node(void **state)
{
    (void)state;
    struct world w;
    struct bl_tracker_config nodes = nodes_of(&w, 5000, 0);
    make(&w, &(struct bl_emitter_config){.tracker = &nodes, .clock_ms = test_clock, .check_every_ms = 100});
    assert_int_equal(bl_emitter_register(w.emitter, "n", NULL), 0);
    uint64_t before = bl_emitter_now_ms(w.emitter);
    assert_int_equal(bl_emitter_start(w.emitter), 0);
    w.clock_ms += 3600000; /* as if the machine had been asleep */
    assert_int_equal(bl_emitter_now_ms(w.emitter), before + 100);
    assert_int_equal(stats_of(w.emitter).frozen_ms, 3600000 - 100);
    for (unsigned i = 0; i < 4; i++) {
        w.clock_ms += 1000;
        assert_int_equal(bl_emitter_check(w.emitter), 0);
    }
    w.clock_ms += 901;
    bl_emitter_check(w.emitter);
    assert_int_equal(bl_emitter_count_state(w.emitter, BL_TRACKER_FAILED), 1);
    assert_int_equal(bl_emitter_stop(w.emitter), 0);
    /* Nobody was to look while it was stopped: that time counts. */
    assert_int_equal(bl_emitter_beat(w.emitter, "n"), 0);
    w.clock_ms += 5001;
    assert_int_equal(bl_emitter_start(w.emitter), 0);
    wait_for(&w.failures, 2);
    bl_emitter_free(w.emitter);
}

/* ---- many threads ---------------------------------------------------------------- */

#define ORDERED_NODES 50u

struct ordered {
    struct bl_emitter *emitter;
    _Atomic int last[ORDERED_NODES];
    atomic_uint told, wrong;
    uint64_t seed;
};

static void on_ordered(void *ctx, const struct bl_tracker_event *e)
{
    struct ordered *o = ctx;
    unsigned node = (unsigned)atoi(e->name + 1);
    if (o->last[node] != (int)e->from)
        o->wrong++;
    o->last[node] = (int)e->to;
    o->told++;
}

static void *do_anything(void *arg)
{
    struct ordered *o = arg;
    struct test_random r = {__atomic_fetch_add(&o->seed, 1, __ATOMIC_RELAXED)};
    struct bl_tracker_node n;
    char name[32];
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "n%u", test_random_below(&r, ORDERED_NODES));
        switch (test_random_below(&r, 16)) {
        case 0:
            bl_emitter_pause(o->emitter, name);
            break;
        case 1:
            bl_emitter_resume(o->emitter, name);
            break;
        case 2:
            bl_emitter_check(o->emitter);
            break;
        case 3:
            bl_emitter_get(o->emitter, name, &n);
            break;
        case 4:
            if (i % 8 == 0)
                bl_emitter_stop(o->emitter);
            break;
        case 5:
            bl_emitter_start(o->emitter);
            break;
        default:
            bl_emitter_beat(o->emitter, name);
        }
    }
    return NULL;
}

static void each_node_is_told_in_order_whatever_threads_do(void **state)
{
    (void)state;
    struct ordered o = {.seed = test_random_seed("emitter")};
    struct bl_tracker_config nodes = {
        .defaults = {.timeout_ms = 1, .retries = 1}, .on_state_change = on_ordered, .ctx = &o};
    struct bl_emitter_config c = {.tracker = &nodes, .threads = 3, .check_every_ms = 1};
    char err[BL_EMITTER_ERR_BYTES];
    pthread_t thread[4];
    o.emitter = bl_emitter_new(&c, err);
    assert_non_null(o.emitter);
    for (unsigned i = 0; i < ORDERED_NODES; i++)
        o.last[i] = BL_TRACKER_OK;
    register_many(o.emitter, ORDERED_NODES);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, do_anything, &o), 0);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(bl_emitter_stop(o.emitter), 0);
    struct bl_emitter_stats s = stats_of(o.emitter);
    assert_int_equal(o.wrong, 0);
    assert_true(o.told > 0);
    assert_int_equal(s.told, o.told);
    assert_int_equal(s.pending, 0);
    assert_int_equal(s.lost, 0);
    bl_emitter_free(o.emitter);
}

static void the_child_of_a_fork_watches_nobody(void **state)
{
    (void)state;
    struct world w;
    struct bl_tracker_config nodes = nodes_of(&w, 3600000, 0);
    make(&w, &(struct bl_emitter_config){.tracker = &nodes, .check_every_ms = 1, .threads = 2});
    assert_int_equal(bl_emitter_register(w.emitter, "n", NULL), 0);
    assert_int_equal(bl_emitter_start(w.emitter), 0);
    pid_t child = fork();
    if (child == 0) {
        char err[BL_EMITTER_ERR_BYTES];
        struct bl_emitter_config c = {0};
        bool right = bl_emitter_beat(w.emitter, "n") == -ECHILD && bl_emitter_start(w.emitter) == -ECHILD &&
                     bl_emitter_stop(w.emitter) == -ECHILD && bl_emitter_check(w.emitter) == -ECHILD &&
                     bl_emitter_count(w.emitter) == 0 && bl_emitter_free(w.emitter) == 0;
        struct bl_emitter *own = bl_emitter_new(&c, err);
        right = right && own && bl_emitter_register(own, "m", NULL) == 0 && bl_emitter_free(own) == 0;
        _exit(right ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(bl_emitter_beat(w.emitter, "n"), 0);
    bl_emitter_free(w.emitter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(while_stopped_callbacks_run_in_the_call),
        cmocka_unit_test(a_callback_may_call_the_emitter),
        cmocka_unit_test(failures_come_in_batches),
        cmocka_unit_test(batches_grow_with_the_number_of_nodes),
        cmocka_unit_test(nodes_can_be_looked_at_and_changed),
        cmocka_unit_test(a_wrong_config_says_what_is_wrong),
        cmocka_unit_test(a_running_emitter_finds_the_silent),
        cmocka_unit_test(start_and_stop_may_come_twice),
        cmocka_unit_test(stop_in_a_callback_is_refused),
        cmocka_unit_test(a_slow_callback_keeps_no_beat_waiting),
        cmocka_unit_test(nodes_of_two_threads_are_told_at_once),
        cmocka_unit_test(callbacks_that_fall_behind_hold_the_check_up),
        cmocka_unit_test(time_in_which_nobody_looked_counts_for_no_node),
        cmocka_unit_test(each_node_is_told_in_order_whatever_threads_do),
        cmocka_unit_test(the_child_of_a_fork_watches_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
