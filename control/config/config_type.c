/* SPDX-License-Identifier: Apache-2.0 */
#include "control/config/config_type.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/config_schema.h"
#include "control/config/config_type_list.h"
#include "control/config/config_type_text.h"
#include "control/text/duration.h"
#include "control/text/log.h"
#include "engine/detect/detector.h"

/* ---- numbers --------------------------------------------------------------- */

static int config_type_read_number(const struct bl_config_key *k, const char *text, long long *out,
                                   char why[BL_ERR_BYTES])
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    bool number = end != text && *end == '\0' && !isspace((unsigned char)text[0]) && text[0] != '+';

    if (!number) {
        snprintf(why, BL_ERR_BYTES, "\"%.40s\" is no whole number; give one from %lld to %lld", text,
                 (long long)k->min, (long long)k->max);
        return -EINVAL;
    }
    if (errno == ERANGE || value < k->min || value > k->max) {
        snprintf(why, BL_ERR_BYTES, "%.40s is out of range; give a number from %lld to %lld", text,
                 (long long)k->min, (long long)k->max);
        return -EINVAL;
    }
    *out = value;
    return 0;
}

static int config_type_set_uint8(const struct bl_config_key *k, void *at, const char *text,
                                 char why[BL_ERR_BYTES])
{
    long long value;
    int rc = config_type_read_number(k, text, &value, why);
    if (rc == 0)
        *(uint8_t *)at = (uint8_t)value;
    return rc;
}

static void config_type_uint8_text(const struct bl_config_key *k, const void *at, struct bl_text *out)
{
    (void)k;
    bl_text_printf(out, "%u", *(const uint8_t *)at);
}

static int config_type_set_uint16(const struct bl_config_key *k, void *at, const char *text,
                                  char why[BL_ERR_BYTES])
{
    long long value;
    int rc = config_type_read_number(k, text, &value, why);
    if (rc == 0)
        *(uint16_t *)at = (uint16_t)value;
    return rc;
}

static void config_type_uint16_text(const struct bl_config_key *k, const void *at, struct bl_text *out)
{
    (void)k;
    bl_text_printf(out, "%u", *(const uint16_t *)at);
}

static int config_type_set_uint32(const struct bl_config_key *k, void *at, const char *text,
                                  char why[BL_ERR_BYTES])
{
    long long value;
    int rc = config_type_read_number(k, text, &value, why);
    if (rc == 0)
        *(uint32_t *)at = (uint32_t)value;
    return rc;
}

static void config_type_uint32_text(const struct bl_config_key *k, const void *at, struct bl_text *out)
{
    (void)k;
    bl_text_printf(out, "%u", *(const uint32_t *)at);
}

static int config_type_set_int(const struct bl_config_key *k, void *at, const char *text,
                               char why[BL_ERR_BYTES])
{
    long long value;
    int rc = config_type_read_number(k, text, &value, why);
    if (rc == 0)
        *(int *)at = (int)value;
    return rc;
}

static void config_type_int_text(const struct bl_config_key *k, const void *at, struct bl_text *out)
{
    (void)k;
    bl_text_printf(out, "%d", *(const int *)at);
}

/* ---- words and keys ------------------------------------------------------------ */

static int config_type_set_duration(const struct bl_config_key *k, void *at, const char *text,
                                    char why[BL_ERR_BYTES])
{
    uint32_t ms = 0;
    int rc = bl_duration_parse(text, (uint32_t)k->max, &ms);
    if (rc != 0) {
        char text_why[BL_ERR_BYTES];
        snprintf(why, BL_ERR_BYTES, "%s", bl_duration_error(text, rc, (uint32_t)k->max, text_why));
        return -EINVAL;
    }
    bool none = strcmp(text, "none") == 0;
    if (ms < k->min && !(none && k->optional)) {
        char least[BL_DURATION_TEXT];
        snprintf(why, BL_ERR_BYTES, "\"%.40s\" is too short; give %s or more%s", text,
                 bl_duration_text((uint32_t)k->min, least), k->optional ? ", or none" : "");
        return -EINVAL;
    }
    *(uint32_t *)at = ms;
    return 0;
}

static void config_type_duration_text(const struct bl_config_key *k, const void *at, struct bl_text *out)
{
    (void)k;
    char text[BL_DURATION_TEXT];
    bl_text_printf(out, "%s", bl_duration_text(*(const uint32_t *)at, text));
}

static int config_type_set_bool(const struct bl_config_key *k, void *at, const char *text,
                                char why[BL_ERR_BYTES])
{
    (void)k;
    bool *yes = at;
    *yes = strcmp(text, "true") == 0;
    if (*yes || strcmp(text, "false") == 0)
        return 0;
    snprintf(why, BL_ERR_BYTES, "\"%.40s\" is neither; write true or false", text);
    return -EINVAL;
}

