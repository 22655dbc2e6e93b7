/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/wire/binary.h"
#include "tests/gather.h"

static const uint8_t auth_key[16] = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f";
static struct bl_wire_config open_config, auth_config;
static struct gather got;
static uint8_t datagram[65536];

static uint32_t make(enum bl_binary_type type)
{
    const struct bl_binary_header h = {
        .type = type,
        .interval_ms = 1000,
        .node_id = 0x1122334455667788,
        .sequence = 0xfffffff0,
        .incarnation = 7,
        .sent_unix_ns = 1700000000123456789,
    };
    memset(datagram, 0, sizeof datagram);
    bl_binary_write(datagram, &h);
    return BL_BINARY_HEADER_BYTES;
}

static uint32_t make_hello(const char *name, uint32_t timeout_ms, uint32_t warn_ms, uint32_t err_ms,
                           uint8_t retries)
{
    uint8_t *hello = datagram + make(BL_BINARY_HELLO);
    size_t name_len = strlen(name);
    bl_binary_store32(hello + BL_BINARY_HELLO_AT_TIMEOUT, timeout_ms);
    bl_binary_store32(hello + BL_BINARY_HELLO_AT_WARN, warn_ms);
    bl_binary_store32(hello + BL_BINARY_HELLO_AT_ERR, err_ms);
    hello[BL_BINARY_HELLO_AT_RETRIES] = retries;
    hello[BL_BINARY_HELLO_AT_NAME_LEN] = (uint8_t)name_len;
    memcpy(hello + BL_BINARY_HELLO_BYTES, name, name_len);
    return (uint32_t)(BL_BINARY_HEADER_BYTES + BL_BINARY_HELLO_BYTES + name_len);
}

static uint32_t make_batch(uint32_t entries)
{
    uint8_t *entry = datagram + make(BL_BINARY_BATCH);
    for (uint32_t i = 0; i < entries; i++, entry += BL_BINARY_ENTRY_BYTES) {
        bl_binary_store64(entry + BL_BINARY_ENTRY_AT_NODE_ID, i + 1);
        bl_binary_store32(entry + BL_BINARY_ENTRY_AT_SEQUENCE, i * 3);
        bl_binary_store32(entry + BL_BINARY_ENTRY_AT_AGE, i * 5);
    }
    return BL_BINARY_HEADER_BYTES + entries * BL_BINARY_ENTRY_BYTES;
}

/* Parses a copy of exactly `len` bytes, so that a sanitizer sees any
 * read past it. Names of beats are of the copy. */
BL_ON_WORKER static void parse(const struct bl_wire_config *w, uint32_t len)
{
    static uint8_t *copy;
    free(copy);
    copy = malloc(len != 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, datagram, len);
    gather_twice(&got, w, copy, len, 1);
}

BL_ON_WORKER static void expect_drop(const struct bl_wire_config *w, uint32_t len, enum bl_drop reason)
{
    parse(w, len);
    if (got.counters.drop[reason] != 1)
        print_error("not %s: length %u\n", bl_drop_name(reason), len);
    assert_int_equal(got.counters.drop[reason], 1);
    assert_int_equal(got.counters.packets_parsed, 0);
}

BL_ON_WORKER static void expect_records(const struct bl_wire_config *w, uint32_t len, unsigned beats,
                                        unsigned settings)
{
    parse(w, len);
    assert_int_equal(got.counters.packets_parsed, 1);
    assert_int_equal(got.counters.records, beats + settings);
    assert_int_equal(got.beats, beats);
    assert_int_equal(got.settings, settings);
}

/* ---- the format itself -------------------------------------------------- */

