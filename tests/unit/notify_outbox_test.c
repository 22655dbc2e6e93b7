/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/alert/outbox.h"

static struct bl_key_secret secret;

static void add_event(struct bl_outbox *o, const struct bl_event *e)
{
    struct bl_notice *n = bl_notice_new(e);
    bl_outbox_add(o, n);
    bl_notice_release(n);
}

/* Of a node of its own. */
static void add(struct bl_outbox *o, uint64_t number)
{
    struct bl_event e = {.number = number, .kind = BL_EVENT_TRANSITION};
    snprintf(e.name, sizeof(e.name), "node-%llu", (unsigned long long)number);
    add_event(o, &e);
}

static void add_of(struct bl_outbox *o, const char *node, uint64_t number)
{
    struct bl_event e = {.number = number, .kind = BL_EVENT_TRANSITION};
    snprintf(e.name, sizeof(e.name), "%s", node);
    add_event(o, &e);
}

static void a_dead_receiver_gets_four_tries_five_seconds_apart(void **state)
{
    (void)state;
    struct bl_outbox o;
    bl_outbox_init(&o, &secret, 3, 5000);
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
    bl_outbox_init(&o, &secret, 3, 5000);
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
    bl_outbox_init(&o, &secret, 3, 60000);
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
    bl_outbox_init(&o, &secret, 0, 5000);
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
    bl_outbox_init(&o, &secret, 0, 5000);
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
    bl_outbox_init(&o, &secret, 2, 50);
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

/* ---- the last word ------------------------------------------------------ */

/* The failure is refused, the node comes back meanwhile. */
static void a_retry_does_not_come_after_what_is_newer(void **state)
{
    (void)state;
    struct bl_outbox o;
    bl_outbox_init(&o, &secret, 3, 5000);
    add_of(&o, "a", 1);
    bl_outbox_failed(&o, bl_outbox_next(&o, 0), "status 500", 0);
    add_of(&o, "a", 2);
    struct bl_delivery *d = bl_outbox_next(&o, 100); /* at once: it was not tried yet */
    assert_non_null(d);
    assert_int_equal(d->notice->number, 2);
    assert_int_equal(d->tries, 1);
    bl_outbox_delivered(&o, d);
    assert_null(bl_outbox_next(&o, 1000000));
    assert_int_equal(o.counts.superseded, 1);
    assert_int_equal(o.counts.delivered, 1);
    assert_int_equal(o.counts.queued, 0);
}

/* The older one is on its way and takes long: if both were, the older
 * could arrive last. */
static void what_is_newer_waits_for_what_is_on_its_way(void **state)
{
    (void)state;
    struct bl_outbox o;
    bl_outbox_init(&o, &secret, 3, 5000);
    add_of(&o, "a", 1);
    struct bl_delivery *older = bl_outbox_next(&o, 0);
    add_of(&o, "a", 2);
    add_of(&o, "b", 3);
    add_of(&o, "a", 4); /* in the place of 2 */
    assert_int_equal(o.counts.queued, 3);
    struct bl_delivery *d = bl_outbox_next(&o, 0);
    assert_int_equal(d->notice->number, 3); /* others do not wait */
    bl_outbox_delivered(&o, d);
    assert_null(bl_outbox_next(&o, 1000000));
    assert_int_equal(bl_outbox_due_ms(&o), BL_NEVER_MS);
    bl_outbox_failed(&o, older, "timed out", 10000); /* and is not tried again */
    d = bl_outbox_next(&o, 10000);
    assert_non_null(d);
    assert_int_equal(d->notice->number, 4);
    add_of(&o, "a", 5);
    bl_outbox_delivered(&o, d);
    d = bl_outbox_next(&o, 10000);
    assert_int_equal(d->notice->number, 5);
    bl_outbox_delivered(&o, d);
    assert_null(bl_outbox_next(&o, 1000000));
    assert_int_equal(o.counts.superseded, 2);
    assert_int_equal(o.counts.delivered, 3);
    assert_int_equal(o.counts.queued, 0);
}

static void a_fresh_one_gives_its_place_to_what_is_newer(void **state)
{
    (void)state;
    struct bl_outbox o;
    bl_outbox_init(&o, &secret, 3, 5000);
    add_of(&o, "a", 1);
    add_of(&o, "b", 2);
    for (uint64_t i = 3; i < 1000; i++)
        add_of(&o, "a", i);
    assert_int_equal(o.counts.queued, 2);
    struct bl_delivery *d = bl_outbox_next(&o, 0);
    assert_int_equal(d->notice->number, 999); /* who changes all the time is told of, too */
    bl_outbox_delivered(&o, d);
    d = bl_outbox_next(&o, 0);
    assert_int_equal(d->notice->number, 2);
    bl_outbox_delivered(&o, d);
    assert_int_equal(o.counts.superseded, 997);
}

static void a_view_and_a_node_of_one_name_are_two(void **state)
{
    (void)state;
    struct bl_outbox o;
    struct bl_event view = {.number = 2, .kind = BL_EVENT_VIEW, .name = "a"};
    bl_outbox_init(&o, &secret, 3, 5000);
    add_of(&o, "a", 1);
    add_event(&o, &view);
    assert_int_equal(o.counts.queued, 2);
    assert_int_equal(o.counts.superseded, 0);
    assert_int_equal(bl_outbox_abandon(&o), 2);
    assert_int_equal(o.counts.given_up, 2);
}

/* What a receiver knows of each node at the end is the last notice of it,
 * however tries end, and no notice comes after a newer one. */
static void the_last_word_is_the_newest_whatever_fails(void **state)
{
    (void)state;
    enum { NODES = 8, ADDED = 20000 };
    unsigned seed = (unsigned)time(NULL), flights = 0;
    print_message("seed %u\n", seed);
    srand(seed);
    struct bl_outbox o;
    struct bl_delivery *flying[16];
    uint64_t told[NODES] = {0}, newest[NODES] = {0}, now = 0;
    bl_outbox_init(&o, &secret, 1000000, 5);
    for (uint64_t number = 1; o.counts.queued > 0 || number <= ADDED; now++) {
        if (number <= ADDED && rand() % 3 == 0) {
            char name[] = {(char)('a' + rand() % NODES), 0};
            add_of(&o, name, newest[name[0] - 'a'] = number++);
        }
        struct bl_delivery *d = flights < 16 ? bl_outbox_next(&o, now) : NULL;
        if (d)
            flying[flights++] = d;
        if (flights == 0 || rand() % 2 == 0)
            continue;
        unsigned pick = (unsigned)rand() % flights;
        d = flying[pick];
        flying[pick] = flying[--flights];
        unsigned node = (unsigned)(d->notice->name[0] - 'a');
        if (rand() % 4 > 0) { /* it may have arrived, and the answer was lost */
            assert_true(told[node] <= d->notice->number);
            told[node] = d->notice->number;
        }
        if (rand() % 2 == 0 && told[node] == d->notice->number)
            bl_outbox_delivered(&o, d);
        else
            bl_outbox_failed(&o, d, "no", now);
    }
    for (unsigned i = 0; i < NODES; i++)
        assert_int_equal(told[i], newest[i]);
    assert_int_equal(o.counts.delivered + o.counts.superseded, ADDED);
}

/* A queue that looked at all of it per call would need hours. */
static void a_million_wait_at_no_cost(void **state)
{
    (void)state;
    struct bl_outbox o;
    bl_outbox_init(&o, &secret, 1, 5000);
    for (unsigned i = 0; i < 1000000; i++)
        add(&o, i);
    for (unsigned i = 0; i < 1000000; i++)
        bl_outbox_failed(&o, bl_outbox_next(&o, 0), "down", 0);
    for (unsigned i = 0; i < 1000000; i++)
        bl_outbox_delivered(&o, bl_outbox_next(&o, 5000));
    assert_int_equal(o.counts.delivered, 1000000);
    for (unsigned i = 0; i < 2000000; i++)
        add(&o, i % 1000000);
    assert_int_equal(o.counts.superseded, 1000000);
    assert_int_equal(bl_outbox_abandon(&o), 1000000);
}

int main(void)
{
    uint8_t seed[BL_KEY_SECRET_BYTES + 24] = {1};
    bl_key_secret_init(&secret, seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dead_receiver_gets_four_tries_five_seconds_apart),
        cmocka_unit_test(first_tries_start_in_order_of_events),
        cmocka_unit_test(a_shorter_schedule_brings_forward_what_waits),
        cmocka_unit_test(given_up_deliveries_are_told_of_once_a_minute),
        cmocka_unit_test(nothing_is_told_when_nothing_was_given_up),
        cmocka_unit_test(random_operations_match_a_simple_model),
        cmocka_unit_test(a_retry_does_not_come_after_what_is_newer),
        cmocka_unit_test(what_is_newer_waits_for_what_is_on_its_way),
        cmocka_unit_test(a_fresh_one_gives_its_place_to_what_is_newer),
        cmocka_unit_test(a_view_and_a_node_of_one_name_are_two),
        cmocka_unit_test(the_last_word_is_the_newest_whatever_fails),
        cmocka_unit_test(a_million_wait_at_no_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