static void config_type_bool_text(const struct bl_config_key *k, const void *at, struct bl_text *out)
{
    (void)k;
    bl_text_printf(out, "%s", *(const bool *)at ? "true" : "false");
}

static int config_type_set_unknown(const struct bl_config_key *k, void *at, const char *text,
                                   char why[BL_ERR_BYTES])
{
    (void)k;
    bool *reject = at;
    *reject = strcmp(text, "reject") == 0;
    if (*reject || strcmp(text, "accept") == 0)
        return 0;
    snprintf(why, BL_ERR_BYTES, "\"%.40s\" is neither; write accept or reject", text);
    return -EINVAL;
}

static void config_type_unknown_text(const struct bl_config_key *k, const void *at, struct bl_text *out)
{
    (void)k;
    bl_text_printf(out, "%s", *(const bool *)at ? "reject" : "accept");
}

static int config_type_set_detector(const struct bl_config_key *k, void *at, const char *text,
                                    char why[BL_ERR_BYTES])
{
    (void)k;
    enum bl_detector d = bl_detector_of_name(text);
    if (d == BL_DETECTOR_COUNT) {
        snprintf(why, BL_ERR_BYTES, "\"%.40s\" is no detector; write fixed, auto or phi", text);
        return -EINVAL;
    }
    *(uint8_t *)at = (uint8_t)d;
    return 0;
}

static void config_type_detector_text(const struct bl_config_key *k, const void *at, struct bl_text *out)
{
    (void)k;
    bl_text_printf(out, "%s", bl_detector_name((enum bl_detector) * (const uint8_t *)at));
}

static int config_type_set_role(const struct bl_config_key *k, void *at, const char *text,
                                char why[BL_ERR_BYTES])
{
    (void)k;
    enum bl_http_role role = bl_http_role_of_name(text);
    if (role != BL_HTTP_ANYONE) {
        *(int *)at = (int)role;
        return 0;
    }
    snprintf(why, BL_ERR_BYTES, "\"%.40s\" is no role; write read, beat (which may read, too) or admin",
             text);
    return -EINVAL;
}

static void config_type_role_text(const struct bl_config_key *k, const void *at, struct bl_text *out)
{
    (void)k;
    bl_text_printf(out, "%s", bl_http_role_name((enum bl_http_role) * (const int *)at));
}

static const struct {
    const char *name;
    enum bl_log_level level;
} levels[] = {
    {"error", BL_LOG_ERROR}, {"warning", BL_LOG_WARNING}, {"info", BL_LOG_INFO}, {"debug", BL_LOG_DEBUG}};

static int config_type_set_level(const struct bl_config_key *k, void *at, const char *text,
                                 char why[BL_ERR_BYTES])
{
    (void)k;
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (strcmp(text, levels[i].name) == 0) {
            *(int *)at = (int)levels[i].level;
            return 0;
        }
    }
    snprintf(why, BL_ERR_BYTES, "\"%.40s\" is no log level; write error, warning, info or debug", text);
    return -EINVAL;
}

