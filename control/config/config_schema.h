/* SPDX-License-Identifier: Apache-2.0 */
/* config_schema: the one table of what the config file may hold. Each row
 * is a key: its path, type, range, default and sentence, and where its
 * value lives. Parsing (config.c), `config show` (config_show.c), error
 * texts and documentation read this table; to add a key, add a field and
 * a row.
 *
 * Paths: "nodes.max"; "notify.syslog[].to" is a key of each item of the
 * list "notify.syslog". A row's `offset` is into struct bl_config, or
 * into an item for keys of one (config_items.h). Constant; any
 * thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/config/config.h"
#include "engine/base/err.h"

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
    BL_CONFIG_KEY,      /* uint8_t[16] and the bool auth: hex digits or "" */
    BL_CONFIG_PORTS,    /* list of port specs */
    BL_CONFIG_LISTENS,  /* struct bl_listen_list, list of ADDR:PORT */
    BL_CONFIG_HOSTS,    /* struct bl_listen_list, list of host names */
    BL_CONFIG_STATES,   /* list of states, a bit each */
    BL_CONFIG_GLOBS,    /* struct bl_text_list, list of patterns of views */
    BL_CONFIG_SYSLOGS,  /* list of mappings: notifiers */
    BL_CONFIG_WEBHOOKS, /* list of mappings: notifiers */
    BL_CONFIG_TOKENS,   /* list of mappings: bl_token_config */
    BL_CONFIG_VIEWS,    /* list of mappings: views */
};

struct bl_config_key {
    const char *path;
    enum bl_config_type type;
    size_t offset;
    int64_t min, max;      /* numbers, durations */
    const char *otherwise; /* default as text; list: items split by spaces; NULL: must be given */
    const char *sentence;
    bool optional; /* duration: none means "not set", and 0 is refused */
    bool secret;   /* never shown */
    bool restart;  /* a reload keeps the value of the start, and says so if the file has another */
};

extern const struct bl_config_key bl_config_keys[];
extern const size_t bl_config_key_count;

/* The row of a schema path, NULL: none. */
const struct bl_config_key *bl_config_find_key(const char *path);

/* Whether some row's path begins with `path` and a dot. */
bool bl_config_is_section(const char *path);

/* What to do about an unknown key of the section `prefix` ("": top): the
 * nearest key there, else where such a key belongs, else the keys there
 * are. */
void bl_config_key_hint(const char *key, const char *prefix, char *out, size_t bytes);

/* Stores a scalar's (or, for PORTS, LISTENS and STATES, one item's) text at its
 * place in `base`. 0, or -EINVAL / -ENOMEM and what is wrong and what to
 * do in `why`. */
int bl_config_set(const struct bl_config_key *k, void *base, const char *text, char why[BL_ERR_BYTES]);

/* Gives every key below `prefix` ("" or "notify.syslog[]") its default. */
int bl_config_set_defaults(void *base, const char *prefix);

/* A scalar's text as bl_config_set takes it; of a secret "hidden", of a URL
 * what may be shown of it (url_text.h), which no URL is. */
void bl_config_value_text(const struct bl_config_key *k, const void *base, struct bl_text *out);

/* Item `i` of a list of names (PORTS, LISTENS, HOSTS, STATES, GLOBS); NULL:
 * there is none any more, "": this one is not in it. */
const char *bl_config_name_of(const struct bl_config_key *k, const void *base, unsigned i);

static inline bool bl_config_is_list(const struct bl_config_key *k)
{
    return k->type >= BL_CONFIG_PORTS;
}

static inline bool bl_config_is_number(const struct bl_config_key *k)
{
    return k->type <= BL_CONFIG_INT;
}
