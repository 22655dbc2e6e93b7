/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "bench/load/load_frame.h"
#include "bench/load/load_wire.h"
#include "dataplane/wire/decode.h"
#include "dataplane/wire/wire.h"

/* What the daemon makes of a payload. */
struct heard {
    struct bl_sink sink;
    struct bl_counters counters;
};

static struct bl_wire_config daemon_config;
static uint8_t data[BL_LOAD_PAYLOAD_MAX + BL_LOAD_FRAME_BYTES];

static void hear(struct heard *h, const struct bl_load_datagram *d)
{
    bl_role_assume_worker();
    memset(h, 0, sizeof *h);
    uint32_t end = bl_wire_parse(&daemon_config, d->data, d->len, 0, &h->sink, &h->counters);
    assert_true(end == BL_WIRE_DONE);
    assert_int_equal(h->counters.packets_parsed, 1);
    for (unsigned i = 0; i < BL_DROP_COUNT; i++)
        assert_int_equal(h->counters.drop[i], 0);
}

static struct bl_load_datagram fresh(void)
{
    struct bl_load_datagram d = {.data = data};
    bl_load_wire_begin(&d);
    return d;
}

static uint64_t key_of(const struct bl_load_wire *w, uint32_t node)
{
    char name[BL_NAME_MAX + 1];
    if (w->format == BL_LOAD_BINARY)
        return bl_key_of_id(&daemon_config.secret, w->first + node);
    unsigned len = bl_load_wire_name(w, node, name);
    return bl_key_of_name(&daemon_config.secret, name, len);
}

/* Fills one datagram with beats of nodes 0, 1, ... and checks that each
 * arrives. */
static void beats_arrive(const struct bl_load_wire *w)
{
    struct heard h;
    struct bl_load_datagram d = fresh();
    struct bl_load_beat b = {.sequence = 7, .incarnation = 3};
    while (!bl_load_wire_beat(w, &d, &b, 1234))
        b.node++;
    bl_load_wire_end(w, &d);
    assert_int_equal(d.beats, w->per_datagram);
    assert_true(d.len <= BL_LOAD_PAYLOAD_MAX);
    hear(&h, &d);
    assert_int_equal(h.sink.beats, w->per_datagram);
    assert_int_equal(h.counters.records, w->per_datagram);
    for (uint32_t i = 0; i < w->per_datagram; i++) {
        assert_true(h.sink.beat[i].key == key_of(w, i));
        if (w->format == BL_LOAD_BINARY)
            assert_int_equal(bl_stamp_sequence(h.sink.beat[i].stamp), 7);
    }
}

static void text_beats_arrive(void **state)
{
    (void)state;
    struct bl_load_wire w = {.prefix = "load.", .prefix_len = 5, .first = 1, .per_datagram = 1};
    beats_arrive(&w);
    w.per_datagram = 20;
    w.first = 99;
    beats_arrive(&w);
}

static void binary_beats_and_batches_arrive(void **state)
{
    (void)state;
    struct bl_load_wire w = {.format = BL_LOAD_BINARY,
                             .prefix = "n",
                             .prefix_len = 1,
                             .first = UINT64_MAX - 99,
                             .per_datagram = 1};
    beats_arrive(&w);
    w.per_datagram = 60;
    beats_arrive(&w);
}

static void as_many_as_fit_fit(void **state)
{
    (void)state;
    char prefix[BL_NAME_MAX];
    memset(prefix, 'x', sizeof prefix);
    for (unsigned len = 0; len <= BL_NAME_MAX - 5; len++) {
        struct bl_load_wire w = {
            .prefix = prefix, .prefix_len = len, .first = 10000, .timeout_ms = 3888000000};
        w.per_datagram = bl_load_wire_fit(&w, 100);
        struct bl_load_datagram d = fresh();
        struct bl_load_beat b = {.node = 99};
        while (!bl_load_wire_setting(&w, &d, &b, 0))
            continue;
        assert_true(d.len <= BL_LOAD_PAYLOAD_MAX);
    }
}

static void a_timeout_line_sets_the_timeout(void **state)
{
    (void)state;
    struct heard h;
    struct bl_load_wire w = {
        .prefix = "load.", .prefix_len = 5, .first = 1, .per_datagram = 2, .timeout_ms = 2050};
    struct bl_load_datagram d = fresh();
    assert_false(bl_load_wire_setting(&w, &d, &(struct bl_load_beat){.node = 0}, 0));
    assert_true(bl_load_wire_setting(&w, &d, &(struct bl_load_beat){.node = 1}, 0));
    hear(&h, &d);
    assert_int_equal(h.sink.settings, 2);
    assert_int_equal(h.sink.setting[1].patch.policy.timeout_ms, 2050);
    assert_memory_equal(h.sink.setting[1].name, "load.2", 6);
}

