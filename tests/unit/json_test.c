/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/text/json.h"

static void expect(struct bl_text *t, const char *text)
{
    bl_text_append(t, "", 1);
    assert_string_equal(t->data, text);
    bl_text_free(t);
}

static void commas_and_nesting_are_right(void **state)
{
    (void)state;
    struct bl_text t = {0};
    struct bl_json j;

    bl_json_begin(&j, &t);
    for (int line = 0; line < 2; line++) {
        bl_json_object(&j, NULL);
        bl_json_uint(&j, "a", UINT64_MAX);
        bl_json_object(&j, "b");
        bl_json_object_end(&j);
        bl_json_array(&j, "c");
        bl_json_int(&j, NULL, INT64_MIN);
        bl_json_array(&j, NULL);
        bl_json_array_end(&j);
        bl_json_null(&j, NULL);
        bl_json_array_end(&j);
        bl_json_bool(&j, "d", true);
        bl_json_line_end(&j);
    }
    expect(&t, "{\"a\":18446744073709551615,\"b\":{},\"c\":[-9223372036854775808,[],null],\"d\":true}\n"
               "{\"a\":18446744073709551615,\"b\":{},\"c\":[-9223372036854775808,[],null],\"d\":true}\n");
}

static void strings_are_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"plain.name-1", "\"plain.name-1\""},
        {"", "\"\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"\b\t\n\v\f\r\x01\x1f\x7f", "\"\\b\\t\\n\\u000b\\f\\r\\u0001\\u001f\\u007f\""},
        {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x92\x93",
         "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x92\x93\""},
        {"lone \x80 byte", "\"lone \xef\xbf\xbd byte\""},
        {"cut \xe2\x82", "\"cut \xef\xbf\xbd\xef\xbf\xbd\""},
        {"overlong \xc0\xaf", "\"overlong \xef\xbf\xbd\xef\xbf\xbd\""},
        {"surrogate \xed\xa0\x80", "\"surrogate \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"too high \xf4\x90\x80\x80", "\"too high \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bl_text t = {0};
        struct bl_json j;
        bl_json_begin(&j, &t);
        bl_json_string(&j, NULL, cases[i].in);
        expect(&t, cases[i].out);
    }
}

/* jansson is the reference: whatever bytes go in, it reads a string. */
static void any_bytes_make_valid_json(void **state)
{
    (void)state;
    unsigned seed = 20260203;
    print_message("seed %u\n", seed);
    for (int round = 0; round < 20000; round++) {
        char bytes[24];
        size_t len = (size_t)rand_r(&seed) % sizeof(bytes);
        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)(rand_r(&seed) >> 7);
        struct bl_text t = {0};
        struct bl_json j;
        bl_json_begin(&j, &t);
        bl_json_object(&j, NULL);
        bl_json_string_n(&j, "k", bytes, len);
        bl_json_object_end(&j);
        json_error_t error;
        json_t *back = json_loadb(t.data, t.len, JSON_ALLOW_NUL, &error);
        assert_non_null(back);
        assert_true(json_is_string(json_object_get(back, "k")));
        json_decref(back);
        bl_text_free(&t);
    }
}

static void doubles_read_back_the_same(void **state)
{
    (void)state;
    static const struct {
        double in;
        const char *out;
    } cases[] = {{0.1, "0.1"},
                 {-2.5, "-2.5"},
                 {1e300, "1e+300"},
                 {1.0 / 3, "0.33333333333333331"},
                 {(double)NAN, "null"},
                 {(double)INFINITY, "null"},
                 {0, "0"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bl_text t = {0};
        struct bl_json j;
        bl_json_begin(&j, &t);
        bl_json_double(&j, NULL, cases[i].in);
        expect(&t, cases[i].out);
    }
}

static void a_time_of_never_is_null(void **state)
{
    (void)state;
    struct bl_text t = {0};
    struct bl_json j;

    bl_json_line_begin(&j, &t);
    bl_json_time(&j, "seen", 1770091445789);
    bl_json_time(&j, "before_1970", -1);
    bl_json_time(&j, "never", 0);
    bl_json_line_end(&j);
    expect(&t, "{\"seen\":\"2026-02-03T04:04:05.789Z\",\"before_1970\":\"1969-12-31T23:59:59.999Z\","
               "\"never\":null}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_and_nesting_are_right), cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(any_bytes_make_valid_json),    cmocka_unit_test(doubles_read_back_the_same),
        cmocka_unit_test(a_time_of_never_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
