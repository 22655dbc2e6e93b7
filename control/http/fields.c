/* SPDX-License-Identifier: Apache-2.0 */
#include "control/http/fields.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/text/duration.h"
#include "engine/base/beat.h"

const char *bl_field_next(const struct bl_fields *f, const char *name, unsigned *at)
{
    while (*at < f->count) {
        const struct bl_param *p = &f->param[(*at)++];
        if (p->value != NULL && strcmp(p->name, name) == 0)
            return p->value;
    }
    return NULL;
}

const char *bl_field(const struct bl_fields *f, const char *name)
{
    unsigned at = 0;
    return bl_field_next(f, name, &at);
}

static void known_names(const char *const *names, char *out, size_t bytes)
{
    size_t used = (size_t)snprintf(out, bytes, "%s", names[0] == NULL ? "none" : "");
    for (unsigned i = 0; names[i] != NULL && used < bytes; i++)
        used += (size_t)snprintf(out + used, bytes - used, "%s%s", i > 0 ? ", " : "", names[i]);
}

bool bl_fields_are(const struct bl_fields *f, const char *const *names, char why[BL_ERR_BYTES])
{
    char known[BL_ERR_BYTES - 120];

    for (unsigned p = 0; p < f->count; p++) {
        unsigned i = 0;
        while (names[i] != NULL && strcmp(names[i], f->param[p].name) != 0)
            i++;
        if (names[i] != NULL && f->param[p].value != NULL)
            continue;
        known_names(names, known, sizeof(known));
        if (names[i] == NULL)
            snprintf(why, BL_ERR_BYTES, "%.60s: not known here; there are: %s", f->param[p].name, known);
        else
            snprintf(why, BL_ERR_BYTES, "%.60s: is a list, an object or too long a number; give one value",
                     names[i]);
        return false;
    }
    return true;
}

bool bl_field_number(const struct bl_fields *f, const char *name, uint64_t max, uint64_t *value, bool *given,
                     char why[BL_ERR_BYTES])
{
    const char *text = bl_field(f, name);
    char *end = NULL;

    *given = text != NULL;
    if (text == NULL)
        return true;
    errno = 0;
    *value = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
    if (end != NULL && *end == '\0' && errno == 0 && *value <= max)
        return true;
    snprintf(why, BL_ERR_BYTES, "%s: \"%.40s\" is no whole number from 0 to %llu", name, text,
             (unsigned long long)max);
    return false;
}

bool bl_field_duration(const struct bl_fields *f, const char *name, uint32_t *ms, bool *given,
                       char why[BL_ERR_BYTES])
{
    const char *text = bl_field(f, name);
    char error[BL_ERR_BYTES];

    *given = text != NULL;
    if (text == NULL)
        return true;
    int rc = bl_duration_parse(text, BL_TIMEOUT_MAX_MS, ms);
    if (rc == 0 && (*ms > 0 || strcmp(text, "none") == 0))
        return true;
    if (rc == 0)
        snprintf(why, BL_ERR_BYTES, "%s: \"%.40s\" is too short; give 1ms or more, or none to clear it", name,
                 text);
    else
        snprintf(why, BL_ERR_BYTES, "%s: %s", name, bl_duration_error(text, rc, BL_TIMEOUT_MAX_MS, error));
    return false;
}

bool bl_field_flag(const struct bl_fields *f, const char *name, bool *value, char why[BL_ERR_BYTES])
{
    const char *text = bl_field(f, name);

    if (text == NULL)
        return true;
    *value = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
    if (*value || strcmp(text, "false") == 0 || strcmp(text, "0") == 0)
        return true;
    snprintf(why, BL_ERR_BYTES, "%s: \"%.40s\" is neither true nor false", name, text);
    return false;
}

/* ---- JSON ---------------------------------------------------------------- */

