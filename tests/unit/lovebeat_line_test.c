/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/import/lovebeat_line.h"

#define NOW INT64_C(1790000000000)

static struct bl_lovebeat_record record;

static const struct bl_lovebeat_record *parse(const char *line)
{
    char why[BL_ERR_BYTES] = "";
    if (bl_lovebeat_line_parse(line, strlen(line), NOW, &record, why) != 0)
        fail_msg("%s", why);
    return &record;
}

static void assert_refused(const char *line, const char *says)
{
    char why[BL_ERR_BYTES] = "";
    assert_int_equal(bl_lovebeat_line_parse(line, strlen(line), NOW, &record, why), -EINVAL);
    if (!strstr(why, says))
        fail_msg("%s: says \"%s\", not \"%s\"", line, why, says);
}

static void a_service_of_1_0_is_a_node_in_milliseconds(void **state)
{
    (void)state;
    const struct bl_node_past *p =
        &parse("SERV\t{\"name\":\"a.b\",\"last_beat\":1464000000123,\"beat_history\":[1,2],\"timeout\":60500,"
               "\"state\":\"error\",\"muted_since\":0,\"last_state_change\":1464000060700}")
             ->node;
    assert_string_equal(p->name, "a.b");
    assert_int_equal(p->name_len, 3);
    assert_int_equal(p->last_beat_unix_ms, INT64_C(1464000000123));
    assert_int_equal(p->state_since_unix_ms, INT64_C(1464000060700));
    assert_int_equal(p->state, BL_STATE_FAILED);
    assert_int_equal(p->incident, 1);
    assert_int_equal(p->policy.timeout_ms, 60500);
    assert_int_equal(p->policy.detector, BL_DETECTOR_FIXED);
    assert_true(p->own_detector);
}

static void a_muted_service_is_paused_since_then(void **state)
{
    (void)state;
    const struct bl_node_past *p =
        &parse("SERV\t{\"name\":\"a\",\"last_beat\":-1,\"timeout\":-1,\"state\":\"muted\","
               "\"muted_since\":1464000000123,\"last_state_change\":1464000000200}")
             ->node;
    assert_int_equal(p->state, BL_STATE_PAUSED);
    assert_int_equal(p->state_since_unix_ms, INT64_C(1464000000123));
    assert_int_equal(p->last_beat_unix_ms, 0);
    assert_int_equal(p->policy.timeout_ms, 0);
    assert_false(p->own_detector);
    assert_false(p->until_beat);
}

static void a_service_of_0_8_is_a_node_in_seconds(void **state)
{
    (void)state;
    const struct bl_node_past *p =
        &parse("SERV\t{\"Name\":\"a\",\"LastValue\":-1,\"LastBeat\":1421000000,\"PreviousBeats\":[0,"
               "1421000000],"
               "\"LastUpdated\":1421000030,\"WarningTimeout\":10,\"ErrorTimeout\":30,\"State\":\"warning\"}")
             ->node;
    assert_int_equal(p->last_beat_unix_ms, INT64_C(1421000000000));
    assert_int_equal(p->state_since_unix_ms, INT64_C(1421000030000));
    assert_int_equal(p->policy.warn_ms, 10000);
    assert_int_equal(p->policy.err_ms, 30000);
    assert_int_equal(p->state, BL_STATE_WARNING);
}

static void between_the_two_units_are_told_by_their_size(void **state)
{
    (void)state;
#define MIDDLE(last_beat)                                                                                    \
    "SERV\t{\"name\":\"a\",\"last_beat\":" last_beat ",\"warning_timeout\":-1,\"error_timeout\":30,"         \
    "\"state\":\"ok\"}"
    assert_int_equal(parse(MIDDLE("1430000000"))->node.policy.err_ms, 30000);
    assert_int_equal(parse(MIDDLE("1430000000000"))->node.policy.err_ms, 30);
#undef MIDDLE
    assert_int_equal(record.node.last_beat_unix_ms, INT64_C(1430000000000));
}

static void auto_is_a_detector(void **state)
{
    (void)state;
    assert_int_equal(parse("SERV\t{\"name\":\"a\",\"timeout\":-2,\"state\":\"ok\"}")->node.policy.detector,
                     BL_DETECTOR_AUTO);
    parse("SERV\t{\"Name\":\"a\",\"WarningTimeout\":-2,\"ErrorTimeout\":5,\"State\":\"ok\"}");
    assert_int_equal(record.node.policy.detector, BL_DETECTOR_AUTO);
    assert_int_equal(record.node.policy.warn_ms, 0);
    assert_int_equal(record.node.policy.err_ms, 5000);
}

static void paused_of_0_8_has_never_beaten(void **state)
{
    (void)state;
    assert_int_equal(parse("SERV\t{\"Name\":\"a\",\"LastBeat\":-1,\"State\":\"paused\"}")->node.state,
                     BL_STATE_NEW);
    assert_int_equal(parse("SERV\t{\"Name\":\"a\",\"LastBeat\":1421000000,\"State\":\"paused\"}")->node.state,
                     BL_STATE_OK);
    assert_int_equal(parse("SERV\t{\"name\":\"a\",\"last_beat\":-1,\"state\":\"new\"}")->node.state,
                     BL_STATE_NEW);
    assert_int_equal(record.node.first_seen_unix_ms, NOW);
}

