/* SPDX-License-Identifier: Apache-2.0 */
/* One reader of parameters, wherever they stand: query, form, JSON. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/duration.h"
#include "control/http/exchange.h"
#include "engine/beat.h"

/* ---- reading ----------------------------------------------------------- */

/* Whether a Content-Type is `type`, whatever its parameters. */
static bool is_type(const char *content_type, const char *type)
{
    size_t len = strcspn(content_type, "; \t");
    return strlen(type) == len && strncasecmp(content_type, type, len) == 0;
}

bool bl_http_is_form(const char *content_type)
{
    return is_type(content_type, "application/x-www-form-urlencoded");
}

bool bl_http_is_json(const char *content_type)
{
    return is_type(content_type, BL_HTTP_JSON);
}

static bool read_pairs(struct bl_http_exchange *e, char *text, const char *where)
{
    int n = bl_uri_parameters(text, e->param + e->param_count, BL_HTTP_PARAMS_MAX - e->param_count);

    if (n >= 0) {
        e->param_count += (unsigned)n;
        return true;
    }
    if (n == -E2BIG)
        bl_http_problem(&e->r, 422, "%s: over %u parameters; send fewer", where, BL_HTTP_PARAMS_MAX);
    else
        bl_http_problem(&e->r, 400, "%s: a %% needs two hex digits behind it, not 00; write %%25 for a %%",
                        where);
    return false;
}

bool bl_http_read_query(struct bl_http_exchange *e)
{
    return e->query == NULL || read_pairs(e, e->query, "query");
}

/* A JSON value's text; NULL: it has members, or no memory. Numbers get a
 * place in `words`. */
static const char *text_of(const json_t *value, char **words, const char *end)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return json_string_value(value);
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    case JSON_NULL:
        return "none";
    case JSON_INTEGER:
    case JSON_REAL: {
        char *text = *words;
        size_t n = json_dumpb(value, text, (size_t)(end - text) - 1, JSON_ENCODE_ANY);
        if (n >= (size_t)(end - text) - 1)
            return NULL;
        text[n] = '\0';
        *words += n + 1;
        return text;
    }
    default:
        return NULL;
    }
}

static bool read_members(struct bl_http_exchange *e)
{
    enum { NUMBER_BYTES = 32 };
    const char *name;
    json_t *value;
    size_t count = json_object_size(e->json);

    if (count > BL_HTTP_PARAMS_MAX) {
        bl_http_problem(&e->r, 422, "body: over %u members; send fewer", BL_HTTP_PARAMS_MAX);
        return false;
    }
    e->words = malloc(count * NUMBER_BYTES + 1);
    if (e->words == NULL) {
        bl_http_problem(&e->r, 503, "out of memory; try again later");
        return false;
    }
    char *words = e->words;
    json_object_foreach(e->json, name, value)
    {
        e->param[e->param_count++] =
            (struct bl_param){.name = name, .value = text_of(value, &words, words + NUMBER_BYTES)};
    }
    return true;
}

static bool read_json(struct bl_http_exchange *e)
{
    json_error_t error;

    e->json = json_loadb(e->body.data, e->body.len, JSON_REJECT_DUPLICATES, &error);
    if (e->json == NULL) {
        bl_http_problem(&e->r, 400, "body: line %d, column %d: %s; send JSON", error.line, error.column,
                        error.text);
        return false;
    }
    return !json_is_object(e->json) || read_members(e);
}

bool bl_http_read_body(struct bl_http_exchange *e)
{
    const char *type = bl_http_header_of(&e->r, "Content-Type");

    if (e->body.len == 0 || type == NULL)
        return true;
    if (bl_http_is_json(type))
        return read_json(e);
    if (!bl_http_is_form(type))
        return true;
    if (memchr(e->body.data, '\0', e->body.len) != NULL) {
        bl_http_problem(&e->r, 400, "body: a NUL byte in a form; send name=value&name=value");
        return false;
    }
    bl_text_append(&e->body, "", 1);
    return !e->body.failed && read_pairs(e, e->body.data, "form");
}

