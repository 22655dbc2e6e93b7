/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/alert/notice.h"
#include "control/alert/receivers/syslog_line.h"
#include "control/net/syslog_target.h"
#include "control/net/webhook_target.h"

static const struct bl_syslog_identity who = {.facility = 3, .pid = 4711, .host = "watcher"};

static struct bl_event failed_mailer(void)
{
    return (struct bl_event){.number = 17,
                             .kind = BL_EVENT_TRANSITION,
                             .from = BL_STATE_OK,
                             .to = BL_STATE_FAILED,
                             .time_unix_ms = INT64_C(1795252750123),
                             .last_beat_unix_ms = INT64_C(1795252748123),
                             .incident = 1,
                             .reason = "timeout",
                             .name = "invoice.mailer"};
}

/* What `e` is in RFC 5424, RFC 3164 with and without host; compared. */
static void expect(const struct bl_event *e, int format, const char *text)
{
    struct bl_notice *n = bl_notice_new(e);
    struct bl_text out = {0};
    if (format == 5424)
        bl_syslog_5424(&out, &who, n);
    else
        bl_syslog_3164(&out, &who, n, format == 3164);
    bl_text_append(&out, "", 1);
    assert_string_equal(out.data, text);
    bl_text_free(&out);
    bl_notice_release(n);
}

static void rfc_5424_has_all_the_facts_as_structured_data(void **state)
{
    (void)state;
    struct bl_event e = failed_mailer();
    expect(&e, 5424,
           "<27>1 2026-11-21T09:19:10.123Z watcher beatline 4711 TRANSITION "
           "[beatline@32473 node=\"invoice.mailer\" from=\"ok\" to=\"failed\" incident=\"1\" "
           "reason=\"timeout\" number=\"17\"] "
           "node invoice.mailer failed: no beat for 2.0 s (was ok, incident 1)");
}

static void a_view_is_told_as_one_if_its_config_says_so(void **state)
{
    (void)state;
    struct bl_event e = {.number = 18,
                         .kind = BL_EVENT_VIEW,
                         .from = BL_STATE_OK,
                         .to = BL_STATE_FAILED,
                         .time_unix_ms = INT64_C(1795252750123),
                         .incident = 3,
                         .name = "web-ams"};
    assert_false(bl_notice_wanted(&e, 1u << BL_STATE_FAILED));
    e.flags = BL_EVENT_NOTIFY;
    assert_true(bl_notice_wanted(&e, 1u << BL_STATE_FAILED));
    assert_false(bl_notice_wanted(&e, 1u << BL_STATE_OK));
    expect(&e, 5424,
           "<27>1 2026-11-21T09:19:10.123Z watcher beatline 4711 VIEW "
           "[beatline@32473 view=\"web-ams\" from=\"ok\" to=\"failed\" incident=\"3\" "
           "reason=\"\" number=\"18\"] "
           "view web-ams failed (was ok, incident 3)");
}

static void a_freeze_is_told_of_its_port(void **state)
{
    (void)state;
    struct bl_event e = {.number = 19,
                         .kind = BL_EVENT_FREEZE,
                         .workers_frozen = 4,
                         .workers = 4,
                         .time_unix_ms = INT64_C(1795252750123),
                         .reason = "link_down",
                         .name = "dpdk:0000:01:00.0"};
    assert_false(bl_notice_wanted(&e, 1u << BL_STATE_FAILED)); /* a second old */
    e.flags = BL_EVENT_NOTIFY;
    assert_true(bl_notice_wanted(&e, 1u << BL_STATE_FAILED));
    assert_false(bl_notice_wanted(&e, 0)); /* who wants nothing gets nothing */
    expect(
        &e, 5424,
        "<27>1 2026-11-21T09:19:10.123Z watcher beatline 4711 FREEZE "
        "[beatline@32473 port=\"dpdk:0000:01:00.0\" reason=\"link_down\" number=\"19\"] "
        "ingest of dpdk:0000:01:00.0 frozen: link down; its nodes' ages stand still, none of them can fail");
    e.kind = BL_EVENT_THAW;
    e.lasted_ms = 61234;
    expect(
        &e, 5424,
        "<29>1 2026-11-21T09:19:10.123Z watcher beatline 4711 THAW "
        "[beatline@32473 port=\"dpdk:0000:01:00.0\" reason=\"link_down\" lasted_ms=\"61234\" number=\"19\"] "
        "ingest of dpdk:0000:01:00.0 runs again; its nodes' ages stood still for 61.2 s");
}

