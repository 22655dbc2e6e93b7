/* SPDX-License-Identifier: Apache-2.0 */
#include "control/net/webhook_target.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool webhook_target_read(struct bl_webhook_target *t, CURLU *url)
{
    char *scheme = NULL, *host = NULL, *port = NULL;
    bool good = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK && host[0] != '\0';

    if (good && t != NULL) {
        (void)curl_url_get(url, CURLUPART_PORT, &port, 0); /* NULL: none is named */
        snprintf(t->scheme, sizeof(t->scheme), "%s", scheme);
        snprintf(t->host, sizeof(t->host), "%s", host);
        snprintf(t->port, sizeof(t->port), "%s", port != NULL ? port : "");
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    return good;
}

bool bl_webhook_target_parse(struct bl_webhook_target *t, const char *url)
{
    CURLU *parsed = curl_url();
    bool http = strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
    bool good = parsed != NULL && http && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
                webhook_target_read(t, parsed);
    curl_url_cleanup(parsed);
    return good;
}

bool bl_webhook_header_is_good(const char *header)
{
    const char *colon = strchr(header, ':');
    bool clean = true;

    for (const char *s = header; *s != '\0'; s++)
        clean = clean && (unsigned char)*s >= 0x20 && *s != 0x7f;
    return header[0] == '\0' || (colon != NULL && colon != header && clean);
}
