/* SPDX-License-Identifier: Apache-2.0 */
#include "control/http/tokens.h"

#include <sodium.h>
#include <string.h>
#include <strings.h>

static void tokens_hash(const char *text, unsigned char out[crypto_generichash_BYTES])
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
    tokens_hash(authorization + 7 + strspn(authorization + 7, " "), given);
    for (unsigned i = 0; i < c->http_token_count; i++) {
        tokens_hash(c->http_token[i].token, own);
        int same = sodium_memcmp(given, own, sizeof(own)) == 0;
        role = same && c->http_token[i].role > role ? c->http_token[i].role : role;
    }
    return (enum bl_http_role)role;
}
