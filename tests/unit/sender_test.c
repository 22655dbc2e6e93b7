/* SPDX-License-Identifier: Apache-2.0 */
/* The sender against a UDP socket on loopback, and the words it says
 * against the daemon's own parsers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/wire/binary.h"
#include "lib/sender.h"
#include "lib/sender_datagram.h"
#include "tests/loopback.h"
#include "tests/real_time.h"

static const uint8_t fleet_key[16] = "sixteen bytes, k";

/* The next datagram; its length. */
static uint32_t receive(int fd, uint8_t out[2048])
{
    return (uint32_t)loopback_receive(fd, out, 2048);
}

static void expect_text(int fd, const char *text)
{
    uint8_t got[2048];
    receive(fd, got);
    assert_string_equal((char *)got, text);
}

static struct bl_sender *start(const struct bl_sender_config *c)
{
    char err[BL_SENDER_ERR_BYTES] = "";
    struct bl_sender *s = bl_sender_start(c, err);
    assert_string_equal(err, "");
    assert_non_null(s);
    return s;
}

/* A receiver on loopback and a sender of `c` to it. */
struct pair {
    int fd;
    struct bl_sender *sender;
};

static struct pair start_pair(struct bl_sender_config c)
{
    c.port = 0;
    int fd = loopback_udp(&c.port);
    return (struct pair){fd, start(&c)};
}

static void end_pair(struct pair p)
{
    bl_sender_stop(p.sender);
    close(p.fd);
}

static unsigned type_of(const uint8_t *datagram)
{
    return datagram[BL_BINARY_AT_VERSION_TYPE] & 15;
}

/* The next datagram of this type; others are passed over. */
static void receive_type(int fd, uint8_t out[2048], unsigned type)
{
    do
        receive(fd, out);
    while (type_of(out) != type);
}

static uint32_t sequence_of(const uint8_t *datagram)
{
    return bl_binary_load32(datagram + BL_BINARY_AT_SEQUENCE);
}

static void a_name_is_all_that_text_beats_need(void **state)
{
    (void)state;
    struct bl_sender_config c = {.name = "invoice.mailer", .interval_ms = 30};
    uint64_t start_ms = real_now_ms();
    struct pair p = start_pair(c);
    for (unsigned i = 0; i < 10; i++)
        expect_text(p.fd, "invoice.mailer.beat:1|c\n");
    assert_true(real_now_ms() - start_ms >= 9 * 30 - 20); /* not faster than promised */
    bl_sender_stop(p.sender);
    while (loopback_readable(p.fd, 0))
        expect_text(p.fd, "invoice.mailer.beat:1|c\n");
    assert_false(loopback_readable(p.fd, 100)); /* stopped is stopped */
    close(p.fd);
}

static void binary_says_hello_beats_in_sequence_and_says_bye(void **state)
{
    (void)state;
    uint8_t d[2048];
    struct bl_sender_config c = {.name = "pump-7",
                                 .format = BL_SENDER_BINARY,
                                 .flags = BL_SENDER_HELLO | BL_SENDER_BYE,
                                 .node_id = 0x1122334455667788,
                                 .interval_ms = 5,
                                 .timeout_ms = 1500};
    struct pair p = start_pair(c);
    assert_int_equal(receive(p.fd, d), BL_BINARY_HEADER_BYTES + BL_BINARY_HELLO_BYTES + 6);
    assert_int_equal(type_of(d), BL_BINARY_HELLO);
    for (uint32_t i = 1; i <= 60; i++) {
        assert_int_equal(receive(p.fd, d), BL_BINARY_HEADER_BYTES);
        assert_int_equal(type_of(d), BL_BINARY_BEAT);
        assert_int_equal(sequence_of(d), i);
        assert_int_equal(bl_binary_load32(d + BL_BINARY_AT_INTERVAL), 5);
        assert_int_equal(bl_binary_load64(d + BL_BINARY_AT_NODE_ID), c.node_id);
        assert_in_range(bl_binary_load32(d + BL_BINARY_AT_INCARNATION), time(NULL) - 60, time(NULL));
    }
    bl_sender_stop(p.sender);
    receive_type(p.fd, d, BL_BINARY_BYE);
    assert_false(loopback_readable(p.fd, 20));
    close(p.fd);
}

