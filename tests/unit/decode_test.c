/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/wire/decode.h"
#include "tests/frames.h"

#define PORT  8127
#define TAKEN (-1) /* instead of a reason */

static const char text[] = "invoice.mailer.beat:1|c\n"; /* 24 bytes */
static uint8_t frame[FRAME_MAX];

static struct frame good(void)
{
    return (struct frame){
        .src_port = 40000, .dst_port = PORT, .payload = text, .payload_len = sizeof text - 1};
}

static struct frame good_v6(void)
{
    struct frame f = good();
    f.ipv6 = true;
    return f;
}

/* Decodes a copy of exactly `len` bytes, so that a sanitizer sees any
 * read past it. Returns the reason, or TAKEN with the payload's place in
 * *at. */
static int decode(uint32_t len, unsigned flags, uint32_t *at, uint32_t *payload_len)
{
    uint8_t *copy = malloc(len != 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, frame, len);
    struct bl_payload out = {0};
    int r = bl_decode_frame(copy, len, PORT, flags, &out);
    struct bl_payload usual = {0};
    if (bl_decode_fast(copy, len, PORT, (flags & BL_DECODE_UDP_GOOD) != 0, &usual)) {
        assert_int_equal(r, 0);
        assert_true(usual.data == out.data && usual.len == out.len);
    }
    if (r == 0) {
        assert_true(out.data >= copy && out.data + out.len <= copy + len && out.len != 0);
        *at = (uint32_t)(out.data - copy);
        *payload_len = out.len;
    } else {
        assert_in_range(r, 1, BL_DROP_FIRST_RECORD);
    }
    free(copy);
    return r - 1;
}

static void expect(int reason, uint32_t len, unsigned flags)
{
    uint32_t at, payload_len;
    int got = decode(len, flags, &at, &payload_len);
    if (got != reason)
        print_error("expected %s, got %s\n", reason == TAKEN ? "taken" : bl_drop_name((enum bl_drop)reason),
                    got == TAKEN ? "taken" : bl_drop_name((enum bl_drop)got));
    assert_int_equal(got, reason);
}

static void expect_payload(struct frame *f, unsigned flags)
{
    uint32_t at = 0, payload_len = 0, len = frame_build(f, frame);
    assert_int_equal(decode(len, flags, &at, &payload_len), TAKEN);
    assert_int_equal(at, f->payload_at);
    assert_int_equal(payload_len, f->payload_len);
}

/* ---- what is taken ---------------------------------------------------- */

static void plain_frames_give_their_payload(void **state)
{
    (void)state;
    struct frame f = good();
    expect_payload(&f, 0);
    f = good_v6();
    expect_payload(&f, 0);
}

/* All others are compared with bl_decode_frame's in decode(). */
static void the_usual_frame_needs_no_closer_look(void **state)
{
    (void)state;
    struct frame f = good();
    struct bl_payload out = {0};
    uint32_t len = frame_build(&f, frame);
    assert_true(bl_decode_fast(frame, len, PORT, false, &out));
    frame[40] ^= 1;
    assert_false(bl_decode_fast(frame, len, PORT, false, &out));
    assert_true(bl_decode_fast(frame, len, PORT, true, &out));
    frame[40] = frame[41] = 0; /* none */
    assert_true(bl_decode_fast(frame, len, PORT, false, &out));
    assert_true(out.data == frame + f.payload_at && out.len == f.payload_len);
    for (unsigned ttl = 0; ttl < 256; ttl++) { /* every sum but one is wrong */
        uint8_t was = frame[22];
        frame[22] = (uint8_t)ttl;
        assert_int_equal(bl_decode_fast(frame, len, PORT, false, &out), ttl == was);
        frame[22] = was;
    }
}

static void payloads_of_every_length_sum_right(void **state)
{
    (void)state;
    static uint8_t bytes[65507];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 131 + (i >> 8) + 255);
    for (int v6 = 0; v6 <= 1; v6++) {
        struct frame f = v6 ? good_v6() : good();
        f.payload = bytes;
        for (f.payload_len = 1; f.payload_len < 300; f.payload_len++)
            expect_payload(&f, 0);
        f.payload_len = sizeof bytes;
        expect_payload(&f, 0);
        memset(bytes, 0xff, sizeof bytes);
        expect_payload(&f, 0);
    }
}