static void a_header_is_laid_out_as_the_page_says(void **state)
{
    (void)state;
    static const uint8_t expected[BL_BINARY_HEADER_BYTES] = {
        0xbe, 0xa7, 0x12, 0x00,                         /* magic, version 1 type 2, no flags */
        0x00, 0x00, 0x03, 0xe8,                         /* interval */
        0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, /* id */
        0xff, 0xff, 0xff, 0xf0,                         /* sequence */
        0x00, 0x00, 0x00, 0x07,                         /* incarnation */
        0x17, 0x97, 0x9c, 0xfe, 0x3d, 0x85, 0xcd, 0x15, /* sent */
    };
    make(BL_BINARY_BYE);
    assert_memory_equal(datagram, expected, sizeof expected);
}

static void the_tag_is_siphash_2_4(void **state)
{
    (void)state;
    /* From a separate implementation, itself checked with the vector in
     * the SipHash paper: key 00 01 .. 0f over 00 01 .. 1f, then over
     * that and the hash of 20 21 .. 2f. Byte 3 of the "header", 0x03,
     * has the tag flag set. */
    static const uint8_t of_header[8] = {0xce, 0x7c, 0xf2, 0x72, 0x2f, 0x51, 0x27, 0x71};
    static const uint8_t of_both[8] = {0x83, 0x8c, 0x93, 0x8f, 0x6a, 0x99, 0x4c, 0x66};
    for (uint8_t i = 0; i < 48; i++)
        datagram[i] = i;
    assert_int_equal(bl_binary_sign(datagram, 32, auth_key), 40);
    assert_memory_equal(datagram + 32, of_header, 8);
    for (uint8_t i = 0; i < 48; i++)
        datagram[i] = i;
    assert_int_equal(bl_binary_sign(datagram, 48, auth_key), 56);
    assert_memory_equal(datagram + 32, of_both, 8);
    assert_int_equal(datagram[40], 32);
    assert_int_equal(datagram[55], 47);
}

/* ---- what is taken -------------------------------------------------------- */

static void a_beat_carries_id_sequence_interval_and_incarnation(void **state)
{
    (void)state;
    bl_role_assume_worker();
    expect_records(&open_config, make(BL_BINARY_BEAT), 1, 0);
    const struct bl_beat *b = &got.beat[0];
    assert_int_equal(b->key, bl_key_of_id(&open_config.secret, 0x1122334455667788));
    assert_true(b->stamp == bl_stamp(GATHER_TICK, 0xfffffff0));
    assert_int_equal(b->flags, BL_BEAT_HAS_SEQUENCE);
    assert_int_equal(b->incarnation, 7);
    struct bl_worker_event r;
    bl_wire_report_new_node(b, &r);
    assert_int_equal(r.kind, BL_WORKER_EVENT_SEEN);
    assert_int_equal(r.id, 0x1122334455667788);
    assert_int_equal(r.interval_ms, 1000);
    assert_int_equal(r.name_len, 0);
}

static void a_bye_is_a_setting(void **state)
{
    (void)state;
    bl_role_assume_worker();
    expect_records(&open_config, make(BL_BINARY_BYE), 0, 1);
    assert_int_equal(got.setting[0].kind, BL_WORKER_EVENT_BYE);
    assert_int_equal(got.setting[0].id, 0x1122334455667788);
}

static void a_hello_names_and_sets_what_it_has(void **state)
{
    (void)state;
    bl_role_assume_worker();
    expect_records(&open_config, make_hello("web-1", 5000, 0, 9000, 2), 0, 1);
    const struct bl_worker_event *r = &got.setting[0];
    assert_int_equal(r->kind, BL_WORKER_EVENT_HELLO);
    assert_int_equal(r->id, 0x1122334455667788);
    assert_int_equal(r->name_len, 5);
    assert_memory_equal(r->name, "web-1", 5);
    assert_int_equal(r->patch.set, BL_SET_INTERVAL | BL_SET_TIMEOUT | BL_SET_ERR | BL_SET_RETRIES);
    assert_int_equal(r->patch.interval_ms, 1000);
    assert_int_equal(r->patch.policy.timeout_ms, 5000);
    assert_int_equal(r->patch.policy.err_ms, 9000);
    assert_int_equal(r->patch.policy.retries, 2);
}

