/* SPDX-License-Identifier: Apache-2.0 */
/* The notifier thread against syslog receivers on Unix sockets and
 * loopback, played by the test. */
#include "notify_rig.h"
#include "tests/loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

static char folder[64], socket_path[96];

/* A rig with one receiver, "udp://127.0.0.1:514" and such, not started. */
static struct rig *rig_to(uint32_t timeout_ms, const char *format, ...) __attribute__((format(printf, 2, 3)));
static struct rig *rig_to(uint32_t timeout_ms, const char *format, ...)
{
    char target[128];
    va_list args;
    va_start(args, format);
    vsnprintf(target, sizeof(target), format, args);
    va_end(args);
    struct rig *r = rig_new();
    rig_add(r, BL_NOTIFIER_SYSLOG, target, timeout_ms);
    return r;
}

/* One more, at the Unix socket. */
static void add_local(struct rig *r)
{
    char target[128];
    snprintf(target, sizeof(target), "unix:%s", socket_path);
    rig_add(r, BL_NOTIFIER_SYSLOG, target, 5000);
}

/* The event number in an RFC 5424 message, or of "node-N" in any. */
static unsigned long number_in(const char *message)
{
    const char *at = strstr(message, "node-");
    assert_non_null(at);
    return strtoul(at + 5, NULL, 10);
}

static void expect_in_order(int fd, unsigned first, unsigned count)
{
    char message[2048];
    for (unsigned i = 0; i < count; i++) {
        loopback_receive(fd, message, sizeof(message));
        assert_int_equal(number_in(message), first + i);
    }
}

static void the_local_socket_gets_one_message_per_event(void **state)
{
    (void)state;
    char message[2048];
    int fd = loopback_unix(socket_path);
    struct rig *r = rig_to(5000, "local:%s", socket_path);
    rig_start(r);
    rig_push_many(r, 1, 3);
    loopback_receive(fd, message, sizeof(message));
    assert_non_null(strstr(message, ": node node-1 failed: no beat for 2.0 s (was ok, incident 1)"));
    assert_int_equal(strncmp(message, "<27>Nov 21 09:19:10 beatline[", 29), 0);
    expect_in_order(fd, 2, 2);
    assert_int_equal(rig_wait_ended(r, 0, 3).delivered, 3);
    assert_false(loopback_readable(fd, 0));
    rig_end(r, 1000);
    close(fd);
}

/* The kernel lets a Unix socket hold a few datagrams only. */
static void a_full_local_socket_is_waited_for(void **state)
{
    (void)state;
    int fd = loopback_unix(socket_path);
    struct rig *r = rig_to(20000, "unix:%s", socket_path);
    rig_start(r);
    rig_push_many(r, 1, 5000);
    while (rig_stats(r, 0).queued == 0)
        real_sleep_ms(1);
    expect_in_order(fd, 1, 5000);
    struct bl_notifier_stats s = rig_wait_ended(r, 0, 5000);
    assert_int_equal(s.delivered, 5000);
    assert_int_equal(s.retried, 0);
    rig_end(r, 1000);
    close(fd);
}

static void a_local_socket_that_comes_later_gets_the_message_once(void **state)
{
    (void)state;
    unlink(socket_path);
    struct rig *r = rig_to(5000, "unix:%s", socket_path);
    r->config.notifier[0].retries = 50; /* this thread may be late to open */
    rig_start(r);
    rig_push_many(r, 1, 2);
    rig_wait_retried(r, 0, 2);
    int fd = loopback_unix(socket_path);
    expect_in_order(fd, 1, 2);
    struct bl_notifier_stats s = rig_wait_ended(r, 0, 2);
    assert_int_equal(s.delivered, 2);
    assert_int_equal(s.given_up, 0);
    assert_false(loopback_readable(fd, 150));
    rig_end(r, 1000);
    close(fd);
}

static void without_a_local_syslog_messages_go_to_stderr(void **state)
{
    (void)state;
    int pipes[2], kept = dup(STDERR_FILENO);
    char text[4096];
    unlink(socket_path);
    assert_int_equal(pipe(pipes), 0);
    dup2(pipes[1], STDERR_FILENO);
    struct rig *r = rig_to(5000, "local:%s", socket_path);
    rig_start(r);
    rig_push_many(r, 1, 1);
    rig_wait_ended(r, 0, 1);
    int fd = loopback_unix(socket_path); /* and here it is */
    rig_push_many(r, 2, 1);
    expect_in_order(fd, 2, 1);
    rig_end(r, 1000);
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(pipes[1]);
    ssize_t n = read(pipes[0], text, sizeof(text) - 1);
    close(pipes[0]);
    close(fd);
    assert_true(n > 0);
    text[n] = 0;
    assert_non_null(strstr(text, "messages go to stderr until there is one"));
    assert_non_null(strstr(text, "\n<27>Nov 21 09:19:10 "));
    assert_non_null(strstr(text, ": node node-1 failed: no beat for 2.0 s (was ok, incident 1)\n"));
    assert_null(strstr(text, "node-2"));
}