static void one_and_two_vlan_tags_of_any_kind_are_stepped_over(void **state)
{
    (void)state;
    static const uint16_t kinds[] = {0x8100, 0x88a8, 0x9100};
    for (unsigned outer = 0; outer < 3; outer++) {
        for (unsigned inner = 0; inner < 4; inner++) {
            struct frame f = inner % 2 ? good() : good_v6();
            f.tag[0] = kinds[outer];
            f.tag[1] = inner < 3 ? kinds[inner] : 0;
            expect_payload(&f, 0);
        }
    }
}

static void ipv4_options_are_stepped_over(void **state)
{
    (void)state;
    struct frame f = good();
    for (f.option_words = 1; f.option_words <= 10; f.option_words++)
        expect_payload(&f, 0);
}

static void ipv6_extension_headers_are_stepped_over(void **state)
{
    (void)state;
    struct frame f = good_v6();
    static const uint8_t kinds[] = {0, 43, 60, 51};
    for (f.ext_count = 1; f.ext_count <= 8; f.ext_count++) {
        for (unsigned i = 0; i < f.ext_count; i++) {
            f.ext[i].kind = kinds[i % 4];
            f.ext[i].words = (uint8_t)(i % 4 == 3 ? 4 : i); /* AH: 24 bytes */
        }
        expect_payload(&f, 0);
    }
}

static void padding_behind_the_ip_packet_is_no_payload(void **state)
{
    (void)state;
    struct frame f = good();
    f.payload_len = 5;
    f.padding = 13; /* to Ethernet's 60 */
    expect_payload(&f, 0);
    f = good_v6();
    f.padding = 100;
    expect_payload(&f, 0);
}

static void a_udp_length_below_the_ip_length_is_taken(void **state)
{
    (void)state;
    struct frame f = good();
    uint32_t at = 0, payload_len = 0, len = frame_build(&f, frame);
    frame[f.udp_at + 5] = 8 + 10;
    frame_mend_udp(&f, frame);
    assert_int_equal(decode(len, 0, &at, &payload_len), TAKEN);
    assert_int_equal(payload_len, 10);
}

static void ipv4_without_a_udp_checksum_is_taken(void **state)
{
    (void)state;
    struct frame f = good();
    f.udp_sum = FRAME_SUM_NONE;
    expect_payload(&f, 0);
}

static void a_checksum_left_to_the_device_is_taken(void **state)
{
    (void)state;
    struct frame f = good();
    f.udp_sum = FRAME_SUM_PARTIAL;
    expect_payload(&f, 0);
    f = good_v6();
    f.udp_sum = FRAME_SUM_PARTIAL;
    expect_payload(&f, 0);
}

static void what_the_nic_verified_is_not_summed_again(void **state)
{
    (void)state;
    struct frame f = good();
    f.udp_sum = FRAME_SUM_WRONG;
    uint32_t len = frame_build(&f, frame);
    expect(BL_DROP_udp_checksum, len, BL_DECODE_IP_GOOD);
    expect(TAKEN, len, BL_DECODE_UDP_GOOD);
    frame[f.ip_at + 10] ^= 1;
    expect(BL_DROP_ip_checksum, len, BL_DECODE_UDP_GOOD);
    expect(TAKEN, len, BL_DECODE_UDP_GOOD | BL_DECODE_IP_GOOD);
}

/* ---- what is refused, and why ------------------------------------------- */

/* Builds `f`, sets frame[at of what + offset] to value, mends the
 * checksums where asked, and expects the reason. */
enum part { ETHERNET, IP, UDP };
struct change {
    const char *name;
    enum part part;
    unsigned offset;
    uint8_t value;
    bool mend_ip;
    int reason;
};

static void expect_changes(struct frame (*make)(void), const struct change *c, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct frame f = make();
        uint32_t len = frame_build(&f, frame);
        uint32_t base = c[i].part == IP ? f.ip_at : c[i].part == UDP ? f.udp_at : 0;
        frame[base + c[i].offset] = c[i].value;
        if (c[i].mend_ip)
            frame_mend_ip(&f, frame);
        uint32_t at, payload_len;
        int got = decode(len, 0, &at, &payload_len);
        if (got != c[i].reason)
            print_error("%s: %d\n", c[i].name, got);
        assert_int_equal(got, c[i].reason);
    }
}

