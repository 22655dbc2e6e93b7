/* SPDX-License-Identifier: Apache-2.0 */
/* All views at once against each by itself: vectorscan against POSIX
 * expressions, pieces of globs against whole globs. */
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/config/config.h"
#include "control/config/views_config.h"
#include "control/match/glob.h"
#include "control/match/match.h"
#include "tests/unit/random.h"

#define VIEWS 60u

/* A config that is filled by hand. */
static struct bl_view_config *add(struct bl_config *c, const char *name, const char *regexp,
                                  const char *pattern)
{
    struct bl_view_config *v = bl_view_config_add(c);
    assert_non_null(v);
    v->name = strdup(name);
    v->regexp = strdup(regexp);
    v->pattern = strdup(pattern);
    return v;
}

static struct bl_view_match *make(const struct bl_config *c)
{
    char err[BL_ERR_BYTES];
    struct bl_view_match *m = bl_view_match_new(c->views, c->view_count, err);
    if (m == NULL)
        fail_msg("%s", err);
    return m;
}

/* "a b c": the views that were found. */
static void append(void *ctx, const char *view, unsigned len)
{
    char *text = ctx;
    size_t used = strlen(text);
    snprintf(text + used, 4096 - used, "%s%.*s", used > 0 ? " " : "", (int)len, view);
}

static const char *views_of(const struct bl_view_match *m, const char *name)
{
    static char text[4096];
    bl_role_assume_api();
    text[0] = '\0';
    bl_view_match_test(m, name, append, text);
    return text;
}

static void lovebeats_views_and_alarms_hold(void **state)
{
    (void)state;
    struct bl_config c = {0};
    add(&c, "backups", "backup.*", "");
    add(&c, "backup-jobs", "", "backup.*");
    add(&c, "server-$name", "", "application-name.$name.*");
    struct bl_view_config *v = add(&c, "source-$name", "", "");
    bl_text_list_add(&v->includes, "source.$name.*");
    bl_text_list_add(&v->includes, "old-source.$name.*");
    bl_text_list_add(&v->excludes, "source.deprecated.*");
    struct bl_view_match *m = make(&c);
    assert_string_equal(views_of(m, "backup.db"), "backups backup-jobs");
    assert_string_equal(views_of(m, "my-backups"), "backups"); /* unanchored, as 0.8 */
    assert_string_equal(views_of(m, "application-name.alpha.healthcheck"), "server-alpha");
    assert_string_equal(views_of(m, "source.x.y"), "source-x");
    assert_string_equal(views_of(m, "old-source.x.y"), "source-x");
    assert_string_equal(views_of(m, "source.deprecated.y"), "");
    assert_string_equal(views_of(m, "old-source.deprecated.y"), "source-deprecated");
    assert_string_equal(views_of(m, "x"), "");
    assert_string_equal(bl_view_match_entry(m, 2)->pattern, "application-name.$name.*");
    assert_null(bl_view_match_entry(m, 4));
    assert_null(bl_view_match_entry(m, BL_VIEW_NO_ENTRY));
    bl_view_match_free(m);
    bl_view_configs_clear(&c);
}

static void the_first_pattern_that_matches_names_the_view(void **state)
{
    (void)state;
    struct bl_config c = {0};
    struct bl_view_config *v = add(&c, "v-$x", "", "$x.*"); /* decides last */
    bl_text_list_add(&v->includes, "a.$x.*");
    bl_text_list_add(&v->includes, "*.$x.end");
    struct bl_view_match *m = make(&c);
    assert_string_equal(views_of(m, "a.b.c"), "v-b");
    assert_string_equal(views_of(m, "z.y.end"), "v-y");
    assert_string_equal(views_of(m, "q.r"), "v-q");
    bl_view_match_free(m);
    bl_view_configs_clear(&c);
}

static void no_views_match_nothing(void **state)
{
    (void)state;
    struct bl_config c = {0};
    struct bl_view_match *m = make(&c);
    assert_string_equal(views_of(m, "a"), "");
    assert_string_equal(views_of(NULL, "a"), "");
    bl_view_match_free(m);
}

