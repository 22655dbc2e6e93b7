/* SPDX-License-Identifier: Apache-2.0 */
/* The list of a bulk request, in whatever pieces it comes, and what its
 * fields mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/http/fields.h"
#include "control/http/json_array_reader.h"
#include "tests/unit/random.h"

/* Reads `text` in pieces of `step` bytes; writes each object and a bar.
 * False: refused. */
static bool read_all(const char *text, size_t step, char *out, size_t bytes)
{
    static struct bl_json_array_reader i;
    size_t used, len = strlen(text), written = 0;

    memset(&i, 0, sizeof(i));
    out[0] = '\0';
    for (size_t at = 0; at < len;) {
        size_t n = len - at < step ? len - at : step;
        enum bl_json_array_reader_found found = bl_json_array_reader_read(&i, text + at, n, &used);
        at += used;
        if (found == BL_JSON_ARRAY_BAD)
            return false;
        if (found == BL_JSON_ARRAY_ITEM)
            written += (size_t)snprintf(out + written, bytes - written, "%.*s|", (int)i.len, i.text);
        else
            assert_int_equal(used, n);
    }
    return bl_json_array_reader_end(&i) == BL_JSON_ARRAY_MORE;
}

static void objects_are_found_however_they_are_listed_and_cut(void **state)
{
    (void)state;
    static const struct {
        const char *text, *is; /* is NULL: refused */
    } cases[] = {
        {"", ""},
        {" \n", ""},
        {"[]", ""},
        {" [ ] ", ""},
        {"[{}]", "{}|"},
        {"[{\"a\":1},{\"b\":[{},{}]}]", "{\"a\":1}|{\"b\":[{},{}]}|"},
        {"{\"a\":1}\n{\"b\":2}\n", "{\"a\":1}|{\"b\":2}|"},
        {"{}{}", "{}|{}|"},
        {"[{\"a\":\"}]{\\\"\"}]", "{\"a\":\"}]{\\\"\"}|"},
        {"[{\"a\":\"\\\\\"},{}]", "{\"a\":\"\\\\\"}|{}|"},
        {"[{},]", NULL},
        {"[,{}]", NULL},
        {"[{}{}]", NULL},
        {"[{}", NULL},
        {"[", NULL},
        {"{", NULL},
        {"[]x", NULL},
        {"[][]", NULL},
        {"{},{}", NULL},
        {"x", NULL},
        {"[1]", NULL},
        {"\"a\"", NULL},
        {"{}]", NULL},
    };
    char out[256];

    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        for (size_t step = 1; step < 32; step++) {
            bool good = read_all(cases[c].text, step, out, sizeof(out));
            if (good != (cases[c].is != NULL))
                fail_msg("%s in pieces of %zu", cases[c].text, step);
            if (good)
                assert_string_equal(out, cases[c].is);
        }
    }
}

static void an_object_over_the_limit_is_refused(void **state)
{
    (void)state;
    static char text[BL_ITEM_MAX + 16], out[2 * BL_ITEM_MAX];

    memset(text, 'x', sizeof(text));
    memcpy(text, "{\"", 2);
    text[BL_ITEM_MAX - 2] = '"';
    text[BL_ITEM_MAX - 1] = '}';
    text[BL_ITEM_MAX] = '\0';
    assert_true(read_all(text, 1000, out, sizeof(out)));
    text[BL_ITEM_MAX - 2] = 'x';
    text[BL_ITEM_MAX - 1] = '"';
    text[BL_ITEM_MAX] = '}';
    text[BL_ITEM_MAX + 1] = '\0';
    assert_false(read_all(text, 1000, out, sizeof(out)));
}

/* What jansson takes as a list of objects is what we take apart, object
 * by object. */
