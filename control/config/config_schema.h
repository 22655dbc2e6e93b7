/* SPDX-License-Identifier: Apache-2.0 */
/* config_schema: the one table of what the config file may hold. Each row
 * is a key: its path, type (config_type.h), range, default and sentence, and
 * where its value lives. Parsing (config.c), `config show` (config_show.c), error
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
#include "control/config/config_type.h"
#include "engine/base/err.h"

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

/* Stores a value's text (of a list of names: adds this one) at its
 * place in `base`. 0, or -EINVAL / -ENOMEM and what is wrong and what to
 * do in `why`. Not for lists of mappings (config_items.h). */
int bl_config_set(const struct bl_config_key *k, void *base, const char *text, char why[BL_ERR_BYTES]);

/* Gives every key below `prefix` ("" or "notify.syslog[]") its default. */
int bl_config_set_defaults(void *base, const char *prefix);

/* A scalar's text as bl_config_set takes it; of a secret "hidden", of a URL
 * what may be shown of it (url_text.h), which no URL is. */
void bl_config_value_text(const struct bl_config_key *k, const void *base, struct bl_text *out);

/* Item `i` of a list of names (PORTS, LISTENS, HOSTS, STATES, GLOBS); NULL:
 * there is none any more, "": this one is not in it. */
const char *bl_config_name_of(const struct bl_config_key *k, const void *base, unsigned i);

/* Frees a value, or empties a list of names; it is as zeroes then. */
void bl_config_free_value(const struct bl_config_key *k, void *base);

static inline enum bl_config_shape bl_config_shape(const struct bl_config_key *k)
{
    return bl_config_types[k->type].shape;
}

/* Of names or of mappings. */
static inline bool bl_config_is_list(const struct bl_config_key *k)
{
    return bl_config_shape(k) == BL_SHAPE_NAMES || bl_config_shape(k) == BL_SHAPE_ITEMS;
}
