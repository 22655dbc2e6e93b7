/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "control/text/duration.h"
#include "control/text/timestamp.h"
#include "tests/unit/random.h"

#define MAX_MS 3888000000u /* 45 d */

static void durations_are_read_with_their_unit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t ms;
    } cases[] = {{"500ms", 500},    {"2s", 2000},       {"1.5m", 90000},    {"2h", 7200000},
                 {"3d", 259200000}, {"none", 0},        {"0s", 0},          {"0.001s", 1},
                 {"45d", MAX_MS},   {"1.3333m", 79998}, {"0000002s", 2000}, {"3888000s", MAX_MS}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t ms = 77;
        assert_int_equal(bl_duration_parse(cases[i].text, MAX_MS, &ms), 0);
        assert_int_equal(ms, cases[i].ms);
    }
}

static void what_is_no_duration_is_refused_with_what_to_write(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int error;
        const char *why;
    } cases[] = {
        {"30", -EINVAL, "\"30\" has no unit; write 30s or 30ms"},
        {"1.5", -EINVAL, "\"1.5\" has no unit; write 1.5s or 1.5ms"},
        {"", -EINVAL, "\"\" is no duration; write 500ms, 2s, 1.5m, 2h, 3d or none"},
        {"s", -EINVAL, "\"s\" is no duration; write 500ms, 2s, 1.5m, 2h, 3d or none"},
        {"2 s", -EINVAL, "\"2 s\" is no duration; write 500ms, 2s, 1.5m, 2h, 3d or none"},
        {"2.s", -EINVAL, "\"2.s\" is no duration; write 500ms, 2s, 1.5m, 2h, 3d or none"},
        {"2S", -EINVAL, "\"2S\" is no duration; write 500ms, 2s, 1.5m, 2h, 3d or none"},
        {"2s3", -EINVAL, "\"2s3\" is no duration; write 500ms, 2s, 1.5m, 2h, 3d or none"},
        {"1e3s", -EINVAL, "\"1e3s\" is no duration; write 500ms, 2s, 1.5m, 2h, 3d or none"},
        {"0.5ms", -EINVAL, "\"0.5ms\" is no whole number of milliseconds; round it"},
        {"-5s", -ERANGE, "\"-5s\" is negative; write none to have no limit"},
        {"46d", -ERANGE, "\"46d\" is too long; at most 45d"},
        {"3888000001ms", -ERANGE, "\"3888000001ms\" is too long; at most 45d"},
        {"99999999999999999999999999d", -ERANGE, "\"99999999999999999999999999d\" is too long; at most 45d"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char why[BL_ERR_BYTES];
        uint32_t ms = 77;
        int rc = bl_duration_parse(cases[i].text, MAX_MS, &ms);
        assert_int_equal(rc, cases[i].error);
        assert_int_equal(ms, 77);
        assert_string_equal(bl_duration_error(cases[i].text, rc, MAX_MS, why), cases[i].why);
    }
}

static void a_duration_written_reads_back_the_same(void **state)
{
    (void)state;
    char text[BL_DURATION_TEXT];
    unsigned seed = 4711;

    assert_string_equal(bl_duration_text(0, text), "none");
    assert_string_equal(bl_duration_text(90000, text), "90s");
    assert_string_equal(bl_duration_text(86400000, text), "1d");
    assert_string_equal(bl_duration_text(1001, text), "1001ms");
    print_message("seed %u\n", seed);
    for (int i = 0; i < 100000; i++) {
        uint32_t ms = (uint32_t)(rand_r(&seed)) >> (rand_r(&seed) % 31), back = 0;
        assert_int_equal(bl_duration_parse(bl_duration_text(ms, text), UINT32_MAX, &back), 0);
        assert_int_equal(back, ms);
    }
}

/* libc's gmtime is the reference. */
static void timestamps_agree_with_the_calendar(void **state)
{
    (void)state;
    char text[BL_TIMESTAMP_TEXT], expected[64];
    unsigned seed = 99;

    print_message("seed %u\n", seed);
    for (int i = 0; i < 100000; i++) {
        int64_t ms = ((int64_t)rand_r(&seed) << 20 ^ rand_r(&seed)) % INT64_C(253402300800000);
        ms = i % 4 == 0 ? -ms / 5 : ms;
        time_t s = (time_t)(ms / 1000 - (ms % 1000 < 0));
        struct tm tm;
        gmtime_r(&s, &tm);
        snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(ms - (int64_t)s * 1000));
        assert_string_equal(bl_timestamp_text(ms, text), expected);
    }
    assert_string_equal(bl_timestamp_text(0, text), "1970-01-01T00:00:00.000Z");
    assert_string_equal(bl_timestamp_text(INT64_MAX, text), "9999-12-31T23:59:59.999Z");
    assert_string_equal(bl_timestamp_text(INT64_MIN, text), "0000-03-01T00:00:00.000Z");
}

static void timestamps_read_back(void **state)
{
    (void)state;
    struct test_random random = {.state = test_random_seed("timestamps")};
    char text[BL_TIMESTAMP_TEXT];
    for (int i = 0; i < 20000; i++) {
        int64_t ms = (int64_t)(test_random_u64(&random) % UINT64_C(253402300800000)), read = 0;
        assert_true(bl_timestamp_parse(bl_timestamp_text(ms, text), &read));
        assert_int_equal(read, ms);
    }
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01 00:01Z", 60000},
        {"1970-01-01T01:00:00.5+01:00", 500},
        {"1969-12-31T23:00:00.1239999-01:00", 123},
        {"2024-02-29t12:00:00z", INT64_C(1709208000000)},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int64_t read = -1;
        assert_true(bl_timestamp_parse(good[i].text, &read));
        assert_int_equal(read, good[i].ms);
    }
    static const char *const bad[] = {"",
                                      "tomorrow",
                                      "2026-02-03",
                                      "2026-02-03T04:05:06",
                                      "2026-02-03T04:05:06Zz",
                                      "2026-02-30T04:05:06Z",
                                      "2025-02-29T04:05:06Z",
                                      "2026-13-01T04:05:06Z",
                                      "2026-00-01T04:05:06Z",
                                      "2026-01-00T04:05:06Z",
                                      "2026-01-01T24:00:00Z",
                                      "2026-01-01T00:60:00Z",
                                      "2026-01-01T00:00:60Z",
                                      "2026-01-01T00:00:00.Z",
                                      "2026-01-01T00:00:00+1:00",
                                      "2026-01-01T00:00:00+24:00",
                                      "2026-1-01T00:00:00Z",
                                      "0000-02-29T23:59:59Z",
                                      "9999-12-31T23:59:59-00:01"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t read = 7;
        assert_false(bl_timestamp_parse(bad[i], &read));
        assert_int_equal(read, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read_with_their_unit),
        cmocka_unit_test(what_is_no_duration_is_refused_with_what_to_write),
        cmocka_unit_test(a_duration_written_reads_back_the_same),
        cmocka_unit_test(timestamps_agree_with_the_calendar),
        cmocka_unit_test(timestamps_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