static void config_type_level_text(const struct bl_config_key *k, const void *at, struct bl_text *out)
{
    (void)k;
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if ((int)levels[i].level == *(const int *)at)
            bl_text_printf(out, "%s", levels[i].name);
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int config_type_set_key(const struct bl_config_key *k, void *at, const char *text,
                               char why[BL_ERR_BYTES])
{
    (void)k;
    struct bl_config *c = at;
    uint8_t key[16] = {0};
    size_t len = strlen(text);
    bool good = len == 0 || len == 2 * sizeof(key);

    for (size_t i = 0; good && i < len; i++) {
        int digit = hex_digit(text[i]);
        good = digit >= 0;
        key[i / 2] = (uint8_t)(key[i / 2] << 4 | (digit & 15));
    }
    if (!good) {
        snprintf(why, BL_ERR_BYTES,
                 "is no key (its text is not repeated here); give 32 hex digits, or \"\" to take beats "
                 "without one");
        return -EINVAL;
    }
    memcpy(c->auth_key, key, sizeof(key));
    c->auth = len != 0;
    return 0;
}

static void config_type_key_text(const struct bl_config_key *k, const void *at, struct bl_text *out)
{
    (void)k;
    bl_text_printf(out, "%s", ((const struct bl_config *)at)->auth ? "hidden" : "");
}

/* ---- the table ------------------------------------------------------------------- */

#define PLAIN(set, text, shape)                                                                              \
    {                                                                                                        \
        set, text, NULL, NULL, BL_SHAPE_##shape                                                              \
    }
#define TEXT(set, text, shape)                                                                               \
    {                                                                                                        \
        set, text, bl_config_free_text, NULL, BL_SHAPE_##shape                                               \
    }
#define NAMES(add, free, name)                                                                               \
    {                                                                                                        \
        add, NULL, free, name, BL_SHAPE_NAMES                                                                \
    }

const struct bl_config_type_ops bl_config_types[BL_CONFIG_TYPES] = {
    [BL_CONFIG_UINT8] = PLAIN(config_type_set_uint8, config_type_uint8_text, NUMBER),
    [BL_CONFIG_UINT16] = PLAIN(config_type_set_uint16, config_type_uint16_text, NUMBER),
    [BL_CONFIG_UINT32] = PLAIN(config_type_set_uint32, config_type_uint32_text, NUMBER),
    [BL_CONFIG_INT] = PLAIN(config_type_set_int, config_type_int_text, NUMBER),
    [BL_CONFIG_DURATION] = PLAIN(config_type_set_duration, config_type_duration_text, WORD),
    [BL_CONFIG_BOOL] = PLAIN(config_type_set_bool, config_type_bool_text, BOOL),
    [BL_CONFIG_UNKNOWN] = PLAIN(config_type_set_unknown, config_type_unknown_text, WORD),
    [BL_CONFIG_DETECTOR] = PLAIN(config_type_set_detector, config_type_detector_text, WORD),
    [BL_CONFIG_ROLE] = PLAIN(config_type_set_role, config_type_role_text, WORD),
    [BL_CONFIG_LEVEL] = PLAIN(config_type_set_level, config_type_level_text, WORD),
    [BL_CONFIG_KEY] = PLAIN(config_type_set_key, config_type_key_text, QUOTED),
    [BL_CONFIG_TEXT] = TEXT(bl_config_set_text, bl_config_text_of, QUOTED),
    [BL_CONFIG_HEADER] = TEXT(bl_config_set_header, bl_config_text_of, QUOTED),
    [BL_CONFIG_URL] = TEXT(bl_config_set_url, bl_config_url_text_of, QUOTED),
    [BL_CONFIG_SYSLOG] = TEXT(bl_config_set_syslog, bl_config_text_of, QUOTED),
    [BL_CONFIG_FACILITY] = TEXT(bl_config_set_facility, bl_config_text_of, WORD),
    [BL_CONFIG_STATSD] = TEXT(bl_config_set_statsd, bl_config_text_of, QUOTED),
    [BL_CONFIG_TOKEN] = TEXT(bl_config_set_token, bl_config_text_of, WORD),
    [BL_CONFIG_VIEW] = TEXT(bl_config_set_view_name, bl_config_text_of, QUOTED),
    [BL_CONFIG_REGEXP] = TEXT(bl_config_set_regexp, bl_config_text_of, QUOTED),
    [BL_CONFIG_GLOB] = TEXT(bl_config_set_glob, bl_config_text_of, QUOTED),
    [BL_CONFIG_PORTS] = NAMES(bl_config_add_port, bl_config_free_ports, bl_config_port_at),
    [BL_CONFIG_LISTENS] = NAMES(bl_config_add_listen, bl_config_free_listen, bl_config_listen_at),
    [BL_CONFIG_HOSTS] = NAMES(bl_config_add_host, bl_config_free_listen, bl_config_listen_at),
    [BL_CONFIG_STATES] = NAMES(bl_config_add_state, bl_config_free_states, bl_config_state_at),
    [BL_CONFIG_GLOBS] = NAMES(bl_config_add_glob, bl_config_free_globs, bl_config_glob_at),
    [BL_CONFIG_SYSLOGS] = {.shape = BL_SHAPE_ITEMS},
    [BL_CONFIG_WEBHOOKS] = {.shape = BL_SHAPE_ITEMS},
    [BL_CONFIG_TOKENS] = {.shape = BL_SHAPE_ITEMS},
    [BL_CONFIG_VIEWS] = {.shape = BL_SHAPE_ITEMS},
};

int bl_config_set(const struct bl_config_key *k, void *base, const char *text, char why[BL_ERR_BYTES])
{
    bl_config_set_fn *set = bl_config_types[k->type].set;
    return set != NULL ? set(k, (char *)base + k->offset, text, why) : -EINVAL;
}

void bl_config_value_text(const struct bl_config_key *k, const void *base, struct bl_text *out)
{
    bl_config_types[k->type].text(k, (const char *)base + k->offset, out);
}

const char *bl_config_name_of(const struct bl_config_key *k, const void *base, unsigned i)
{
    return bl_config_types[k->type].name((const char *)base + k->offset, i);
}

void bl_config_free_value(const struct bl_config_key *k, void *base)
{
    bl_config_free_fn *free_value = bl_config_types[k->type].free;
    if (free_value != NULL)
        free_value((char *)base + k->offset);
}