static void random_lists_are_read_as_jansson_reads_them(void **state)
{
    (void)state;
    struct test_random random = {test_random_seed("http_items")};
    char text[128], out[256];

    for (unsigned round = 0; round < 200000; round++) {
        static const char alphabet[] = "[]{}{},\"\\ :1a\n";
        size_t len = test_random_below(&random, 24);
        for (size_t i = 0; i < len; i++)
            text[i] = alphabet[test_random_below(&random, sizeof(alphabet) - 1)];
        text[len] = '\0';
        json_t *list = json_loads(text, 0, NULL);
        bool objects = json_is_array(list);
        size_t count = json_array_size(list);
        for (size_t i = 0; i < count; i++)
            objects = objects && json_is_object(json_array_get(list, i));
        json_decref(list);
        if (!objects)
            continue;
        if (!read_all(text, 1 + test_random_below(&random, 5), out, sizeof(out)))
            fail_msg("%s", text);
        size_t bars = 0;
        for (const char *s = out; *s != '\0'; s++)
            bars += *s == '|';
        assert_int_equal(bars, count);
    }
}

/* ---- fields ---------------------------------------------------------------- */

/* Reads a policy from JSON; NULL, or what is wrong with it. */
static const char *policy_of(const char *text, struct bl_policy_patch *patch)
{
    static char why[BL_ERR_BYTES];
    static const char *const names[] = {BL_POLICY_FIELDS, NULL};
    struct bl_param params[8];
    char words[8 * BL_FIELD_WORD];
    json_t *object = json_loads(text, 0, NULL);

    assert_non_null(object);
    int n = bl_fields_of_json(object, params, 8, words);
    assert_true(n >= 0);
    struct bl_fields f = {.param = params, .count = (unsigned)n};
    *patch = (struct bl_policy_patch){0};
    bool good = bl_fields_are(&f, names, why) && bl_policy_of_fields(&f, patch, why);
    json_decref(object);
    return good ? NULL : why;
}

static void a_policy_is_read_as_people_and_as_lists_write_it(void **state)
{
    (void)state;
    struct bl_policy_patch p;

    assert_null(policy_of("{}", &p));
    assert_int_equal(p.set, 0);
    assert_null(policy_of("{\"timeout\":\"1.5m\",\"retries\":2,\"detector\":\"auto\"}", &p));
    assert_int_equal(p.set, BL_SET_TIMEOUT | BL_SET_RETRIES | BL_SET_DETECTOR);
    assert_int_equal(p.policy.timeout_ms, 90000);
    assert_int_equal(p.policy.retries, 2);
    assert_int_equal(p.policy.detector, BL_DETECTOR_AUTO);
    assert_null(policy_of("{\"warn_ms\":2000,\"err\":\"none\",\"timeout\":null}", &p));
    assert_int_equal(p.set, BL_SET_WARN | BL_SET_ERR | BL_SET_TIMEOUT);
    assert_int_equal(p.policy.warn_ms, 2000);
    assert_int_equal(p.policy.err_ms, 0);
    assert_int_equal(p.policy.timeout_ms, 0);
}

static void a_bad_value_is_an_error_and_never_0(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"{\"timeout\":\"soon\"}", "timeout: "},
        {"{\"timeout\":3}", "timeout: "},
        {"{\"timeout\":\"0s\"}", "timeout: \"0s\" is too short"},
        {"{\"timeout\":true}", "timeout: "},
        {"{\"timeout\":[1]}", "timeout: is a list"},
        {"{\"timeout_ms\":-1}", "timeout_ms: \"-1\" is no whole number"},
        {"{\"timeout_ms\":1.5}", "timeout_ms: "},
        {"{\"timeout_ms\":99999999999}", "timeout_ms: "},
        {"{\"timeout\":\"1s\",\"timeout_ms\":1000}", "timeout and timeout_ms: give one"},
        {"{\"retries\":255}", "retries: \"255\""},
        {"{\"retries\":\"\"}", "retries: \"\""},
        {"{\"detector\":\"crystal ball\"}", "detector: \"crystal ball\" is none; there are"},
        {"{\"tiemout\":\"1s\"}", "tiemout: not known here; there are: timeout"},
    };
    struct bl_policy_patch p;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *why = policy_of(cases[i].text, &p);
        if (why == NULL || strstr(why, cases[i].says) != why)
            fail_msg("%s: %s", cases[i].text, why != NULL ? why : "taken");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_found_however_they_are_listed_and_cut),
        cmocka_unit_test(an_object_over_the_limit_is_refused),
        cmocka_unit_test(random_lists_are_read_as_jansson_reads_them),
        cmocka_unit_test(a_policy_is_read_as_people_and_as_lists_write_it),
        cmocka_unit_test(a_bad_value_is_an_error_and_never_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
