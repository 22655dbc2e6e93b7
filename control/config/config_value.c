/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/config/config_items.h"
#include "control/match/match.h"
#include "control/match/pattern.h"
#include "control/net/socket_path.h"
#include "control/net/syslog_target.h"
#include "control/text/duration.h"
#include "control/text/log.h"
#include "control/text/url_text.h"
#include "dataplane/port/port.h"

static const struct {
    const char *name;
    enum bl_log_level level;
} levels[] = {
    {"error", BL_LOG_ERROR}, {"warning", BL_LOG_WARNING}, {"info", BL_LOG_INFO}, {"debug", BL_LOG_DEBUG}};

static int set_number(const struct bl_config_key *k, void *at, const char *text, char why[BL_ERR_BYTES])
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
    if (k->type == BL_CONFIG_UINT8)
        *(uint8_t *)at = (uint8_t)value;
    else if (k->type == BL_CONFIG_UINT16)
        *(uint16_t *)at = (uint16_t)value;
    else if (k->type == BL_CONFIG_UINT32)
        *(uint32_t *)at = (uint32_t)value;
    else
        *(int *)at = (int)value;
    return 0;
}

static int set_duration(const struct bl_config_key *k, uint32_t *at, const char *text, char why[BL_ERR_BYTES])
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
    *at = ms;
    return 0;
}

static int set_text(char **at, const char *text, char why[BL_ERR_BYTES])
{
    char *copy = strdup(text);
    if (copy == NULL) {
        snprintf(why, BL_ERR_BYTES, "out of memory");
        return -ENOMEM;
    }
    free(*at);
    *at = copy;
    return 0;
}

static int set_bounded_text(const struct bl_config_key *k, char **at, const char *text,
                            char why[BL_ERR_BYTES])
{
    size_t len = strlen(text);
    if (len > (size_t)k->max) {
        snprintf(why, BL_ERR_BYTES, "%zu bytes are too long; at most %lld", len, (long long)k->max);
        return -EINVAL;
    }
    if (len < (size_t)k->min) {
        snprintf(why, BL_ERR_BYTES, "is empty; give a value, or leave the key out for the default");
        return -EINVAL;
    }
    return set_text(at, text, why);
}

static int set_header(char **at, const char *text, char why[BL_ERR_BYTES])
{
    const char *colon = strchr(text, ':');
    bool clean = true;
    for (const char *s = text; *s != '\0'; s++)
        clean = clean && (unsigned char)*s >= 0x20 && *s != 0x7f;
    if (text[0] != '\0' && (colon == NULL || colon == text || !clean)) {
        snprintf(
            why, BL_ERR_BYTES,
            "is no HTTP header; write \"Name: value\" on one line, as in \"Authorization: Bearer TOKEN\"");
        return -EINVAL;
    }
    return set_text(at, text, why);
}

static int set_url(char **at, const char *text, char why[BL_ERR_BYTES])
{
    char *host = NULL, shown[BL_URL_TEXT];
    CURLU *url = curl_url();
    bool http = strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
    bool good = url != NULL && http && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK && host[0] != '\0';
    curl_free(host);
    curl_url_cleanup(url);
    if (!good) {
        snprintf(why, BL_ERR_BYTES,
                 "\"%.160s\" is no web address; write https://HOST/PATH or http://HOST/PATH",
                 bl_url_text(text, shown));
        return -EINVAL;
    }
    return set_text(at, text, why);
}

static int set_syslog(char **at, const char *text, char why[BL_ERR_BYTES])
{
    struct bl_syslog_target target;
    char reason[BL_ERR_BYTES];
    if (bl_syslog_target_parse(&target, text, reason) != 0) {
        snprintf(
            why, BL_ERR_BYTES,
            "\"%.100s\" is no syslog receiver; write local, unix:/PATH, udp://HOST:PORT or tcp://HOST:PORT",
            text);
        return -EINVAL;
    }
    return set_text(at, text, why);
}

static int set_facility(char **at, const char *text, char why[BL_ERR_BYTES])
{
    if (bl_syslog_facility(text) >= 0)
        return set_text(at, text, why);
    snprintf(why, BL_ERR_BYTES,
             "\"%.40s\" is no syslog facility; write daemon, user, local0 to local7, or another of syslog(3)",
             text);
    return -EINVAL;
}

