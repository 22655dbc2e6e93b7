/* SPDX-License-Identifier: Apache-2.0 */
/* The notifier thread against an HTTP receiver on loopback. */
#include "notify_http.h"

static struct rig *rig_for(uint16_t port, uint32_t timeout_ms)
{
    char url[64];
    struct rig *r = rig_new();
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/hook?token=secret", port);
    rig_add(r, BL_NOTIFIER_WEBHOOK, url, timeout_ms);
    return r;
}

/* rig_for() that port, started, with `count` events for it. */
static struct rig *rig_sending(uint16_t port, uint32_t timeout_ms, unsigned count)
{
    struct rig *r = rig_for(port, timeout_ms);
    rig_start(r);
    rig_push_many(r, 1, count);
    return r;
}

/* The end of all but the server's memory, which holds what it saw. */
static void end_both(struct rig *r, struct http_server *s)
{
    rig_end(r, 1000);
    http_stop(s);
}

/* A port that nobody listens on now. */
static uint16_t free_port(void)
{
    uint16_t port = 0;
    close(loopback_tcp(&port));
    return port;
}

static void a_post_carries_the_facts(void **state)
{
    (void)state;
    static char header[] = "Authorization: Bearer x";
    struct http_server *s = http_start(0);
    struct rig *r = rig_for(s->port, 5000);
    r->config.notifier[0].header = header;
    rig_start(r);
    struct bl_event e = rig_event(17);
    strcpy(e.name, "a\"b\\c\xff");
    rig_push(r, &e);
    assert_int_equal(rig_wait_ended(r, 0, 1).delivered, 1);
    char name[64]; /* without the path, which may hold a secret */
    snprintf(name, sizeof(name), "webhook http://127.0.0.1:%u", s->port);
    assert_string_equal(rig_stats(r, 0).name, name);
    end_both(r, s);
    assert_int_equal(strncmp(s->last, "POST /hook?token=secret HTTP/1.1\r\n", 34), 0);
    assert_non_null(strstr(s->last, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(s->last, "\r\nUser-Agent: beatline/"));
    assert_non_null(strstr(s->last, "\r\nIdempotency-Key: 1795252750123-17\r\n"));
    assert_non_null(strstr(s->last, "\r\nAuthorization: Bearer x\r\n"));
    assert_string_equal(strstr(s->last, "\r\n\r\n") + 4,
                        "{\"event\":\"transition\",\"node\":\"a\\\"b\\\\c\xef\xbf\xbd\",\"from\":\"ok\","
                        "\"to\":\"failed\",\"time\":\"2026-11-21T09:19:10.123Z\","
                        "\"last_beat\":\"2026-11-21T09:19:08.123Z\",\"incident\":1,"
                        "\"reason\":\"timeout\",\"number\":17}");
    free(s);
}

static void a_node_that_never_beat_has_no_last_beat(void **state)
{
    (void)state;
    struct http_server *s = http_start(0);
    struct rig *r = rig_for(s->port, 5000);
    rig_start(r);
    struct bl_event e = rig_event(1);
    e.last_beat_unix_ms = 0;
    rig_push(r, &e);
    rig_wait_ended(r, 0, 1);
    end_both(r, s);
    assert_non_null(strstr(s->last, "\"last_beat\":null,"));
    free(s);
}

static void a_freeze_has_its_port_and_reason(void **state)
{
    (void)state;
    struct http_server *s = http_start(0);
    struct rig *r = rig_for(s->port, 5000);
    rig_start(r);
    struct bl_event e = {.number = 1,
                         .kind = BL_EVENT_FREEZE,
                         .flags = BL_EVENT_NOTIFY,
                         .workers_frozen = 1,
                         .workers = 4,
                         .time_unix_ms = RIG_TIME_MS,
                         .reason = "poll_gap",
                         .name = "socket:[::]:8127"};
    rig_push(r, &e);
    rig_wait_ended(r, 0, 1);
    end_both(r, s);
    assert_string_equal(
        strstr(s->last, "\r\n\r\n") + 4,
        "{\"event\":\"freeze\",\"port\":\"socket:[::]:8127\",\"time\":\"2026-11-21T09:19:10.123Z\","
        "\"workers\":4,\"workers_frozen\":1,\"reason\":\"poll_gap\",\"number\":1}");
    free(s);
}

static void ten_thousand_events_arrive_once_each_over_few_connections(void **state)
{
    (void)state;
    struct http_server *s = http_start(0);
    struct rig *r = rig_for(s->port, 20000);
    rig_start(r);
    uint64_t start_ms = real_now_ms();
    rig_push_many(r, 1, 10000);
    struct bl_notifier_stats stats = rig_wait_ended(r, 0, 10000);
    print_message("%llu ms\n", (unsigned long long)(real_now_ms() - start_ms));
    assert_int_equal(stats.delivered, 10000);
    assert_int_equal(stats.retried, 0);
    end_both(r, s);
    assert_true(s->connections_seen <= 16);
    for (unsigned i = 1; i <= 10000; i++)
        assert_int_equal(s->seen[i], 1);
    free(s);
}

static void a_receiver_that_answers_500_is_tried_again(void **state)
{
    (void)state;
    struct http_server *s = http_start(0);
    s->fail_first = 2;
    struct rig *r = rig_sending(s->port, 5000, 1);
    struct bl_notifier_stats stats = rig_wait_ended(r, 0, 1);
    assert_int_equal(stats.delivered, 1);
    assert_int_equal(stats.retried, 2);
    assert_int_equal(http_requests(s), 3);
    end_both(r, s);
    assert_int_equal(s->seen[1], 1);
    free(s);
}

static void a_retry_is_not_the_last_word(void **state)
{
    (void)state;
    struct http_server *s = http_start(0);
    s->fail_first = 1;
    struct rig *r = rig_sending(s->port, 5000, 1);
    while (http_requests(s) < 1)
        real_sleep_ms(1);
    struct bl_event e = rig_event(1);
    e.number = 2;
    e.from = BL_STATE_FAILED;
    e.to = BL_STATE_OK;
    rig_push(r, &e);
    assert_int_equal(rig_wait_ended(r, 0, 1).superseded, 1);
    rig_end(r, 1000); /* no try is left for later */
    http_stop(s);
    assert_int_equal(s->seen[1], 0);
    assert_int_equal(s->seen[2], 1);
    free(s);
}

static void a_receiver_that_comes_later_gets_the_message_once(void **state)
{
    (void)state;
    uint16_t port = free_port();
    struct rig *r = rig_sending(port, 5000, 3);
    rig_wait_retried(r, 0, 3);
    struct http_server *s = http_start(port);
    struct bl_notifier_stats stats = rig_wait_ended(r, 0, 3);
    assert_int_equal(stats.delivered, 3);
    real_sleep_ms(150);
    assert_int_equal(http_requests(s), 3);
    end_both(r, s);
    free(s);
}

static void nobody_there_is_given_up_after_four_tries(void **state)
{
    (void)state;
    struct rig *r = rig_for(free_port(), 5000);
    rig_start(r);
    uint64_t start_ms = real_now_ms();
    rig_push_many(r, 1, 5);
    struct bl_notifier_stats stats = rig_wait_ended(r, 0, 5);
    assert_int_equal(stats.given_up, 5);
    assert_int_equal(stats.retried, 15);
    assert_int_equal(stats.queued, 0);
    assert_true(real_now_ms() - start_ms >= 300);
    rig_end(r, 1000);
}

static void a_redirect_is_not_followed(void **state)
{
    (void)state;
    struct http_server *s = http_start(0);
    s->status = 302;
    struct rig *r = rig_for(s->port, 5000);
    r->config.notifier[0].retries = 0;
    rig_start(r);
    rig_push_many(r, 1, 1);
    assert_int_equal(rig_wait_ended(r, 0, 1).given_up, 1);
    end_both(r, s);
    assert_int_equal(s->requests, 1);
    assert_null(strstr(s->last, "elsewhere"));
    free(s);
}

static void a_long_answer_is_cut_off_and_counts(void **state)
{
    (void)state;
    struct http_server *s = http_start(0);
    s->big_bytes = 10u << 20;
    struct rig *r = rig_sending(s->port, 5000, 1);
    struct bl_notifier_stats stats = rig_wait_ended(r, 0, 1);
    assert_int_equal(stats.delivered, 1);
    assert_int_equal(stats.retried, 0);
    end_both(r, s);
    free(s);
}

static void a_receiver_that_never_answers_holds_up_nobody(void **state)
{
    (void)state;
    char folder[] = "/tmp/beatline-notify-XXXXXX", path[64], target[80];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/log", folder);
    int local = loopback_unix(path);
    struct http_server *s = http_start(0);
    s->holds = true;
    struct rig *r = rig_for(s->port, 1000);
    snprintf(target, sizeof(target), "unix:%s", path);
    rig_add(r, BL_NOTIFIER_SYSLOG, target, 5000);
    rig_start(r);
    uint64_t start_ms = real_now_ms();
    rig_push_many(r, 1, 16);
    char message[1024];
    for (unsigned i = 0; i < 16; i++)
        assert_true(recv(local, message, sizeof(message), 0) > 0);
    assert_true(real_now_ms() - start_ms < 900);
    /* Each try ends by its timeout; the next one may succeed. */
    rig_wait_retried(r, 0, 16);
    __atomic_store_n(&s->holds, false, __ATOMIC_RELAXED);
    assert_int_equal(rig_wait_ended(r, 0, 16).delivered, 16);
    end_both(r, s);
    for (unsigned i = 1; i <= 16; i++)
        assert_int_equal(s->seen[i], 1);
    free(s);
    close(local);
    unlink(path);
    rmdir(folder);
}

static void stop_ends_within_its_grace(void **state)
{
    (void)state;
    struct http_server *s = http_start(0);
    s->holds = true;
    struct rig *r = rig_sending(s->port, 60000, 50);
    while (http_requests(s) < 16)
        real_sleep_ms(1);
    uint64_t start_ms = real_now_ms();
    rig_end(r, 300);
    assert_in_range(real_now_ms() - start_ms, 250, 2000);
    http_stop(s);
    free(s);
}

static void bad_urls_and_headers_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",        "nowhere",        "ftp://h/", "file:///etc/passwd",
                                      "http://", "http://h:99999/"};
    struct bl_notice_source source = {.fd = -1};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char err[BL_ERR_BYTES] = "";
        struct rig *r = rig_new();
        rig_add(r, BL_NOTIFIER_WEBHOOK, bad[i], 5000);
        assert_null(bl_notifier_new(&r->config, &source, err));
        assert_int_equal(strncmp(err, "webhook ", 8), 0);
        rig_end(r, 0);
    }
    static char header[] = "X: y\r\nHost: other";
    char err[BL_ERR_BYTES] = "";
    struct rig *r = rig_for(1, 5000);
    r->config.notifier[0].header = header;
    assert_null(bl_notifier_new(&r->config, &source, err));
    assert_non_null(strstr(err, "header"));
    rig_end(r, 0);
}

int main(void)
{
    /* A proxy of the machine must not see the tests. */
    setenv("no_proxy", "*", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_post_carries_the_facts),
        cmocka_unit_test(a_node_that_never_beat_has_no_last_beat),
        cmocka_unit_test(a_freeze_has_its_port_and_reason),
        cmocka_unit_test(ten_thousand_events_arrive_once_each_over_few_connections),
        cmocka_unit_test(a_receiver_that_answers_500_is_tried_again),
        cmocka_unit_test(a_retry_is_not_the_last_word),
        cmocka_unit_test(a_receiver_that_comes_later_gets_the_message_once),
        cmocka_unit_test(nobody_there_is_given_up_after_four_tries),
        cmocka_unit_test(a_redirect_is_not_followed),
        cmocka_unit_test(a_long_answer_is_cut_off_and_counts),
        cmocka_unit_test(a_receiver_that_never_answers_holds_up_nobody),
        cmocka_unit_test(stop_ends_within_its_grace),
        cmocka_unit_test(bad_urls_and_headers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
