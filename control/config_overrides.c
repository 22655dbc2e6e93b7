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
                (!o->socket || replace(&c->socket_path, o->socket)) && (!o->eal || replace(&c->eal, o->eal));
    if (!done)
        snprintf(err, BL_CONFIG_ERR_BYTES, "out of memory");
    return done;
}

struct bl_config *bl_config_load_with(const char *file, const struct bl_config_overrides *o,
                                      char err[BL_CONFIG_ERR_BYTES])
{
    struct bl_config *c = bl_config_load(file, err);
    if (c && !apply(c, o, err)) {
        bl_config_free(c);
        return NULL;
    }
    return c;
}

int bl_config_keep_fixed(struct bl_config *next, const struct bl_config *old)
{
    if (!replace_ports(next, (const char *const *)old->ports, old->port_count) ||
        !replace(&next->socket_path, old->socket_path) || !replace(&next->eal, old->eal))
        return -ENOMEM;
    next->udp_port = old->udp_port;
    next->control_cpu = old->control_cpu;
    return 0;
}
