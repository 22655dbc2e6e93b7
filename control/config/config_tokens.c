/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens of HTTP clients that stand in files of their own. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "control/config/config_schema.h"

static int config_read_token(struct bl_token_config *t, unsigned i, char err[BL_ERR_BYTES])
{
    const struct bl_config_key *key = bl_config_find_key("http.tokens[].token");
    char line[BL_TOKEN_MAX + 2] = "", why[BL_ERR_BYTES];
    FILE *f = fopen(t->token_file, "re");

    if (f == NULL || (fgets(line, sizeof(line), f) == NULL && ferror(f))) {
        snprintf(err, BL_ERR_BYTES, "http.tokens[%u].token_file: %.400s: %s; give a file this user may read",
                 i, t->token_file, strerror(errno));
        if (f != NULL)
            fclose(f);
        return -EIO;
    }
    fclose(f);
    line[strcspn(line, "\r\n")] = '\0';
    int r = line[0] == '\0' ? -EINVAL : bl_config_set(key, t, line, why);
    sodium_memzero(line, sizeof(line));
    if (r != 0)
        snprintf(
            err, BL_ERR_BYTES,
            "http.tokens[%u].token_file: %.400s: its first line is no token; put %u to %u letters, digits "
            "and -._~+/= there",
            i, t->token_file, BL_TOKEN_MIN, BL_TOKEN_MAX);
    return r;
}

int bl_config_load_tokens(struct bl_config *c, char err[BL_ERR_BYTES])
{
    for (unsigned i = 0; i < c->http_token_count; i++) {
        int r = c->http_token[i].token_file[0] != '\0' ? config_read_token(&c->http_token[i], i, err) : 0;
        if (r != 0)
            return r;
    }
    for (unsigned i = 0; c->http_token_count == 0 && i < c->http_listen.count; i++) {
        if (bl_listen_is_loopback(c->http_listen.at[i]))
            continue;
        snprintf(err, BL_ERR_BYTES,
                 "http %s: anybody who reaches this address could mute and delete; add http.tokens to the "
                 "config, or listen on 127.0.0.1",
                 c->http_listen.at[i]);
        return -EPERM;
    }
    return 0;
}