static void udp_gets_one_rfc_5424_message_per_datagram(void **state)
{
    (void)state;
    uint16_t port = 0;
    int fd = loopback_udp(&port);
    char message[2048];
    struct rig *r = rig_to(5000, "udp://127.0.0.1:%u", port);
    rig_start(r);
    rig_push_many(r, 1, 1);
    loopback_receive(fd, message, sizeof(message));
    assert_int_equal(strncmp(message, "<27>1 2026-11-21T09:19:10.123Z ", 31), 0);
    assert_non_null(strstr(message, " TRANSITION [beatline@32473 node=\"node-1\""));
    /* Paced, so that a receiver's default buffer, which holds some 160,
     * loses none. Not more: this thread must keep up on a busy machine. */
    rig_push_many(r, 2, 400);
    expect_in_order(fd, 2, 400);
    rig_end(r, 1000);
    close(fd);
}

static void an_ipv6_receiver_is_reached_by_its_bracketed_address(void **state)
{
    (void)state;
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0) {
        print_message("skipped: there is no IPv6 loopback here\n");
        skip();
    }
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    struct rig *r = rig_to(5000, "udp://[::1]:%u", ntohs(at.sin6_port));
    rig_start(r);
    rig_push_many(r, 1, 1);
    expect_in_order(fd, 1, 1);
    rig_end(r, 1000);
    close(fd);
}

static void a_udp_receiver_that_comes_later_gets_the_message_once(void **state)
{
    (void)state;
    uint16_t port = 0;
    close(loopback_udp(&port));
    struct rig *r = rig_to(5000, "udp://localhost:%u", port);
    r->config.notifier[0].retries = 20;
    rig_start(r);
    rig_push_many(r, 1, 1);
    rig_wait_retried(r, 0, 1);
    int fd = loopback_udp(&port);
    expect_in_order(fd, 1, 1);
    assert_false(loopback_readable(fd, 250));
    assert_int_equal(rig_stats(r, 0).delivered, 1);
    rig_end(r, 1000);
    close(fd);
}

/* Reads one octet-counted frame (RFC 6587, 3.4.1). */
static void read_frame(int fd, char *out, size_t bytes)
{
    size_t len = 0;
    char c;
    for (;;) {
        assert_true(loopback_readable(fd, LOOPBACK_PATIENCE_MS));
        assert_int_equal(recv(fd, &c, 1, 0), 1);
        if (c == ' ')
            break;
        assert_in_range(c, '0', '9');
        len = len * 10 + (size_t)(c - '0');
    }
    assert_in_range(len, 1, bytes - 1);
    assert_int_equal(recv(fd, out, len, MSG_WAITALL), len);
    out[len] = 0;
}

static void tcp_gets_ten_thousand_frames_in_order(void **state)
{
    (void)state;
    uint16_t port = 0;
    int listener = loopback_tcp(&port);
    char message[2048];
    struct rig *r = rig_to(20000, "tcp://127.0.0.1:%u", port);
    rig_start(r);
    rig_push_many(r, 1, 10000);
    int fd = accept(listener, NULL, NULL);
    for (unsigned i = 1; i <= 10000; i++) {
        read_frame(fd, message, sizeof(message));
        assert_int_equal(number_in(message), i);
    }
    struct bl_notifier_stats s = rig_wait_ended(r, 0, 10000);
    assert_int_equal(s.delivered, 10000);
    assert_int_equal(s.retried, 0);
    rig_end(r, 1000);
    close(fd);
    close(listener);
}

static void a_tcp_receiver_that_restarts_loses_no_message(void **state)
{
    (void)state;
    uint16_t port = 0;
    int listener = loopback_tcp(&port);
    char message[2048];
    struct rig *r = rig_to(5000, "tcp://127.0.0.1:%u", port);
    rig_start(r);
    for (unsigned i = 1; i <= 5; i++) {
        rig_push_many(r, i, 1);
        assert_true(loopback_readable(listener, LOOPBACK_PATIENCE_MS));
        int fd = accept(listener, NULL, NULL);
        read_frame(fd, message, sizeof(message));
        assert_int_equal(number_in(message), i);
        close(fd);
        rig_wait_ended(r, 0, i);
    }
    close(listener); /* now it stays away for a while */
    rig_push_many(r, 6, 1);
    rig_wait_retried(r, 0, 1);
    listener = loopback_tcp(&port);
    int fd = accept(listener, NULL, NULL);
    read_frame(fd, message, sizeof(message));
    assert_int_equal(number_in(message), 6);
    assert_int_equal(rig_wait_ended(r, 0, 6).delivered, 6);
    rig_end(r, 1000);
    close(fd);
    close(listener);
}

