/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/ingest/lines.h"
#include "tests/lines_reference.h"
#include "tests/unit/random.h"

static struct bl_lines_room room;

static int give(struct bl_lines *l, const char *text, size_t len, struct bl_lines_piece *piece)
{
    memcpy(bl_lines_begin(l, &room), text, len);
    return bl_lines_end(l, &room, (uint32_t)len, piece);
}

static void expect(const struct bl_lines_piece *piece, const char *text)
{
    assert_int_equal(piece->len, strlen(text));
    assert_memory_equal(piece->data, text, piece->len);
}

static void whole_lines_pass_and_the_rest_waits(void **state)
{
    (void)state;
    struct bl_lines l = {0};
    struct bl_lines_piece p;
    assert_int_equal(give(&l, "a.beat:1|c\nb.be", 15, &p), 0);
    expect(&p, "a.beat:1|c\n");
    assert_int_equal(give(&l, "at:1", 4, &p), 0);
    expect(&p, "");
    assert_int_equal(give(&l, "|c\r\n\n", 5, &p), 0);
    expect(&p, "b.beat:1|c\r\n\n");
    bl_lines_close(&l, &room, &p);
    expect(&p, "");
}

static void the_last_line_counts_without_a_line_feed(void **state)
{
    (void)state;
    struct bl_lines l = {0};
    struct bl_lines_piece p;
    assert_int_equal(give(&l, "a.beat:1|c", 10, &p), 0);
    expect(&p, "");
    bl_lines_close(&l, &room, &p);
    expect(&p, "a.beat:1|c");
}

static void empty_lines_alone_are_no_piece(void **state)
{
    (void)state;
    struct bl_lines l = {0};
    struct bl_lines_piece p;
    assert_int_equal(give(&l, "\r\n\n\r\n", 5, &p), 0);
    expect(&p, "");
    bl_lines_close(&l, &room, &p);
}

static void no_piece_looks_like_a_binary_datagram(void **state)
{
    (void)state;
    struct bl_lines l = {0};
    struct bl_lines_piece p;
    assert_int_equal(give(&l, "\xbe\xa7.beat:1|c\n", 12, &p), 0);
    expect(&p, "\n\xbe\xa7.beat:1|c\n");
    assert_int_equal(give(&l, "\xbe", 1, &p), 0);
    bl_lines_close(&l, &room, &p);
    expect(&p, "\n\xbe");
}

/* A line of `bytes` bytes and its line feed, as a connection brings it. */
static int one_line(size_t bytes, struct bl_lines_piece *p)
{
    struct bl_lines l = {0};
    char *line = malloc(bytes + 1);
    int rc = 0;
    memset(line, 'x', bytes);
    line[bytes] = '\n';
    for (size_t at = 0; at <= bytes && rc == 0; at += BL_LINES_READ) {
        size_t left = bytes + 1 - at;
        rc = give(&l, line + at, left < BL_LINES_READ ? left : BL_LINES_READ, p);
    }
    free(line);
    struct bl_lines_piece last;
    bl_lines_close(&l, &room, &last);
    assert_int_equal(last.len, 0);
    return rc;
}

static void a_line_of_64_KiB_is_the_longest(void **state)
{
    (void)state;
    struct bl_lines_piece p;
    assert_int_equal(one_line(BL_LINE_MAX, &p), 0);
    assert_int_equal(p.len, BL_LINE_MAX + 1);
    assert_int_equal(one_line(BL_LINE_MAX + 1, &p), -EMSGSIZE);
    assert_int_equal(p.len, 0);
}

/* Streams of short and long lines, line feeds of both kinds, and bytes
 * that begin a binary datagram. */
static size_t random_stream(struct test_random *r, uint8_t *stream)
{
    static const char *const bits[] = {"\n", "\r\n", "\r", "a.beat:1|c\n", "\xbe", "\xbe\xa7\n", "x"};
    size_t len = 0;
    for (uint32_t n = test_random_below(r, 60); n > 0; n--) {
        const char *bit = bits[test_random_below(r, sizeof(bits) / sizeof(bits[0]))];
        memcpy(stream + len, bit, strlen(bit));
        len += strlen(bit);
        if (test_random_below(r, 20) == 0) {
            size_t run = test_random_below(r, BL_LINE_MAX + BL_LINE_MAX / 4);
            memset(stream + len, 'x', run);
            len += run;
        }
    }
    return len;
}

struct chunks {
    struct test_random *random;
    uint32_t most;
};

static uint32_t random_chunk(void *ctx)
{
    struct chunks *c = ctx;
    return 1 + test_random_below(c->random, c->most);
}

static void any_chunks_give_the_same_lines(void **state)
{
    (void)state;
    struct test_random r = {test_random_seed("any_chunks_give_the_same_lines")};
    uint8_t *stream = malloc(60 * (16 + 2 * BL_LINE_MAX));
    for (int round = 0; round < 3000; round++) {
        size_t len = random_stream(&r, stream);
        /* A stream of megabytes a byte at a time is all copying. */
        uint32_t least = len < 4096 ? 1 : 512;
        struct chunks c = {&r, least << test_random_below(&r, 6)};
        lines_reference_check(stream, len, random_chunk, &c);
    }
    free(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_lines_pass_and_the_rest_waits),
        cmocka_unit_test(the_last_line_counts_without_a_line_feed),
        cmocka_unit_test(empty_lines_alone_are_no_piece),
        cmocka_unit_test(no_piece_looks_like_a_binary_datagram),
        cmocka_unit_test(a_line_of_64_KiB_is_the_longest),
        cmocka_unit_test(any_chunks_give_the_same_lines),
    };
    return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
