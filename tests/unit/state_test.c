/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/base/beat.h"
#include "engine/detect/state.h"
#include "engine/table/table.h"

#define NEVER BL_THRESHOLD_NEVER

struct threshold_case {
    const char *what;
    struct bl_policy policy;
    uint32_t interval_ms;
    uint32_t warning_ticks, failed_ticks;
};

static const struct threshold_case threshold_cases[] = {
    {"nothing set, nothing happens", {0}, 0, NEVER, NEVER},
    {"a promise alone is no threshold", {0}, 5000, NEVER, NEVER},
    {"retries without a timeout are nothing", {.retries = 3}, 0, NEVER, NEVER},
    {"no retries: failed at once", {.timeout_ms = 1000}, 0, NEVER, 1000},
    {"one retry", {.timeout_ms = 1000, .retries = 1}, 0, 1000, 2000},
    {"the gem's three retries", {.timeout_ms = 30000, .retries = 3}, 0, 30000, 120000},
    {"255 retries", {.timeout_ms = 10, .retries = 255}, 0, 10, 2560},
    {"warn alone never fails", {.warn_ms = 700}, 0, 700, NEVER},
    {"err alone never warns", {.err_ms = 900}, 0, NEVER, 900},
    {"warn and err", {.warn_ms = 700, .err_ms = 900}, 0, 700, 900},
    {"warn overrides the timeout's", {.timeout_ms = 1000, .retries = 2, .warn_ms = 100}, 0, 100, 3000},
    {"warn beside a timeout without retries", {.timeout_ms = 1000, .warn_ms = 100}, 0, 100, 1000},
    {"err overrides the timeout's", {.timeout_ms = 1000, .retries = 2, .err_ms = 1500}, 0, 1000, 1500},
    {"err before warn stays so", {.warn_ms = 900, .err_ms = 500}, 0, 900, 500},
    {"the promise is a floor", {.timeout_ms = 1000, .retries = 1}, 1500, 1500, 2000},
    {"a floor under both", {.warn_ms = 10, .err_ms = 20}, 5000, 5000, 5000},
    {"a floor under what is set only", {.err_ms = 20}, 5000, NEVER, 5000},
    {"retries saturate",
     {.timeout_ms = BL_TIMEOUT_MAX_MS / 2, .retries = 200},
     0,
     BL_TIMEOUT_MAX_MS / 2,
     BL_TIMEOUT_MAX_MS},
    {"too long a timeout saturates", {.timeout_ms = UINT32_MAX}, 0, NEVER, BL_TIMEOUT_MAX_MS},
    {"too long a promise saturates", {.err_ms = 1}, UINT32_MAX, NEVER, BL_TIMEOUT_MAX_MS},
    {"the detector changes nothing yet",
     {.timeout_ms = 50, .retries = 1, .detector = BL_DETECTOR_AUTO},
     0,
     50,
     100},
};

static void a_policy_tells_when_a_node_is_news(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(threshold_cases) / sizeof(threshold_cases[0]); i++) {
        const struct threshold_case *c = &threshold_cases[i];
        struct bl_thresholds t = bl_policy_thresholds(&c->policy, c->interval_ms);
        if (t.warning_ticks != c->warning_ticks || t.failed_ticks != c->failed_ticks)
            fail_msg("%s: warning %u failed %u, expected %u %u", c->what, t.warning_ticks, t.failed_ticks,
                     c->warning_ticks, c->failed_ticks);
    }
}

static void only_what_is_older_than_a_threshold_is_news(void **state)
{
    (void)state;
    struct bl_thresholds t = {.warning_ticks = 100, .failed_ticks = 200};
    assert_int_equal(bl_state_of_age(&t, 0), BL_STATE_OK);
    assert_int_equal(bl_state_of_age(&t, 100), BL_STATE_OK);
    assert_int_equal(bl_state_of_age(&t, 101), BL_STATE_WARNING);
    assert_int_equal(bl_state_of_age(&t, 200), BL_STATE_WARNING);
    assert_int_equal(bl_state_of_age(&t, 201), BL_STATE_FAILED);
}

static void without_thresholds_every_age_is_ok(void **state)
{
    (void)state;
    struct bl_thresholds t = {.warning_ticks = NEVER, .failed_ticks = NEVER};
    assert_int_equal(bl_state_of_age(&t, BL_AGE_MAX), BL_STATE_OK);
    assert_int_equal(bl_state_of_age(&t, UINT32_MAX), BL_STATE_OK);
}

static void failed_wins_where_err_comes_before_warn(void **state)
{
    (void)state;
    struct bl_thresholds t = {.warning_ticks = 900, .failed_ticks = 500};
    assert_int_equal(bl_state_of_age(&t, 501), BL_STATE_FAILED);
    assert_int_equal(bl_state_of_age(&t, 901), BL_STATE_FAILED);
    assert_int_equal(bl_state_next_threshold(&t, BL_STATE_OK), 500);
}

static void the_next_threshold_follows_the_state(void **state)
{
    (void)state;
    struct bl_thresholds t = {.warning_ticks = 100, .failed_ticks = 200};
    assert_int_equal(bl_state_next_threshold(&t, BL_STATE_OK), 100);
    assert_int_equal(bl_state_next_threshold(&t, BL_STATE_UNKNOWN), 100);
    assert_int_equal(bl_state_next_threshold(&t, BL_STATE_WARNING), 200);
    assert_int_equal(bl_state_next_threshold(&t, BL_STATE_FAILED), NEVER);
    assert_int_equal(bl_state_next_threshold(&t, BL_STATE_NEW), NEVER);
    assert_int_equal(bl_state_next_threshold(&t, BL_STATE_PAUSED), NEVER);
}

static void names_and_states_go_both_ways(void **state)
{
    (void)state;
    for (unsigned s = 0; s < BL_STATE_COUNT; s++)
        assert_int_equal(bl_state_of_name(bl_state_name(s)), s);
    assert_string_equal(bl_state_name(BL_STATE_WARNING), "warning");
    assert_string_equal(bl_state_name(BL_STATE_COUNT), "?");
    assert_int_equal(bl_state_of_name("Failed"), BL_STATE_COUNT);
    assert_int_equal(bl_state_of_name(""), BL_STATE_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_tells_when_a_node_is_news),
        cmocka_unit_test(only_what_is_older_than_a_threshold_is_news),
        cmocka_unit_test(without_thresholds_every_age_is_ok),
        cmocka_unit_test(failed_wins_where_err_comes_before_warn),
        cmocka_unit_test(the_next_threshold_follows_the_state),
        cmocka_unit_test(names_and_states_go_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