static void rfc_3164_is_local_time_with_a_host_on_stderr_only(void **state)
{
    (void)state;
    struct bl_event e = failed_mailer();
    expect(&e, 3164,
           "<27>Nov 21 09:19:10 watcher beatline[4711]: "
           "node invoice.mailer failed: no beat for 2.0 s (was ok, incident 1)");
    e.time_unix_ms -= INT64_C(86400000) * 12;
    e.last_beat_unix_ms = 0;
    expect(&e, 0,
           "<27>Nov  9 09:19:10 beatline[4711]: "
           "node invoice.mailer failed: never beat (was ok, incident 1)");
}

static void severity_follows_the_state(void **state)
{
    (void)state;
    struct bl_event e = failed_mailer();
    e.to = BL_STATE_WARNING;
    expect(&e, 0,
           "<28>Nov 21 09:19:10 beatline[4711]: "
           "node invoice.mailer warning: no beat for 2.0 s (was ok, incident 1)");
    e.to = BL_STATE_OK;
    e.from = BL_STATE_FAILED;
    strcpy(e.reason, "beat");
    expect(&e, 0,
           "<29>Nov 21 09:19:10 beatline[4711]: "
           "node invoice.mailer ok: beats again (was failed, incident 1)");
    e.to = BL_STATE_PAUSED;
    strcpy(e.reason, "bye");
    expect(&e, 0,
           "<30>Nov 21 09:19:10 beatline[4711]: node invoice.mailer paused: bye (was failed, incident 1)");
}

static void structured_data_escapes_what_rfc_5424_says(void **state)
{
    (void)state;
    struct bl_event e = failed_mailer();
    strcpy(e.name, "a\"b\\c]d");
    expect(&e, 5424,
           "<27>1 2026-11-21T09:19:10.123Z watcher beatline 4711 TRANSITION "
           "[beatline@32473 node=\"a\\\"b\\\\c\\]d\" from=\"ok\" to=\"failed\" incident=\"1\" "
           "reason=\"timeout\" number=\"17\"] "
           "node a\"b\\c]d failed: no beat for 2.0 s (was ok, incident 1)");
}

static void a_name_cannot_smuggle_in_a_line_or_broken_utf_8(void **state)
{
    (void)state;
    struct bl_event e = failed_mailer();
    strcpy(e.name, "a\nb\xff"
                   "c\xc3\xa9");
    struct bl_notice *n = bl_notice_new(&e);
    assert_string_equal(n->name, "a\xef\xbf\xbd"
                                 "b\xef\xbf\xbd"
                                 "c\xc3\xa9");
    bl_notice_release(n);
    memset(e.name, 0xff, sizeof(e.name)); /* not terminated either */
    n = bl_notice_new(&e);
    assert_int_equal(strlen(n->name), 3 * (sizeof(e.name) - 1));
    bl_notice_release(n);
}

static void people_are_told_of_trouble_and_of_its_end(void **state)
{
    (void)state;
    const uint32_t told = 1u << BL_STATE_OK | 1u << BL_STATE_WARNING | 1u << BL_STATE_FAILED;
    struct bl_event e = failed_mailer();
    assert_true(bl_notice_wanted(&e, told));
    assert_false(bl_notice_wanted(&e, 1u << BL_STATE_WARNING));
    e.from = BL_STATE_PAUSED;
    assert_true(bl_notice_wanted(&e, told));
    e.to = BL_STATE_OK;
    assert_false(bl_notice_wanted(&e, told)); /* the end of a pause */
    e.from = BL_STATE_NEW;
    assert_false(bl_notice_wanted(&e, told)); /* a first beat */
    for (unsigned s = BL_STATE_WARNING; s <= BL_STATE_FAILED; s++) {
        e.from = (uint8_t)s;
        assert_true(bl_notice_wanted(&e, told));
    }
    e.from = BL_STATE_UNKNOWN;
    assert_false(bl_notice_wanted(&e, told)); /* of which nobody heard */
    assert_true(bl_notice_wanted(&e, told | 1u << BL_STATE_UNKNOWN));
    e.kind = BL_EVENT_FREEZE;
    assert_false(bl_notice_wanted(&e, told));
}

static void facilities_have_their_numbers(void **state)
{
    (void)state;
    assert_int_equal(bl_syslog_facility("kern"), 0);
    assert_int_equal(bl_syslog_facility("daemon"), 3);
    assert_int_equal(bl_syslog_facility("authpriv"), 10);
    assert_int_equal(bl_syslog_facility("local0"), 16);
    assert_int_equal(bl_syslog_facility("local7"), 23);
    assert_int_equal(bl_syslog_facility("local8"), -1);
    assert_int_equal(bl_syslog_facility(""), -1);
}

