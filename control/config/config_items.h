/* SPDX-License-Identifier: Apache-2.0 */
/* config_items: the lists of mappings that the config holds: notifiers,
 * tokens and views. The reader, `config show` and the defaults go through the
 * functions below and know no list by name; to add a list, add a type
 * (config_type.h), a row in config_lists, and the rows of its keys. Main
 * thread. */
#pragma once

#include "control/config/config_schema.h"
#include "engine/base/err.h"

static inline bool bl_config_is_items(const struct bl_config_key *k)
{
    return bl_config_shape(k) == BL_SHAPE_ITEMS;
}

/* One more item of the list `k` with every key at its default; NULL with
 * why if there are too many. */
void *bl_config_add_item(struct bl_config *c, const struct bl_config_key *k, char why[BL_ERR_BYTES]);

/* The i-th item of the list, NULL: there are fewer. */
const void *bl_config_item(const struct bl_config *c, const struct bl_config_key *k, unsigned i);

void bl_config_clear_items(struct bl_config *c, const struct bl_config_key *k);

/* "to: local": what an item looks like at its shortest. */
const char *bl_config_item_example(const struct bl_config_key *k);

/* What an item that was read lacks, "has no url; add url: URL", or what of
 * it does not fit together or with the items before; NULL: nothing. The
 * text may be in `why`. */
const char *bl_config_item_lacks(const struct bl_config *c, const struct bl_config_key *k, const void *item,
                                 char why[BL_ERR_BYTES]);