static void a_hello_may_have_no_name_and_no_policy(void **state)
{
    (void)state;
    bl_role_assume_worker();
    uint32_t len = make_hello("", 0, 0, 0, BL_BINARY_RETRIES_UNSET);
    bl_binary_store32(datagram + BL_BINARY_AT_INTERVAL, 0);
    expect_records(&open_config, len, 0, 1);
    assert_int_equal(got.setting[0].patch.set, 0);
    assert_int_equal(got.setting[0].name_len, 0);
    expect_records(&open_config, make_hello("n", 0, 0, 0, 0), 0, 1);
    assert_int_equal(got.setting[0].patch.set, BL_SET_INTERVAL | BL_SET_RETRIES);
}

static void a_batch_is_a_beat_per_entry(void **state)
{
    (void)state;
    bl_role_assume_worker();
    expect_records(&open_config, make_batch(1), 1, 0);
    expect_records(&open_config, make_batch(3), 3, 0);
    const struct bl_beat *b = &got.beat[2];
    assert_int_equal(b->key, bl_key_of_id(&open_config.secret, 3));
    assert_true(b->stamp == bl_stamp(GATHER_TICK - 10, 6));
    assert_int_equal(b->incarnation, 0);
    struct bl_worker_event r;
    bl_wire_report_new_node(b, &r);
    assert_int_equal(r.id, 3);
    assert_int_equal(r.interval_ms, 0);
}

static void a_65_kb_batch_goes_through_sinks_of_any_size(void **state)
{
    (void)state;
    bl_role_assume_worker();
    uint32_t entries = (65507 - BL_BINARY_HEADER_BYTES) / BL_BINARY_ENTRY_BYTES, len = make_batch(entries);
    for (unsigned room = 1; room <= BL_SINK_ROOM; room++) {
        gather_twice(&got, &open_config, datagram, len, room);
        assert_int_equal(got.beats, entries);
        assert_int_equal(got.counters.records, entries);
        assert_int_equal(got.calls, (entries + BL_SINK_ROOM - 1) / BL_SINK_ROOM);
    }
}

static void an_entry_too_old_to_tell_is_dropped_alone(void **state)
{
    (void)state;
    bl_role_assume_worker();
    uint32_t len = make_batch(4);
    bl_binary_store32(datagram + 32 + BL_BINARY_ENTRY_AT_AGE, UINT32_MAX);
    bl_binary_store32(datagram + 32 + 16 + BL_BINARY_ENTRY_AT_AGE, BL_TIMEOUT_MAX_MS);
    bl_binary_store32(datagram + 32 + 48 + BL_BINARY_ENTRY_AT_AGE, BL_TIMEOUT_MAX_MS + 1);
    parse(&open_config, len);
    assert_int_equal(got.beats, 2);
    assert_int_equal(got.counters.records, 4);
    assert_int_equal(got.counters.drop[BL_DROP_bad_value], 2);
}

static void a_batch_does_not_look_at_its_headers_interval(void **state)
{
    (void)state;
    bl_role_assume_worker();
    uint32_t len = make_batch(1);
    bl_binary_store32(datagram + BL_BINARY_AT_INTERVAL, UINT32_MAX);
    expect_records(&open_config, len, 1, 0);
}

/* ---- what is refused --------------------------------------------------------- */

static void every_length_that_does_not_fit_its_type_is_short(void **state)
{
    (void)state;
    bl_role_assume_worker();
    for (unsigned type = 0; type <= BL_BINARY_BATCH; type++) {
        uint32_t full = type == BL_BINARY_HELLO   ? make_hello("node", 1, 2, 3, 4)
                        : type == BL_BINARY_BATCH ? make_batch(2)
                                                  : make((enum bl_binary_type)type);
        for (int tagged = 0; tagged <= 1; tagged++) {
            for (uint32_t len = 1; len < full + 40; len++) {
                bool batch = type == BL_BINARY_BATCH && len >= full - 16 && (len - full) % 16 == 0;
                if (len != full && !batch)
                    expect_drop(&open_config, len, BL_DROP_binary_short);
                else
                    parse(&open_config, len);
            }
            assert_int_equal(datagram[3], tagged);
            full = bl_binary_sign(datagram, full, auth_key);
        }
    }
}

