/* SPDX-License-Identifier: Apache-2.0 */
/* How control looks at ports whose drivers answer late, or never: two
 * sockets in the place of cards, looked at by this test's function. In
 * virtual time, but for the watches' threads. */
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
#define STUCK_S 50 /* a control that waits for a driver that does not return */

struct world {
    struct bl_config *config;
    struct bl_wire_config wire;
    struct bl_port *port[2];
    struct bl_worker *worker[2];
    struct bl_core *core;
    uint64_t now_ns;
    unsigned failed;
    char freezes[256]; /* reasons told, in order */
};

/* The drivers, as the watches find them. */
static struct driver {
    struct bl_port *port;
    uint32_t hangs, held, link_down, looks; /* held: a look is in it and hangs */
    uint64_t missed;
} driver[2];

static void look_at(struct bl_port *port, struct bl_port_look *look)
{
    struct driver *d = &driver[port == __atomic_load_n(&driver[1].port, __ATOMIC_ACQUIRE)];
    while (__atomic_load_n(&d->hangs, __ATOMIC_ACQUIRE)) {
        __atomic_store_n(&d->held, 1, __ATOMIC_RELEASE);
        real_sleep_ms(1);
    }
    look->link_up = !__atomic_load_n(&d->link_down, __ATOMIC_ACQUIRE);
    look->missed = __atomic_load_n(&d->missed, __ATOMIC_ACQUIRE);
    __atomic_fetch_add(&d->looks, 1, __ATOMIC_RELEASE);
}

