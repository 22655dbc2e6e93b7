/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that lie against pages nobody may touch, read with all
 * instructions that the machine has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "dataplane/wire/text_fast.h"
#include "tests/text_reference.h"
#include "tests/unit/random.h"

#define PAGE     4096u
#define TEXT_MAX (2 * PAGE)

static struct bl_wire_config config;
static struct gather got;
static uint8_t *room; /* TEXT_MAX bytes between two pages that are closed */

static int open_room(void **state)
{
    (void)state;
    uint8_t *p = mmap(NULL, TEXT_MAX + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || mprotect(p + PAGE, TEXT_MAX, PROT_READ | PROT_WRITE) != 0)
        return -1;
    room = p + PAGE;
    gather_config(&config);
    return 0;
}

static int close_room(void **state)
{
    (void)state;
    return munmap(room - PAGE, TEXT_MAX + 2 * PAGE);
}

/* Reads the text where it ends, and where it begins, at a closed page. */
BL_ON_WORKER static void read_everywhere(const char *text, unsigned len, unsigned sink)
{
    uint8_t *at[] = {room + TEXT_MAX - len, room};
    for (unsigned i = 0; i < 2; i++) {
        memcpy(at[i], text, len);
        gather_twice(&got, &config, at[i], len, sink);
        reference_compare(&got, (const char *)at[i], len);
    }
}

static void says_what_it_compares(void **state)
{
    (void)state;
    for (enum bl_simd_level how = BL_TEXT_PLAIN; how <= BL_TEXT_AVX512; how++)
        printf("how %d: %s\n", (int)how, bl_text_has(how) ? "compared" : "not on this machine");
    assert_true(bl_text_has(BL_TEXT_PLAIN));
    assert_true(bl_text_has(bl_text_best()));
}

static void texts_of_every_length_end_at_a_closed_page(void **state)
{
    (void)state;
    bl_role_assume_worker();
    static const char *const last[] = {"\n", "", "\r\n", "\r", "|@0.1", "\n\n"};
    for (unsigned len = 1; len <= BL_NAME_MAX + 1; len++) {
        for (unsigned i = 0; i < sizeof(last) / sizeof(last[0]); i++) {
            char line[BL_NAME_MAX + 32], text[3 * sizeof(line)];
            int n = snprintf(line, sizeof(line), "%0*d.beat:%u|c%s", (int)len, 7, len * len * len, last[i]);
            read_everywhere(line, (unsigned)n, 1);
            n = snprintf(text, sizeof(text), "%sx.err:1|g\n%s", line, line);
            read_everywhere(text, (unsigned)n, 1 + len % 5);
        }
    }
}

static void prefixes_of_a_text_are_cut_anywhere(void **state)
{
    (void)state;
    bl_role_assume_worker();
    static const char text[] =
        "a.beat:1|c\nrack-0001-blade-00000001.beat:1|c\nb.autobeat:12|ms\r\nb.err:5|g\n"
        "\n\xc3\xbc.beat:1|c|@0.1\nlonger-name-than-others.some.where.beat:0123456789|gh\n"
        "x\n:::\n|||\n.beat:1|c\ny.beat:1|c\r\n\r\nrack-0001-blade-00000002.beat:1|c";
    for (unsigned len = 1; len < sizeof(text); len++)
        for (unsigned from = 0; from < len; from += 1 + len % 7)
            read_everywhere(text + from, len - from, 1 + len % 3);
}

/* Pieces of lines, usual ones most of the time, or bytes that are all
 * ends of something. */
static unsigned random_text(char *text, unsigned most, struct test_random *r)
{
    static const char exception[] = "\n\r:|. \x7f\x80"
                                    "beat:1|c";
    unsigned len = 0, likely = test_random_below(r, 64);
    while (len + 2 * BL_NAME_MAX < most) {
        unsigned name = 1 + test_random_below(r, test_random_below(r, 8) == 0 ? BL_NAME_MAX + 20 : 40);
        len += (unsigned)sprintf(text + len, "%0*u.beat:%u|c\n", (int)name, (unsigned)test_random_u64(r),
                                 test_random_below(r, 12));
        if (test_random_below(r, 64) < likely)
            continue;
        text[len - 1 - test_random_below(r, 8)] = exception[test_random_below(r, sizeof(exception) - 1)];
        for (unsigned more = test_random_below(r, 100); test_random_below(r, 4) == 0 && more > 0; more--)
            text[len++] = exception[test_random_below(r, sizeof(exception) - 1)];
    }
    return len - test_random_below(r, len < 40 ? len : 40);
}