static void targets_are_what_the_manual_lists(void **state)
{
    (void)state;
    struct bl_syslog_target t;
    char err[BL_ERR_BYTES];
    assert_int_equal(bl_syslog_target_parse(&t, "local", err), 0);
    assert_string_equal(t.path, "/dev/log");
    assert_true(t.or_stderr);
    assert_int_equal(bl_syslog_target_parse(&t, "unix:/run/x", err), 0);
    assert_string_equal(t.path, "/run/x");
    assert_false(t.or_stderr);
    assert_int_equal(bl_syslog_target_parse(&t, "udp://log.example", err), 0);
    assert_int_equal(t.kind, BL_SYSLOG_UDP);
    assert_string_equal(t.host, "log.example");
    assert_string_equal(t.port, "514");
    assert_int_equal(bl_syslog_target_parse(&t, "tcp://[2001:db8::1]:6514", err), 0);
    assert_int_equal(t.kind, BL_SYSLOG_TCP);
    assert_string_equal(t.host, "2001:db8::1");
    assert_string_equal(t.port, "6514");
}

static void a_bad_target_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",          "remote",         "udp:",          "udp://",        "udp://:514",    "udp://h:",
        "udp://h:0", "udp://h:-1",     "udp://h:65536", "udp://h:1x",    "udp://::1:514", "udp://[::1",
        "udp://[]",  "tcp://[::1]x",   "tcp://h/path",  "unix:relative", "unix:",         "http://h:514",
        "udp://a b", "udp://me@h:514",
    };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct bl_syslog_target t;
        char err[BL_ERR_BYTES] = "";
        assert_int_equal(bl_syslog_target_parse(&t, bad[i], err), -EINVAL);
        assert_non_null(strchr(err, ';'));
    }
    char longest[400] = "unix:/";
    memset(longest + 6, 'x', 101);
    struct bl_syslog_target t;
    char err[BL_ERR_BYTES];
    assert_int_equal(bl_syslog_target_parse(&t, longest, err), 0);
    memset(longest + 6, 'x', 107);
    assert_int_equal(bl_syslog_target_parse(&t, longest, err), -EINVAL);
    memcpy(longest, "udp://", 6);
    memset(longest + 6, 'h', 300);
    assert_int_equal(bl_syslog_target_parse(&t, longest, err), -EINVAL);
}

static void a_webhook_is_an_http_address_with_a_host(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "http://", "ftp://h/", "h/", "http://h:x/", "http:/h", "https://"};
    struct bl_webhook_target t;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(bl_webhook_target_parse(&t, bad[i]));
    assert_true(bl_webhook_target_parse(&t, "HTTPS://me:secret@h.example:8443/p?q"));
    assert_string_equal(t.scheme, "https");
    assert_string_equal(t.host, "h.example");
    assert_string_equal(t.port, "8443");
    assert_true(bl_webhook_target_parse(&t, "http://[::1]/"));
    assert_string_equal(t.host, "[::1]");
    assert_string_equal(t.port, "");
}

static void a_webhook_header_is_one_line_with_a_name(void **state)
{
    (void)state;
    assert_true(bl_webhook_header_is_good(""));
    assert_true(bl_webhook_header_is_good("Authorization: Bearer T"));
    static const char *const bad[] = {"nocolon", ": v", "a: b\r\nc: d", "a: b\n", "a: \x7f"};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(bl_webhook_header_is_good(bad[i]));
}

int main(void)
{
    setenv("TZ", "UTC0", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_5424_has_all_the_facts_as_structured_data),
        cmocka_unit_test(a_view_is_told_as_one_if_its_config_says_so),
        cmocka_unit_test(a_freeze_is_told_of_its_port),
        cmocka_unit_test(rfc_3164_is_local_time_with_a_host_on_stderr_only),
        cmocka_unit_test(severity_follows_the_state),
        cmocka_unit_test(structured_data_escapes_what_rfc_5424_says),
        cmocka_unit_test(a_name_cannot_smuggle_in_a_line_or_broken_utf_8),
        cmocka_unit_test(people_are_told_of_trouble_and_of_its_end),
        cmocka_unit_test(facilities_have_their_numbers),
        cmocka_unit_test(targets_are_what_the_manual_lists),
        cmocka_unit_test(a_bad_target_is_refused_with_a_reason),
        cmocka_unit_test(a_webhook_is_an_http_address_with_a_host),
        cmocka_unit_test(a_webhook_header_is_one_line_with_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