static void the_name_is_repeated_without_the_timeouts(void **state)
{
    (void)state;
    uint8_t d[2048];
    struct bl_sender_config c = {.name = "pump-7",
                                 .format = BL_SENDER_BINARY,
                                 .flags = BL_SENDER_HELLO,
                                 .interval_ms = 1,
                                 .timeout_ms = 1500,
                                 .retries_plus_1 = 3};
    struct pair p = start_pair(c);
    for (unsigned hellos = 0; hellos < 3;) {
        receive(p.fd, d);
        const uint8_t *hello = d + BL_BINARY_HEADER_BYTES;
        if (type_of(d) != BL_BINARY_HELLO)
            continue;
        uint32_t timeout_ms = bl_binary_load32(hello + BL_BINARY_HELLO_AT_TIMEOUT);
        assert_int_equal(timeout_ms, hellos == 0 ? 1500 : 0);
        assert_int_equal(hello[BL_BINARY_HELLO_AT_RETRIES], hellos == 0 ? 2 : BL_BINARY_RETRIES_UNSET);
        assert_memory_equal(hello + BL_BINARY_HELLO_BYTES, "pump-7", 6);
        hellos++;
    }
    end_pair(p);
}

static void text_says_its_timeouts_first(void **state)
{
    (void)state;
    struct bl_sender_config c = {.host = "localhost",
                                 .name = "n",
                                 .flags = BL_SENDER_HELLO | BL_SENDER_BYE,
                                 .interval_ms = 20,
                                 .warn_ms = 1500,
                                 .err_ms = 60005};
    struct pair p = start_pair(c);
    expect_text(p.fd, "n.warn:1.500|g\nn.err:60.005|g\n");
    expect_text(p.fd, "n.beat:1|c\n");
    bl_sender_stop(p.sender);
    while (loopback_readable(p.fd, 50)) /* and perhaps again, had ::1 refused */
        receive(p.fd, (uint8_t[2048]){0});
    close(p.fd);
}

static void a_manual_sender_beats_when_it_is_told(void **state)
{
    (void)state;
    struct bl_sender_config c = {.name = "n", .interval_ms = BL_SENDER_MANUAL};
    struct pair p = start_pair(c);
    assert_false(loopback_readable(p.fd, 50));
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(bl_sender_beat(p.sender), 0);
        expect_text(p.fd, "n.beat:1|c\n");
    }
    assert_false(loopback_readable(p.fd, 50));
    end_pair(p);
}

static void nobody_there_does_no_harm_and_beats_go_on(void **state)
{
    (void)state;
    uint16_t port = 0;
    close(loopback_udp(&port));
    uint8_t d[2048];
    struct bl_sender_stats stats;
    struct bl_sender_config c = {
        .port = port, .name = "n", .format = BL_SENDER_BINARY, .flags = BL_SENDER_HELLO, .interval_ms = 5};
    struct bl_sender *s = start(&c);
    do {
        real_sleep_ms(5);
        bl_sender_stats(s, &stats);
    } while (stats.errors < 10);
    assert_int_equal(stats.last_error, ECONNREFUSED);
    int fd = loopback_udp(&port); /* here is the daemon, and hears who it is */
    receive_type(fd, d, BL_BINARY_HELLO);
    receive(fd, d);
    assert_int_equal(type_of(d), BL_BINARY_BEAT);
    bl_sender_stop(s);
    close(fd);
}