/* A JSON value's text; NULL: it has members, or does not fit `word`. */
static const char *text_of(const json_t *value, char word[BL_FIELD_WORD])
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
        size_t n = json_dumpb(value, word, BL_FIELD_WORD - 1, JSON_ENCODE_ANY);
        if (n >= BL_FIELD_WORD)
            return NULL;
        word[n] = '\0';
        return word;
    }
    default:
        return NULL;
    }
}

int bl_fields_of_json(const json_t *object, struct bl_param *params, unsigned max, char *words)
{
    /* jansson walks its own members only, but has no such walk for const. */
    json_t *walked = (json_t *)(uintptr_t)object;
    unsigned count = 0;
    const char *name;
    json_t *value;

    if (json_object_size(object) > max)
        return -E2BIG;
    json_object_foreach(walked, name, value)
    {
        char *word = words + (size_t)count * BL_FIELD_WORD;
        params[count++] = (struct bl_param){.name = name, .value = text_of(value, word)};
    }
    return (int)count;
}

/* ---- policies -------------------------------------------------------------- */

/* "timeout" as a duration or "timeout_ms" as a number, not both. */
static bool take_age(const struct bl_fields *f, const char *name, const char *name_ms, uint32_t bit,
                     uint32_t *ms, struct bl_policy_patch *patch, char why[BL_ERR_BYTES])
{
    uint64_t number = 0;
    bool given, given_ms;

    if (!bl_field_duration(f, name, ms, &given, why) ||
        !bl_field_number(f, name_ms, BL_TIMEOUT_MAX_MS, &number, &given_ms, why))
        return false;
    if (given && given_ms) {
        snprintf(why, BL_ERR_BYTES, "%s and %s: give one of them", name, name_ms);
        return false;
    }
    if (given_ms)
        *ms = (uint32_t)number;
    if (given || given_ms)
        patch->set |= bit;
    return true;
}

static bool take_detector(const struct bl_fields *f, struct bl_policy_patch *patch, char why[BL_ERR_BYTES])
{
    const char *text = bl_field(f, "detector");
    enum bl_detector d = text != NULL ? bl_detector_of_name(text) : BL_DETECTOR_FIXED;
    size_t used = 0;

    if (text == NULL)
        return true;
    patch->set |= BL_SET_DETECTOR;
    patch->policy.detector = (uint8_t)d;
    if (d != BL_DETECTOR_COUNT)
        return true;
    used = (size_t)snprintf(why, BL_ERR_BYTES, "detector: \"%.40s\" is none; there are", text);
    for (unsigned i = 0; i < BL_DETECTOR_COUNT; i++)
        used += (size_t)snprintf(why + used, BL_ERR_BYTES - used, "%s %s", i > 0 ? "," : "",
                                 bl_detector_name((enum bl_detector)i));
    return false;
}

bool bl_policy_of_fields(const struct bl_fields *f, struct bl_policy_patch *patch, char why[BL_ERR_BYTES])
{
    struct bl_policy *p = &patch->policy;
    uint64_t retries = 0;
    bool given;

    if (!take_age(f, "timeout", "timeout_ms", BL_SET_TIMEOUT, &p->timeout_ms, patch, why) ||
        !take_age(f, "warn", "warn_ms", BL_SET_WARN, &p->warn_ms, patch, why) ||
        !take_age(f, "err", "err_ms", BL_SET_ERR, &p->err_ms, patch, why) ||
        !bl_field_number(f, "retries", 254, &retries, &given, why) || !take_detector(f, patch, why))
        return false;
    if (given) {
        patch->set |= BL_SET_RETRIES;
        p->retries = (uint8_t)retries;
    }
    if (p->warn_ms > p->err_ms && p->err_ms > 0) {
        snprintf(why, BL_ERR_BYTES,
                 "warn: %u ms is longer than err, %u ms; give a shorter warn or a longer err", p->warn_ms,
                 p->err_ms);
        return false;
    }
    return true;
}