/* ---- asking ------------------------------------------------------------- */

const char *bl_http_param_next(const struct bl_http_request *r, const char *name, unsigned *at)
{
    const struct bl_http_exchange *e = bl_http_exchange_of(r);

    while (*at < e->param_count) {
        const struct bl_param *p = &e->param[(*at)++];
        if (p->value != NULL && strcmp(p->name, name) == 0)
            return p->value;
    }
    return NULL;
}

const char *bl_http_param(const struct bl_http_request *r, const char *name)
{
    unsigned at = 0;
    return bl_http_param_next(r, name, &at);
}

static void known_names(const char *const *names, char *out, size_t bytes)
{
    size_t used = (size_t)snprintf(out, bytes, "%s", names[0] == NULL ? "none" : "");
    for (unsigned i = 0; names[i] != NULL && used < bytes; i++)
        used += (size_t)snprintf(out + used, bytes - used, "%s%s", i > 0 ? ", " : "", names[i]);
}

bool bl_http_params_are(struct bl_http_request *r, const char *const *names)
{
    const struct bl_http_exchange *e = bl_http_exchange_of(r);

    for (unsigned p = 0; p < e->param_count; p++) {
        unsigned i = 0;
        while (names[i] != NULL && strcmp(names[i], e->param[p].name) != 0)
            i++;
        if (names[i] != NULL && e->param[p].value != NULL)
            continue;
        char known[256];
        known_names(names, known, sizeof(known));
        if (names[i] == NULL)
            bl_http_problem(r, 422, "%.60s: no such parameter here; there are: %s", e->param[p].name, known);
        else
            bl_http_problem(r, 422, "%s: is a list, an object or too long a number; give one value",
                            names[i]);
        return false;
    }
    return true;
}

bool bl_http_number(struct bl_http_request *r, const char *name, uint64_t max, uint64_t *value, bool *given)
{
    const char *text = bl_http_param(r, name);
    char *end = NULL;

    *given = text != NULL;
    if (text == NULL)
        return true;
    errno = 0;
    *value = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
    if (end != NULL && *end == '\0' && errno == 0 && *value <= max)
        return true;
    bl_http_problem(r, 422, "%s: \"%.40s\" is no whole number from 0 to %llu", name, text,
                    (unsigned long long)max);
    return false;
}

bool bl_http_duration(struct bl_http_request *r, const char *name, uint32_t *ms, bool *given)
{
    const char *text = bl_http_param(r, name);
    char why[BL_DURATION_ERROR];

    *given = text != NULL;
    if (text == NULL)
        return true;
    int rc = bl_duration_parse(text, BL_TIMEOUT_MAX_MS, ms);
    if (rc == 0 && (*ms > 0 || strcmp(text, "none") == 0))
        return true;
    if (rc == 0)
        bl_http_problem(r, 422, "%s: \"%.40s\" is too short; give 1ms or more, or none to clear it", name,
                        text);
    else
        bl_http_problem(r, 422, "%s: %s", name, bl_duration_error(text, rc, BL_TIMEOUT_MAX_MS, why));
    return false;
}

bool bl_http_flag(struct bl_http_request *r, const char *name, bool *value)
{
    const char *text = bl_http_param(r, name);

    if (text == NULL)
        return true;
    *value = strcmp(text, "true") == 0 || strcmp(text, "1") == 0 || text[0] == '\0';
    if (*value || strcmp(text, "false") == 0 || strcmp(text, "0") == 0)
        return true;
    bl_http_problem(r, 422, "%s: \"%.40s\" is neither true nor false", name, text);
    return false;
}

const struct json_t *bl_http_json(const struct bl_http_request *r)
{
    return bl_http_exchange_of(r)->json;
}
