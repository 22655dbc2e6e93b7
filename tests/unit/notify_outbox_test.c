/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/notify/outbox.h"

static struct bl_notice *notice(uint64_t number)
{
    struct bl_event e = {.number = number, .kind = BL_EVENT_TRANSITION, .name = "n"};
    return bl_notice_new(&e);
}

static void add(struct bl_outbox *o, uint64_t number)
{
    struct bl_notice *n = notice(number);
    bl_outbox_add(o, n);
    bl_notice_release(n);
}

static void a_dead_receiver_gets_four_tries_five_seconds_apart(void **state)
{
    (void)state;
    struct bl_outbox o;
    bl_outbox_init(&o, 3, 5000);
    add(&o, 1);
    for (uint64_t try = 0, now = 1000; try < 4; try++, now += 5000) {
        if (try > 0) {
            assert_int_equal(bl_outbox_due_ms(&o), now);
            assert_null(bl_outbox_next(&o, now - 1));
        }
        struct bl_delivery *d = bl_outbox_next(&o, now);
        assert_non_null(d);
        assert_int_equal(d->tries, try + 1);
        bl_outbox_failed(&o, d, "refused", now);
    }
    assert_int_equal(bl_outbox_due_ms(&o), BL_NEVER_MS);
    struct bl_outbox_counts c;
    bl_outbox_counts_of(&o, &c);
    assert_int_equal(c.queued, 0);
    assert_int_equal(c.delivered, 0);
    assert_int_equal(c.retried, 3);
    assert_int_equal(c.given_up, 1);
}

static void first_tries_start_in_order_of_events(void **state)
{
    (void)state;
    struct bl_outbox o;
    bl_outbox_init(&o, 3, 5000);
    for (uint64_t i = 1; i <= 100; i++)
        add(&o, i);
    for (uint64_t i = 1; i <= 100; i++) {
        struct bl_delivery *d = bl_outbox_next(&o, 0);
        assert_int_equal(d->notice->number, i);
        if (i % 2)
            bl_outbox_failed(&o, d, "odd", 0);
        else
            bl_outbox_delivered(&o, d);
    }
    add(&o, 101);
    struct bl_delivery *due = bl_outbox_next(&o, 5000);
    assert_int_equal(due->notice->number, 1); /* older than what is fresh */
    struct bl_delivery *fresh = bl_outbox_next(&o, 4999);
    assert_int_equal(fresh->notice->number, 101);
    bl_outbox_delivered(&o, due);
    bl_outbox_delivered(&o, fresh);
    assert_int_equal(bl_outbox_abandon(&o), 49);
}

static void a_shorter_schedule_brings_forward_what_waits(void **state)
{
    (void)state;
    struct bl_outbox o;
    bl_outbox_init(&o, 3, 60000);
    add(&o, 1);
    bl_outbox_failed(&o, bl_outbox_next(&o, 0), "down", 0);
    assert_int_equal(bl_outbox_due_ms(&o), 60000);
    bl_outbox_reschedule(&o, 1, 1000, 500);
    assert_int_equal(bl_outbox_due_ms(&o), 1500);
    bl_outbox_failed(&o, bl_outbox_next(&o, 1500), "down", 1500);
    assert_int_equal(o.counts.given_up, 1); /* one retry only, now */
}

static void given_up_deliveries_are_told_of_once_a_minute(void **state)
{
    (void)state;
    struct bl_outbox o;
    uint64_t told = 0;
    unsigned lines = 0;
    bl_outbox_init(&o, 0, 5000);
    for (uint64_t now = 0; now < 180000; now += 100) {
        uint64_t since;
        add(&o, now);
        bl_outbox_failed(&o, bl_outbox_next(&o, now), "down", now);
        if (bl_outbox_complains(&o, now, &since)) {
            assert_int_equal(now, lines * 60000);
            told += since;
            lines++;
        }
    }
    assert_int_equal(lines, 3);
    assert_int_equal(told, 1201);
    assert_int_equal(o.counts.given_up, 1800);
    assert_int_equal(bl_outbox_complains_ms(&o), 180000);
}

