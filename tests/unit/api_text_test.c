/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "control/match/glob.h"
#include "control/model/history.h"
#include "control/text/human.h"
#include "engine/detect/state.h"

static void globs_match_whole_names(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *name;
        bool match;
    } cases[] = {
        {"*", "", true},
        {"", "", true},
        {"", "a", false},
        {"*", "invoice.mailer", true},
        {"invoice.*", "invoice.mailer", true},
        {"invoice.*", "invoice", false},
        {"*.mailer", "a.b.mailer", true},
        {"*mail*", "invoice.mailer", true},
        {"i?voice", "invoice", true},
        {"i?voice", "ivoice", false},
        {"?", "\xc3\xbc", true},
        {"??", "\xc3\xbc", false},
        {"*??", "\xe2\x82\xac", false}, /* one character of three bytes */
        {"*??", "a\xe2\x82\xac", true},
        {"*[!a]?", "\xe2\x82\xac", false},
        {"*\xac", "\xe2\x82\xac", false},
        {"rack[0-9].pdu", "rack7.pdu", true},
        {"rack[0-9].pdu", "rackx.pdu", false},
        {"rack[!0-9].pdu", "rackx.pdu", true},
        {"rack[^0-9].pdu", "rack1.pdu", false},
        {"[]x]", "]", true},
        {"[a-]", "-", true},
        {"[abc", "[abc", true},
        {"a[", "a[", true},
        {"\\*", "*", true},
        {"\\*", "x", false},
        {"a\\", "a\\", true},
        {"a*b*c", "a.b.b.c", true},
        {"a*b*c", "a.b.b.d", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (bl_glob_match(cases[i].pattern, cases[i].name) != cases[i].match)
            fail_msg("%s against %s", cases[i].pattern, cases[i].name);
    }
}

/* The reference: says what each sign means, in exponential time. "\xc3" is
 * the first byte of a character of two. */
static bool slow_match(const char *p, const char *s)
{
    if (*p == '\0')
        return *s == '\0';
    int more = *s == '\0' ? 0 : *s == '\xc3' && s[1] == '\xa9' ? 2 : 1;
    if (*p == '*')
        return slow_match(p + 1, s) || (more > 0 && slow_match(p, s + more));
    if (*p == '?')
        return more > 0 && slow_match(p + 1, s + more);
    return *p == *s && slow_match(p + 1, s + 1);
}

static void globs_agree_with_their_meaning(void **state)
{
    (void)state;
    unsigned seed = 31337;
    print_message("seed %u\n", seed);
    for (int round = 0; round < 200000; round++) {
        char pattern[9] = "", name[9] = "";
        for (int i = rand_r(&seed) % 8; i > 0; i--)
            pattern[i - 1] = "ab*?"[rand_r(&seed) % 4];
        for (int i = rand_r(&seed) % 8; i > 0; i--)
            name[i - 1] = "ab\xc3\xa9"[rand_r(&seed) % 4];
        if (bl_glob_match(pattern, name) != slow_match(pattern, name))
            fail_msg("%s against %s", pattern, name);
    }
}

static void a_glob_of_many_stars_is_quick(void **state)
{
    (void)state;
    char pattern[201], name[201];
    for (int i = 0; i < 200; i += 2)
        memcpy(pattern + i, "*a", 2);
    memcpy(pattern + 198, "*b", 3);
    memset(name, 'a', 200);
    name[200] = '\0';
    assert_false(bl_glob_match(pattern, name)); /* or the test's time runs out */
}

