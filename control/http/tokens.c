/* SPDX-License-Identifier: Apache-2.0 */
#include "control/http/tokens.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/config_schema.h"

static int read_token(struct bl_token_config *t, unsigned i, char err[BL_CONFIG_ERR_BYTES])
{
    const struct bl_config_key *key = bl_config_find_key("http.tokens[].token");
    char line[BL_TOKEN_MAX + 2] = "", why[BL_CONFIG_WHY];
    FILE *f = fopen(t->token_file, "re");

    if (f == NULL || (fgets(line, sizeof(line), f) == NULL && ferror(f))) {
        snprintf(err, BL_CONFIG_ERR_BYTES,
                 "http.tokens[%u].token_file: %.400s: %s; give a file this user may read", i, t->token_file,
                 strerror(errno));
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
            err, BL_CONFIG_ERR_BYTES,
            "http.tokens[%u].token_file: %.400s: its first line is no token; put %u to %u letters, digits "
            "and -._~+/= there",
            i, t->token_file, BL_TOKEN_MIN, BL_TOKEN_MAX);
    return r;
}

int bl_tokens_load(struct bl_config *c, char err[BL_CONFIG_ERR_BYTES])
{
    for (unsigned i = 0; i < c->http_token_count; i++) {
        int r = c->http_token[i].token_file[0] != '\0' ? read_token(&c->http_token[i], i, err) : 0;
        if (r != 0)
            return r;
    }
    for (unsigned i = 0; c->http_token_count == 0 && i < c->http_listen.count; i++) {
        if (bl_listen_is_loopback(c->http_listen.at[i]))
            continue;
        snprintf(err, BL_CONFIG_ERR_BYTES,
                 "http %s: anybody who reaches this address could mute and delete; add http.tokens to the "
                 "config, or listen on 127.0.0.1",
                 c->http_listen.at[i]);
        return -EPERM;
    }
    return 0;
}

static void hash(const char *text, unsigned char out[crypto_generichash_BYTES])
{
    crypto_generichash(out, crypto_generichash_BYTES, (const unsigned char *)text, strlen(text), NULL, 0);
}

enum bl_http_role bl_tokens_role(const struct bl_config *c, const char *authorization)
{
    unsigned char given[crypto_generichash_BYTES], own[crypto_generichash_BYTES];
    int role = BL_HTTP_ANYONE;

    if (c->http_token_count == 0)
        return BL_HTTP_ADMIN;
    if (authorization == NULL || strncasecmp(authorization, "Bearer ", 7) != 0)
        return BL_HTTP_ANYONE;
    hash(authorization + 7 + strspn(authorization + 7, " "), given);
    for (unsigned i = 0; i < c->http_token_count; i++) {
        hash(c->http_token[i].token, own);
        int same = sodium_memcmp(given, own, sizeof(own)) == 0;
        role = same && c->http_token[i].role > role ? c->http_token[i].role : role;
    }
    return (enum bl_http_role)role;
}
