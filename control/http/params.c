/* SPDX-License-Identifier: Apache-2.0 */
/* One reader of parameters, wherever they stand: query, form, JSON. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/http/exchange.h"

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

/* Puts them before those that are there: the body's before the query's. */
static bool add_params(struct bl_http_exchange *e, const struct bl_param *params, unsigned n)
{
    if (n > BL_HTTP_PARAMS_MAX - e->fields.count) {
        bl_http_problem(&e->r, 422, "over %u parameters; send fewer", BL_HTTP_PARAMS_MAX);
        return false;
    }
    memmove(e->param + n, e->param, e->fields.count * sizeof(e->param[0]));
    memcpy(e->param, params, n * sizeof(params[0]));
    e->fields = (struct bl_fields){.param = e->param, .count = e->fields.count + n};
    return true;
}

static bool read_pairs(struct bl_http_exchange *e, char *text, const char *where)
{
    struct bl_param params[BL_HTTP_PARAMS_MAX];
    int n = bl_uri_parameters(text, params, BL_HTTP_PARAMS_MAX);

    if (n != -EINVAL)
        return add_params(e, params, n < 0 ? BL_HTTP_PARAMS_MAX + 1 : (unsigned)n);
    bl_http_problem(&e->r, 400, "%s: a %% needs two hex digits behind it, not 00; write %%25 for a %%",
                    where);
    return false;
}

bool bl_http_read_query(struct bl_http_exchange *e)
{
    return e->query == NULL || read_pairs(e, e->query, "query");
}

static bool read_members(struct bl_http_exchange *e)
{
    struct bl_param params[BL_HTTP_PARAMS_MAX];

    e->words = malloc(json_object_size(e->json) * BL_FIELD_WORD + 1);
    if (e->words == NULL) {
        bl_http_problem(&e->r, 503, "out of memory; try again later");
        return false;
    }
    int n = bl_fields_of_json(e->json, params, BL_HTTP_PARAMS_MAX, e->words);
    return add_params(e, params, n < 0 ? BL_HTTP_PARAMS_MAX + 1 : (unsigned)n);
}

static bool read_json(struct bl_http_exchange *e)
{
    json_error_t error;

    e->json = json_loadb(e->body.data, e->body.len, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(e->json))
        return read_members(e);
    if (e->json == NULL)
        bl_http_problem(&e->r, 400, "body: line %d, column %d: %s; send an object of JSON", error.line,
                        error.column, error.text);
    else
        bl_http_problem(&e->r, 422, "body: is no object; send {\"name\": value}");
    return false;
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

const struct bl_fields *bl_http_fields(const struct bl_http_request *r)
{
    return &bl_http_exchange_of(r)->fields;
}

const char *bl_http_param_next(const struct bl_http_request *r, const char *name, unsigned *at)
{
    return bl_field_next(bl_http_fields(r), name, at);
}

const char *bl_http_param(const struct bl_http_request *r, const char *name)
{
    return bl_field(bl_http_fields(r), name);
}

/* True, or the problem is told. */
static bool or_say(struct bl_http_request *r, bool good, const char *why)
{
    if (!good)
        bl_http_problem(r, 422, "%s", why);
    return good;
}

bool bl_http_params_are(struct bl_http_request *r, const char *const *names)
{
    char why[BL_ERR_BYTES];
    return or_say(r, bl_fields_are(bl_http_fields(r), names, why), why);
}

bool bl_http_number(struct bl_http_request *r, const char *name, uint64_t max, uint64_t *value, bool *given)
{
    char why[BL_ERR_BYTES];
    return or_say(r, bl_field_number(bl_http_fields(r), name, max, value, given, why), why);
}

bool bl_http_duration(struct bl_http_request *r, const char *name, uint32_t *ms, bool *given)
{
    char why[BL_ERR_BYTES];
    return or_say(r, bl_field_duration(bl_http_fields(r), name, ms, given, why), why);
}

bool bl_http_flag(struct bl_http_request *r, const char *name, bool *value)
{
    char why[BL_ERR_BYTES];
    return or_say(r, bl_field_flag(bl_http_fields(r), name, value, why), why);
}

/* ---- what lists are asked ------------------------------------------------ */

bool bl_http_states(struct bl_http_request *r, unsigned *states)
{
    unsigned at = 0;

    *states = 0;
    for (const char *word; (word = bl_http_param_next(r, "state", &at)) != NULL;) {
        enum bl_state s = bl_state_of_name(word);
        if (s == BL_STATE_COUNT) {
            bl_http_problem(r, 422,
                            "state: \"%.40s\" is none; there are new, ok, warning, failed, paused, unknown",
                            word);
            return false;
        }
        *states |= 1u << s;
    }
    return true;
}

/* Whether the first `len` bytes of a word are one of a list of names. */
static bool is_one_of(const char *names, const char *word, size_t len)
{
    for (const char *at = names; at != NULL; at = strchr(at, ',') != NULL ? strchr(at, ',') + 1 : NULL) {
        if (strncmp(at, word, len) == 0 && (at[len] == ',' || at[len] == '\0'))
            return true;
    }
    return false;
}

bool bl_http_only(struct bl_http_request *r, const char *all, const char **only)
{
    *only = bl_http_param(r, "fields");
    for (const char *at = *only; at != NULL && *at != '\0'; at += strcspn(at, ","), at += *at == ',') {
        size_t len = strcspn(at, ",");
        if (len > 0 && is_one_of(all, at, len))
            continue;
        bl_http_problem(r, 422, "fields: \"%.*s\" is none; there are %s", (int)(len < 40 ? len : 40), at,
                        all);
        return false;
    }
    return true;
}

/* ---- Accept -------------------------------------------------------------- */

/* The weight (0..1000) that an Accept gives to a type; the best of what
 * fits it. */
static unsigned weight_of(const char *accept, const char *type)
{
    size_t family = strcspn(type, "/") + 1, len = strcspn(type, ";");
    unsigned best = 0, exact = 0;

    for (const char *at = accept; *at != '\0'; at += strcspn(at, ","), at += *at == ',') {
        at += strspn(at, " \t");
        size_t n = strcspn(at, ",; \t");
        unsigned fits = n == len && strncasecmp(at, type, n) == 0                                    ? 3
                        : n == family + 1 && strncasecmp(at, type, family) == 0 && at[family] == '*' ? 2
                        : n == 3 && strncmp(at, "*/*", 3) == 0                                       ? 1
                                                                                                     : 0;
        if (fits == 0 || fits < exact)
            continue;
        const char *end = at + strcspn(at, ","), *q = strstr(at, "q=");
        double weight = q != NULL && q < end ? strtod(q + 2, NULL) : 1;
        exact = fits;
        best = weight >= 0 && weight <= 1 ? (unsigned)(weight * 1000) : 0;
    }
    return best;
}

bool bl_http_prefers(const struct bl_http_request *r, const char *type, const char *other)
{
    const char *accept = bl_http_header_of(r, "Accept");
    return accept != NULL && weight_of(accept, type) > weight_of(accept, other);
}
