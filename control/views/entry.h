/* SPDX-License-Identifier: Apache-2.0 */
/* entry: one entry of the config's list `views`: what makes a node belong
 * to it. */
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
