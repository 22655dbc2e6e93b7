/* SPDX-License-Identifier: Apache-2.0 */
/* config_type: what a value of the config may be. Each type is a row of
 * bl_config_types: how text becomes the value, how the value becomes
 * text, how it is freed, and how `config show` writes it. The order of the
 * enum means nothing. To add a type: a word in the enum, a row in
 * config_type.c, and its functions in config_type.c (one value that is no
 * text), config_type_text.c (texts) or config_type_list.c (lists of names).
 *
 * Callers use bl_config_set and the others of config_schema.h, which know a
 * key's row. Constant; any thread. */
#pragma once

#include <stdbool.h>

#include "control/text/json.h"
#include "engine/base/err.h"

struct bl_config_key;

enum bl_config_type {
    BL_CONFIG_UINT8,
    BL_CONFIG_UINT16,
    BL_CONFIG_UINT32,
    BL_CONFIG_INT,
    BL_CONFIG_DURATION, /* uint32_t ms; min..max ms, "none" if min is 0 or optional */
    BL_CONFIG_TEXT,     /* char * */
    BL_CONFIG_HEADER,   /* char *, "Name: value" or "" */
    BL_CONFIG_URL,      /* char *, http or https */
    BL_CONFIG_SYSLOG,   /* char *, a syslog receiver (syslog_target.h) */
    BL_CONFIG_FACILITY, /* char *, a syslog facility */
    BL_CONFIG_LEVEL,    /* int, a log level */
    BL_CONFIG_ROLE,     /* int, a bl_http_role */
    BL_CONFIG_TOKEN,    /* char *, a bearer token or "" */
    BL_CONFIG_BOOL,     /* bool, true or false */
    BL_CONFIG_STATSD,   /* char *, udp://HOST:PORT or "" */
    BL_CONFIG_VIEW,     /* char *, a view's name */
    BL_CONFIG_REGEXP,   /* char *, a regular expression */
    BL_CONFIG_GLOB,     /* char *, a pattern of views */
    BL_CONFIG_UNKNOWN,  /* bool, reject or accept */
    BL_CONFIG_DETECTOR, /* uint8_t, a detector's name */
    BL_CONFIG_KEY,      /* the config's auth_key and auth: hex digits or ""; offset 0 */
    BL_CONFIG_PORTS,    /* the config's ports, list of port specs; offset 0 */
    BL_CONFIG_LISTENS,  /* struct bl_listen_list, list of ADDR:PORT */
    BL_CONFIG_HOSTS,    /* struct bl_listen_list, list of host names */
    BL_CONFIG_STATES,   /* uint32_t, list of states, a bit each */
    BL_CONFIG_GLOBS,    /* struct bl_text_list, list of patterns of views */
    BL_CONFIG_SYSLOGS,  /* list of mappings: notifiers */
    BL_CONFIG_WEBHOOKS, /* list of mappings: notifiers */
    BL_CONFIG_TOKENS,   /* list of mappings: bl_token_config */
    BL_CONFIG_VIEWS,    /* list of mappings: views */
    BL_CONFIG_TYPES
};

/* How `config show` writes it: as YAML, and as JSON. */
enum bl_config_shape {
    BL_SHAPE_NUMBER, /* plain; a number */
    BL_SHAPE_BOOL,   /* plain; true or false */
    BL_SHAPE_WORD,   /* plain; text */
    BL_SHAPE_QUOTED, /* in quotes; text */
    BL_SHAPE_NAMES,  /* a list of texts; one key for each */
    BL_SHAPE_ITEMS,  /* a list of mappings (config_items.h); one key for each of their keys */
};

/* `at`: where the value lives, base + offset of the key. */
typedef int bl_config_set_fn(const struct bl_config_key *k, void *at, const char *text,
                             char why[BL_ERR_BYTES]);
typedef void bl_config_text_fn(const struct bl_config_key *k, const void *at, struct bl_text *out);
typedef void bl_config_free_fn(void *at);
typedef const char *bl_config_name_fn(const void *at, unsigned i);

struct bl_config_type_ops {
    bl_config_set_fn *set;   /* of a list: adds one name; NULL for lists of mappings, as all below */
    bl_config_text_fn *text; /* what set takes, secrets hidden; NULL for lists */
    bl_config_free_fn *free; /* leaves zeroes; of a list: empties it; NULL: nothing to free */
    bl_config_name_fn *name; /* lists of names: as bl_config_name_of; else NULL */
    enum bl_config_shape shape;
};

extern const struct bl_config_type_ops bl_config_types[BL_CONFIG_TYPES];
