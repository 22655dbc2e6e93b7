/* SPDX-License-Identifier: Apache-2.0 */
#include "control/config/config_type_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/config_schema.h"
#include "control/match/match.h"
#include "control/match/pattern.h"
#include "control/net/syslog_target.h"
#include "control/net/webhook_target.h"
#include "control/text/url_text.h"

int bl_config_copy_text(char **at, const char *text, char why[BL_ERR_BYTES])
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

int bl_config_set_text(const struct bl_config_key *k, void *at, const char *text, char why[BL_ERR_BYTES])
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
    return bl_config_copy_text(at, text, why);
}

int bl_config_set_header(const struct bl_config_key *k, void *at, const char *text, char why[BL_ERR_BYTES])
{
    (void)k;
    if (bl_webhook_header_is_good(text))
        return bl_config_copy_text(at, text, why);
    snprintf(why, BL_ERR_BYTES,
             "is no HTTP header; write \"Name: value\" on one line, as in \"Authorization: Bearer TOKEN\"");
    return -EINVAL;
}

int bl_config_set_url(const struct bl_config_key *k, void *at, const char *text, char why[BL_ERR_BYTES])
{
    char shown[BL_URL_TEXT];
    (void)k;
    if (bl_webhook_target_parse(NULL, text))
        return bl_config_copy_text(at, text, why);
    snprintf(why, BL_ERR_BYTES, "\"%.160s\" is no web address; write https://HOST/PATH or http://HOST/PATH",
             bl_url_text(text, shown));
    return -EINVAL;
}

int bl_config_set_syslog(const struct bl_config_key *k, void *at, const char *text, char why[BL_ERR_BYTES])
{
    (void)k;
    struct bl_syslog_target target;
    char reason[BL_ERR_BYTES];
    if (bl_syslog_target_parse(&target, text, reason) != 0) {
        snprintf(
            why, BL_ERR_BYTES,
            "\"%.100s\" is no syslog receiver; write local, unix:/PATH, udp://HOST:PORT or tcp://HOST:PORT",
            text);
        return -EINVAL;
    }
    return bl_config_copy_text(at, text, why);
}

int bl_config_set_facility(const struct bl_config_key *k, void *at, const char *text, char why[BL_ERR_BYTES])
{
    (void)k;
    if (bl_syslog_facility(text) >= 0)
        return bl_config_copy_text(at, text, why);
    snprintf(why, BL_ERR_BYTES,
             "\"%.40s\" is no syslog facility; write daemon, user, local0 to local7, or another of syslog(3)",
             text);
    return -EINVAL;
}

int bl_config_set_statsd(const struct bl_config_key *k, void *at, const char *text, char why[BL_ERR_BYTES])
{
    (void)k;
    struct bl_syslog_target target;
    char reason[BL_ERR_BYTES];
    if (text[0] == '\0' || bl_statsd_target_parse(&target, text, reason) == 0)
        return bl_config_copy_text(at, text, why);
    snprintf(why, BL_ERR_BYTES, "\"%.100s\" is no statsd server; write udp://HOST:PORT, or \"\" for none",
             text);
    return -EINVAL;
}

int bl_config_set_view_name(const struct bl_config_key *k, void *at, const char *text, char why[BL_ERR_BYTES])
{
    for (const char *s = text; *s != '\0'; s++) {
        if ((unsigned char)*s < ' ' || *s == 0x7f) {
            snprintf(why, BL_ERR_BYTES, "has a control byte in it; remove it");
            return -EINVAL;
        }
    }
    return bl_config_set_text(k, at, text, why);
}

int bl_config_set_regexp(const struct bl_config_key *k, void *at, const char *text, char why[BL_ERR_BYTES])
{
    if (text[0] != '\0' && !bl_view_regexp_is_good(text, why))
        return -EINVAL;
    return bl_config_set_text(k, at, text, why);
}

bool bl_config_is_glob(const char *text, char why[BL_ERR_BYTES])
{
    char reason[BL_ERR_BYTES];
    struct bl_pattern *p = bl_pattern_new(text, reason);
    if (p == NULL)
        snprintf(why, BL_ERR_BYTES, "\"%.60s\": %.900s", text, reason);
    bl_pattern_free(p);
    return p != NULL;
}

int bl_config_set_glob(const struct bl_config_key *k, void *at, const char *text, char why[BL_ERR_BYTES])
{
    (void)k;
    return text[0] == '\0' || bl_config_is_glob(text, why) ? bl_config_copy_text(at, text, why) : -EINVAL;
}

/* What an Authorization header can carry (RFC 6750), and nobody guesses. */
int bl_config_set_token(const struct bl_config_key *k, void *at, const char *text, char why[BL_ERR_BYTES])
{
    (void)k;
    size_t len = strlen(text);
    bool clean = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=") == len;

    if (len == 0 || (clean && len >= BL_TOKEN_MIN && len <= BL_TOKEN_MAX))
        return bl_config_copy_text(at, text, why);
    snprintf(
        why, BL_ERR_BYTES,
        "is no token (its text is not repeated here); give %u to %u letters, digits and -._~+/=, as head "
        "-c24 /dev/urandom | base64 makes them",
        BL_TOKEN_MIN, BL_TOKEN_MAX);
    return -EINVAL;
}

void bl_config_text_of(const struct bl_config_key *k, const void *at, struct bl_text *out)
{
    const char *text = *(char *const *)at;
    if (text != NULL)
        bl_text_printf(out, "%s", k->secret && text[0] != '\0' ? "hidden" : text);
}

void bl_config_url_text_of(const struct bl_config_key *k, const void *at, struct bl_text *out)
{
    const char *url = *(char *const *)at;
    char shown[BL_URL_TEXT];
    (void)k;
    bl_text_printf(out, "%s", url != NULL ? bl_url_text(url, shown) : "");
}

void bl_config_free_text(void *at)
{
    char **text = at;
    free(*text);
    *text = NULL;
}
