/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns with variables, against lovebeat's own examples and against
 * POSIX regular expressions. */
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/match/glob.h"
#include "control/match/pattern.h"
#include "engine/base/beat.h"
#include "tests/unit/random.h"

static struct bl_pattern *make(const char *text)
{
    char why[BL_ERR_BYTES] = "";
    struct bl_pattern *p = bl_pattern_new(text, why);
    if (p == NULL)
        print_error("%s: %s\n", text, why);
    assert_non_null(p);
    return p;
}

/* The view's name for a node, NULL: it is not in it. */
static const char *expand(const char *pattern, const char *name, const char *template)
{
    static char out[BL_NAME_MAX + 1];
    struct bl_capture captures[BL_PATTERN_VARIABLES];
    struct bl_pattern *p = make(pattern);
    bool matches = bl_pattern_match(p, name, captures);
    int len = matches ? bl_pattern_expand(p, template, captures, out, sizeof(out)) : -1;
    bl_pattern_free(p);
    return len < 0 ? NULL : out;
}

static bool matches(const char *pattern, const char *name)
{
    struct bl_pattern *p = make(pattern);
    bool yes = bl_pattern_match(p, name, NULL);
    bl_pattern_free(p);
    return yes;
}

static void lovebeats_examples_hold(void **state)
{
    (void)state;
    assert_true(matches("test.$name.*", "test.foobar.fie.fum"));
    assert_false(matches("test.$name.*", "test.foobar"));
    assert_string_equal(expand("test.$name.*", "test.foobar.fie.fum", "foo.$name.fofum"), "foo.foobar.fofum");
    assert_string_equal(expand("test.$name.$namefoo", "test.foo.bar", "name.$namefoo.$name"), "name.bar.foo");
    assert_string_equal(
        expand("application-name.$name.*", "application-name.beta.background-job-1", "server-$name"),
        "server-beta");
    assert_string_equal(expand("source.$name.*", "source.a.b", "source-$name"), "source-a");
}

static void a_variable_is_one_part_between_dots(void **state)
{
    (void)state;
    assert_string_equal(expand("$dc.web.*", "ams.web.3", "web-$dc"), "web-ams");
    assert_false(matches("$dc.web.*", ".web.3"));
    assert_false(matches("$dc.web.*", "ams.eu.web.3"));
    assert_false(matches("a$x", "a"));
    assert_false(matches("a.$x*", "a.")); /* at least one byte */
    assert_true(matches("a.$x*", "a.b.c"));
    assert_string_equal(expand("*.$x.*", "a.b.c.d", "$x"), "c"); /* the star goes as far as it can */
    assert_string_equal(expand("$a$b", "wxyz", "$a-$b"), "wxy-z");
    assert_string_equal(expand("$a-$b", "x-y-z", "$b"), "z");
}

static void stars_questions_sets_and_escapes_are_globs(void **state)
{
    (void)state;
    assert_true(matches("*", "anything") && matches("web", "web") && matches("we?", "web"));
    assert_false(matches("we?", "we") || matches("we?", "webs"));
    assert_true(matches("h[a-c]st-[!0]", "hbst-7") && matches("k?ln", "k\xc3\xb6ln"));
    assert_false(matches("*??", "\xe2\x82\xac") || matches("$a$b", "\xe2\x82\xac"));
    assert_true(matches("\\*\\$x", "*$x") && matches("cost-$", "cost-$") && matches("$5", "$5"));
    assert_true(matches("a[", "a["));
    assert_false(matches("\\$x", "5"));
}

static void bad_patterns_are_refused_with_a_reason(void **state)
{
    (void)state;
    char why[BL_ERR_BYTES], longest[BL_PATTERN_MAX + 2], many[64] = "";
    memset(longest, '*', sizeof(longest));
    longest[BL_PATTERN_MAX + 1] = '\0';
    for (int c = 'a'; c < 'a' + 17; c++)
        sprintf(many + strlen(many), "$%c-", c);
    assert_null(bl_pattern_new("", why));
    assert_null(bl_pattern_new(longest, why));
    assert_null(bl_pattern_new("a\nb", why));
    assert_non_null(strstr(why, "control byte"));
    assert_null(bl_pattern_new("a\xe2\x82", why));
    assert_non_null(strstr(why, "UTF-8"));
    assert_null(bl_pattern_new("$x.$x", why));
    assert_non_null(strstr(why, "twice"));
    assert_null(bl_pattern_new(many, why));
    assert_non_null(strstr(why, "variables"));
    longest[BL_PATTERN_MAX] = '\0';
    bl_pattern_free(make(longest));
}

