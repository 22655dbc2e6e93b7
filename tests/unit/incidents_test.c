/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of the views' incidents, whether events or the walk
 * told of them; and the order of a list that is sorted in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "control/http/min_heap.h"
#include "control/model/incidents.h"
#include "tests/unit/random.h"

/* A view as control would have left it. */
static struct bl_view view_in(uint64_t key, enum bl_state state, uint32_t incident, int64_t since_unix_ms)
{
    struct bl_view v = {.name = "v", .key = key, .name_len = 1, .incident = incident};
    v.state = (uint8_t)state;
    v.since_unix_ms = since_unix_ms;
    v.count[state] = 3;
    return v;
}

static void an_event_begins_an_incident_and_one_ends_it(void **state)
{
    (void)state;
    bl_role_assume_api();
    struct bl_incidents in = {0};
    struct bl_view v = view_in(7, BL_STATE_WARNING, 1, 1000);

    bl_incidents_event(&in, &v, BL_STATE_WARNING, 1, 1000);
    v.count[BL_STATE_FAILED] = 9;
    bl_incidents_event(&in, &v, BL_STATE_FAILED, 1, 2000);
    v.count[BL_STATE_FAILED] = 0;
    bl_incidents_event(&in, &v, BL_STATE_WARNING, 1, 3000);
    const struct bl_incident *i = bl_incident_at(&in, &v, 0);
    assert_non_null(i);
    assert_int_equal(i->worst, BL_STATE_FAILED);
    assert_int_equal(i->until_unix_ms, 0);
    bl_incidents_event(&in, &v, BL_STATE_OK, 1, 4000);
    i = bl_incident_at(&in, &v, 0);
    assert_int_equal(i->number, 1);
    assert_int_equal(i->since_unix_ms, 1000);
    assert_int_equal(i->until_unix_ms, 4000);
    assert_int_equal(i->failed_most, 9);
    assert_int_equal(i->warning_most, 3);
    assert_null(bl_incident_at(&in, &v, 1));
    bl_incidents_free(&in);
}

static void the_walk_finds_what_no_event_told_of(void **state)
{
    (void)state;
    bl_role_assume_api();
    struct bl_incidents in = {0};
    struct bl_view v = view_in(7, BL_STATE_FAILED, 4, 1000);

    bl_incidents_look(&in, &v); /* open when the daemon started */
    assert_int_equal(bl_incident_at(&in, &v, 0)->number, 4);
    assert_int_equal(bl_incident_at(&in, &v, 0)->since_unix_ms, 1000);
    v.count[BL_STATE_FAILED] = 50;
    bl_incidents_look(&in, &v);
    v = view_in(7, BL_STATE_OK, 4, 5000);
    bl_incidents_look(&in, &v);
    assert_int_equal(bl_incident_at(&in, &v, 0)->until_unix_ms, 5000);
    assert_int_equal(bl_incident_at(&in, &v, 0)->failed_most, 50);
    v = view_in(7, BL_STATE_FAILED, 5, 0); /* not settled yet */
    bl_incidents_look(&in, &v);
    assert_null(bl_incident_at(&in, &v, 1));
    bl_incidents_free(&in);
}

static void events_that_the_walk_has_overtaken_change_nothing_but_times(void **state)
{
    (void)state;
    bl_role_assume_api();
    struct bl_incidents in = {0};
    struct bl_view v = view_in(7, BL_STATE_FAILED, 2, 3000);

    bl_incidents_event(&in, &v, BL_STATE_FAILED, 1, 1000);
    bl_incidents_look(&in, &v); /* number 1 has ended by now */
    assert_int_equal(bl_incident_at(&in, &v, 0)->number, 2);
    assert_int_equal(bl_incident_at(&in, &v, 1)->until_unix_ms, 3000);
    bl_incidents_event(&in, &v, BL_STATE_OK, 1, 2000);
    assert_int_equal(bl_incident_at(&in, &v, 1)->until_unix_ms, 2000);
    assert_int_equal(bl_incident_at(&in, &v, 0)->until_unix_ms, 0);
    bl_incidents_event(&in, &v, BL_STATE_FAILED, 2, 3000);
    assert_null(bl_incident_at(&in, &v, 2));
    bl_incidents_event(&in, &v, BL_STATE_OK, 2, 4000);
    assert_int_equal(bl_incident_at(&in, &v, 0)->until_unix_ms, 4000);
    bl_incidents_free(&in);
}

static void of_each_view_the_last_ones_are_kept(void **state)
{
    (void)state;
    enum { VIEWS = 500 };
    bl_role_assume_api();
    struct bl_incidents in = {0};
    struct test_random random = {test_random_seed("incidents")};
    uint32_t number[VIEWS] = {0};

    for (unsigned step = 0; step < 50000; step++) {
        unsigned at = test_random_below(&random, VIEWS);
        struct bl_view v = view_in(at * UINT64_C(0x10000), BL_STATE_FAILED, ++number[at], step + 1);
        bl_incidents_event(&in, &v, BL_STATE_FAILED, v.incident, v.since_unix_ms);
        bl_incidents_event(&in, &v, BL_STATE_OK, v.incident, v.since_unix_ms + 1);
    }
    for (unsigned at = 0; at < VIEWS; at++) {
        struct bl_view v = view_in(at * UINT64_C(0x10000), BL_STATE_OK, number[at], 1);
        uint32_t kept = number[at] < BL_INCIDENTS_PER_VIEW ? number[at] : BL_INCIDENTS_PER_VIEW;
        for (uint32_t i = 0; i < kept; i++)
            assert_int_equal(bl_incident_at(&in, &v, i)->number, number[at] - i);
        assert_null(bl_incident_at(&in, &v, kept));
    }
    assert_int_equal(in.left_out, 0);
    bl_incidents_free(&in);
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void ranks_come_back_smallest_first(void **state)
{
    (void)state;
    enum { MOST = 3000 };
    static uint64_t should[MOST];
    struct test_random random = {test_random_seed("ranks")};

    for (unsigned count = 0; count < MOST; count = count * 3 / 2 + 1) {
        struct bl_min_heap r = {0};
        uint64_t value;
        for (unsigned i = 0; i < count; i++) {
            should[i] = test_random_below(&random, 1000);
            assert_true(bl_min_heap_push(&r, should[i]));
        }
        qsort(should, count, sizeof(should[0]), by_size);
        for (unsigned i = 0; i < count; i++) {
            assert_true(bl_min_heap_pop(&r, &value));
            assert_int_equal(value, should[i]);
        }
        assert_false(bl_min_heap_pop(&r, &value));
        bl_min_heap_free(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_begins_an_incident_and_one_ends_it),
        cmocka_unit_test(the_walk_finds_what_no_event_told_of),
        cmocka_unit_test(events_that_the_walk_has_overtaken_change_nothing_but_times),
        cmocka_unit_test(of_each_view_the_last_ones_are_kept),
        cmocka_unit_test(ranks_come_back_smallest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