static void versions_and_types_we_do_not_speak_are_refused(void **state)
{
    (void)state;
    bl_role_assume_worker();
    uint32_t len = make(BL_BINARY_BEAT);
    for (unsigned byte = 0; byte < 256; byte++) {
        datagram[2] = (uint8_t)byte;
        if (byte >> 4 != 1)
            expect_drop(&open_config, len, BL_DROP_binary_version);
        else if (byte > 0x13)
            expect_drop(&open_config, len, BL_DROP_binary_type);
    }
    make(BL_BINARY_BEAT);
    datagram[1] = 0xa8;
    expect_drop(&open_config, len, BL_DROP_binary_version);
}

static void unknown_flags_are_refused(void **state)
{
    (void)state;
    bl_role_assume_worker();
    for (unsigned bit = 1; bit < 8; bit++) {
        uint32_t len = make(BL_BINARY_BEAT);
        datagram[BL_BINARY_AT_FLAGS] = (uint8_t)(1u << bit);
        expect_drop(&open_config, len, BL_DROP_binary_field);
    }
}

static void fields_out_of_range_are_refused(void **state)
{
    (void)state;
    bl_role_assume_worker();
    const uint32_t most = BL_TIMEOUT_MAX_MS;
    expect_records(&open_config, make_hello("n", most, most, most, 254), 0, 1);
    expect_drop(&open_config, make_hello("n", most + 1, 0, 0, 0), BL_DROP_binary_field);
    expect_drop(&open_config, make_hello("n", 0, most + 1, 0, 0), BL_DROP_binary_field);
    expect_drop(&open_config, make_hello("n", 0, 0, UINT32_MAX, 0), BL_DROP_binary_field);
    for (unsigned type = 0; type <= BL_BINARY_BYE; type++) {
        uint32_t len =
            type == BL_BINARY_HELLO ? make_hello("n", 0, 0, 0, 0) : make((enum bl_binary_type)type);
        bl_binary_store32(datagram + BL_BINARY_AT_INTERVAL, most);
        parse(&open_config, len);
        assert_int_equal(got.counters.packets_parsed, 1);
        bl_binary_store32(datagram + BL_BINARY_AT_INTERVAL, most + 1);
        expect_drop(&open_config, len, BL_DROP_binary_field);
    }
    for (unsigned byte = 0; byte < 2; byte++) {
        uint32_t len = make_hello("n", 0, 0, 0, 0);
        datagram[BL_BINARY_HEADER_BYTES + BL_BINARY_HELLO_AT_RESERVED + byte] = 1;
        expect_drop(&open_config, len, BL_DROP_binary_field);
    }
}

