/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/wire/name_scan.h"
#include "engine/registry/registry.h"
#include "tests/gather.h"
#include "tests/text_reference.h"

static struct bl_wire_config config;
static struct gather got;

BL_ON_WORKER static void parse(const char *text, size_t len)
{
    gather_twice(&got, &config, (const uint8_t *)text, (uint32_t)len, 1);
}

BL_ON_WORKER static void expect_drop(const char *line, enum bl_drop reason)
{
    parse(line, strlen(line));
    if (got.counters.drop[reason] != 1)
        print_error("not %s: %s\n", bl_drop_name(reason), line);
    assert_int_equal(got.counters.drop[reason], 1);
    assert_int_equal(got.counters.records, reason < BL_DROP_FIRST_RECORD ? 0 : 1);
    assert_int_equal(got.beats + got.settings, 0);
}

BL_ON_WORKER static void expect_beat(const char *line, const char *name)
{
    parse(line, strlen(line));
    if (got.beats != 1)
        print_error("no beat: %s\n", line);
    assert_int_equal(got.beats, 1);
    assert_int_equal(got.counters.records, 1);
    assert_int_equal(got.beat[0].name_len, strlen(name));
    assert_memory_equal(got.beat[0].name, name, strlen(name));
}

BL_ON_WORKER static const struct bl_worker_event *expect_set(const char *line, const char *name)
{
    parse(line, strlen(line));
    if (got.settings != 1)
        print_error("no setting: %s\n", line);
    assert_int_equal(got.settings, 1);
    assert_int_equal(got.setting[0].kind, BL_WORKER_EVENT_SET);
    assert_int_equal(got.setting[0].name_len, strlen(name));
    assert_memory_equal(got.setting[0].name, name, strlen(name));
    return &got.setting[0];
}

/* ---- beats ------------------------------------------------------------ */

static void a_beat_carries_its_name_and_key(void **state)
{
    (void)state;
    bl_role_assume_worker();
    expect_beat("invoice.mailer.beat:1|c", "invoice.mailer");
    assert_int_equal(got.beat[0].key, bl_key_of_name(&config.secret, "invoice.mailer", 14));
    assert_true(got.beat[0].stamp == bl_stamp(GATHER_TICK, 0));
    assert_int_equal(got.beat[0].incarnation, 0);
    struct bl_worker_event r;
    bl_wire_report_new_node(&got.beat[0], &r);
    assert_int_equal(r.kind, BL_WORKER_EVENT_SEEN);
    assert_int_equal(r.name_len, 14);
    assert_memory_equal(r.name, "invoice.mailer", 14);
}

static void the_last_action_is_the_separator(void **state)
{
    (void)state;
    bl_role_assume_worker();
    expect_beat("a.beat.beat:1|c", "a.beat");
    expect_beat("beat.beat:1|c", "beat");
    expect_beat("a.timeout.err.beat:1|c", "a.timeout.err");
    expect_beat("..beat:1|c", ".");
    expect_set("a.beat.err:1|c", "a.beat");
    expect_drop("a.beat.x:1|c", BL_DROP_bad_action);
}

static void a_beat_takes_any_number_type_and_rate(void **state)
{
    (void)state;
    bl_role_assume_worker();
    static const char *const tails[] = {
        "1|c",
        "0|c",
        "-7|g",
        "+5|g",
        "2.5|ms",
        ".5|h",
        "5.|s",
        "-0.0001|c",
        "1|c|@0.1",
        "1|ms|@0.1|#env:prod,x",
        "1|c|",
        "1|C",
        "99999999999999999999999999999999999999999999|c",
        "00000000000000000000000000000000001|c",
        "1.99999999999999999999999999999999999|c",
    };
    for (unsigned i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        char line[128];
        snprintf(line, sizeof line, "n.beat:%s", tails[i]);
        expect_beat(line, "n");
        snprintf(line, sizeof line, "n.beat:%s\r\n", tails[i]);
        expect_beat(line, "n");
    }
}