static void nothing_is_told_when_nothing_was_given_up(void **state)
{
    (void)state;
    struct bl_outbox o;
    uint64_t since;
    bl_outbox_init(&o, 0, 5000);
    add(&o, 1);
    bl_outbox_delivered(&o, bl_outbox_next(&o, 0));
    assert_false(bl_outbox_complains(&o, 1000000, &since));
    assert_int_equal(bl_outbox_complains_ms(&o), BL_NEVER_MS);
}

/* The model: every delivery in an array, the next one found by looking
 * at all of them. */
struct model {
    uint64_t number, due_ms;
    uint32_t tries;
    enum { ABSENT, FRESH, FLYING, AGAIN } where;
};

#define MODEL_EVENTS 400u

static struct model *model_next(struct model *m, uint64_t now)
{
    struct model *again = NULL, *fresh = NULL;
    for (unsigned i = 0; i < MODEL_EVENTS; i++) {
        if (m[i].where == AGAIN && m[i].due_ms <= now && (!again || m[i].due_ms < again->due_ms))
            again = &m[i];
        if (m[i].where == FRESH && !fresh)
            fresh = &m[i];
    }
    return again ? again : fresh;
}

static void random_operations_match_a_simple_model(void **state)
{
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    struct model m[MODEL_EVENTS] = {0};
    struct bl_delivery *flying[MODEL_EVENTS] = {0};
    struct bl_outbox o;
    unsigned added = 0;
    uint64_t now = 1, delivered = 0, given_up = 0;
    bl_outbox_init(&o, 2, 50);
    while (delivered + given_up < MODEL_EVENTS) {
        now++; /* no two tries fail in the same ms: the order is one */
        unsigned pick = (unsigned)rand() % MODEL_EVENTS;
        if (rand() % 3 == 0 && added < MODEL_EVENTS) {
            m[added] = (struct model){.number = added, .where = FRESH};
            add(&o, added++);
        } else if (rand() % 2 == 0) {
            struct model *want = model_next(m, now);
            struct bl_delivery *d = bl_outbox_next(&o, now);
            assert_int_equal(d != NULL, want != NULL);
            if (!d || !want)
                continue;
            assert_int_equal(d->notice->number, want->number);
            assert_int_equal(d->tries, ++want->tries);
            want->where = FLYING;
            flying[want->number] = d;
        } else if (m[pick].where == FLYING && rand() % 2 == 0) {
            bl_outbox_delivered(&o, flying[pick]);
            m[pick].where = ABSENT;
            delivered++;
        } else if (m[pick].where == FLYING) {
            bl_outbox_failed(&o, flying[pick], "no", now);
            m[pick].due_ms = now + 50;
            m[pick].where = m[pick].tries > 2 ? ABSENT : AGAIN;
            given_up += m[pick].tries > 2;
        }
        assert_int_equal(o.counts.queued, added - delivered - given_up);
    }
    assert_int_equal(o.counts.delivered, delivered);
    assert_int_equal(o.counts.given_up, given_up);
    assert_int_equal(o.in_flight, 0);
}

/* A queue that looked at all of it per call would need hours. */
static void a_million_wait_at_no_cost(void **state)
{
    (void)state;
    struct bl_outbox o;
    bl_outbox_init(&o, 1, 5000);
    struct bl_notice *n = notice(1);
    for (unsigned i = 0; i < 1000000; i++)
        bl_outbox_add(&o, n);
    for (unsigned i = 0; i < 1000000; i++)
        bl_outbox_failed(&o, bl_outbox_next(&o, 0), "down", 0);
    for (unsigned i = 0; i < 1000000; i++)
        bl_outbox_delivered(&o, bl_outbox_next(&o, 5000));
    assert_int_equal(o.counts.delivered, 1000000);
    assert_int_equal(n->users, 1);
    bl_notice_release(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dead_receiver_gets_four_tries_five_seconds_apart),
        cmocka_unit_test(first_tries_start_in_order_of_events),
        cmocka_unit_test(a_shorter_schedule_brings_forward_what_waits),
        cmocka_unit_test(given_up_deliveries_are_told_of_once_a_minute),
        cmocka_unit_test(nothing_is_told_when_nothing_was_given_up),
        cmocka_unit_test(random_operations_match_a_simple_model),
        cmocka_unit_test(a_million_wait_at_no_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
