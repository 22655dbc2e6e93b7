/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a byte for the size of the pieces, then what an unknown node sends: a
 * path with its query, a form, a Host, a list of objects whose fields are
 * a policy. All of it is read as all of these. */
#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "control/http/exchange.h"
#include "control/http/json_array_reader.h"
#include "tests/fuzz/fuzz.h"

#define PARAMS_MAX 16u

static void read_object(const char *text, size_t len)
{
    json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    struct bl_param params[PARAMS_MAX];
    char words[PARAMS_MAX * BL_FIELD_WORD], why[BL_ERR_BYTES];
    struct bl_policy_patch patch = {0};
    int n = object != NULL ? bl_fields_of_json(object, params, PARAMS_MAX, words) : -1;
    struct bl_fields f = {.param = params, .count = n < 0 ? 0 : (unsigned)n};

    if (n >= 0)
        (void)bl_policy_of_fields(&f, &patch, why);
    json_decref(object);
}

/* Pieces of every size find the same objects. */
static unsigned read_items(const char *data, size_t size, size_t step, bool *good)
{
    static struct bl_json_array_reader i;
    unsigned count = 0;
    size_t used;

    memset(&i, 0, sizeof(i));
    *good = true;
    for (size_t at = 0; at < size && *good; at += used) {
        enum bl_json_array_reader_found found =
            bl_json_array_reader_read(&i, data + at, size - at < step ? size - at : step, &used);
        *good = found != BL_JSON_ARRAY_BAD;
        if (found == BL_JSON_ARRAY_ITEM && ++count < 64)
            read_object(i.text, i.len);
    }
    *good = *good && bl_json_array_reader_end(&i) == BL_JSON_ARRAY_MORE;
    return count;
}

static void read_texts(const char *data, size_t size)
{
    static char host[] = "beat.example.org";
    const struct bl_listen_list hosts = {.at = {host}, .count = 1};
    char *text = malloc(size + 1), allow[BL_HTTP_ALLOW_BYTES];
    struct bl_param params[PARAMS_MAX];
    struct bl_captures captures;

    memcpy(text, data, size);
    text[size] = '\0';
    (void)bl_http_route_of("GET", text, &captures, allow);
    (void)bl_http_host_is_ours(text, &hosts);
    (void)bl_http_origin_is_ours(text, text, &hosts);
    int n = bl_uri_parameters(text, params, PARAMS_MAX);
    for (int i = 0; i < n; i++)
        assert(strlen(params[i].name) + strlen(params[i].value) <= size);
    memcpy(text, data, size);
    text[size] = '\0';
    int len = bl_uri_decode(text, false);
    assert(len < 0 || strlen(text) == (size_t)len);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool whole, pieces;

    if (size < 1)
        return 0;
    const char *text = (const char *)data + 1;
    read_texts(text, size - 1);
    unsigned one = read_items(text, size - 1, SIZE_MAX, &whole);
    unsigned many = read_items(text, size - 1, 1u + data[0], &pieces);
    assert(whole == pieces && one == many);
    return 0;
}