static void an_autobeat_is_a_beat_with_a_setting_that_nobody_counts(void **state)
{
    (void)state;
    bl_role_assume_worker();
    expect_beat("cron.autobeat:1|c", "cron");
    const struct bl_worker_event *r = expect_set("cron.autobeat:1|c", "cron");
    assert_int_equal(r->flags, BL_WORKER_EVENT_OF_AUTOBEAT);
    assert_int_equal(r->patch.set, BL_SET_DETECTOR);
    assert_int_equal(r->patch.policy.detector, BL_DETECTOR_AUTO);
    assert_int_equal(got.counters.records, 1);
}

/* ---- settings ----------------------------------------------------------- */

static void a_timeout_is_taken_to_the_millisecond(void **state)
{
    (void)state;
    bl_role_assume_worker();
    static const struct {
        const char *line;
        uint32_t ms;
    } cases[] = {
        {"n.timeout:30|g", 30000},         {"n.timeout:2.5|g", 2500},
        {"n.timeout:+5|g", 5000},          {"n.timeout:0.001|g", 1},
        {"n.timeout:.25|g", 250},          {"n.timeout:7.|g", 7000},
        {"n.timeout:1.0019999|g", 1001},   {"n.timeout:3888000|g", BL_TIMEOUT_MAX_MS},
        {"n.timeout:0003.10|ms|@1", 3100},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct bl_worker_event *r = expect_set(cases[i].line, "n");
        assert_int_equal(r->patch.set, BL_SET_TIMEOUT | BL_SET_DETECTOR);
        assert_int_equal(r->patch.policy.timeout_ms, cases[i].ms);
        assert_int_equal(r->patch.policy.detector, BL_DETECTOR_FIXED);
        assert_int_equal(r->flags, 0);
        assert_int_equal(got.beats, 0);
    }
}

static void warn_and_err_set_their_own_field(void **state)
{
    (void)state;
    bl_role_assume_worker();
    const struct bl_worker_event *r = expect_set("web-1.warn:10|g", "web-1");
    assert_int_equal(r->patch.set, BL_SET_WARN | BL_SET_DETECTOR);
    assert_int_equal(r->patch.policy.warn_ms, 10000);
    r = expect_set("web-1.err:20|g", "web-1");
    assert_int_equal(r->patch.set, BL_SET_ERR | BL_SET_DETECTOR);
    assert_int_equal(r->patch.policy.err_ms, 20000);
}

static void minus_one_clears_and_minus_two_is_auto(void **state)
{
    (void)state;
    bl_role_assume_worker();
    static const char *const actions[] = {"timeout", "warn", "err"};
    static const uint32_t field[] = {BL_SET_TIMEOUT, BL_SET_WARN, BL_SET_ERR};
    for (unsigned i = 0; i < 3; i++) {
        char line[64];
        snprintf(line, sizeof line, "n.%s:-1|g", actions[i]);
        const struct bl_worker_event *r = expect_set(line, "n");
        assert_int_equal(r->patch.set, field[i] | BL_SET_DETECTOR);
        assert_int_equal(r->patch.policy.timeout_ms + r->patch.policy.warn_ms + r->patch.policy.err_ms, 0);
        assert_int_equal(r->patch.policy.detector, BL_DETECTOR_FIXED);
        snprintf(line, sizeof line, "n.%s:-2|g", actions[i]);
        r = expect_set(line, "n");
        assert_int_equal(r->patch.set, BL_SET_DETECTOR | (i > 0 ? field[i] : 0));
        assert_int_equal(r->patch.policy.timeout_ms + r->patch.policy.warn_ms + r->patch.policy.err_ms, 0);
        assert_int_equal(r->patch.policy.detector, BL_DETECTOR_AUTO);
        assert_int_equal(r->flags, 0);
    }
}

/* ---- faults -------------------------------------------------------------- */

