/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "control/text/indent.h"
#include "tests/unit/random.h"

static void expect(const char *json, unsigned level, const char *should)
{
    struct bl_text t = {0};
    bl_json_indent(&t, json, strlen(json), level);
    bl_text_append(&t, "", 1);
    assert_string_equal(t.data, should);
    bl_text_free(&t);
}

static void a_member_a_line_as_lovebeat_writes_it(void **state)
{
    (void)state;
    expect("{}", 0, "{}");
    expect("[ ]", 3, "[]");
    expect("{\"a\":1,\"b\":{\"c\":[]}}", 0, "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": []\n  }\n}");
    expect("[-2,\"x\"]", 1, "[\n    -2,\n    \"x\"\n  ]");
    expect(" {\n\"a\" :\ttrue }", 0, "{\n  \"a\": true\n}");
}

static void what_stands_in_strings_stays(void **state)
{
    (void)state;
    expect("\"a{,}:[\\\"]\\\\\"", 0, "\"a{,}:[\\\"]\\\\\"");
    expect("[\"\\\\\",\"\"]", 0, "[\n  \"\\\\\",\n  \"\"\n]");
}

static json_t *random_json(struct test_random *r, unsigned depth)
{
    json_t *j;
    switch (test_random_below(r, depth > 4 ? 3 : 5)) {
    case 0:
        return json_integer((json_int_t)test_random_u64(r));
    case 1:
        return json_string(&"\\\"{}[],: x\n"[test_random_below(r, 11)]);
    case 2:
        return json_boolean(test_random_below(r, 2) == 0);
    case 3:
        j = json_array();
        for (uint32_t n = test_random_below(r, 4); n > 0; n--)
            json_array_append_new(j, random_json(r, depth + 1));
        return j;
    default:
        j = json_object();
        for (uint32_t n = test_random_below(r, 4); n > 0; n--)
            json_object_set_new(j, &"ab\"{,c"[test_random_below(r, 6)], random_json(r, depth + 1));
        return j;
    }
}

/* jansson lays out as Go does. */
static void any_json_is_laid_out_as_a_library_does(void **state)
{
    (void)state;
    struct test_random r = {test_random_seed("any_json_is_laid_out_as_a_library_does")};
    for (int i = 0; i < 5000; i++) {
        json_t *j = random_json(&r, 0);
        char *compact = json_dumps(j, JSON_ENCODE_ANY | JSON_COMPACT);
        char *should = json_dumps(j, JSON_ENCODE_ANY | JSON_INDENT(2));
        expect(compact, 0, should);
        free(compact);
        free(should);
        json_decref(j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_a_line_as_lovebeat_writes_it),
        cmocka_unit_test(what_stands_in_strings_stays),
        cmocka_unit_test(any_json_is_laid_out_as_a_library_does),
    };
    return cmocka_run_group_tests_name("indent", tests, NULL, NULL);
}