static int set_bool(bool *at, const char *text, char why[BL_ERR_BYTES])
{
    *at = strcmp(text, "true") == 0;
    if (*at || strcmp(text, "false") == 0)
        return 0;
    snprintf(why, BL_ERR_BYTES, "\"%.40s\" is neither; write true or false", text);
    return -EINVAL;
}

static int set_statsd(char **at, const char *text, char why[BL_ERR_BYTES])
{
    struct bl_syslog_target target;
    char reason[BL_ERR_BYTES];
    if (text[0] == '\0' || bl_statsd_target_parse(&target, text, reason) == 0)
        return set_text(at, text, why);
    snprintf(why, BL_ERR_BYTES, "\"%.100s\" is no statsd server; write udp://HOST:PORT, or \"\" for none",
             text);
    return -EINVAL;
}

static int set_detector(uint8_t *at, const char *text, char why[BL_ERR_BYTES])
{
    enum bl_detector d = bl_detector_of_name(text);
    if (d == BL_DETECTOR_COUNT) {
        snprintf(why, BL_ERR_BYTES, "\"%.40s\" is no detector; write fixed, auto or phi", text);
        return -EINVAL;
    }
    *at = (uint8_t)d;
    return 0;
}

static int set_view_name(const struct bl_config_key *k, char **at, const char *text, char why[BL_ERR_BYTES])
{
    for (const char *s = text; *s != '\0'; s++) {
        if ((unsigned char)*s < ' ' || *s == 0x7f) {
            snprintf(why, BL_ERR_BYTES, "has a control byte in it; remove it");
            return -EINVAL;
        }
    }
    return set_bounded_text(k, at, text, why);
}

static int set_regexp(const struct bl_config_key *k, char **at, const char *text, char why[BL_ERR_BYTES])
{
    if (text[0] != '\0' && !bl_view_regexp_is_good(text, why))
        return -EINVAL;
    return set_bounded_text(k, at, text, why);
}

static bool is_glob(const char *text, char why[BL_ERR_BYTES])
{
    char reason[BL_ERR_BYTES];
    struct bl_pattern *p = bl_pattern_new(text, reason);
    if (p == NULL)
        snprintf(why, BL_ERR_BYTES, "\"%.60s\": %.900s", text, reason);
    bl_pattern_free(p);
    return p != NULL;
}

static int set_glob(char **at, const char *text, char why[BL_ERR_BYTES])
{
    return text[0] == '\0' || is_glob(text, why) ? set_text(at, text, why) : -EINVAL;
}

static int add_glob(struct bl_text_list *l, const char *text, char why[BL_ERR_BYTES])
{
    if (!is_glob(text, why))
        return -EINVAL;
    int r = bl_text_list_add(l, text);
    if (r != 0)
        snprintf(why, BL_ERR_BYTES, "out of memory");
    return r;
}

static int set_unknown(bool *reject, const char *text, char why[BL_ERR_BYTES])
{
    *reject = strcmp(text, "reject") == 0;
    if (*reject || strcmp(text, "accept") == 0)
        return 0;
    snprintf(why, BL_ERR_BYTES, "\"%.40s\" is neither; write accept or reject", text);
    return -EINVAL;
}

/* In the order of enum bl_http_role. */
static const char *const roles[] = {"", "read", "beat", "admin"};

static int set_role(int *at, const char *text, char why[BL_ERR_BYTES])
{
    for (int role = BL_HTTP_READ; role <= BL_HTTP_ADMIN; role++) {
        if (strcmp(text, roles[role]) == 0) {
            *at = role;
            return 0;
        }
    }
    snprintf(why, BL_ERR_BYTES, "\"%.40s\" is no role; write read, beat (which may read, too) or admin",
             text);
    return -EINVAL;
}

/* What an Authorization header can carry (RFC 6750), and nobody guesses. */
static int set_token(char **at, const char *text, char why[BL_ERR_BYTES])
{
    size_t len = strlen(text);
    bool clean = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=") == len;

    if (len == 0 || (clean && len >= BL_TOKEN_MIN && len <= BL_TOKEN_MAX))
        return set_text(at, text, why);
    snprintf(
        why, BL_ERR_BYTES,
        "is no token (its text is not repeated here); give %u to %u letters, digits and -._~+/=, as head "
        "-c24 /dev/urandom | base64 makes them",
        BL_TOKEN_MIN, BL_TOKEN_MAX);
    return -EINVAL;
}

