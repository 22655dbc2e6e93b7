/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "control/alert/owed.h"

#define BIT(s) (1u << BL_STATE_##s)
/* notify.states as it comes. */
#define DEFAULT (BIT(OK) | BIT(WARNING) | BIT(FAILED))

static struct bl_key_secret secret;

static bool pollfd(struct bl_owed *o, const char *name, enum bl_state from, enum bl_state to, uint32_t states)
{
    struct bl_event e = {.kind = BL_EVENT_TRANSITION, .from = (uint8_t)from, .to = (uint8_t)to};
    snprintf(e.name, sizeof(e.name), "%s", name);
    return bl_owed_wants(o, &e, states);
}

static void a_million_behind_a_dead_link_are_not_told(void **state)
{
    (void)state;
    struct bl_owed o = {.secret = &secret};
    char name[32];
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        assert_false(pollfd(&o, name, BL_STATE_OK, BL_STATE_UNKNOWN, DEFAULT));
    }
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        assert_false(pollfd(&o, name, BL_STATE_UNKNOWN, BL_STATE_OK, DEFAULT));
    }
    assert_int_equal(o.count, 0);
}

static void who_wants_unknown_hears_of_its_end(void **state)
{
    (void)state;
    struct bl_owed o = {.secret = &secret};
    assert_true(pollfd(&o, "a", BL_STATE_OK, BL_STATE_UNKNOWN, DEFAULT | BIT(UNKNOWN)));
    assert_true(pollfd(&o, "a", BL_STATE_UNKNOWN, BL_STATE_OK, DEFAULT | BIT(UNKNOWN)));
    assert_int_equal(o.count, 0);
}

static void a_warning_that_was_told_has_its_end_told(void **state)
{
    (void)state;
    struct bl_owed o = {.secret = &secret};
    assert_true(pollfd(&o, "a", BL_STATE_OK, BL_STATE_WARNING, DEFAULT));
    assert_false(pollfd(&o, "a", BL_STATE_WARNING, BL_STATE_UNKNOWN, DEFAULT));
    assert_true(pollfd(&o, "a", BL_STATE_UNKNOWN, BL_STATE_OK, DEFAULT));
    assert_false(pollfd(&o, "a", BL_STATE_UNKNOWN, BL_STATE_OK, DEFAULT)); /* once */
    /* Nobody wants warnings, nobody hears of their end. */
    assert_false(pollfd(&o, "a", BL_STATE_WARNING, BL_STATE_UNKNOWN, BIT(OK) | BIT(FAILED)));
    assert_false(pollfd(&o, "a", BL_STATE_UNKNOWN, BL_STATE_OK, BIT(OK) | BIT(FAILED)));
}

static void a_failure_after_the_freeze_is_told_and_its_end(void **state)
{
    (void)state;
    struct bl_owed o = {.secret = &secret};
    pollfd(&o, "a", BL_STATE_WARNING, BL_STATE_UNKNOWN, DEFAULT);
    assert_true(pollfd(&o, "a", BL_STATE_UNKNOWN, BL_STATE_FAILED, DEFAULT));
    assert_true(pollfd(&o, "a", BL_STATE_FAILED, BL_STATE_OK, DEFAULT));
    assert_int_equal(o.count, 0);
}

static void a_view_and_a_node_of_one_name_are_two(void **state)
{
    (void)state;
    struct bl_owed o = {.secret = &secret};
    struct bl_event view = {.kind = BL_EVENT_VIEW,
                            .flags = BL_EVENT_NOTIFY,
                            .from = BL_STATE_FAILED,
                            .to = BL_STATE_UNKNOWN,
                            .name = "a"};
    assert_false(bl_owed_wants(&o, &view, DEFAULT));
    assert_false(pollfd(&o, "a", BL_STATE_UNKNOWN, BL_STATE_OK, DEFAULT));
    view.from = BL_STATE_UNKNOWN;
    view.to = BL_STATE_OK;
    assert_true(bl_owed_wants(&o, &view, DEFAULT));
}

static void many_are_owed_and_each_once(void **state)
{
    (void)state;
    struct bl_owed o = {.secret = &secret};
    char name[32];
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        pollfd(&o, name, BL_STATE_WARNING, BL_STATE_UNKNOWN, DEFAULT);
    }
    assert_int_equal(o.count, 10000);
    for (unsigned i = 0; i < 20000; i++) {
        unsigned k = (i * 7919u) % 20000; /* in another order; the upper half is not there */
        snprintf(name, sizeof(name), "n%u", k);
        assert_int_equal(pollfd(&o, name, BL_STATE_UNKNOWN, BL_STATE_OK, DEFAULT), k < 10000);
    }
    assert_int_equal(o.count, 0);
    assert_null(o.key);
}

int main(void)
{
    uint8_t seed[BL_KEY_SECRET_BYTES + 24] = {2};
    bl_key_secret_init(&secret, seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_behind_a_dead_link_are_not_told),
        cmocka_unit_test(who_wants_unknown_hears_of_its_end),
        cmocka_unit_test(a_warning_that_was_told_has_its_end_told),
        cmocka_unit_test(a_failure_after_the_freeze_is_told_and_its_end),
        cmocka_unit_test(a_view_and_a_node_of_one_name_are_two),
        cmocka_unit_test(many_are_owed_and_each_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
