/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "control/core/freeze_watch.h"
#include "engine/fleet/ingest_clock.h"

#define MS      UINT64_C(1000000)
#define UNIX_MS INT64_C(1790000000000)

struct world {
    struct bl_freeze_watch watch;
    uint64_t now_ns;
    struct bl_event event, notice; /* the last ones */
    unsigned events, notices;
};

/* A port of four workers that has run for a minute. */
static void setup(struct world *w)
{
    *w = (struct world){.now_ns = 60000 * MS};
    bl_freeze_watch_init(&w->watch, "dpdk:0000:01:00.0", 4);
    bl_freeze_watch_link(&w->watch);
}

static int64_t unix_ms(const struct world *w)
{
    return UNIX_MS + (int64_t)(w->now_ns / MS);
}

/* Looks each millisecond for `ms`. */
static void pass(struct world *w, uint32_t reasons, unsigned workers, unsigned ms)
{
    for (unsigned i = 0; i < ms; i++) {
        w->now_ns += MS;
        bl_freeze_watch_look(&w->watch, reasons, workers, w->now_ns, unix_ms(w));
        if (bl_freeze_watch_event(&w->watch, &w->event))
            bl_freeze_watch_numbered(&w->watch, ++w->events);
        w->notices += bl_freeze_watch_notice(&w->watch, &w->notice);
    }
}

static void run(struct world *w, unsigned ms)
{
    pass(w, 0, 0, ms);
}

static void expect(const struct world *w, unsigned events, unsigned notices)
{
    assert_int_equal(w->events, events);
    assert_int_equal(w->notices, notices);
}

static void a_freeze_under_a_second_is_no_event(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    for (unsigned i = 0; i < 100; i++) {
        run(&w, 200);
        pass(&w, BL_FREEZE_POLL_GAP, 1 + i % 4, 900);
    }
    run(&w, 5000);
    expect(&w, 0, 0);
}

static void a_freeze_of_a_second_is_an_event_of_when_it_began(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    run(&w, 100);
    int64_t began_unix_ms = unix_ms(&w);
    pass(&w, BL_FREEZE_LINK_DOWN, 4, 999);
    expect(&w, 0, 0);
    pass(&w, BL_FREEZE_LINK_DOWN, 4, 1);
    expect(&w, 1, 0);
    assert_int_equal(w.event.kind, BL_EVENT_FREEZE);
    assert_int_equal(w.event.time_unix_ms, began_unix_ms);
    assert_string_equal(w.event.name, "dpdk:0000:01:00.0");
    assert_string_equal(w.event.reason, "link_down");
    pass(&w, BL_FREEZE_LINK_DOWN, 4, 500);
    run(&w, 1);
    expect(&w, 2, 0);
    assert_int_equal(w.event.kind, BL_EVENT_THAW);
    assert_int_equal(w.event.lasted_ms, 1501);
    run(&w, 5000); /* nobody heard of the freeze, so nobody hears of its end */
    expect(&w, 2, 0);
}

static void people_hear_of_what_lasts_and_of_its_end(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    run(&w, 100);
    pass(&w, BL_FREEZE_LINK_DOWN, 4, 1999);
    expect(&w, 1, 0);
    pass(&w, BL_FREEZE_LINK_DOWN, 4, 60000);
    expect(&w, 1, 1);
    assert_int_equal(w.notice.kind, BL_EVENT_FREEZE);
    assert_int_equal(w.notice.number, 1);
    assert_true(w.notice.flags & BL_EVENT_NOTIFY);
    run(&w, 1500);
    expect(&w, 2, 1);
    run(&w, 10000);
    expect(&w, 2, 2);
    assert_int_equal(w.notice.kind, BL_EVENT_THAW);
    assert_int_equal(w.notice.number, 2);
    assert_int_equal(w.notice.lasted_ms, 62000);
}

/* A cable that is in for half a second now and then. */
static void a_blink_of_health_is_told_to_nobody(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    run(&w, 100);
    for (unsigned i = 0; i < 20; i++) {
        pass(&w, BL_FREEZE_LINK_DOWN, 4, 3000);
        run(&w, 500);
    }
    assert_int_equal(w.notices, 1);
    run(&w, 5000);
    assert_int_equal(w.notices, 2);
    assert_int_equal(w.notice.kind, BL_EVENT_THAW);
    assert_int_equal(w.notice.lasted_ms, 20 * 3500 - 500 + 1); /* all that they know of */
}

