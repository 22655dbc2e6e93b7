/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "dataplane/base/ring.h"

/* A message as odd in size as a report is. */
struct message {
    uint64_t number;
    uint32_t word[5];
    uint32_t check;
};

#define MESSAGES 1000000u

static struct message message_of(uint64_t number)
{
    struct message m = {.number = number};
    for (unsigned i = 0; i < 5; i++) {
        m.word[i] = (uint32_t)(number * 2654435761u + i);
        m.check ^= m.word[i];
    }
    return m;
}

static void assert_is(const struct message *m, uint64_t number)
{
    struct message want = message_of(number);
    assert_memory_equal(m, &want, sizeof(want));
}

static void it_holds_its_capacity_and_then_refuses(void **state)
{
    (void)state;
    struct bl_ring *r = bl_ring_new(7, sizeof(struct message));
    assert_non_null(r);
    assert_int_equal(bl_ring_count(r), 0);
    for (uint64_t n = 0; n < 7; n++) {
        struct message m = message_of(n);
        assert_true(bl_ring_push(r, &m));
        assert_int_equal(bl_ring_count(r), n + 1);
    }
    struct message more = message_of(7);
    assert_false(bl_ring_push(r, &more));

    struct message out[10];
    assert_int_equal(bl_ring_pop(r, out, 3), 3);
    assert_true(bl_ring_push(r, &more));
    assert_int_equal(bl_ring_pop(r, out + 3, 7), 5);
    for (uint64_t n = 0; n < 8; n++)
        assert_is(&out[n], n);
    assert_int_equal(bl_ring_pop(r, out, 1), 0);
    bl_ring_free(r);
}

static void it_rounds_its_capacity_up(void **state)
{
    (void)state;
    struct bl_ring *r = bl_ring_new(4, 4);
    uint32_t n = 0;
    while (bl_ring_push(r, &n))
        n++;
    assert_int_equal(n, 7);
    bl_ring_free(r);
}

static void a_size_that_no_ring_can_have_is_refused(void **state)
{
    (void)state;
    assert_null(bl_ring_new(8, 6));
    assert_null(bl_ring_new(UINT32_MAX, 4));
}

static void *produce(void *arg)
{
    struct bl_ring *r = arg;
    for (uint64_t n = 0; n < MESSAGES; n++) {
        struct message m = message_of(n);
        while (!bl_ring_push(r, &m))
            sched_yield();
    }
    return NULL;
}

static void a_million_messages_cross_two_threads_in_order(void **state)
{
    (void)state;
    struct bl_ring *r = bl_ring_new(1023, sizeof(struct message));
    pthread_t producer;
    assert_int_equal(pthread_create(&producer, NULL, produce, r), 0);
    struct message out[64];
    for (uint64_t seen = 0; seen < MESSAGES;) {
        unsigned n = bl_ring_pop(r, out, 64);
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
        cmocka_unit_test(it_holds_its_capacity_and_then_refuses),
        cmocka_unit_test(it_rounds_its_capacity_up),
        cmocka_unit_test(a_size_that_no_ring_can_have_is_refused),
        cmocka_unit_test(a_million_messages_cross_two_threads_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