static void an_unknown_host_does_no_harm(void **state)
{
    (void)state;
    struct bl_sender_config c = {.host = "no-such-host.invalid", .name = "n", .interval_ms = 5};
    struct bl_sender *s = start(&c);
    real_sleep_ms(50);
    assert_int_equal(bl_sender_beat(s), 0);
    uint64_t start_ms = real_now_ms();
    bl_sender_stop(s);
    assert_true(real_now_ms() - start_ms < BL_SENDER_STOP_MS + 1000);
}

static volatile sig_atomic_t signals_seen;
static pthread_t signal_thread;

static void on_signal(int number)
{
    (void)number;
    signal_thread = pthread_self();
    signals_seen++;
}

static void signals_go_to_the_program_not_to_the_sender(void **state)
{
    (void)state;
    struct bl_sender_config c = {.name = "n", .interval_ms = 5};
    sigset_t block;
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    signal(SIGUSR1, on_signal);
    struct pair p = start_pair(c);
    expect_text(p.fd, "n.beat:1|c\n");
    /* Blocked here: if the sender's thread took it, it would run now. */
    pthread_sigmask(SIG_BLOCK, &block, NULL);
    kill(getpid(), SIGUSR1);
    real_sleep_ms(30);
    assert_int_equal(signals_seen, 0);
    pthread_sigmask(SIG_UNBLOCK, &block, NULL);
    assert_int_equal(signals_seen, 1);
    assert_true(pthread_equal(signal_thread, pthread_self()));
    end_pair(p);
}