static int set_level(int *at, const char *text, char why[BL_ERR_BYTES])
{
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (strcmp(text, levels[i].name) == 0) {
            *at = (int)levels[i].level;
            return 0;
        }
    }
    snprintf(why, BL_ERR_BYTES, "\"%.40s\" is no log level; write error, warning, info or debug", text);
    return -EINVAL;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int set_key(struct bl_config *c, const char *text, char why[BL_ERR_BYTES])
{
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

static int add_port(struct bl_config *c, const char *text, char why[BL_ERR_BYTES])
{
    struct bl_port_spec spec;
    char err[BL_ERR_BYTES];

    if (c->port_count == BL_PORTS_MAX) {
        snprintf(why, BL_ERR_BYTES, "too many ports; at most %u", BL_PORTS_MAX);
        return -EINVAL;
    }
    if (bl_port_spec_parse(&spec, text, err) != 0) {
        snprintf(why, BL_ERR_BYTES, "%.300s", err);
        return -EINVAL;
    }
    int rc = set_text(&c->ports[c->port_count], text, why);
    c->port_count += rc == 0;
    return rc;
}

static int add_listen(const struct bl_config_key *k, struct bl_listen_list *list, const char *text,
                      char why[BL_ERR_BYTES])
{
    if (list->count == BL_LISTEN_MAX) {
        snprintf(why, BL_ERR_BYTES, "too many; at most %u", BL_LISTEN_MAX);
        return -EINVAL;
    }
    if (k->type == BL_CONFIG_HOSTS && (text[0] == '\0' || strpbrk(text, ":/@ \t") != NULL)) {
        snprintf(why, BL_ERR_BYTES, "\"%.60s\" is no host name; write it without http:// and port", text);
        return -EINVAL;
    }
    if (k->type == BL_CONFIG_LISTENS && !bl_listen_parse(text, NULL, NULL)) {
        snprintf(why, BL_ERR_BYTES, "\"%.60s\" is no address; write 127.0.0.1:PORT or [::1]:PORT", text);
        return -EINVAL;
    }
    int rc = set_text(&list->at[list->count], text, why);
    list->count += rc == 0;
    return rc;
}

static int add_state(uint32_t *states, const char *text, char why[BL_ERR_BYTES])
{
    enum bl_state s = bl_state_of_name(text);
    if (s == BL_STATE_COUNT) {
        snprintf(why, BL_ERR_BYTES,
                 "\"%.40s\" is no state; write new, ok, warning, failed, paused or unknown", text);
        return -EINVAL;
    }
    *states |= 1u << s;
    return 0;
}

int bl_config_set(const struct bl_config_key *k, void *base, const char *text, char why[BL_ERR_BYTES])
{
    void *at = (char *)base + k->offset;

    switch (k->type) {
    case BL_CONFIG_UINT8:
    case BL_CONFIG_UINT16:
    case BL_CONFIG_UINT32:
    case BL_CONFIG_INT:
        return set_number(k, at, text, why);
    case BL_CONFIG_DURATION:
        return set_duration(k, at, text, why);
    case BL_CONFIG_TEXT:
        return set_bounded_text(k, at, text, why);
    case BL_CONFIG_HEADER:
        return set_header(at, text, why);
    case BL_CONFIG_URL:
        return set_url(at, text, why);
    case BL_CONFIG_SYSLOG:
        return set_syslog(at, text, why);
    case BL_CONFIG_FACILITY:
        return set_facility(at, text, why);
    case BL_CONFIG_LEVEL:
        return set_level(at, text, why);
    case BL_CONFIG_ROLE:
        return set_role(at, text, why);
    case BL_CONFIG_TOKEN:
        return set_token(at, text, why);
    case BL_CONFIG_BOOL:
        return set_bool(at, text, why);
    case BL_CONFIG_STATSD:
        return set_statsd(at, text, why);
    case BL_CONFIG_VIEW:
        return set_view_name(k, at, text, why);
    case BL_CONFIG_REGEXP:
        return set_regexp(k, at, text, why);
    case BL_CONFIG_GLOB:
        return set_glob(at, text, why);
    case BL_CONFIG_UNKNOWN:
        return set_unknown(at, text, why);
    case BL_CONFIG_DETECTOR:
        return set_detector(at, text, why);
    case BL_CONFIG_KEY:
        return set_key(base, text, why);
    case BL_CONFIG_PORTS:
        return add_port(base, text, why);
    case BL_CONFIG_LISTENS:
    case BL_CONFIG_HOSTS:
        return add_listen(k, at, text, why);
    case BL_CONFIG_STATES:
        return add_state(at, text, why);
    case BL_CONFIG_GLOBS:
        return add_glob(at, text, why);
    case BL_CONFIG_SYSLOGS:
    case BL_CONFIG_WEBHOOKS:
    case BL_CONFIG_TOKENS:
    case BL_CONFIG_VIEWS:
        break;
    }
    return -EINVAL;
}

/* A list's default: its items, split at spaces. */
static int set_default_list(const struct bl_config_key *k, void *base)
{
    char items[128], why[BL_ERR_BYTES], *rest = items;

    snprintf(items, sizeof(items), "%s", k->otherwise);
    for (char *item; (item = strsep(&rest, " ")) != NULL;) {
        if (item[0] == '\0')
            continue;
        if (bl_config_is_items(k)) {
            if (bl_config_add_item(base, k, why) == NULL)
                return -ENOMEM;
        } else if (bl_config_set(k, base, item, why) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int set_default(const struct bl_config_key *k, void *base)
{
    char socket_path[108], why[BL_ERR_BYTES];

    if (bl_config_is_list(k))
        return set_default_list(k, base);
    if (k->otherwise == NULL)
        return 0;
    const char *text = k->otherwise;
    if (strcmp(k->path, "socket") == 0) {
        bl_socket_path_default(socket_path);
        text = socket_path;
    }
    return bl_config_set(k, base, text, why);
}

int bl_config_set_defaults(void *base, const char *prefix)
{
    size_t len = strlen(prefix);
    for (size_t i = 0; i < bl_config_key_count; i++) {
        const char *path = bl_config_keys[i].path;
        bool ours = len == 0 ? strchr(path, '[') == NULL : strncmp(path, prefix, len) == 0;
        if (ours && set_default(&bl_config_keys[i], base) != 0)
            return -ENOMEM;
    }
    return 0;
}

void bl_config_value_text(const struct bl_config_key *k, const void *base, struct bl_text *out)
{
    const void *at = (const char *)base + k->offset;
    char text[BL_DURATION_TEXT], url[BL_URL_TEXT];

    if (k->type == BL_CONFIG_UINT8)
        bl_text_printf(out, "%u", *(const uint8_t *)at);
    else if (k->type == BL_CONFIG_UINT16)
        bl_text_printf(out, "%u", *(const uint16_t *)at);
    else if (k->type == BL_CONFIG_UINT32)
        bl_text_printf(out, "%u", *(const uint32_t *)at);
    else if (k->type == BL_CONFIG_INT)
        bl_text_printf(out, "%d", *(const int *)at);
    else if (k->type == BL_CONFIG_DURATION)
        bl_text_printf(out, "%s", bl_duration_text(*(const uint32_t *)at, text));
    else if (k->type == BL_CONFIG_BOOL)
        bl_text_printf(out, "%s", *(const bool *)at ? "true" : "false");
    else if (k->type == BL_CONFIG_KEY)
        bl_text_printf(out, "%s", ((const struct bl_config *)base)->auth ? "hidden" : "");
    else if (k->type == BL_CONFIG_DETECTOR)
        bl_text_printf(out, "%s", bl_detector_name((enum bl_detector) * (const uint8_t *)at));
    else if (k->type == BL_CONFIG_UNKNOWN)
        bl_text_printf(out, "%s", *(const bool *)at ? "reject" : "accept");
    else if (k->type == BL_CONFIG_ROLE)
        bl_text_printf(out, "%s", roles[*(const int *)at]);
    else if (k->type == BL_CONFIG_LEVEL)
        for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
            if ((int)levels[i].level == *(const int *)at)
                bl_text_printf(out, "%s", levels[i].name);
        }
    else if (k->type == BL_CONFIG_URL)
        bl_text_printf(out, "%s", *(char *const *)at != NULL ? bl_url_text(*(char *const *)at, url) : "");
    else if (*(char *const *)at != NULL)
        bl_text_printf(out, "%s", k->secret && **(char *const *)at != '\0' ? "hidden" : *(char *const *)at);
}
