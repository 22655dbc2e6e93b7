/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line says instead of the file, and what a reload
 * cannot change. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "dataplane/port.h"

/* Replaces *text by a copy of `value`; false: out of memory. */
static bool replace(char **text, const char *value)
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
        if (!replace(&c->ports[i], port[i]))
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
        snprintf(err, BL_CONFIG_ERR_BYTES,
                 "%s: \"%.60s\" is no address; write 127.0.0.1:PORT, [::1]:PORT, or none", option,
                 list->at[i]);
        return false;
    }
    return true;
}

static bool apply(struct bl_config *c, const struct bl_config_overrides *o, char *err)
{
    struct bl_port_spec spec;
    char why[BL_ERR_BYTES];

    for (unsigned i = 0; i < o->port_count; i++)
        if (bl_port_spec_parse(&spec, o->port[i], why)) {
            snprintf(err, BL_CONFIG_ERR_BYTES, "--port: %s", why);
            return false;
        }
    bool done = (!o->port_count || replace_ports(c, o->port, o->port_count)) &&
                (!o->socket || replace(&c->socket_path, o->socket)) &&
                (!o->eal || replace(&c->eal, o->eal)) &&
                (!o->state_dir || replace(&c->state_dir, o->state_dir)) &&
                (!o->tcp || replace_listen(&c->tcp_listen, o->tcp)) &&
                (!o->http || replace_listen(&c->http_listen, o->http));
    if (!done)
        snprintf(err, BL_CONFIG_ERR_BYTES, "out of memory");
    return done && check_listen("--tcp", &c->tcp_listen, err) && check_listen("--http", &c->http_listen, err);
}

struct bl_config *bl_config_load_with(const char *file, const struct bl_config_overrides *o,
                                      char err[BL_CONFIG_ERR_BYTES])
{
    struct bl_config *c = bl_config_load(file, err);
    if (c && (!apply(c, o, err) || bl_config_load_tokens(c, err))) {
        bl_config_free(c);
        return NULL;
    }
    return c;
}

int bl_config_keep_fixed(struct bl_config *next, const struct bl_config *old)
{
    if (!replace_ports(next, (const char *const *)old->ports, old->port_count) ||
        !replace(&next->socket_path, old->socket_path) || !replace(&next->eal, old->eal) ||
        !replace(&next->state_dir, old->state_dir) ||
        !bl_listen_replace(&next->tcp_listen, (const char *const *)old->tcp_listen.at,
                           old->tcp_listen.count) ||
        !bl_listen_replace(&next->http_listen, (const char *const *)old->http_listen.at,
                           old->http_listen.count))
        return -ENOMEM;
    next->udp_port = old->udp_port;
    next->control_cpu = old->control_cpu;
    next->first_slots = old->first_slots;
    next->http_connections = old->http_connections;
    next->http_connections_per_address = old->http_connections_per_address;
    next->http_timeout_ms = old->http_timeout_ms;
    return 0;
}
