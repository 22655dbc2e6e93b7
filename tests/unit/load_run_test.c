/* SPDX-License-Identifier: Apache-2.0 */
/* The run against a port that takes what it likes, in virtual time, and
 * against a capture file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "bench/load/load_run.h"
#include "dataplane/wire/decode.h"
#include "tests/unit/random.h"

#define NS_PER_S UINT64_C(1000000000)

struct moody_port {
    struct test_random random;
    uint8_t payload[BL_LOAD_BURST + 1][BL_LOAD_PAYLOAD_MAX];
    uint64_t packets, lines, calls_not_whole;
    uint64_t last_ns;
    char *text; /* all payloads, one line each */
    size_t text_len, text_room;
    bool stuck;
};

static int moody_send(struct bl_load_out *out, struct bl_load_datagram *slot, unsigned n)
{
    struct moody_port *p = out->state;
    unsigned take = p->stuck ? 0 : test_random_below(&p->random, n + 1);
    for (unsigned i = 0; i < take; i++) {
        assert_true(slot[i].time_ns >= p->last_ns);
        p->last_ns = slot[i].time_ns;
        assert_true(p->text_len + slot[i].len + 1 < p->text_room);
        memcpy(p->text + p->text_len, slot[i].data, slot[i].len);
        p->text_len += slot[i].len;
        p->text[p->text_len++] = '\n';
        memset(slot[i].data, 'X', slot[i].len); /* whoever sends it again is found out */
    }
    p->packets += take;
    p->calls_not_whole += take < n;
    return (int)take;
}

static int moody_close(struct bl_load_out *out)
{
    (void)out;
    return 0;
}

static const struct bl_load_out_ops moody_ops = {.send = moody_send, .close = moody_close};
static struct moody_port port;
static struct bl_load_out out;
static struct bl_load_options o;
static struct bl_load_report report;
static volatile int stop;

static void parse(const char *line)
{
    static char copy[1024];
    char *argv[64] = {(char *)"beatline-load"}, *rest = copy;
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    while ((argv[argc] = strsep(&rest, " ")))
        argc++;
    bl_load_options_parse(&o, argc, argv);
    o.out.stop = &stop;
}

static void run_moody(const char *line)
{
    char err[BL_ERR_BYTES] = "";
    parse(line);
    free(port.text);
    port = (struct moody_port){.random = {test_random_seed("load_run")}, .text_room = 16u << 20};
    port.text = malloc(port.text_room);
    out = (struct bl_load_out){.ops = &moody_ops, .state = &port, .wire = &o.wire, .virtual_time = true};
    for (unsigned i = 0; i <= BL_LOAD_BURST; i++)
        out.slot[i].data = port.payload[i];
    assert_int_equal(bl_load_run(&o, &out, &stop, &report, err), 0);
    port.text[port.text_len] = 0;
}

/* Lines of node `name` with `action`; removes nothing. */
static unsigned lines_of(const char *name, const char *action)
{
    char line[64];
    unsigned n = 0;
    int len = snprintf(line, sizeof line, "%s.%s:", name, action);
    for (const char *at = port.text; (at = strstr(at, line)); at += len)
        n += at == port.text || at[-1] == '\n';
    return n;
}

static void a_port_that_takes_only_some_gets_each_beat_once(void **state)
{
    (void)state;
    run_moody("-n 100 -i 100ms -d 10s");
    assert_true(port.calls_not_whole > 0);
    assert_int_equal(out.counts.packets, port.packets);
    assert_int_equal(out.counts.beats, 100 * 100);
    assert_int_equal(out.counts.retries, port.calls_not_whole);
    assert_int_equal(report.not_sent, 0);
    assert_null(strchr(port.text, 'X'));
    for (unsigned i = 1; i <= 100; i++) {
        char name[32];
        snprintf(name, sizeof name, "load.%u", i);
        assert_int_equal(lines_of(name, "beat"), 100);
    }
}

static void lines_share_datagrams_and_none_stays_behind(void **state)
{
    (void)state;
    run_moody("-n 100 -i 100ms --beats 1003 --lines 10");
    assert_int_equal(out.counts.beats, 1003);
    assert_int_equal(out.counts.packets, 101);
    assert_int_equal(lines_of("load.1", "beat"), 11);
    assert_int_equal(lines_of("load.3", "beat"), 11);
    assert_int_equal(lines_of("load.4", "beat"), 10);
}

static void timeouts_are_told_before_the_first_beat(void **state)
{
    (void)state;
    run_moody("-n 50 -i 1s -d 2s --timeout 2.5s");
    assert_int_equal(out.counts.settings, 50);
    assert_int_equal(out.counts.beats, 100);
    const char *last_setting = strstr(port.text, "load.50.timeout:2.500|g\n");
    assert_non_null(last_setting);
    assert_true(last_setting < strstr(port.text, ".beat:"));
}