static void figures_read_well(void **state)
{
    (void)state;
    char t[BL_HUMAN_TEXT];
    assert_string_equal(bl_human_age(0, t), "0.0s");
    assert_string_equal(bl_human_age(3250, t), "3.2s");
    assert_string_equal(bl_human_age(59999, t), "59s");
    assert_string_equal(bl_human_age(312000, t), "5m12s");
    assert_string_equal(bl_human_age(8040000, t), "2h14m");
    assert_string_equal(bl_human_age(273600000, t), "3d4h");
    assert_string_equal(bl_human_count(0, t), "0");
    assert_string_equal(bl_human_count(999, t), "999");
    assert_string_equal(bl_human_count(1000, t), "1,000");
    assert_string_equal(bl_human_count(UINT64_MAX, t), "18,446,744,073,709,551,615");
    assert_string_equal(bl_human_bytes(512, t), "512 B");
    assert_string_equal(bl_human_bytes(1300, t), "1.3 KiB");
    assert_string_equal(bl_human_bytes(UINT64_C(3) << 40, t), "3.0 TiB");
}

static void names_cannot_drive_a_terminal(void **state)
{
    (void)state;
    char out[32];
    assert_int_equal(bl_human_name("gr\xc3\xbc\xc3\x9f", out, sizeof(out)), 4);
    assert_string_equal(out, "gr\xc3\xbc\xc3\x9f");
    assert_int_equal(bl_human_name("a\x1b[31m\x7f\xc2\x9b\xff", out, sizeof(out)), 9);
    assert_string_equal(out, "a?[31m???");
}

static void columns_are_as_wide_as_they_say(void **state)
{
    (void)state;
    struct bl_text t = {0};
    bl_human_column(&t, "\xc3\xbc", 3, BL_LEFT);
    bl_human_column(&t, "7", 3, BL_RIGHT);
    bl_human_state(&t, BL_STATE_OK, 5, false);
    bl_human_state(&t, BL_STATE_FAILED, 8, true);
    bl_human_line(&t);
    bl_text_append(&t, "", 1);
    assert_string_equal(t.data, "\xc3\xbc    7ok   \033[31mfailed\033[0m\n");
    bl_text_free(&t);
}

static void rows_have_their_figures_on_the_right(void **state)
{
    (void)state;
    static const struct bl_columns columns = {.indent = 2, .label = 6, .figure = 8};
    struct bl_text t = {0};

    bl_human_row(&t, &columns, "size", "1.2 KiB");
    bl_human_count_row(&t, &columns, "nodes", 12345);
    bl_text_append(&t, "", 1);
    assert_string_equal(t.data, "  size   1.2 KiB\n  nodes   12,345\n");
    bl_text_free(&t);
}

static void history_keeps_the_last_events(void **state)
{
    (void)state;
    struct bl_history h = {0};
    struct bl_event e = {.kind = BL_EVENT_TRANSITION};

    bl_history_begin(&h, 5); /* those before were another run's */
    bl_history_keep(&h, 100);
    assert_int_equal(h.first, 5); /* who follows an empty history misses nothing */
    assert_int_equal(h.next, 5);
    for (e.number = 5; e.number < 1000; e.number++) {
        e.incident = (uint32_t)e.number;
        bl_history_add(&h, &e);
        assert_int_equal(h.next, e.number + 1);
        uint64_t oldest = e.number - 5 < 100 ? 5 : e.number - 99;
        assert_int_equal(h.first, oldest);
        assert_int_equal(bl_history_get(&h, oldest)->incident, oldest);
        assert_int_equal(bl_history_get(&h, e.number)->incident, e.number);
        assert_null(bl_history_get(&h, oldest - 1));
        assert_null(bl_history_get(&h, e.number + 1));
    }
    bl_history_keep(&h, 10); /* a reload */
    assert_int_equal(h.first, 990);
    bl_history_keep(&h, 0);
    bl_history_add(&h, &e);
    assert_null(bl_history_get(&h, 1000));
    assert_int_equal(h.next, 1001);
    bl_history_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(globs_match_whole_names),
        cmocka_unit_test(globs_agree_with_their_meaning),
        cmocka_unit_test(a_glob_of_many_stars_is_quick),
        cmocka_unit_test(figures_read_well),
        cmocka_unit_test(names_cannot_drive_a_terminal),
        cmocka_unit_test(columns_are_as_wide_as_they_say),
        cmocka_unit_test(rows_have_their_figures_on_the_right),
        cmocka_unit_test(history_keeps_the_last_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
