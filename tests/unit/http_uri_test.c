/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/http/exchange.h"
#include "control/http/uri.h"

static void an_escape_becomes_its_byte_or_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool plus;
        const char *is; /* NULL: refused */
    } cases[] = {
        {"", false, ""},
        {"a.b", false, "a.b"},
        {"a%2Fb", false, "a/b"},
        {"a+b", false, "a+b"},
        {"a+b", true, "a b"},
        {"%41%61", false, "Aa"},
        {"%c3%a9", false, "\xc3\xa9"},
        {"%", false, NULL},
        {"%4", false, NULL},
        {"%4g", false, NULL},
        {"a%00b", false, NULL},
        {"%25%32%35", false, "%25"},
        {"%2B", true, "+"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[64];
        snprintf(text, sizeof(text), "%s", cases[i].text);
        int len = bl_uri_decode(text, cases[i].plus);
        if (cases[i].is == NULL) {
            assert_int_equal(len, -EINVAL);
            continue;
        }
        assert_string_equal(text, cases[i].is);
        assert_int_equal(len, strlen(cases[i].is));
    }
}

static void a_form_is_taken_apart_in_order(void **state)
{
    (void)state;
    char text[] = "a=1&&b=x%20y+z&empty=&bare&a=2&c=d=e";
    struct bl_param p[8];

    assert_int_equal(bl_uri_parameters(text, p, 8), 6);
    static const char *const names[] = {"a", "b", "empty", "bare", "a", "c"};
    static const char *const values[] = {"1", "x y z", "", "", "2", "d=e"};
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(p[i].name, names[i]);
        assert_string_equal(p[i].value, values[i]);
    }
}

static void a_form_with_too_much_or_a_bad_escape_is_refused(void **state)
{
    (void)state;
    char many[] = "a&b&c", bad[] = "a=%zz", bad_name[] = "%=1";
    struct bl_param p[2];

    assert_int_equal(bl_uri_parameters(many, p, 2), -E2BIG);
    assert_int_equal(bl_uri_parameters(bad, p, 2), -EINVAL);
    assert_int_equal(bl_uri_parameters(bad_name, p, 2), -EINVAL);
}

static void a_pattern_fits_whole_segments_only(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *path;
        const char *name; /* what {name} is; NULL: does not fit */
    } cases[] = {
        {"/n/{name}", "/n/a", "a"},
        {"/n/{name}", "/n/", NULL},
        {"/n/{name}", "/n", NULL},
        {"/n/{name}", "/n/a/", NULL},
        {"/n/{name}", "/n/a/b", NULL},
        {"/n/{name}", "/m/a", NULL},
        {"/n/{name}", "/n/a%2Fb", "a%2Fb"},
        {"/n/{name}/x", "/n/a/x", "a"},
        {"/n/{name}/x", "/n/a/xy", NULL},
        {"/n/{name}/x", "/n//x", NULL},
        {"/", "/", ""},
        {"/", "", NULL},
        {"/n", "/n", ""},
        {"/n/", "/n", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bl_captures c;
        bool fits = bl_uri_match(cases[i].pattern, cases[i].path, &c);
        if (fits != (cases[i].name != NULL))
            fail_msg("%s against %s", cases[i].path, cases[i].pattern);
        if (!fits || cases[i].name[0] == '\0')
            continue;
        assert_int_equal(c.count, 1);
        assert_int_equal(c.item[0].len, strlen(cases[i].name));
        assert_memory_equal(c.item[0].text, cases[i].name, c.item[0].len);
        assert_memory_equal(c.item[0].name, "name", c.item[0].name_len);
    }
}

static void every_route_is_found_by_its_own_path_and_method(void **state)
{
    (void)state;
    char path[128], allow[BL_HTTP_ALLOW_BYTES];

    for (unsigned i = 0; i < bl_http_route_count; i++) {
        struct bl_captures c;
        const struct bl_http_route *r = &bl_http_routes[i];
        size_t used = 0;
        for (const char *s = r->path; *s != '\0'; s++) { /* {x} stands for x~ */
            if (*s == '}')
                path[used++] = '~';
            else if (*s != '{')
                path[used++] = *s;
        }
        path[used] = '\0';
        assert_ptr_equal(bl_http_route_of(r->method, path, &c, allow), r);
        assert_null(bl_http_route_of("BREW", path, &c, allow));
        assert_non_null(strstr(allow, r->method));
    }
}

static void a_get_serves_head_and_an_unknown_path_allows_nothing(void **state)
{
    (void)state;
    struct bl_captures c;
    char allow[BL_HTTP_ALLOW_BYTES];

    assert_non_null(bl_http_route_of("HEAD", "/-/healthy", &c, allow));
    assert_null(bl_http_route_of("POST", "/-/healthy", &c, allow));
    assert_string_equal(allow, "GET, HEAD");
    assert_null(bl_http_route_of("GET", "/no/such", &c, allow));
    assert_string_equal(allow, "");
}

static void only_our_own_hosts_and_origins_pass(void **state)
{
    (void)state;
    char name[] = "beat.example.org";
    struct bl_listen_list hosts = {.at = {name}, .count = 1};
    static const char *const ours[] = {"localhost", "LOCALHOST:8080",   "127.0.0.1:8080",     "[::1]:8080",
                                       "10.1.2.3",  "beat.example.org", "Beat.Example.Org:80"};
    static const char *const others[] = {"",       "evil.example",   "localhost.evil.example",
                                         ":80",    "[::1",           "127.0.0.1:80x",
                                         "[::1]x", "localhost@evil", "127.0.0.1.evil.example"};

    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        assert_true(bl_http_host_is_ours(ours[i], &hosts));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(bl_http_host_is_ours(others[i], &hosts));
    assert_true(bl_http_origin_is_ours("http://127.0.0.1:8080", "127.0.0.1:8080", &hosts));
    assert_true(bl_http_origin_is_ours("https://beat.example.org", "127.0.0.1:8080", &hosts));
    assert_false(bl_http_origin_is_ours("http://127.0.0.1:9090", "127.0.0.1:8080", &hosts));
    assert_false(bl_http_origin_is_ours("http://evil.example", "127.0.0.1:8080", &hosts));
    assert_false(bl_http_origin_is_ours("null", "127.0.0.1:8080", &hosts));
    assert_false(bl_http_origin_is_ours("file://", NULL, &hosts));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_escape_becomes_its_byte_or_is_refused),
        cmocka_unit_test(a_form_is_taken_apart_in_order),
        cmocka_unit_test(a_form_with_too_much_or_a_bad_escape_is_refused),
        cmocka_unit_test(a_pattern_fits_whole_segments_only),
        cmocka_unit_test(every_route_is_found_by_its_own_path_and_method),
        cmocka_unit_test(a_get_serves_head_and_an_unknown_path_allows_nothing),
        cmocka_unit_test(only_our_own_hosts_and_origins_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
