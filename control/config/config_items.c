/* SPDX-License-Identifier: Apache-2.0 */
#include "control/config/config_items.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- notifiers --------------------------------------------------------- */

static enum bl_notifier_kind kind_of(const struct bl_config_key *k)
{
    return k->type == BL_CONFIG_SYSLOGS ? BL_NOTIFIER_SYSLOG : BL_NOTIFIER_WEBHOOK;
}

static void clear_notifier(struct bl_notifier_config *n)
{
    free(n->target);
    free(n->facility);
    free(n->header);
    *n = (struct bl_notifier_config){0};
}

static void clear_notifiers(struct bl_config *c, enum bl_notifier_kind kind)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < c->notifier_count; i++) {
        struct bl_notifier_config n = c->notifier[i];
        if (n.kind == kind)
            clear_notifier(&n);
        else
            c->notifier[kept++] = n;
    }
    memset(&c->notifier[kept], 0, sizeof(c->notifier[0]) * (c->notifier_count - kept));
    c->notifier_count = kept;
}

static const void *notifier_at(const struct bl_config *c, enum bl_notifier_kind kind, unsigned at)
{
    for (unsigned i = 0; i < c->notifier_count; i++) {
        if (c->notifier[i].kind == kind && at-- == 0)
            return &c->notifier[i];
    }
    return NULL;
}

/* ---- tokens -------------------------------------------------------------- */

static void clear_tokens(struct bl_config *c)
{
    while (c->http_token_count > 0) {
        struct bl_token_config *t = &c->http_token[--c->http_token_count];
        free(t->token);
        free(t->token_file);
        *t = (struct bl_token_config){0};
    }
}

/* ---- all ------------------------------------------------------------------- */

static void *next_item(struct bl_config *c, const struct bl_config_key *k)
{
    if (k->type == BL_CONFIG_VIEWS)
        return bl_view_config_add(c);
    if (k->type == BL_CONFIG_TOKENS)
        return c->http_token_count < BL_TOKENS_MAX ? &c->http_token[c->http_token_count++] : NULL;
    if (c->notifier_count == BL_NOTIFIERS_MAX)
        return NULL;
    c->notifier[c->notifier_count].kind = kind_of(k);
    return &c->notifier[c->notifier_count++];
}

void *bl_config_add_item(struct bl_config *c, const struct bl_config_key *k, char why[BL_ERR_BYTES])
{
    void *item = next_item(c, k);
    char prefix[64];

    if (item == NULL) {
        if (k->type == BL_CONFIG_VIEWS)
            snprintf(why, BL_ERR_BYTES, "too many views, at most %u; or out of memory", BL_VIEWS_MAX);
        else if (k->type == BL_CONFIG_TOKENS)
            snprintf(why, BL_ERR_BYTES, "too many tokens; at most %u", BL_TOKENS_MAX);
        else
            snprintf(why, BL_ERR_BYTES, "too many notifiers; at most %u in all", BL_NOTIFIERS_MAX);
        return NULL;
    }
    snprintf(prefix, sizeof(prefix), "%s[]", k->path);
    if (bl_config_set_defaults(item, prefix) != 0) {
        snprintf(why, BL_ERR_BYTES, "out of memory");
        return NULL;
    }
    return item;
}

const void *bl_config_item(const struct bl_config *c, const struct bl_config_key *k, unsigned i)
{
    if (k->type == BL_CONFIG_VIEWS)
        return i < c->view_count ? &c->views[i] : NULL;
    if (k->type == BL_CONFIG_TOKENS)
        return i < c->http_token_count ? &c->http_token[i] : NULL;
    return notifier_at(c, kind_of(k), i);
}

void bl_config_clear_items(struct bl_config *c, const struct bl_config_key *k)
{
    if (k->type == BL_CONFIG_VIEWS)
        bl_view_configs_clear(c);
    else if (k->type == BL_CONFIG_TOKENS)
        clear_tokens(c);
    else
        clear_notifiers(c, kind_of(k));
}

const char *bl_config_item_example(const struct bl_config_key *k)
{
    return k->type == BL_CONFIG_SYSLOGS  ? "to: local"
           : k->type == BL_CONFIG_VIEWS  ? "name: NAME, pattern: GLOB"
           : k->type == BL_CONFIG_TOKENS ? "token: TOKEN, role: read"
                                         : "url: URL";
}

const char *bl_config_item_lacks(const struct bl_config *c, const struct bl_config_key *k, const void *item,
                                 char why[BL_ERR_BYTES])
{
    const struct bl_token_config *t = item;
    const struct bl_notifier_config *n = item;

    if (k->type == BL_CONFIG_VIEWS)
        return bl_view_config_is_good(c, item, why, BL_ERR_BYTES) ? NULL : why;
    if (k->type != BL_CONFIG_TOKENS)
        return n->target == NULL ? "has no url; add url: URL" : NULL;
    if (t->role == BL_HTTP_ANYONE)
        return "has no role; add role: read, beat or admin";
    bool token = t->token[0] != '\0', file = t->token_file[0] != '\0';
    return token == file ? "give token: TOKEN or token_file: PATH, one of them" : NULL;
}