static void the_child_of_a_fork_does_not_send(void **state)
{
    (void)state;
    int status;
    uint8_t d[2048];
    struct bl_sender_config c = {
        .format = BL_SENDER_BINARY, .node_id = 1, .flags = BL_SENDER_BYE, .interval_ms = 5};
    struct pair p = start_pair(c);
    receive(p.fd, d);
    pid_t child = fork();
    if (child == 0) {
        int answer = bl_sender_beat(p.sender);
        real_sleep_ms(30);
        bl_sender_stop(p.sender); /* no bye: the parent lives on */
        _exit(answer == -ECHILD ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    uint32_t last = sequence_of(d);
    for (unsigned i = 0; i < 20; i++) {
        receive(p.fd, d);
        assert_int_equal(type_of(d), BL_BINARY_BEAT);
        assert_int_equal(sequence_of(d), ++last); /* each once, none twice */
    }
    assert_int_equal(bl_sender_beat(p.sender), 0);
    end_pair(p);
}

static void jitter_only_delays(void **state)
{
    (void)state;
    struct bl_sender_config c = {.name = "n", .interval_ms = 20, .jitter_percent = 100};
    uint64_t start_ms = real_now_ms();
    struct pair p = start_pair(c);
    for (unsigned i = 0; i < 10; i++)
        expect_text(p.fd, "n.beat:1|c\n");
    assert_true(real_now_ms() - start_ms >= 9 * 20 - 10);
    end_pair(p);
}

static void a_bad_config_is_refused_with_a_reason(void **state)
{
    (void)state;
    char long_name[202], long_host[300];
    memset(long_name, 'x', 201);
    memset(long_host, 'x', 299);
    long_name[201] = long_host[299] = 0;
    const struct bl_sender_config bad[] = {
        {0}, /* text, no name */
        {.name = ""},
        {.name = "a b"},
        {.name = "a:b"},
        {.name = long_name},
        {.name = "n", .host = ""},
        {.name = "n", .host = long_host},
        {.name = "n", .key = fleet_key},
        {.name = "n", .format = 7},
        {.name = "n", .jitter_percent = 101},
        {.name = "n", .interval_ms = UINT32_MAX - 1},
        {.name = "n", .err_ms = UINT32_MAX},
        {.name = "n", .retries_plus_1 = 256},
    };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char err[BL_SENDER_ERR_BYTES] = "";
        assert_null(bl_sender_start(&bad[i], err));
        assert_int_equal(strncmp(err, "sender: ", 8), 0);
    }
    bl_sender_stop(NULL);
}

/* What the daemon's parser makes of it. */
static struct bl_sink parse(const uint8_t *d, uint32_t len)
{
    bl_role_assume_worker();
    static struct bl_counters counters;
    struct bl_wire_config w = {.auth_required = true};
    struct bl_sink sink = {0};
    memcpy(w.auth_key, fleet_key, sizeof(fleet_key));
    assert_int_equal(bl_wire_parse(&w, d, len, 0, &sink, &counters), BL_WIRE_DONE);
    return sink;
}

static void the_daemon_takes_what_is_signed(void **state)
{
    (void)state;
    char err[BL_SENDER_ERR_BYTES];
    uint8_t d[BL_SENDER_DATAGRAM_BYTES];
    struct bl_sender_identity who;
    struct bl_sender_config c = {.format = BL_SENDER_BINARY,
                                 .node_id = 9,
                                 .name = "pump-7",
                                 .key = fleet_key,
                                 .warn_ms = 700,
                                 .interval_ms = 100};
    assert_int_equal(bl_sender_identify(&who, &c, 1000, err), 0);
    assert_int_equal(who.incarnation, 1000);
    struct bl_sink beat = parse(d, bl_sender_write(d, &who, BL_SENDER_SAY_BEAT, 5, 0));
    assert_int_equal(beat.beats, 1);
    assert_int_equal(bl_stamp_sequence(beat.beat[0].stamp), 5);
    struct bl_sink hello = parse(d, bl_sender_write(d, &who, BL_SENDER_SAY_HELLO, 5, 0));
    assert_int_equal(hello.settings, 1);
    assert_int_equal(hello.setting[0].kind, BL_WORKER_EVENT_HELLO);
    assert_int_equal(hello.setting[0].patch.policy.warn_ms, 700);
    assert_memory_equal(hello.setting[0].name, "pump-7", 6);
    struct bl_sink bye = parse(d, bl_sender_write(d, &who, BL_SENDER_SAY_BYE, 5, 0));
    assert_int_equal(bye.settings, 1);
    assert_int_equal(bye.setting[0].kind, BL_WORKER_EVENT_BYE);
}

/* The build puts sender_example beside this test. */
static void find_example(char *out, size_t bytes)
{
    ssize_t n = readlink("/proc/self/exe", out, bytes - 1);
    assert_true(n > 0);
    out[n] = 0;
    char *slash = strrchr(out, '/');
    snprintf(slash + 1, bytes - (size_t)(slash + 1 - out), "sender_example");
}

static void the_example_says_hello_and_beats(void **state)
{
    (void)state;
    uint16_t port = 0;
    int fd = loopback_udp(&port), status;
    char number[8], example[4096];
    find_example(example, sizeof(example));
    snprintf(number, sizeof(number), "%u", port);
    pid_t child = fork();
    if (child == 0) {
        execl(example, example, "127.0.0.1", number, "example", "1", (char *)NULL);
        _exit(127);
    }
    expect_text(fd, "example.err:2.000|g\n");
    for (unsigned i = 0; i < 3; i++)
        expect_text(fd, "example.beat:1|c\n");
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_all_that_text_beats_need),
        cmocka_unit_test(binary_says_hello_beats_in_sequence_and_says_bye),
        cmocka_unit_test(the_name_is_repeated_without_the_timeouts),
        cmocka_unit_test(text_says_its_timeouts_first),
        cmocka_unit_test(a_manual_sender_beats_when_it_is_told),
        cmocka_unit_test(nobody_there_does_no_harm_and_beats_go_on),
        cmocka_unit_test(an_unknown_host_does_no_harm),
        cmocka_unit_test(signals_go_to_the_program_not_to_the_sender),
        cmocka_unit_test(the_child_of_a_fork_does_not_send),
        cmocka_unit_test(jitter_only_delays),
        cmocka_unit_test(a_bad_config_is_refused_with_a_reason),
        cmocka_unit_test(the_daemon_takes_what_is_signed),
        cmocka_unit_test(the_example_says_hello_and_beats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
