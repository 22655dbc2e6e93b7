/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line says instead of the file, and what a reload
 * cannot change. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/config_schema.h"
#include "dataplane/port/port.h"

/* Replaces *text by a copy of `value`; false: out of memory. */
static bool config_overrides_replace(char **text, const char *value)
{
    char *copy = strdup(value);
    if (!copy)
        return false;
    free(*text);
    *text = copy;
    return true;
}

static bool replace_ports(struct bl_config *c, const char *const *port, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (!config_overrides_replace(&c->ports[i], port[i]))
            return false;
    for (unsigned i = count; i < c->port_count; i++) {
        free(c->ports[i]);
        c->ports[i] = NULL;
    }
    c->port_count = count;
    return true;
}

/* "" and "none" mean nowhere. */
static bool replace_listen(struct bl_listen_list *list, const char *address)
{
    bool none = address[0] == '\0' || strcmp(address, "none") == 0;
    return bl_listen_replace(list, &address, none ? 0 : 1);
}

static bool check_listen(const char *option, const struct bl_listen_list *list, char *err)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (bl_listen_parse(list->at[i], NULL, NULL))
            continue;
        snprintf(err, BL_ERR_BYTES, "%s: \"%.60s\" is no address; write 127.0.0.1:PORT, [::1]:PORT, or none",
                 option, list->at[i]);
        return false;
    }
    return true;
}

static bool config_overrides_apply(struct bl_config *c, const struct bl_config_overrides *o, char *err)
{
    struct bl_port_spec spec;
    char why[BL_ERR_BYTES];

    for (unsigned i = 0; i < o->port_count; i++)
        if (bl_port_spec_parse(&spec, o->port[i], why)) {
            snprintf(err, BL_ERR_BYTES, "--port: %.900s", why);
            return false;
        }
    bool done = (!o->port_count || replace_ports(c, o->port, o->port_count)) &&
                (!o->socket || config_overrides_replace(&c->socket_path, o->socket)) &&
                (!o->eal || config_overrides_replace(&c->eal, o->eal)) &&
                (!o->state_dir || config_overrides_replace(&c->state_dir, o->state_dir)) &&
                (!o->tcp || replace_listen(&c->tcp_listen, o->tcp)) &&
                (!o->http || replace_listen(&c->http_listen, o->http));
    if (!done)
        snprintf(err, BL_ERR_BYTES, "out of memory");
    return done && check_listen("--tcp", &c->tcp_listen, err) && check_listen("--http", &c->http_listen, err);
}

struct bl_config *bl_config_load_with(const char *file, const struct bl_config_overrides *o,
                                      char err[BL_ERR_BYTES])
{
    struct bl_config *c = bl_config_load(file, err);
    if (c && (!config_overrides_apply(c, o, err) || bl_config_load_tokens(c, err))) {
        bl_config_free(c);
        return NULL;
    }
    return c;
}

/* ---- what a restart alone changes -------------------------------------- */

static bool lists_differ(const struct bl_config_key *k, const struct bl_config *a, const struct bl_config *b)
{
    for (unsigned i = 0;; i++) {
        const char *one = bl_config_name_of(k, a, i), *other = bl_config_name_of(k, b, i);
        if (one == NULL || other == NULL)
            return one != other;
        if (strcmp(one, other) != 0)
            return true;
    }
}

static int keep_list(const struct bl_config_key *k, struct bl_config *next, const struct bl_config *old)
{
    char why[BL_ERR_BYTES];
    const char *name;

    bl_config_free_value(k, next);
    for (unsigned i = 0; (name = bl_config_name_of(k, old, i)) != NULL; i++) {
        if (name[0] != '\0' && bl_config_set(k, next, name, why) != 0)
            return -ENOMEM; /* it was taken once */
    }
    return 0;
}

/* 1: it differed, and is kept; 0: it is the same; negative errno. */
static int config_overrides_keep(const struct bl_config_key *k, struct bl_config *next,
                                 const struct bl_config *old)
{
    struct bl_text now = {0}, then = {0};
    char why[BL_ERR_BYTES];

    if (bl_config_is_list(k))
        return !lists_differ(k, next, old) ? 0 : keep_list(k, next, old) == 0 ? 1 : -ENOMEM;
    bl_config_value_text(k, next, &now);
    bl_config_value_text(k, old, &then);
    bl_text_append(&now, "", 1);
    bl_text_append(&then, "", 1);
    int r = now.failed || then.failed ? -ENOMEM : strcmp(now.data, then.data) != 0;
    /* It was taken once; what may fail is memory. */
    if (r > 0 && bl_config_set(k, next, then.data, why) != 0)
        r = -ENOMEM;
    bl_text_free(&now);
    bl_text_free(&then);
    return r;
}

int bl_config_keep_fixed(struct bl_config *next, const struct bl_config *old,
                         char waiting[BL_CONFIG_WAITING_BYTES])
{
    size_t used = 0;

    waiting[0] = '\0';
    for (size_t i = 0; i < bl_config_key_count; i++) {
        const struct bl_config_key *k = &bl_config_keys[i];
        int r = k->restart ? config_overrides_keep(k, next, old) : 0;
        if (r < 0)
            return r;
        if (r > 0 && used < BL_CONFIG_WAITING_BYTES)
            used += (size_t)snprintf(waiting + used, BL_CONFIG_WAITING_BYTES - used, "%s%s",
                                     used > 0 ? ", " : "", k->path);
    }
    return 0;
}