static void a_name_says_which_variables_it_needs(void **state)
{
    (void)state;
    char missing[BL_PATTERN_MAX + 1];
    struct bl_pattern *p = make("$dc.*");
    assert_true(bl_pattern_has_all(p, "web", missing) && bl_pattern_has_all(p, "x-$dc-$", missing));
    assert_false(bl_pattern_has_all(p, "$dc-$rack", missing));
    assert_string_equal(missing, "rack");
    assert_true(bl_pattern_is_template("$dc") && bl_pattern_is_template("$$a"));
    assert_false(bl_pattern_is_template("dc$") || bl_pattern_is_template("$1"));
    bl_pattern_free(p);
}

static void a_name_that_grows_too_long_is_none(void **state)
{
    (void)state;
    char name[BL_NAME_MAX + 1];
    memset(name, 'n', sizeof(name));
    name[BL_NAME_MAX] = '\0';
    assert_string_equal(expand("$x", name, "$x"), name);
    assert_null(expand("$x", name, "x$x"));
}

static void plain_patterns_say_so(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool plain;
    } cases[] = {{"a", true},    {"a*", true},   {"*a", true},  {"*a*", true}, {"*", true},
                 {"a\\*", true}, {"a*b", false}, {"a?", false}, {"$x", false}, {"[ab]", false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bl_pattern *p = make(cases[i].text);
        assert_int_equal(bl_pattern_is_plain(p), cases[i].plain);
        bl_pattern_free(p);
    }
}

/* The pattern as a POSIX expression; stars, variables, `?` and letters. */
static void to_regexp(const char *pattern, char *out)
{
    char *o = out;
    *o++ = '^';
    for (const char *s = pattern; *s != '\0'; s++) {
        if (*s == '*')
            o += sprintf(o, "(.*)");
        else if (*s == '$')
            o += sprintf(o, "([^.]+)"), s++;
        else if (*s == '?')
            *o++ = '.';
        else
            o += sprintf(o, *s == '.' ? "[.]" : "%c", *s);
    }
    *o++ = '$';
    *o = '\0';
}

static void random_text(struct test_random *r, const char *from, unsigned max, char *out)
{
    char *end = out + 1 + test_random_below(r, max);
    do
        *out++ = from[test_random_below(r, (unsigned)strlen(from))];
    while (out < end);
    *out = '\0';
}

static void patterns_and_posix_expressions_agree(void **state)
{
    (void)state;
    struct test_random r = {test_random_seed("view_pattern_test")};
    unsigned hits = 0;

    for (unsigned round = 0; round < 2000; round++) {
        char glob[64] = "", pattern[96], re[512], name[64], *o = pattern, variable = 'a';
        regex_t compiled;
        random_text(&r, "ab.**$$?", 7, glob);
        for (const char *s = glob; *s != '\0'; s++) { /* each $ gets a name of its own */
            *o++ = *s;
            if (*s == '$')
                *o++ = variable++;
            /* a letter after a variable would be part of its word */
            if (*s == '$' && (s[1] == 'a' || s[1] == 'b'))
                *o++ = '.';
        }
        *o = '\0';
        to_regexp(pattern, re);
        assert_int_equal(regcomp(&compiled, re, REG_EXTENDED), 0);
        struct bl_pattern *p = make(pattern);
        for (unsigned i = 0; i < 50; i++) {
            struct bl_capture captures[BL_PATTERN_VARIABLES];
            random_text(&r, "ab..", 9, name);
            bool expected = regexec(&compiled, name, 0, NULL, 0) == 0;
            hits += expected;
            if (bl_pattern_match(p, name, captures) != expected)
                fail_msg("%s on %s: expected %d", pattern, name, expected);
            for (unsigned k = 0; expected && k < bl_pattern_variables(p); k++) {
                assert_true(captures[k].len >= 1);
                assert_null(memchr(captures[k].at, '.', captures[k].len));
            }
            if (strchr(pattern, '$') == NULL)
                assert_int_equal(bl_glob_match(pattern, name), expected);
        }
        regfree(&compiled);
        bl_pattern_free(p);
    }
    assert_true(hits > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lovebeats_examples_hold),
        cmocka_unit_test(a_variable_is_one_part_between_dots),
        cmocka_unit_test(stars_questions_sets_and_escapes_are_globs),
        cmocka_unit_test(bad_patterns_are_refused_with_a_reason),
        cmocka_unit_test(a_name_says_which_variables_it_needs),
        cmocka_unit_test(a_name_that_grows_too_long_is_none),
        cmocka_unit_test(plain_patterns_say_so),
        cmocka_unit_test(patterns_and_posix_expressions_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