static void set(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static void make_port(struct world *w, unsigned i)
{
    struct bl_port_spec spec;
    char err[BL_ERR_BYTES];
    assert_int_equal(bl_port_spec_parse(&spec, "socket:127.0.0.1:0", err), 0);
    w->port[i] = bl_port_open(&spec, 0, err);
    assert_non_null(w->port[i]);
    w->worker[i] = core_world_worker(&w->wire, i, w->port[i], 1000);
    driver[i] = (struct driver){.port = w->port[i]};
}

static void setup(struct world *w)
{
    char err[BL_ERR_BYTES];

    memset(w, 0, sizeof(*w));
    w->config = core_world_config(&w->wire);
    make_port(w, 0);
    make_port(w, 1);
    struct bl_core_config cc = core_world_core_config(w->config, w->worker, &w->wire);
    cc.look_at = look_at;
    w->core = bl_core_new(&cc, err);
    assert_non_null(w->core);
    w->now_ns = real_now_ns(); /* the core's clocks began there */
    alarm(STUCK_S);
}

static void teardown(struct world *w)
{
    alarm(0);
    bl_core_free(w->core);
    for (unsigned i = 0; i < 2; i++) {
        bl_worker_free(w->worker[i]);
        bl_port_close(w->port[i]);
    }
    bl_config_free(w->config);
}

static void collect(struct world *w)
{
    struct bl_event event[64];
    bl_role_assume_api();
    unsigned n = bl_core_events(w->core, event, 64);
    for (unsigned i = 0; i < n; i++) {
        size_t used = strlen(w->freezes);
        w->failed += event[i].kind == BL_EVENT_TRANSITION && event[i].to == BL_STATE_FAILED;
        if (event[i].kind == BL_EVENT_FREEZE || event[i].kind == BL_EVENT_THAW)
            snprintf(w->freezes + used, sizeof(w->freezes) - used, "%s %s; ",
                     event[i].kind == BL_EVENT_FREEZE ? "freeze" : "thaw", event[i].reason);
    }
}

static void turn(struct world *w)
{
    bl_role_assume_control();
    bl_role_assume_worker();
    w->now_ns += MS;
    for (unsigned i = 0; i < 2; i++)
        bl_worker_poll(w->worker[i], w->now_ns);
    while (bl_core_turn(w->core, w->now_ns, UNIX_MS + (int64_t)(w->now_ns / MS)))
        ;
    collect(w);
}

static uint32_t get(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* Waits until a word is beyond what it was; bounded. */
static void wait_beyond(const uint32_t *word, uint32_t was)
{
    for (unsigned i = 0; i < 20000 && get(word) == was; i++)
        real_sleep_ms(1);
    assert_true(get(word) != was);
}

/* `ms` turns. Each port is asked every 100, and a driver that does not
 * hang has answered before virtual time goes on, however slow its thread
 * is in real time. */
static void pass(struct world *w, unsigned ms)
{
    uint32_t looks[2] = {0};
    for (unsigned i = 0; i < ms; i++) {
        for (unsigned k = 0; k < 2 && i % 100 == 0; k++)
            looks[k] = get(&driver[k].looks);
        turn(w);
        for (unsigned k = 0; k < 2 && i % 100 == 99; k++)
            if (!get(&driver[k].hangs))
                wait_beyond(&driver[k].looks, looks[k]);
    }
}

/* Drivers that do not hang are looked at, and what they say is in force. */
static void let_it_look(struct world *w)
{
    pass(w, 200);
    turn(w);
    turn(w);
}

/* The driver hangs, in a look. */
static void let_it_hang(struct world *w, unsigned which)
{
    set(&driver[which].held, 0);
    set(&driver[which].hangs, 1);
    for (unsigned i = 0; i < 200; i++)
        turn(w);
    wait_beyond(&driver[which].held, 0);
}

static void let_it_answer(unsigned which)
{
    uint32_t looks = get(&driver[which].looks);
    set(&driver[which].hangs, 0);
    wait_beyond(&driver[which].looks, looks);
}

static void feed(struct world *w, unsigned worker, const char *text)
{
    bl_role_assume_worker();
    bl_worker_feed(w->worker[worker], (const uint8_t *)text, (uint32_t)strlen(text), w->now_ns);
}

static uint32_t frozen(const struct world *w, unsigned worker)
{
    return __atomic_load_n(&w->worker[worker]->clock.frozen, __ATOMIC_RELAXED);
}

static void what_a_driver_says_is_in_force_at_the_next_look(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    let_it_look(&w);
    assert_true(bl_core_link_up(w.core, 0));
    __atomic_store_n(&driver[0].missed, 77, __ATOMIC_RELEASE);
    set(&driver[0].link_down, 1);
    let_it_look(&w);
    turn(&w);
    assert_false(bl_core_link_up(w.core, 0));
    assert_true(bl_core_link_up(w.core, 1));
    assert_int_equal(bl_core_missed(w.core, 0), 77);
    assert_int_equal(frozen(&w, 0), BL_FREEZE_LINK_DOWN);
    assert_int_equal(frozen(&w, 1), 0);
    set(&driver[0].link_down, 0);
    let_it_look(&w);
    turn(&w);
    assert_int_equal(frozen(&w, 0), 0);
    teardown(&w);
}

static void a_driver_that_hangs_stops_its_own_port_alone(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    feed(&w, 0, "mute.beat:1|c");
    feed(&w, 1, "dying.beat:1|c");
    let_it_look(&w);
    let_it_hang(&w, 0);
    pass(&w, 5000);
    assert_int_equal(frozen(&w, 0), BL_FREEZE_NO_ANSWER);
    assert_int_equal(frozen(&w, 1), 0);
    assert_int_equal(w.failed, 1); /* dying; nobody knows of mute */
    assert_string_equal(w.freezes, "freeze no_answer; ");
    /* The other port is looked at as ever. */
    set(&driver[1].link_down, 1);
    let_it_look(&w);
    assert_false(bl_core_link_up(w.core, 1));
    set(&driver[1].link_down, 0);
    let_it_answer(0);
    let_it_look(&w);
    pass(&w, 300);
    assert_int_equal(frozen(&w, 0), 0);
    pass(&w, 1500);
    assert_int_equal(w.failed, 2);
    teardown(&w);
}

static void a_driver_that_is_slow_but_answers_stops_nothing(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    let_it_look(&w);
    let_it_hang(&w, 0);
    pass(&w, 200); /* 400 ms at most since it was asked */
    assert_int_equal(frozen(&w, 0), 0);
    let_it_answer(0);
    let_it_look(&w);
    assert_int_equal(frozen(&w, 0), 0);
    teardown(&w);
}

static void who_ends_is_told_which_driver_does_not_return(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    let_it_look(&w);
    let_it_hang(&w, 0);
    uint64_t began_ns = real_now_ns();
    assert_false(bl_core_ports_end(w.core, 50));
    assert_true(real_now_ns() - began_ns >= 50 * MS);
    set(&driver[0].hangs, 0);
    assert_true(bl_core_ports_end(w.core, 10000));
    assert_true(bl_core_ports_end(w.core, 0));
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_driver_says_is_in_force_at_the_next_look),
        cmocka_unit_test(a_driver_that_hangs_stops_its_own_port_alone),
        cmocka_unit_test(a_driver_that_is_slow_but_answers_stops_nothing),
        cmocka_unit_test(who_ends_is_told_which_driver_does_not_return),
    };
    bl_rcu_thread_register();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bl_rcu_thread_unregister();
    return failed;
}