/* It accepts, and reads nothing: the window fills, tries time out. */
static void a_stuck_tcp_receiver_is_given_up_and_holds_up_nobody(void **state)
{
    (void)state;
    uint16_t port = 0;
    int listener = loopback_tcp(&port), local = loopback_unix(socket_path), small = 4096;
    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    struct rig *r = rig_to(300, "tcp://127.0.0.1:%u", port);
    r->config.notifier[0].retries = 0;
    add_local(r);
    rig_start(r);
    uint64_t start_ms = real_now_ms();
    rig_push_many(r, 1, 500);
    expect_in_order(local, 1, 500);
    assert_true(real_now_ms() - start_ms < 5000);
    struct bl_notifier_stats s = rig_wait_ended(r, 0, 500);
    assert_true(s.given_up > 0);
    assert_int_equal(s.queued, 0);
    rig_end(r, 1000);
    close(local);
    close(listener);
}

static void a_name_that_nobody_knows_holds_up_nobody(void **state)
{
    (void)state;
    int local = loopback_unix(socket_path);
    struct rig *r = rig_to(500, "tcp://no-such-host.invalid:514");
    add_local(r);
    rig_start(r);
    rig_push_many(r, 1, 2);
    expect_in_order(local, 1, 2);
    struct bl_notifier_stats s = rig_wait_ended(r, 0, 2);
    assert_int_equal(s.given_up, 2);
    assert_int_equal(s.retried, 6);
    uint64_t start_ms = real_now_ms();
    rig_push_many(r, 3, 1);
    rig_end(r, 100);
    assert_true(real_now_ms() - start_ms < 2000);
    close(local);
}

static void a_reload_keeps_what_waits_for_a_receiver_that_stays(void **state)
{
    (void)state;
    unlink(socket_path);
    char err[BL_ERR_BYTES] = "";
    struct rig *r = rig_to(5000, "unix:/nonexistent/beatline");
    add_local(r);
    r->config.notifier[0].retry_every_ms = r->config.notifier[1].retry_every_ms = 3600000;
    rig_start(r);
    rig_push_many(r, 1, 3);
    while (rig_stats(r, 1).queued < 3)
        real_sleep_ms(1);

    rig_forget_targets(r);
    rig_add(r, BL_NOTIFIER_SYSLOG, "carrier pigeon", 5000);
    assert_int_not_equal(bl_notifier_reconfigure(r->notifier, &r->config, err), 0);
    assert_non_null(strstr(err, "carrier pigeon"));
    assert_int_equal(rig_stats(r, 1).queued, 3); /* a bad one changes nothing */

    int fd = loopback_unix(socket_path);
    rig_forget_targets(r);
    add_local(r); /* and with retries 100 ms apart */
    assert_int_equal(bl_notifier_reconfigure(r->notifier, &r->config, err), 0);
    expect_in_order(fd, 1, 3);
    assert_int_equal(rig_wait_ended(r, 0, 3).delivered, 3);
    struct bl_notifier_stats s[2];
    assert_int_equal(bl_notifier_stats(r->notifier, s, 2), 1);
    rig_push_many(r, 4, 1);
    expect_in_order(fd, 4, 1);
    rig_end(r, 1000);
    close(fd);
}

static void stop_delivers_what_is_queued(void **state)
{
    (void)state;
    uint16_t port = 0;
    int fd = loopback_udp(&port);
    struct rig *r = rig_to(5000, "udp://127.0.0.1:%u", port);
    rig_start(r);
    rig_push_many(r, 1, 100);
    uint64_t start_ms = real_now_ms();
    rig_end(r, 10000);
    assert_true(real_now_ms() - start_ms < 5000); /* ends when it is done */
    expect_in_order(fd, 1, 100);
    close(fd);
}

static int set_up(void **state)
{
    (void)state;
    setenv("TZ", "UTC0", 1);
    strcpy(folder, "/tmp/beatline-notify-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(socket_path, sizeof(socket_path), "%s/log", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(socket_path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_local_socket_gets_one_message_per_event),
        cmocka_unit_test(a_full_local_socket_is_waited_for),
        cmocka_unit_test(a_local_socket_that_comes_later_gets_the_message_once),
        cmocka_unit_test(without_a_local_syslog_messages_go_to_stderr),
        cmocka_unit_test(udp_gets_one_rfc_5424_message_per_datagram),
        cmocka_unit_test(an_ipv6_receiver_is_reached_by_its_bracketed_address),
        cmocka_unit_test(a_udp_receiver_that_comes_later_gets_the_message_once),
        cmocka_unit_test(tcp_gets_ten_thousand_frames_in_order),
        cmocka_unit_test(a_tcp_receiver_that_restarts_loses_no_message),
        cmocka_unit_test(a_stuck_tcp_receiver_is_given_up_and_holds_up_nobody),
        cmocka_unit_test(a_name_that_nobody_knows_holds_up_nobody),
        cmocka_unit_test(a_reload_keeps_what_waits_for_a_receiver_that_stays),
        cmocka_unit_test(stop_delivers_what_is_queued),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