static void the_killed_beat_before_and_after_but_not_between(void **state)
{
    (void)state;
    char path[] = "/tmp/blt-killed-XXXXXX", name[64], line[512];
    close(mkstemp(path));
    snprintf(line, sizeof line, "-n 100 -i 1s -d 10s --kill 7 --at 4s --revive-at 8s --killed-file %s", path);
    run_moody(line);
    assert_int_equal(report.killed, 7);
    assert_int_equal(report.revived_unix_ms - report.killed_unix_ms, 4000);
    assert_int_equal(out.counts.beats, 93 * 10 + 7 * 6);
    FILE *f = fopen(path, "r");
    unsigned n = 0;
    for (; fscanf(f, "%63s", name) == 1; n++)
        assert_int_equal(lines_of(name, "beat"), 6);
    fclose(f);
    unlink(path);
    assert_int_equal(n, 7);
}

static void a_kill_at_zero_is_before_the_first_beat(void **state)
{
    (void)state;
    run_moody("-n 10 -i 1s -d 3s --kill 10");
    assert_int_equal(out.counts.beats, 0);
}

static void a_stuck_port_ends_the_run_and_is_owned_up_to(void **state)
{
    (void)state;
    char err[BL_ERR_BYTES] = "";
    parse("-n 1000 -i 1s -d 3s");
    port.stuck = true;
    out = (struct bl_load_out){.ops = &moody_ops, .state = &port, .wire = &o.wire, .virtual_time = true};
    for (unsigned i = 0; i <= BL_LOAD_BURST; i++)
        out.slot[i].data = port.payload[i];
    assert_int_equal(bl_load_run(&o, &out, &stop, &report, err), 0);
    assert_int_equal(out.counts.beats, 0);
    assert_true(report.not_sent > 0 && report.not_sent <= BL_LOAD_BURST);
    assert_true(report.behind_ns > NS_PER_S);
    port.stuck = false;
}

static uint32_t read_pcap(const char *path, uint64_t *first_ns, uint64_t *last_ns)
{
    uint32_t h[6], r[4], n = 0;
    uint8_t frame[2048];
    struct bl_payload payload;
    FILE *f = fopen(path, "r");
    assert_int_equal(fread(h, sizeof h, 1, f), 1);
    assert_int_equal(h[0], 0xa1b23c4d);
    for (; fread(r, sizeof r, 1, f) == 1; n++) {
        assert_true(r[2] <= sizeof frame && r[2] == r[3]);
        assert_int_equal(fread(frame, r[2], 1, f), 1);
        assert_int_equal(bl_decode_frame(frame, r[2], 8127, 0, &payload), 0);
        *last_ns = r[0] * NS_PER_S + r[1];
        if (n == 0)
            *first_ns = *last_ns;
    }
    fclose(f);
    return n;
}

static void a_capture_file_has_every_frame_at_its_time(void **state)
{
    (void)state;
    char path[] = "/tmp/blt-pcap-XXXXXX", line[256], err[BL_ERR_BYTES] = "";
    uint64_t first_ns = 0, last_ns = 0;
    close(mkstemp(path));
    snprintf(line, sizeof line, "-n 10 -i 1s -d 60s --format binary --hello --bye --to pcap:%s", path);
    parse(line);
    assert_int_equal(bl_load_out_open(&out, &o.wire, &o.out), 0);
    assert_int_equal(bl_load_run(&o, &out, &stop, &report, err), 0);
    assert_int_equal(bl_load_out_close(&out), 0);
    assert_int_equal(out.counts.beats, 600);
    assert_int_equal(out.counts.settings, 20);
    assert_int_equal(read_pcap(path, &first_ns, &last_ns), 620);
    assert_int_equal(first_ns, 1700000000 * NS_PER_S);
    assert_int_equal(last_ns - first_ns, 60 * NS_PER_S);
    unlink(path);
}

static int free_text(void **state)
{
    (void)state;
    free(port.text);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_that_takes_only_some_gets_each_beat_once),
        cmocka_unit_test(lines_share_datagrams_and_none_stays_behind),
        cmocka_unit_test(timeouts_are_told_before_the_first_beat),
        cmocka_unit_test(the_killed_beat_before_and_after_but_not_between),
        cmocka_unit_test(a_kill_at_zero_is_before_the_first_beat),
        cmocka_unit_test(a_stuck_port_ends_the_run_and_is_owned_up_to),
        cmocka_unit_test(a_capture_file_has_every_frame_at_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, free_text);
}
