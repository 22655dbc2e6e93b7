/* SPDX-License-Identifier: Apache-2.0 */
#include "control/config/config_type_list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/config/config_schema.h"
#include "control/config/config_type_text.h"
#include "dataplane/port/port.h"

int bl_config_add_port(const struct bl_config_key *k, void *at, const char *text, char why[BL_ERR_BYTES])
{
    (void)k;
    struct bl_config *c = at;
    struct bl_port_spec spec;
    char err[BL_ERR_BYTES];

    if (c->port_count == BL_PORTS_MAX) {
        snprintf(why, BL_ERR_BYTES, "too many ports; at most %u", BL_PORTS_MAX);
        return -EINVAL;
    }
    if (bl_port_spec_parse(&spec, text, err) != 0) {
        snprintf(why, BL_ERR_BYTES, "%.300s", err);
        return -EINVAL;
    }
    int rc = bl_config_copy_text(&c->ports[c->port_count], text, why);
    c->port_count += rc == 0;
    return rc;
}

void bl_config_free_ports(void *at)
{
    struct bl_config *c = at;
    while (c->port_count > 0)
        bl_config_free_text(&c->ports[--c->port_count]);
}

const char *bl_config_port_at(const void *at, unsigned i)
{
    const struct bl_config *c = at;
    return i < c->port_count ? c->ports[i] : NULL;
}

static int config_type_append(struct bl_listen_list *list, const char *text, char why[BL_ERR_BYTES])
{
    int rc = bl_config_copy_text(&list->at[list->count], text, why);
    list->count += rc == 0;
    return rc;
}

static bool config_type_has_room(const struct bl_listen_list *list, char why[BL_ERR_BYTES])
{
    if (list->count < BL_LISTEN_MAX)
        return true;
    snprintf(why, BL_ERR_BYTES, "too many; at most %u", BL_LISTEN_MAX);
    return false;
}

int bl_config_add_listen(const struct bl_config_key *k, void *at, const char *text, char why[BL_ERR_BYTES])
{
    (void)k;
    if (!config_type_has_room(at, why))
        return -EINVAL;
    if (!bl_listen_parse(text, NULL, NULL)) {
        snprintf(why, BL_ERR_BYTES, "\"%.60s\" is no address; write 127.0.0.1:PORT or [::1]:PORT", text);
        return -EINVAL;
    }
    return config_type_append(at, text, why);
}

int bl_config_add_host(const struct bl_config_key *k, void *at, const char *text, char why[BL_ERR_BYTES])
{
    (void)k;
    if (!config_type_has_room(at, why))
        return -EINVAL;
    if (text[0] == '\0' || strpbrk(text, ":/@ \t") != NULL) {
        snprintf(why, BL_ERR_BYTES, "\"%.60s\" is no host name; write it without http:// and port", text);
        return -EINVAL;
    }
    return config_type_append(at, text, why);
}

void bl_config_free_listen(void *at)
{
    bl_listen_clear(at);
}

const char *bl_config_listen_at(const void *at, unsigned i)
{
    const struct bl_listen_list *list = at;
    return i < list->count ? list->at[i] : NULL;
}

int bl_config_add_state(const struct bl_config_key *k, void *at, const char *text, char why[BL_ERR_BYTES])
{
    (void)k;
    uint32_t *states = at;
    enum bl_state s = bl_state_of_name(text);
    if (s == BL_STATE_COUNT) {
        snprintf(why, BL_ERR_BYTES,
                 "\"%.40s\" is no state; write new, ok, warning, failed, paused or unknown", text);
        return -EINVAL;
    }
    *states |= 1u << s;
    return 0;
}

void bl_config_free_states(void *at)
{
    *(uint32_t *)at = 0;
}

const char *bl_config_state_at(const void *at, unsigned i)
{
    uint32_t states = *(const uint32_t *)at;
    if (i >= BL_STATE_COUNT)
        return NULL;
    return (states >> i & 1) != 0 ? bl_state_name((enum bl_state)i) : "";
}

int bl_config_add_glob(const struct bl_config_key *k, void *at, const char *text, char why[BL_ERR_BYTES])
{
    (void)k;
    if (!bl_config_is_glob(text, why))
        return -EINVAL;
    int r = bl_text_list_add(at, text);
    if (r != 0)
        snprintf(why, BL_ERR_BYTES, "out of memory");
    return r;
}

void bl_config_free_globs(void *at)
{
    bl_text_list_clear(at);
}

const char *bl_config_glob_at(const void *at, unsigned i)
{
    const struct bl_text_list *list = at;
    return i < list->count ? list->item[i] : NULL;
}