static void every_bad_ipv4_field_has_its_reason(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"arp", ETHERNET, 13, 0x06, false, BL_DROP_not_ip},
        {"802.3 length", ETHERNET, 12, 0x00, false, BL_DROP_not_ip},
        {"version 6", IP, 0, 0x65, true, BL_DROP_ip_header},
        {"version 0", IP, 0, 0x05, true, BL_DROP_ip_header},
        {"header of 16", IP, 0, 0x44, true, BL_DROP_ip_header},
        {"header past the end", IP, 0, 0x4f, false, BL_DROP_runt},
        {"checksum", IP, 10, 0x12, false, BL_DROP_ip_checksum},
        {"ttl changed, checksum not", IP, 8, 63, false, BL_DROP_ip_checksum},
        {"total length over", IP, 3, 20 + 8 + 24 + 1, true, BL_DROP_ip_length},
        {"total length 65k", IP, 2, 0xff, true, BL_DROP_ip_length},
        {"total length under header", IP, 3, 19, true, BL_DROP_ip_length},
        {"more fragments", IP, 6, 0x20, true, BL_DROP_ip_fragment},
        {"fragment offset", IP, 7, 0x01, true, BL_DROP_ip_fragment},
        {"fragment offset, high", IP, 6, 0x10, true, BL_DROP_ip_fragment},
        {"tcp", IP, 9, 6, true, BL_DROP_not_udp},
        {"total length leaves 7", IP, 3, 27, true, BL_DROP_udp_length},
        {"udp length 7", UDP, 5, 7, false, BL_DROP_udp_length},
        {"udp length 0", UDP, 5, 0, false, BL_DROP_udp_length},
        {"udp length over", UDP, 5, 33, false, BL_DROP_udp_length},
        {"udp length 65k", UDP, 4, 0xff, false, BL_DROP_udp_length},
        {"port", UDP, 3, 0xff, false, BL_DROP_wrong_port},
        {"source port changed, checksum not", UDP, 0, 1, false, BL_DROP_udp_checksum},
        {"payload changed", UDP, 8, 'x', false, BL_DROP_udp_checksum},
        {"last byte changed", UDP, 8 + 23, 'x', false, BL_DROP_udp_checksum},
    };
    struct frame f = good();
    expect(TAKEN, frame_build(&f, frame), 0);
    expect_changes(good, changes, sizeof changes / sizeof changes[0]);
}

static struct frame good_v6_extended(void)
{
    struct frame f = good_v6();
    f.ext_count = 1;
    f.ext[0].kind = 60;
    return f;
}

static void every_bad_ipv6_field_has_its_reason(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"version", IP, 0, 0x40, false, BL_DROP_ip_header},
        {"payload length over", IP, 5, 8 + 24 + 1, false, BL_DROP_ip_length},
        {"payload length 7", IP, 5, 7, false, BL_DROP_udp_length},
        {"payload length 0", IP, 5, 0, false, BL_DROP_udp_length},
        {"tcp", IP, 6, 6, false, BL_DROP_not_udp},
        {"no next header", IP, 6, 59, false, BL_DROP_not_udp},
        {"fragment", IP, 6, 44, false, BL_DROP_ip_fragment},
        {"extension where UDP is, too long", IP, 6, 0, false, BL_DROP_ip_header},
        {"payload changed", UDP, 8, 'x', false, BL_DROP_udp_checksum},
        {"address changed", IP, 9, 0, false, BL_DROP_udp_checksum},
        {"port", UDP, 3, 0xff, false, BL_DROP_wrong_port},
    };
    static const struct change extended[] = {
        {"extension past the end", IP, 41, 200, false, BL_DROP_ip_header},
        {"extension cut after a byte", IP, 5, 1, false, BL_DROP_ip_header},
        {"extension cut", IP, 5, 7, false, BL_DROP_ip_header},
        {"extension and nothing", IP, 5, 8, false, BL_DROP_udp_length},
        {"fragment behind it", IP, 40, 44, false, BL_DROP_ip_fragment},
        {"icmp behind it", IP, 40, 58, false, BL_DROP_not_udp},
    };
    expect_changes(good_v6, changes, sizeof changes / sizeof changes[0]);
    expect_changes(good_v6_extended, extended, sizeof extended / sizeof extended[0]);
}

static void a_ninth_extension_header_is_refused(void **state)
{
    (void)state;
    struct frame f = good_v6();
    f.ext_count = 9;
    for (unsigned i = 0; i < f.ext_count; i++)
        f.ext[i].kind = 60;
    expect(BL_DROP_ip_header, frame_build(&f, frame), 0);
}