static void every_fault_counts_under_its_reason(void **state)
{
    (void)state;
    bl_role_assume_worker();
    static const struct {
        const char *line;
        enum bl_drop reason;
    } cases[] = {
        {"hello", BL_DROP_bad_line},
        {"a.beat", BL_DROP_bad_line},
        {"a:1|c", BL_DROP_bad_line},
        {":", BL_DROP_bad_line},
        {" ", BL_DROP_bad_line},
        {"a.beat:1", BL_DROP_bad_line},
        {"a.beat:1|", BL_DROP_bad_line},
        {"a.beat:1|1", BL_DROP_bad_line},
        {"a.beat:1||@1", BL_DROP_bad_line},
        {"a.beat:1|c@1", BL_DROP_bad_line},
        {"a.beat:1|c:2|c", BL_DROP_bad_line},
        {"a.beat:1|c ", BL_DROP_bad_line},
        {".beat:1|c", BL_DROP_bad_name},
        {"a b.beat:1|c", BL_DROP_bad_name},
        {"a|b.beat:1|c", BL_DROP_bad_name},
        {"a\tb.beat:1|c", BL_DROP_bad_name},
        {"a\x7f.beat:1|c", BL_DROP_bad_name},
        {"\x01.x:", BL_DROP_bad_name},
        {"a.beat2:1|c", BL_DROP_bad_action},
        {"a.Beat:1|c", BL_DROP_bad_action},
        {"a.:1|c", BL_DROP_bad_action},
        {"a.be at:1|c", BL_DROP_bad_action},
        {"a.xbeat:1|c", BL_DROP_bad_action},
        {"a.beat:|c", BL_DROP_bad_value},
        {"a.beat:", BL_DROP_bad_value},
        {"a.beat:x|c", BL_DROP_bad_value},
        {"a.beat:1e3|c", BL_DROP_bad_value},
        {"a.beat:0x10|c", BL_DROP_bad_value},
        {"a.beat:+|c", BL_DROP_bad_value},
        {"a.beat:-.|c", BL_DROP_bad_value},
        {"a.beat:1.2.3|c", BL_DROP_bad_value},
        {"a.beat:--1|c", BL_DROP_bad_value},
        {"a.beat:1 |c", BL_DROP_bad_value},
        {"a.beat: 1|c", BL_DROP_bad_value},
        {"a.beat:1,5|c", BL_DROP_bad_value},
        {"a.beat:nan|c", BL_DROP_bad_value},
        {"a.err:0|g", BL_DROP_bad_value},
        {"a.err:-0|g", BL_DROP_bad_value},
        {"a.err:0.0009|g", BL_DROP_bad_value},
        {"a.err:-3|g", BL_DROP_bad_value},
        {"a.err:-1.5|g", BL_DROP_bad_value},
        {"a.err:3888000.001|g", BL_DROP_bad_value},
        {"a.timeout:18446744073709551616|g", BL_DROP_bad_value},
        {"a.warn:18446744073709551.617|g", BL_DROP_bad_value},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_drop(cases[i].line, cases[i].reason);
}

static void names_have_1_to_200_bytes(void **state)
{
    (void)state;
    bl_role_assume_worker();
    char line[320], name[300];
    for (unsigned len = 1; len <= 256; len++) {
        memset(name, 'n', len);
        name[len] = 0;
        snprintf(line, sizeof line, "%s.beat:1|c", name);
        if (len <= BL_NAME_MAX)
            expect_beat(line, name);
        else
            expect_drop(line, BL_DROP_bad_name);
    }
}

static void names_have_the_bytes_that_the_registry_takes(void **state)
{
    (void)state;
    bl_role_assume_worker();
    for (unsigned byte = 0; byte < 256; byte++) {
        for (unsigned place = 0; place < 20; place++) {
            char name[] = "abcdefghijklmnopqrst";
            name[place] = (char)byte;
            const uint8_t *end = (const uint8_t *)name + 20;
            bool good = bl_name_scan((const uint8_t *)name, end) == end;
            assert_int_equal(good, bl_name_is_valid(name, 20));
        }
    }
    expect_beat("Stra\xc3\x9f"
                "e/7#x.beat:1|c",
                "Stra\xc3\x9f"
                "e/7#x");
}

static void a_scan_stops_at_the_first_bad_byte_wherever_it_is(void **state)
{
    (void)state;
    uint8_t text[40];
    for (unsigned len = 0; len <= 32; len++) {
        for (unsigned bad = 0; bad <= len; bad++) {
            memset(text, 0x80, sizeof text);
            memset(text + bad, bad % 2 ? 0 : '|', sizeof text - bad);
            assert_ptr_equal(bl_name_scan(text, text + len), text + bad);
        }
    }
}

/* ---- datagrams -------------------------------------------------------------- */

static void a_bad_line_does_not_cost_its_neighbours(void **state)
{
    (void)state;
    bl_role_assume_worker();
    static const char text[] =
        "a.beat:1|c\nrubbish\r\n\r\nb.beat:1|c\r\nc.x:1|c\nd.err:z|c\n\nd.err:5|g\ne.beat:1|c";
    parse(text, sizeof text - 1);
    assert_int_equal(got.beats, 3);
    assert_int_equal(got.settings, 1);
    assert_int_equal(got.counters.records, 7);
    assert_int_equal(got.counters.drop[BL_DROP_bad_line], 1);
    assert_int_equal(got.counters.drop[BL_DROP_bad_action], 1);
    assert_int_equal(got.counters.drop[BL_DROP_bad_value], 1);
    assert_memory_equal(got.beat[2].name, "e", 1);
}

static void a_datagram_without_a_line_is_empty(void **state)
{
    (void)state;
    bl_role_assume_worker();
    static const char *const texts[] = {"", "\n", "\r\n", "\r", "\n\n\r\n\n\r"};
    for (unsigned i = 0; i < 5; i++)
        expect_drop(texts[i], BL_DROP_empty);
    expect_drop("\r\r\n", BL_DROP_bad_line); /* a carriage return alone is no line end */
}

static void nul_bytes_are_bytes_like_others(void **state)
{
    (void)state;
    bl_role_assume_worker();
    static const char text[] = "a\0b.beat:1|c\na.beat:1|c\0\na.beat:1|c|\0\n\0\n";
    parse(text, sizeof text - 1);
    assert_int_equal(got.beats, 1);
    assert_int_equal(got.counters.drop[BL_DROP_bad_name], 1);
    assert_int_equal(got.counters.drop[BL_DROP_bad_line], 2);
}

static void text_cannot_pass_where_auth_is_required(void **state)
{
    (void)state;
    bl_role_assume_worker();
    config.auth_required = true;
    expect_drop("a.beat:1|c\nb.beat:1|c", BL_DROP_bad_tag);
    config.auth_required = false;
}

static void a_65_kb_datagram_goes_through_sinks_of_any_size(void **state)
{
    (void)state;
    bl_role_assume_worker();
    static char text[65507 + 32];
    static const char *const actions[] = {"beat", "autobeat", "err", "bogus"};
    unsigned len = 0, lines = 0;
    while (len + 20 <= 65507) {
        len += (unsigned)snprintf(text + len, 32, "n%05u.%s:1|c\n", lines, actions[lines % 4]);
        lines++;
    }
    for (unsigned room = 1; room <= BL_SINK_ROOM; room += 7) {
        gather_twice(&got, &config, (const uint8_t *)text, len, room);
        assert_int_equal(got.counters.records, lines);
        assert_int_equal(got.beats, (lines + 3) / 4 + (lines + 2) / 4);
        assert_int_equal(got.counters.drop[BL_DROP_bad_action], lines / 4);
    }
    memset(text, 'x', 65507); /* one line without an end */
    parse(text, 65507);
    assert_int_equal(got.counters.drop[BL_DROP_bad_line], 1);
    memset(text, '1', 65507); /* one number */
    memcpy(text, "a.beat:", 7);
    memcpy(text + 65500, "|c", 3);
    parse(text, 65502);
    assert_int_equal(got.beats, 1);
}

/* ---- against the reference ---------------------------------------------------- */

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

/* A line of likely parts, one in a while unlikely. */
static unsigned random_line(char *out, uint64_t *seed)
{
    static const char *const names[] = {"a", "web-1", "invoice.mailer", "", "x y", "\xc3\xbc.beat", "a|b",
                                        ".", "n:1"};
    static const char *const actions[] = {".beat", ".autobeat", ".timeout", ".warn",
                                          ".err",  ".bea",      "beat",     "."};
    static const char *const values[] = {"1",   "2.5", "-1", "-2",      "0",      "+3",
                                         "1e3", "",    ".",  "4000000", "0.0019", "99999999999999999999"};
    static const char *const tails[] = {"|c", "|g", "|ms|@0.1", "", "|", "|1", "|c|", "|c x", "c"};
    static const char *const ends[] = {"\n", "\n", "\r\n", "\r", "\n\n", ""};
#define PICK(list)   list[next_random(seed) % (sizeof list / sizeof list[0])]
#define LIKELY(list) (next_random(seed) % 3 ? list[next_random(seed) % 3] : PICK(list))
    const char *name = LIKELY(names), *action = LIKELY(actions), *value = LIKELY(values),
               *tail = LIKELY(tails);
    return (unsigned)sprintf(out, "%s%s:%s%s%s", name, action, value, tail, LIKELY(ends));
}

static void random_and_mutated_lines_read_as_the_reference_reads_them(void **state)
{
    (void)state;
    bl_role_assume_worker();
    uint64_t seed = 20240607;
    print_message("seed %llu\n", (unsigned long long)seed);
    for (unsigned round = 0; round < 60000; round++) {
        char text[1024];
        unsigned len = 0;
        for (unsigned lines = next_random(&seed) % 6; lines > 0; lines--)
            len += random_line(text + len, &seed);
        static const char spice[] = ".:|\r\n -+0195ebtac\x7f\x80";
        for (unsigned changes = next_random(&seed) % 4; changes > 0 && len > 0; changes--)
            text[next_random(&seed) % len] = spice[next_random(&seed) % sizeof spice];
        if (len == 0 || (uint8_t)text[0] == 0xbe)
            continue;
        gather_twice(&got, &config, (const uint8_t *)text, len, 1 + round % BL_SINK_ROOM);
        reference_compare(&got, text, len);
    }
}

static int set_up(void **state)
{
    (void)state;
    gather_config(&config);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_beat_carries_its_name_and_key),
        cmocka_unit_test(the_last_action_is_the_separator),
        cmocka_unit_test(a_beat_takes_any_number_type_and_rate),
        cmocka_unit_test(an_autobeat_is_a_beat_with_a_setting_that_nobody_counts),
        cmocka_unit_test(a_timeout_is_taken_to_the_millisecond),
        cmocka_unit_test(warn_and_err_set_their_own_field),
        cmocka_unit_test(minus_one_clears_and_minus_two_is_auto),
        cmocka_unit_test(every_fault_counts_under_its_reason),
        cmocka_unit_test(names_have_1_to_200_bytes),
        cmocka_unit_test(names_have_the_bytes_that_the_registry_takes),
        cmocka_unit_test(a_scan_stops_at_the_first_bad_byte_wherever_it_is),
        cmocka_unit_test(a_bad_line_does_not_cost_its_neighbours),
        cmocka_unit_test(a_datagram_without_a_line_is_empty),
        cmocka_unit_test(nul_bytes_are_bytes_like_others),
        cmocka_unit_test(text_cannot_pass_where_auth_is_required),
        cmocka_unit_test(a_65_kb_datagram_goes_through_sinks_of_any_size),
        cmocka_unit_test(random_and_mutated_lines_read_as_the_reference_reads_them),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
