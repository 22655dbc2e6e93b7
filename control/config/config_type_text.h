/* SPDX-License-Identifier: Apache-2.0 */
/* config_type_text: the types whose value is a text of its own, a char *:
 * what each of them takes (config_type.h). */
#pragma once

#include "control/config/config_type.h"

/* Gives *at a copy of `text`; 0, or -ENOMEM with why. */
int bl_config_copy_text(char **at, const char *text, char why[BL_ERR_BYTES]);

/* Whether it is a pattern of views; else why not. */
bool bl_config_is_glob(const char *text, char why[BL_ERR_BYTES]);

bl_config_set_fn bl_config_set_text; /* min to max bytes */
bl_config_set_fn bl_config_set_header;
bl_config_set_fn bl_config_set_url;
bl_config_set_fn bl_config_set_syslog;
bl_config_set_fn bl_config_set_facility;
bl_config_set_fn bl_config_set_statsd;
bl_config_set_fn bl_config_set_view_name;
bl_config_set_fn bl_config_set_regexp;
bl_config_set_fn bl_config_set_glob;
bl_config_set_fn bl_config_set_token;

bl_config_text_fn bl_config_text_of;     /* the text itself, "hidden" where the key is secret */
bl_config_text_fn bl_config_url_text_of; /* without what may be a secret of it */
bl_config_free_fn bl_config_free_text;
