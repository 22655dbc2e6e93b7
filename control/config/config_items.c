/* SPDX-License-Identifier: Apache-2.0 */
#include "control/config/config_items.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- notifiers --------------------------------------------------------- */

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

static struct bl_notifier_config *config_items_add_notifier(struct bl_config *c, enum bl_notifier_kind kind)
{
    if (c->notifier_count == BL_NOTIFIERS_MAX)
        return NULL;
    c->notifier[c->notifier_count].kind = kind;
    return &c->notifier[c->notifier_count++];
}

static void *config_items_add_syslog(struct bl_config *c)
{
    return config_items_add_notifier(c, BL_NOTIFIER_SYSLOG);
}

static const void *config_items_syslog_at(const struct bl_config *c, unsigned i)
{
    return notifier_at(c, BL_NOTIFIER_SYSLOG, i);
}

static void config_items_clear_syslogs(struct bl_config *c)
{
    clear_notifiers(c, BL_NOTIFIER_SYSLOG);
}

static void *config_items_add_webhook(struct bl_config *c)
{
    return config_items_add_notifier(c, BL_NOTIFIER_WEBHOOK);
}

static const void *config_items_webhook_at(const struct bl_config *c, unsigned i)
{
    return notifier_at(c, BL_NOTIFIER_WEBHOOK, i);
}

static void config_items_clear_webhooks(struct bl_config *c)
{
    clear_notifiers(c, BL_NOTIFIER_WEBHOOK);
}

static const char *config_items_notifier_lacks(const struct bl_config *c, const void *item,
                                               char why[BL_ERR_BYTES])
{
    const struct bl_notifier_config *n = item;
    (void)c;
    (void)why;
    return n->target == NULL ? "has no url; add url: URL" : NULL;
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

static void *config_items_add_token(struct bl_config *c)
{
    return c->http_token_count < BL_TOKENS_MAX ? &c->http_token[c->http_token_count++] : NULL;
}

static const void *config_items_token_at(const struct bl_config *c, unsigned i)
{
    return i < c->http_token_count ? &c->http_token[i] : NULL;
}

static const char *config_items_token_lacks(const struct bl_config *c, const void *item,
                                            char why[BL_ERR_BYTES])
{
    const struct bl_token_config *t = item;
    (void)c;
    (void)why;
    if (t->role == BL_HTTP_ANYONE)
        return "has no role; add role: read, beat or admin";
    bool token = t->token[0] != '\0', file = t->token_file[0] != '\0';
    return token == file ? "give token: TOKEN or token_file: PATH, one of them" : NULL;
}

/* ---- views --------------------------------------------------------------- */

static void *config_items_add_view(struct bl_config *c)
{
    return bl_view_config_add(c);
}

static const void *config_items_view_at(const struct bl_config *c, unsigned i)
{
    return i < c->view_count ? &c->views[i] : NULL;
}

static const char *config_items_view_lacks(const struct bl_config *c, const void *item,
                                           char why[BL_ERR_BYTES])
{
    return bl_view_config_is_good(c, item, why, BL_ERR_BYTES) ? NULL : why;
}

/* ---- the table ------------------------------------------------------------ */

static const struct bl_config_list {
    void *(*add)(struct bl_config *c); /* zeroed; NULL: there are the key's max */
    const void *(*at)(const struct bl_config *c, unsigned i);
    void (*clear)(struct bl_config *c);
    const char *(*lacks)(const struct bl_config *c, const void *item, char why[BL_ERR_BYTES]);
    const char *what, *note; /* around the most there may be: "too many tokens; at most 64" */
    const char *example;
} config_lists[BL_CONFIG_TYPES] = {
    [BL_CONFIG_SYSLOGS] = {config_items_add_syslog, config_items_syslog_at, config_items_clear_syslogs,
                           config_items_notifier_lacks, "too many notifiers; at most", " in all",
                           "to: local"},
    [BL_CONFIG_WEBHOOKS] = {config_items_add_webhook, config_items_webhook_at, config_items_clear_webhooks,
                            config_items_notifier_lacks, "too many notifiers; at most", " in all",
                            "url: URL"},
    [BL_CONFIG_TOKENS] = {config_items_add_token, config_items_token_at, clear_tokens,
                          config_items_token_lacks, "too many tokens; at most", "",
                          "token: TOKEN, role: read"},
    [BL_CONFIG_VIEWS] = {config_items_add_view, config_items_view_at, bl_view_configs_clear,
                         config_items_view_lacks, "too many views, at most", "; or out of memory",
                         "name: NAME, pattern: GLOB"},
};

void *bl_config_add_item(struct bl_config *c, const struct bl_config_key *k, char why[BL_ERR_BYTES])
{
    void *item = config_lists[k->type].add(c);
    char prefix[64];

    if (item == NULL) {
        snprintf(why, BL_ERR_BYTES, "%s %lld%s", config_lists[k->type].what, (long long)k->max,
                 config_lists[k->type].note);
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
    return config_lists[k->type].at(c, i);
}

void bl_config_clear_items(struct bl_config *c, const struct bl_config_key *k)
{
    config_lists[k->type].clear(c);
}

const char *bl_config_item_example(const struct bl_config_key *k)
{
    return config_lists[k->type].example;
}

const char *bl_config_item_lacks(const struct bl_config *c, const struct bl_config_key *k, const void *item,
                                 char why[BL_ERR_BYTES])
{
    return config_lists[k->type].lacks(c, item, why);
}
