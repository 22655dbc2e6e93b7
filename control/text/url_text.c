/* SPDX-License-Identifier: Apache-2.0 */
#include "control/text/url_text.h"

#include <stdio.h>
#include <string.h>

struct parts {
    int scheme_len; /* "://" included; 0: there is none */
    const char *host;
    int host_len; /* port included */
    bool user, rest;
};

static struct parts url_text_split(const char *url)
{
    const char *authority = strstr(url, "://"), *at;
    struct parts p = {0};

    /* "://" of a query is none of a scheme. */
    if (authority != NULL && strcspn(url, "/?#@") == (size_t)(authority + 1 - url))
        p.scheme_len = (int)(authority + 3 - url);
    p.host = url + p.scheme_len;
    size_t len = strcspn(p.host, "/?#\\");
    p.rest = p.host[len] != '\0' && strcmp(p.host + len, "/") != 0;
    while ((at = memchr(p.host, '@', len)) != NULL) {
        len -= (size_t)(at + 1 - p.host);
        p.host = at + 1;
        p.user = true;
    }
    p.host_len = len < 128 ? (int)len : 128;
    return p;
}

bool bl_url_has_secret(const char *url)
{
    struct parts p = url_text_split(url);
    return p.user || p.rest;
}

const char *bl_url_text(const char *url, char out[BL_URL_TEXT])
{
    struct parts p = url_text_split(url);

    if (p.user || p.rest)
        snprintf(out, BL_URL_TEXT, "%.*s%.*s (the rest is hidden)", p.scheme_len < 16 ? p.scheme_len : 16,
                 url, p.host_len, p.host);
    else
        snprintf(out, BL_URL_TEXT, "%s", url);
    return out;
}