static void long_random_texts_read_as_the_reference_reads_them(void **state)
{
    (void)state;
    bl_role_assume_worker();
    struct test_random r = {.state = test_random_seed("long_random_texts")};
    for (unsigned i = 0; i < 3000; i++) {
        static char text[TEXT_MAX];
        unsigned len = random_text(
            text, 2 * BL_NAME_MAX + 1 + test_random_below(&r, TEXT_MAX - 2 * BL_NAME_MAX - 1), &r);
        if (len > 0)
            read_everywhere(text, len, 1 + test_random_below(&r, BL_SINK_ROOM));
    }
}

static void a_piece_full_of_ends_has_room_for_all(void **state)
{
    (void)state;
    bl_role_assume_worker();
    static char text[TEXT_MAX];
    static const char bytes[] = "\n:| \x7f";
    for (unsigned b = 0; b < sizeof(bytes) - 1; b++) {
        memset(text, bytes[b], sizeof(text));
        for (unsigned len = BL_TEXT_PIECE - 2; len < BL_TEXT_PIECE + 70; len++)
            read_everywhere(text, len, 3);
        memcpy(text, "a.beat:1|c\n", 11);
        read_everywhere(text, sizeof(text), BL_SINK_ROOM);
    }
}

/* How many of two such texts are taken as usual ones. */
BL_ON_WORKER static unsigned taken_as_usual(const char *text, unsigned len, enum bl_simd_level how)
{
    static struct bl_sink sink;
    struct bl_counters counters = {0};
    struct bl_wire_config with = config;
    struct bl_payload two[2] = {{(const uint8_t *)text, len}, {(const uint8_t *)text, len}};
    with.text = how;
    memset(&sink, 0, sizeof(sink));
    return bl_wire_parse_fast(&with, two, 2, &sink, &counters);
}

/* Whether one line is taken as a usual one may be decided either way: that
 * it then reads the same is for gather. But most must be. */
static void a_single_line_is_usual_and_reads_the_same_with_any_byte_changed(void **state)
{
    (void)state;
    bl_role_assume_worker();
    static const char other[] = "\xbe\n\r:|. \x7f\x80/9Z[az{";
    unsigned most = bl_text_has(BL_TEXT_AVX512) ? 2 : 0;
    for (unsigned name_len = 1; name_len <= BL_TEXT_LOOK; name_len++) {
        char line[BL_TEXT_LOOK + 16];
        memset(line, 'n', sizeof(line));
        memcpy(line + name_len, ".beat:7|c\n", 10);
        for (unsigned lf = 0; lf < 2; lf++) {
            unsigned len = name_len + 9 + lf;
            read_everywhere(line, len, 3);
            assert_int_equal(taken_as_usual(line, len, BL_TEXT_AVX512),
                             len >= 11 && len <= BL_TEXT_LOOK ? most : 0);
            assert_int_equal(taken_as_usual(line, len, BL_TEXT_PLAIN), 0);
            for (unsigned at = 0; at < len; at++) {
                /* 0xbe in front makes it a binary one. */
                for (unsigned i = at == 0; i < sizeof(other) - 1; i++) {
                    char was = line[at];
                    line[at] = other[i];
                    read_everywhere(line, len, 3);
                    line[at] = was;
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_it_compares),
        cmocka_unit_test(texts_of_every_length_end_at_a_closed_page),
        cmocka_unit_test(prefixes_of_a_text_are_cut_anywhere),
        cmocka_unit_test(long_random_texts_read_as_the_reference_reads_them),
        cmocka_unit_test(a_piece_full_of_ends_has_room_for_all),
        cmocka_unit_test(a_single_line_is_usual_and_reads_the_same_with_any_byte_changed),
    };
    return cmocka_run_group_tests(tests, open_room, close_room);
}