static void a_hellos_name_is_checked(void **state)
{
    (void)state;
    bl_role_assume_worker();
    char name[256];
    for (unsigned len = 0; len <= 255; len++) {
        memset(name, 'n', len);
        name[len] = 0;
        uint32_t total = make_hello(name, 0, 0, 0, 0);
        if (len <= BL_NAME_MAX)
            expect_records(&open_config, total, 0, 1);
        else
            expect_drop(&open_config, total, BL_DROP_binary_field);
    }
    static const char *const bad[] = {"a b", "a:b", "a|b", "\n", "abcdefgh\x7f", "abcdefghi\x1f"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect_drop(&open_config, make_hello(bad[i], 0, 0, 0, 0), BL_DROP_binary_field);
}

/* ---- tags --------------------------------------------------------------------- */

static uint32_t make_any(unsigned type)
{
    return type == BL_BINARY_HELLO   ? make_hello("node", 1000, 0, 0, 1)
           : type == BL_BINARY_BATCH ? make_batch(3)
                                     : make((enum bl_binary_type)type);
}

static void a_good_tag_passes_and_any_flipped_bit_does_not(void **state)
{
    (void)state;
    bl_role_assume_worker();
    for (unsigned type = 0; type <= BL_BINARY_BATCH; type++) {
        uint32_t len = bl_binary_sign(datagram, make_any(type), auth_key);
        parse(&auth_config, len);
        assert_int_equal(got.counters.packets_parsed, 1);
        for (uint32_t at = 4; at < len; at++) {
            for (unsigned bit = 0; bit < 8; bit++) {
                datagram[at] ^= (uint8_t)(1u << bit);
                parse(&auth_config, len);
                assert_int_equal(got.counters.packets_parsed, 0);
                datagram[at] ^= (uint8_t)(1u << bit);
            }
        }
        datagram[len - 1] ^= 1;
        expect_drop(&auth_config, len, BL_DROP_bad_tag);
    }
}

static void without_a_tag_nothing_passes_where_auth_is_required(void **state)
{
    (void)state;
    bl_role_assume_worker();
    for (unsigned type = 0; type <= BL_BINARY_BATCH; type++)
        expect_drop(&auth_config, make_any(type), BL_DROP_bad_tag);
}

static void a_tag_is_stepped_over_where_none_is_required(void **state)
{
    (void)state;
    bl_role_assume_worker();
    for (unsigned type = 0; type <= BL_BINARY_BATCH; type++) {
        uint32_t len = bl_binary_sign(datagram, make_any(type), auth_key);
        datagram[BL_BINARY_HEADER_BYTES] ^= 0xff;
        parse(&open_config, len);
        assert_int_equal(got.counters.packets_parsed, 1);
        assert_int_equal(got.counters.records, type == BL_BINARY_BATCH ? 3 : 1);
        if (type == BL_BINARY_HELLO)
            assert_memory_equal(got.setting[0].name, "node", 4);
        if (type == BL_BINARY_BATCH)
            assert_int_equal(got.beat[0].key, bl_key_of_id(&open_config.secret, 1));
    }
}

static int set_up(void **state)
{
    (void)state;
    gather_config(&open_config);
    gather_config(&auth_config);
    auth_config.auth_required = true;
    memcpy(auth_config.auth_key, auth_key, sizeof auth_key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_laid_out_as_the_page_says),
        cmocka_unit_test(the_tag_is_siphash_2_4),
        cmocka_unit_test(a_beat_carries_id_sequence_interval_and_incarnation),
        cmocka_unit_test(a_bye_is_a_setting),
        cmocka_unit_test(a_hello_names_and_sets_what_it_has),
        cmocka_unit_test(a_hello_may_have_no_name_and_no_policy),
        cmocka_unit_test(a_batch_is_a_beat_per_entry),
        cmocka_unit_test(a_65_kb_batch_goes_through_sinks_of_any_size),
        cmocka_unit_test(an_entry_too_old_to_tell_is_dropped_alone),
        cmocka_unit_test(a_batch_does_not_look_at_its_headers_interval),
        cmocka_unit_test(every_length_that_does_not_fit_its_type_is_short),
        cmocka_unit_test(versions_and_types_we_do_not_speak_are_refused),
        cmocka_unit_test(unknown_flags_are_refused),
        cmocka_unit_test(fields_out_of_range_are_refused),
        cmocka_unit_test(a_hellos_name_is_checked),
        cmocka_unit_test(a_good_tag_passes_and_any_flipped_bit_does_not),
        cmocka_unit_test(without_a_tag_nothing_passes_where_auth_is_required),
        cmocka_unit_test(a_tag_is_stepped_over_where_none_is_required),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