static void what_is_too_long_or_to_come_is_held(void **state)
{
    (void)state;
    parse("SERV\t{\"name\":\"a\",\"timeout\":9223372036854775807,\"last_beat\":9223372036854775807,"
          "\"state\":\"ok\"}");
    assert_true(record.shortened);
    assert_int_equal(record.node.policy.timeout_ms, BL_TIMEOUT_MAX_MS);
    assert_int_equal(record.node.last_beat_unix_ms, NOW);
    parse(
        "SERV\t{\"Name\":\"a\",\"ErrorTimeout\":3888001,\"LastBeat\":-9223372036854775808,\"State\":\"ok\"}");
    assert_true(record.shortened);
    assert_int_equal(record.node.policy.err_ms, BL_TIMEOUT_MAX_MS);
    assert_int_equal(record.node.last_beat_unix_ms, 0);
}

static void views_and_alarms_keep_their_number(void **state)
{
    (void)state;
    parse("VIEW\t{\"Name\":\"backup\",\"State\":\"error\",\"Regexp\":\"^backup\\\\.\",\"LastUpdated\":"
          "1421000000,"
          "\"AlertMail\":\"a@b\",\"Webhooks\":\"\",\"IncidentNbr\":7}");
    assert_int_equal(record.kind, BL_LOVEBEAT_VIEW);
    assert_string_equal(record.regexp, "^backup\\.");
    assert_int_equal(record.view.incident, 7);
    assert_int_equal(record.view.state, BL_STATE_FAILED);
    assert_int_equal(record.view.since_unix_ms, INT64_C(1421000000000));
    parse("VIEW\t{\"name\":\"v\",\"state\":\"paused\",\"incident_nbr\":1}");
    assert_false(record.has_regexp);
    assert_int_equal(record.view.state, BL_STATE_OK);
    parse("ALARM\t{\"name\":\"an alarm\",\"state\":\"new\",\"incident_nbr\":0,\"failed_services\":null,"
          "\"last_state_change\":0}");
    assert_int_equal(record.kind, BL_LOVEBEAT_ALARM);
    assert_int_equal(record.view.state, BL_STATE_OK);
    assert_string_equal(record.view.name, "an alarm");
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"", "none of SERV"},
        {"SERV", "none of SERV"},
        {"SERV\t", "none of SERV"},
        {"serv\t{}", "none of SERV"},
        {"SERVICE\t{}", "none of SERV"},
        {"SERV\t{\"name\":\"a\"", "bad JSON"},
        {"SERV\t{\"name\":\"a\"}x", "bad JSON"},
        {"SERV\t{\"name\":\"a\xff\"}", "bad JSON"},
        {"SERV\t[]", "no JSON object"},
        {"SERV\t{}", "name: is missing"},
        {"SERV\t{\"name\":1}", "name: is no text"},
        {"SERV\t{\"name\":null}", "name: is missing"},
        {"SERV\t{\"name\":\"a b\",\"state\":\"ok\"}", "name: is none a node can have"},
        {"SERV\t{\"name\":\"\",\"state\":\"ok\"}", "name: is none a node can have"},
        {"SERV\t{\"name\":\"a\",\"state\":\"fine\"}", "state: is none of"},
        {"SERV\t{\"name\":\"a\",\"state\":7}", "state: is no text"},
        {"SERV\t{\"name\":\"a\",\"last_beat\":\"now\",\"state\":\"ok\"}", "last_beat: is no whole number"},
        {"SERV\t{\"name\":\"a\",\"timeout\":1.5,\"state\":\"ok\"}", "timeout: is no whole number"},
        {"ALARM\t{\"name\":\"a\",\"state\":\"ok\",\"incident_nbr\":-1}", "incident_nbr: is out of range"},
        {"ALARM\t{\"name\":\"\",\"state\":\"ok\"}", "name: is missing"},
    };
    char name[300];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_refused(bad[i][0], bad[i][1]);
    snprintf(name, sizeof(name), "SERV\t{\"name\":\"%0*d\",\"state\":\"ok\"}", BL_NAME_MAX, 0);
    parse(name);
    snprintf(name, sizeof(name), "SERV\t{\"name\":\"%0*d\",\"state\":\"ok\"}", BL_NAME_MAX + 1, 0);
    assert_refused(name, "name: is too long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service_of_1_0_is_a_node_in_milliseconds),
        cmocka_unit_test(a_muted_service_is_paused_since_then),
        cmocka_unit_test(a_service_of_0_8_is_a_node_in_seconds),
        cmocka_unit_test(between_the_two_units_are_told_by_their_size),
        cmocka_unit_test(auto_is_a_detector),
        cmocka_unit_test(paused_of_0_8_has_never_beaten),
        cmocka_unit_test(what_is_too_long_or_to_come_is_held),
        cmocka_unit_test(views_and_alarms_keep_their_number),
        cmocka_unit_test(what_is_wrong_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