static void another_reason_is_an_event_and_told(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    run(&w, 100);
    pass(&w, BL_FREEZE_POLL_GAP, 1, 5000);
    expect(&w, 1, 1);
    assert_string_equal(w.notice.reason, "poll_gap");
    assert_int_equal(w.notice.workers_frozen, 1);
    int64_t changed_unix_ms = unix_ms(&w) + 1;
    pass(&w, BL_FREEZE_POLL_GAP | BL_FREEZE_LINK_DOWN, 4, 5000);
    expect(&w, 2, 2);
    assert_int_equal(w.event.kind, BL_EVENT_FREEZE);
    assert_string_equal(w.notice.reason, "link_down");
    assert_int_equal(w.notice.workers_frozen, 4);
    assert_int_equal(w.notice.time_unix_ms, changed_unix_ms);
    run(&w, 3000);
    expect(&w, 3, 3);
    assert_int_equal(w.notice.lasted_ms, 10001);
}

/* One worker hangs, others blink on a busy machine. */
static void workers_that_blink_do_not_hide_one_that_hangs(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    run(&w, 100);
    for (unsigned i = 0; i < 10; i++) {
        pass(&w, BL_FREEZE_POLL_GAP, 1, 300);
        pass(&w, BL_FREEZE_POLL_GAP, 3, 300);
    }
    expect(&w, 1, 1);
}

/* SIGSTOP, or a machine that slept: known when it is over. */
static void a_gap_of_control_began_when_it_last_looked(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    run(&w, 100);
    int64_t began_unix_ms = unix_ms(&w);
    w.now_ns += 60000 * MS;
    pass(&w, BL_FREEZE_OWN_GAP, 4, 1);
    expect(&w, 1, 1);
    assert_int_equal(w.event.time_unix_ms, began_unix_ms);
    run(&w, 5000);
    expect(&w, 2, 2);
    assert_int_equal(w.notice.lasted_ms, 60002);
}

static void a_link_that_is_not_up_yet_is_no_news(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    w.watch.link_was_up = false;
    pass(&w, BL_FREEZE_LINK_DOWN, 4, 5000);
    bl_freeze_watch_link(&w.watch);
    run(&w, 5000);
    expect(&w, 0, 0);
    pass(&w, BL_FREEZE_LINK_DOWN, 4, 3000); /* and is down again: a link as any other */
    expect(&w, 1, 1);
}

static void a_cable_that_is_out_at_the_start_is_told(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    w.watch.link_was_up = false;
    pass(&w, BL_FREEZE_LINK_DOWN, 4, 10000);
    expect(&w, 0, 0);
    pass(&w, BL_FREEZE_LINK_DOWN, 4, 3000);
    expect(&w, 1, 1);
    assert_string_equal(w.notice.reason, "link_down");
}

/* Only the link has that excuse. */
static void a_worker_that_hangs_from_the_start_is_told(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    w.watch.link_was_up = false;
    pass(&w, BL_FREEZE_LINK_DOWN | BL_FREEZE_POLL_GAP, 4, 3000);
    expect(&w, 1, 1);
    assert_string_equal(w.notice.reason, "poll_gap");
}

static void a_sentence_says_what_it_means(void **state)
{
    (void)state;
    char out[BL_EVENT_SENTENCE];
    struct world w;
    setup(&w);
    run(&w, 100);
    pass(&w, BL_FREEZE_POLL_GAP, 1, 1000);
    assert_string_equal(
        bl_event_sentence(&w.event, out),
        "ingest of dpdk:0000:01:00.0 (1 of 4 workers) frozen: a worker did not poll for 100 ms; "
        "its nodes' ages stand still, none of them can fail");
    run(&w, 1);
    assert_string_equal(bl_event_sentence(&w.event, out),
                        "ingest of dpdk:0000:01:00.0 runs again; its nodes' ages stood still for 1.0 s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_freeze_under_a_second_is_no_event),
        cmocka_unit_test(a_freeze_of_a_second_is_an_event_of_when_it_began),
        cmocka_unit_test(people_hear_of_what_lasts_and_of_its_end),
        cmocka_unit_test(a_blink_of_health_is_told_to_nobody),
        cmocka_unit_test(another_reason_is_an_event_and_told),
        cmocka_unit_test(workers_that_blink_do_not_hide_one_that_hangs),
        cmocka_unit_test(a_gap_of_control_began_when_it_last_looked),
        cmocka_unit_test(a_link_that_is_not_up_yet_is_no_news),
        cmocka_unit_test(a_cable_that_is_out_at_the_start_is_told),
        cmocka_unit_test(a_worker_that_hangs_from_the_start_is_told),
        cmocka_unit_test(a_sentence_says_what_it_means),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