static void expressions_without_bounds_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const bad[] = {"(a)\\1", "a(?=b)", "(?<!a)b", "a++", "[", "(", "a{2,1}"};
    static const char *const good[] = {"",  "^$", "(?i)web", "(?P<x>a|b)", "\\bdb\\b", "[[:digit:]]{1,3}$",
                                       "a*"};
    char why[BL_ERR_BYTES];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(bl_view_regexp_is_good(bad[i], why));
        assert_non_null(strstr(why, "write it in another way"));
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(bl_view_regexp_is_good(good[i], why));
}

/* ---- against each view by itself ------------------------------------------------ */

static unsigned pick(struct test_random *r, unsigned n)
{
    return test_random_below(r, n);
}

static void random_word(struct test_random *r, const char *from, unsigned max, char *out)
{
    unsigned len = 1 + pick(r, max);
    for (unsigned i = 0; i < len; i++)
        out[i] = from[pick(r, (unsigned)strlen(from))];
    out[len] = '\0';
}

static void random_regexp(struct test_random *r, char *out)
{
    static const char *const parts[] = {"a",      "b",  "[.]", ".",     "[ab]", "[^a]",
                                        "(a|b.)", "a*", "b+",  "(ab)?", "a{2}"};
    char *o = out;
    if (pick(r, 3) == 0)
        *o++ = '^';
    for (unsigned i = 0, n = 1 + pick(r, 4); i < n; i++)
        o += sprintf(o, "%s", parts[pick(r, sizeof(parts) / sizeof(parts[0]))]);
    if (pick(r, 4) == 0)
        o += sprintf(o, "|b");
    if (pick(r, 3) == 0)
        *o++ = '$';
    *o = '\0';
}

static void random_views(struct test_random *r, struct bl_config *c)
{
    char name[16], text[64];
    for (unsigned i = 0; i < VIEWS; i++) {
        snprintf(name, sizeof(name), "v%u", i);
        if (pick(r, 3) == 0) {
            random_regexp(r, text);
            add(c, name, text, "");
        } else {
            random_word(r, "ab.*?", 6, text);
            add(c, name, "", text);
        }
        struct bl_view_config *v = &c->views[i];
        for (unsigned k = pick(r, 3); k > 0 && v->pattern[0] != '\0'; k--) {
            random_word(r, "ab.**", 6, text);
            bl_text_list_add(&v->includes, text);
        }
        for (unsigned k = pick(r, 3); k > 0; k--) {
            random_word(r, "ab.*", 5, text);
            bl_text_list_add(&v->excludes, text);
        }
    }
}

static bool any(const struct bl_text_list *l, const char *name)
{
    bool found = false;
    for (unsigned i = 0; i < l->count; i++)
        found = found || bl_glob_match(l->item[i], name);
    return found;
}

static bool is_in(const struct bl_view_config *v, const regex_t *re, const char *name)
{
    bool in = v->regexp[0] != '\0' ? regexec(re, name, 0, NULL, 0) == 0
                                   : any(&v->includes, name) || bl_glob_match(v->pattern, name);
    return in && !any(&v->excludes, name);
}

static void all_at_once_is_each_by_itself(void **state)
{
    (void)state;
    struct test_random r = {test_random_seed("view_match_test")};
    unsigned hits = 0;

    for (unsigned round = 0; round < 60; round++) {
        struct bl_config c = {0};
        regex_t re[VIEWS];
        random_views(&r, &c);
        for (unsigned i = 0; i < VIEWS; i++)
            assert_int_equal(regcomp(&re[i], c.views[i].regexp, REG_EXTENDED | REG_NOSUB), 0);
        struct bl_view_match *m = make(&c);
        for (unsigned k = 0; k < 200; k++) {
            char name[16], expected[4096] = "";
            random_word(&r, "aab..", 10, name);
            for (unsigned i = 0; i < VIEWS; i++) {
                if (!is_in(&c.views[i], &re[i], name))
                    continue;
                append(expected, c.views[i].name, (unsigned)strlen(c.views[i].name));
                hits++;
            }
            assert_string_equal(views_of(m, name), expected);
        }
        for (unsigned i = 0; i < VIEWS; i++)
            regfree(&re[i]);
        bl_view_match_free(m);
        bl_view_configs_clear(&c);
    }
    assert_true(hits > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lovebeats_views_and_alarms_hold),
        cmocka_unit_test(the_first_pattern_that_matches_names_the_view),
        cmocka_unit_test(no_views_match_nothing),
        cmocka_unit_test(expressions_without_bounds_are_refused_with_a_reason),
        cmocka_unit_test(all_at_once_is_each_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
