/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_target: where a webhook goes and what it may carry, parsed from
 * the config. What the config takes and what the receiver opens is the
 * same, as both ask here. Pure; any thread. */
#pragma once

#include <stdbool.h>

struct bl_webhook_target {
    char scheme[6]; /* "http" or "https" */
    char host[256]; /* its first 255 bytes */
    char port[6];   /* "": the scheme's own */
};

/* Whether it is http://HOST... or https://HOST... as libcurl reads it.
 * `t` may be NULL. Cost: some allocations. */
bool bl_webhook_target_parse(struct bl_webhook_target *t, const char *url);

/* Whether it is one line "Name: value" without control bytes, or "". */
bool bl_webhook_header_is_good(const char *header);