static void a_hello_gives_name_and_timeout_and_a_bye_leaves(void **state)
{
    (void)state;
    struct heard h;
    struct bl_load_wire w = {.format = BL_LOAD_BINARY,
                             .prefix = "load.",
                             .prefix_len = 5,
                             .first = 40,
                             .per_datagram = 1,
                             .named = true,
                             .timeout_ms = 3000,
                             .interval_ms = 500};
    struct bl_load_datagram d = fresh();
    assert_true(bl_load_wire_setting(&w, &d, &(struct bl_load_beat){.node = 2}, 0));
    hear(&h, &d);
    assert_int_equal(h.sink.settings, 1);
    assert_int_equal(h.sink.setting[0].kind, BL_WORKER_EVENT_HELLO);
    assert_int_equal(h.sink.setting[0].id, 42);
    assert_int_equal(h.sink.setting[0].interval_ms, 500);
    assert_int_equal(h.sink.setting[0].patch.policy.timeout_ms, 3000);
    assert_int_equal(h.sink.setting[0].name_len, 7);
    assert_memory_equal(h.sink.setting[0].name, "load.42", 7);
    d = fresh();
    assert_true(bl_load_wire_bye(&w, &d, &(struct bl_load_beat){.node = 2}, 0));
    hear(&h, &d);
    assert_int_equal(h.sink.setting[0].kind, BL_WORKER_EVENT_BYE);
}

static void signed_datagrams_pass_where_a_tag_is_asked(void **state)
{
    (void)state;
    struct bl_load_wire w = {.format = BL_LOAD_BINARY, .first = 1, .per_datagram = 1, .sign = true};
    memset(w.key, 0x5a, sizeof w.key);
    memset(daemon_config.auth_key, 0x5a, sizeof daemon_config.auth_key);
    daemon_config.auth_required = true;
    beats_arrive(&w);
    w.per_datagram = bl_load_wire_fit(&w, 1000);
    if (w.per_datagram > BL_SINK_ROOM)
        w.per_datagram = BL_SINK_ROOM;
    beats_arrive(&w);
    daemon_config.auth_required = false;
}

static void nodes_are_named_as_the_daemon_names_them(void **state)
{
    (void)state;
    char name[BL_NAME_MAX + 1];
    struct bl_load_wire w = {.format = BL_LOAD_BINARY, .prefix = "a.", .prefix_len = 2, .first = 255};
    assert_int_equal(bl_load_wire_name(&w, 1, name), 19);
    assert_string_equal(name, "id:0000000000000100");
    w.named = true;
    bl_load_wire_name(&w, 1, name);
    assert_string_equal(name, "a.256");
}

static void a_frame_of_any_length_decodes_with_good_checksums(void **state)
{
    (void)state;
    struct bl_load_route route = {.dst_mac = {2, 0, 0, 0, 0, 2},
                                  .src_mac = {2, 0, 0, 0, 0, 1},
                                  .dst_ip = htonl(0xc6120002),
                                  .src_ip = htonl(0xc6120001),
                                  .dst_port = 8127,
                                  .src_port = 49152};
    struct bl_load_frame frame;
    struct bl_payload out;
    bl_load_frame_init(&frame, &route);
    for (uint32_t len = 1; len <= BL_LOAD_PAYLOAD_MAX; len++) {
        memset(data + BL_LOAD_FRAME_BYTES, (int)(len * 7), len);
        uint32_t frame_len = bl_load_frame_finish(&frame, (uint16_t)(len % 100), data, len);
        assert_int_equal(frame_len, len + BL_LOAD_FRAME_BYTES);
        assert_int_equal(bl_decode_frame(data, frame_len, 8127, 0, &out), 0);
        assert_int_equal(out.len, len);
        assert_ptr_equal(out.data, data + BL_LOAD_FRAME_BYTES);
    }
    data[BL_LOAD_FRAME_BYTES] ^= 1;
    assert_int_equal(bl_decode_frame(data, sizeof data, 8127, 0, &out), BL_DROP_udp_checksum + 1);
}

static int draw_secret(void **state)
{
    (void)state;
    uint8_t seed[BL_KEY_SECRET_BYTES + 24];
    for (unsigned i = 0; i < sizeof seed; i++)
        seed[i] = (uint8_t)(i * 37 + 11);
    bl_key_secret_init(&daemon_config.secret, seed);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_beats_arrive),
        cmocka_unit_test(binary_beats_and_batches_arrive),
        cmocka_unit_test(as_many_as_fit_fit),
        cmocka_unit_test(a_timeout_line_sets_the_timeout),
        cmocka_unit_test(a_hello_gives_name_and_timeout_and_a_bye_leaves),
        cmocka_unit_test(signed_datagrams_pass_where_a_tag_is_asked),
        cmocka_unit_test(nodes_are_named_as_the_daemon_names_them),
        cmocka_unit_test(a_frame_of_any_length_decodes_with_good_checksums),
    };
    return cmocka_run_group_tests(tests, draw_secret, NULL);
}
