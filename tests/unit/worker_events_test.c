/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/worker/worker_events.h"

#define ACROSS 300000u

/* A report that its number alone makes, of every kind and length. */
static struct bl_worker_event report_of(uint64_t number)
{
    static const uint8_t kinds[] = {BL_WORKER_EVENT_SEEN,  BL_WORKER_EVENT_SEEN, BL_WORKER_EVENT_SET,
                                    BL_WORKER_EVENT_HELLO, BL_WORKER_EVENT_BYE,  BL_WORKER_EVENT_GROWN};
    struct bl_worker_event r = {
        .kind = kinds[number % 6],
        .name_len = (uint8_t)(number * 7 % (BL_NAME_MAX + 1)),
        .flags = (uint16_t)number,
        .interval_ms = (uint32_t)(number * 2654435761u),
        .id = number,
    };
    for (unsigned i = 0; i < r.name_len; i++)
        r.name[i] = (char)('a' + (number + i) % 26);
    if (r.kind == BL_WORKER_EVENT_SET || r.kind == BL_WORKER_EVENT_HELLO) {
        r.patch.set = (uint32_t)number & 127u;
        r.patch.policy.timeout_ms = (uint32_t)number + 1;
        r.patch.interval_ms = (uint32_t)number + 2;
    }
    if (r.kind == BL_WORKER_EVENT_GROWN)
        memcpy(&r.old, &number, sizeof(r.old));
    return r;
}

/* What pop leaves alone must not look right by chance. */
static void spoil(struct bl_worker_event *reports, unsigned n)
{
    memset(reports, 0xa5, n * sizeof(*reports));
}

static void assert_is(const struct bl_worker_event *is, uint64_t number)
{
    struct bl_worker_event want = report_of(number);
    assert_memory_equal(is, &want, offsetof(struct bl_worker_event, name));
    assert_memory_equal(is->name, want.name, want.name_len);
    if (want.kind == BL_WORKER_EVENT_SET || want.kind == BL_WORKER_EVENT_HELLO)
        assert_memory_equal(&is->patch, &want.patch, sizeof(want.patch));
    if (want.kind == BL_WORKER_EVENT_GROWN)
        assert_ptr_equal(is->old, want.old);
}

static void every_kind_and_length_comes_out_as_it_went_in(void **state)
{
    (void)state;
    struct bl_ring *r = bl_worker_events_new();
    struct bl_worker_event out[2];
    assert_non_null(r);
    for (uint64_t n = 0; n < 6 * (BL_NAME_MAX + 1); n++) {
        struct bl_worker_event in = report_of(n);
        assert_true(bl_worker_events_push(r, &in));
        spoil(out, 2);
        assert_int_equal(bl_worker_events_pop(r, out, 2), 1);
        assert_is(&out[0], n);
        assert_int_equal(bl_ring_count(r), 0);
    }
    assert_int_equal(bl_worker_events_pop(r, out, 2), 0);
    bl_ring_free(r);
}

static void a_full_ring_refuses_a_report_as_a_whole(void **state)
{
    (void)state;
    struct bl_ring *r = bl_worker_events_new();
    struct bl_worker_event id = {.kind = BL_WORKER_EVENT_SEEN},
                           named = {.kind = BL_WORKER_EVENT_SEEN, .name_len = 16}, out;
    assert_true(bl_worker_events_have_room(r, BL_WORKER_EVENT_RING));
    assert_false(bl_worker_events_have_room(r, BL_WORKER_EVENT_RING + 1));
    for (uint32_t i = 0; i < BL_WORKER_EVENT_RING / 2; i++)
        assert_true(bl_worker_events_push(r, &named));
    assert_true(bl_worker_events_have_room(r, 1));
    assert_false(bl_worker_events_push(r, &named)); /* two pieces, room for one */
    assert_int_equal(bl_ring_count(r), BL_WORKER_EVENT_RING - 1);
    assert_true(bl_worker_events_push(r, &id));
    assert_false(bl_worker_events_push(r, &id));
    assert_int_equal(bl_worker_events_pop(r, &out, 1), 1);
    assert_true(bl_worker_events_push(r, &named));
    bl_ring_free(r);
}

static uint64_t next_random(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

/* The model: reports are numbered, and come out in order of the numbers. */
static void under_random_pushes_and_pops_none_is_lost_or_split(void **state)
{
    (void)state;
    struct bl_ring *r = bl_worker_events_new();
    struct bl_worker_event *out = calloc(256, sizeof(*out));
    uint64_t seed = 0x9e3779b97f4a7c15, in = 0, seen = 0, refused = 0;
    print_message("seed %llu\n", (unsigned long long)seed);
    assert_non_null(out);
    for (unsigned round = 0; round < 3000; round++) {
        /* First it fills up, then it is emptied again. */
        unsigned pushes = (unsigned)(next_random(&seed) % (round < 2000 ? 120 : 20));
        for (unsigned i = 0; i < pushes; i++) {
            struct bl_worker_event report = report_of(in);
            bool taken = bl_worker_events_push(r, &report);
            in += taken;
            refused += !taken;
        }
        unsigned max = (unsigned)(next_random(&seed) % (round < 2000 ? 20 : 256));
        spoil(out, max);
        unsigned n = bl_worker_events_pop(r, out, max);
        assert_true(n <= max && (n > 0 || max == 0 || seen == in));
        for (unsigned i = 0; i < n; i++)
            assert_is(&out[i], seen++);
    }
    assert_true(refused > 0);
    for (unsigned n; (n = bl_worker_events_pop(r, out, 256)) > 0;)
        for (unsigned i = 0; i < n; i++)
            assert_is(&out[i], seen++);
    assert_int_equal(seen, in);
    free(out);
    bl_ring_free(r);
}

static void *produce(void *arg)
{
    for (uint64_t n = 0; n < ACROSS; n++) {
        struct bl_worker_event report = report_of(n);
        while (!bl_worker_events_push(arg, &report))
            sched_yield();
    }
    return NULL;
}

static void reports_cross_two_threads_whole_and_in_order(void **state)
{
    (void)state;
    struct bl_ring *r = bl_worker_events_new();
    static struct bl_worker_event out[64];
    pthread_t producer;
    assert_int_equal(pthread_create(&producer, NULL, produce, r), 0);
    for (uint64_t seen = 0; seen < ACROSS;) {
        unsigned n = bl_worker_events_pop(r, out, 64);
        if (n == 0)
            sched_yield();
        for (unsigned i = 0; i < n; i++)
            assert_is(&out[i], seen++);
    }
    pthread_join(producer, NULL);
    assert_int_equal(bl_ring_count(r), 0);
    bl_ring_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_and_length_comes_out_as_it_went_in),
        cmocka_unit_test(a_full_ring_refuses_a_report_as_a_whole),
        cmocka_unit_test(under_random_pushes_and_pops_none_is_lost_or_split),
        cmocka_unit_test(reports_cross_two_threads_whole_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