static void an_extension_header_at_the_frames_end_is_not_read_past_it(void **state)
{
    (void)state;
    struct frame f = good_v6_extended();
    frame_build(&f, frame);
    for (uint8_t left = 0; left < 8; left++) {
        frame[f.ip_at + 5] = left;
        expect(BL_DROP_ip_header, f.ip_at + 40u + left, 0);
    }
}

static void a_third_vlan_tag_is_refused(void **state)
{
    (void)state;
    struct frame f = good();
    f.tag[0] = f.tag[1] = f.tag[2] = 0x8100;
    expect(BL_DROP_not_ip, frame_build(&f, frame), 0);
}

static void ipv6_without_a_udp_checksum_is_refused(void **state)
{
    (void)state;
    struct frame f = good_v6();
    f.udp_sum = FRAME_SUM_NONE;
    uint32_t len = frame_build(&f, frame);
    expect(BL_DROP_udp_checksum, len, 0);
    expect(BL_DROP_udp_checksum, len, BL_DECODE_UDP_GOOD);
}

static void a_datagram_without_payload_is_empty(void **state)
{
    (void)state;
    struct frame f = good();
    f.payload_len = 0;
    expect(BL_DROP_empty, frame_build(&f, frame), 0);
    f = good_v6();
    f.payload_len = 0;
    expect(BL_DROP_empty, frame_build(&f, frame), 0);
}

static void any_flipped_bit_under_a_checksum_is_noticed(void **state)
{
    (void)state;
    struct frame f = good();
    uint32_t len = frame_build(&f, frame);
    for (uint32_t at = f.ip_at; at < len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            uint32_t where, payload_len;
            frame[at] ^= (uint8_t)(1u << bit);
            int got = decode(len, 0, &where, &payload_len);
            assert_int_not_equal(got, TAKEN);
            frame[at] ^= (uint8_t)(1u << bit);
        }
    }
}

static void expect_runts(struct frame f)
{
    uint32_t at, payload_len, full = frame_build(&f, frame);
    for (uint32_t len = 0; len < full; len++) {
        int reason = decode(len, 0, &at, &payload_len);
        bool headers = len >= f.ip_at + (f.ipv6 ? 40u : 20u + f.option_words * 4u);
        assert_int_equal(reason, headers ? BL_DROP_ip_length : BL_DROP_runt);
    }
    assert_int_equal(decode(full, 0, &at, &payload_len), TAKEN);
}

static void a_frame_cut_anywhere_is_a_runt_or_too_short_for_its_ip_length(void **state)
{
    (void)state;
    struct frame f = good();
    expect_runts(f);
    f.option_words = 10;
    f.tag[0] = f.tag[1] = 0x8100;
    expect_runts(f);
    f = good_v6();
    expect_runts(f);
    f.ext_count = 2;
    f.ext[0].kind = 0;
    f.ext[1].kind = 51;
    f.tag[0] = 0x88a8;
    expect_runts(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_frames_give_their_payload),
        cmocka_unit_test(the_usual_frame_needs_no_closer_look),
        cmocka_unit_test(payloads_of_every_length_sum_right),
        cmocka_unit_test(one_and_two_vlan_tags_of_any_kind_are_stepped_over),
        cmocka_unit_test(ipv4_options_are_stepped_over),
        cmocka_unit_test(ipv6_extension_headers_are_stepped_over),
        cmocka_unit_test(padding_behind_the_ip_packet_is_no_payload),
        cmocka_unit_test(a_udp_length_below_the_ip_length_is_taken),
        cmocka_unit_test(ipv4_without_a_udp_checksum_is_taken),
        cmocka_unit_test(a_checksum_left_to_the_device_is_taken),
        cmocka_unit_test(what_the_nic_verified_is_not_summed_again),
        cmocka_unit_test(every_bad_ipv4_field_has_its_reason),
        cmocka_unit_test(every_bad_ipv6_field_has_its_reason),
        cmocka_unit_test(a_ninth_extension_header_is_refused),
        cmocka_unit_test(an_extension_header_at_the_frames_end_is_not_read_past_it),
        cmocka_unit_test(a_third_vlan_tag_is_refused),
        cmocka_unit_test(ipv6_without_a_udp_checksum_is_refused),
        cmocka_unit_test(a_datagram_without_payload_is_empty),
        cmocka_unit_test(any_flipped_bit_under_a_checksum_is_noticed),
        cmocka_unit_test(a_frame_cut_anywhere_is_a_runt_or_too_short_for_its_ip_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
