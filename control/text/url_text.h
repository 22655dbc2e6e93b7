/* SPDX-License-Identifier: Apache-2.0 */
/* url_text: a URL as it may be shown: in `config show`, errors and logs.
 * Scheme, host and port are; user, path, query and fragment may be secrets
 * (Slack's are in the path) and are hidden. Pure functions; any thread. */
#pragma once

#include <stdbool.h>

#define BL_URL_TEXT 192

/* Whether it has more than scheme, host, port and "/". */
bool bl_url_has_secret(const char *url);

/* "https://hooks.slack.com (the rest is hidden)", which is no URL; or the
 * URL itself where it has no secret. A longer host is cut off. */
const char *bl_url_text(const char *url, char out[BL_URL_TEXT]);
