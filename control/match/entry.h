/* SPDX-License-Identifier: Apache-2.0 */
/* entry: one entry of the config's list `views`: what makes a node belong
 * to it. Threads: as control/config/config.h. */
#pragma once

#include <stdbool.h>

#define BL_VIEWS_MAX 65536u /* entries; their compiled form is some hundred bytes each */

struct bl_text_list {
    char **item;
    unsigned count;
};

struct bl_view_config {
    char *name;
    char *regexp;  /* "": none */
    char *pattern; /* "": none */
    struct bl_text_list includes, excludes;
    bool notify; /* people are told of its changes */
};

/* 0 or -ENOMEM. */
int bl_text_list_add(struct bl_text_list *l, const char *text);
void bl_text_list_clear(struct bl_text_list *l);

void bl_view_config_clear(struct bl_view_config *v);
/* Into zeroes. 0 or -ENOMEM (then cleared). */
int bl_view_config_copy(struct bl_view_config *to, const struct bl_view_config *from);
bool bl_view_config_is_same(const struct bl_view_config *a, const struct bl_view_config *b);
