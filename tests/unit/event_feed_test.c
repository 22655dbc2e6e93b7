/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "control/core/event_feed.h"

#define MANY 100000u

static void nothing_is_lost_past_the_ring_and_order_is_kept(void **state)
{
    (void)state;
    struct bl_event_feed f;
    static struct bl_event out[1000];
    uint64_t next = 1;

    bl_role_assume_control();
    assert_int_equal(bl_event_feed_init(&f), 0);
    for (uint64_t i = 1; i <= MANY; i++) {
        struct bl_event e = {.number = i, .kind = BL_EVENT_TRANSITION};
        snprintf(
            e.name, sizeof(e.name), "%.*s%llu", (int)(i % 180),
            "nodenodenodenodenodenodenodenodenodenodenodenodenodenodenodenodenodenodenodenodenodenodenodenode"
            "nodenodenodenodenodenodenodenodenodenodenodenodenodenodenodenodenodenodenodenodenodenode",
            (unsigned long long)i);
        e.name_len = (uint8_t)strlen(e.name);
        bl_event_feed_push(&f, &e);
    }
    assert_true(f.waiting > 0);
    for (unsigned n; next <= MANY;) {
        bl_event_feed_flush(&f);
        n = bl_event_feed_pop(&f, out, 1000);
        assert_true(n > 0);
        for (unsigned i = 0; i < n; i++, next++) {
            assert_int_equal(out[i].number, next);
            assert_int_equal(out[i].name_len, strlen(out[i].name));
        }
    }
    assert_int_equal(f.waiting, 0);
    assert_int_equal(f.lost, 0);
    bl_event_feed_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_past_the_ring_and_order_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
