/* SPDX-License-Identifier: Apache-2.0 */
/* json_array_reader: a list of JSON objects taken apart as it comes in, in whatever
 * pieces: an array of them, or one after the other (a line each, or not).
 * Finds where each object begins and ends; what is in it is jansson's to
 * say. Holds one object at a time, so a list may be of any length.
 * Nothing is allocated; one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define BL_ITEM_MAX 4096u /* bytes of an object: a node's policy has some hundred */

struct bl_json_array_reader {
    char text[BL_ITEM_MAX];
    size_t len; /* of the object so far */
    unsigned depth;
    enum {
        BL_JSON_ARRAY_START,
        BL_JSON_ARRAY_VALUE,
        BL_JSON_ARRAY_INSIDE,
        BL_JSON_ARRAY_AFTER,
        BL_JSON_ARRAY_END
    } at;
    bool array, first, quoted, escaped;
    const char *why; /* of BAD: what is wrong, and what to do */
};

/* A zeroed struct is ready. */

enum bl_json_array_reader_found {
    BL_JSON_ARRAY_MORE, /* all of `data` was read */
    BL_JSON_ARRAY_ITEM, /* text, len is an object: call again with the rest */
    BL_JSON_ARRAY_BAD,  /* no list of objects: `why` */
};

/* Reads on, up to the end of an object; *used bytes of `data` were read. */
enum bl_json_array_reader_found bl_json_array_reader_read(struct bl_json_array_reader *i, const char *data,
                                                          size_t len, size_t *used);

/* No more comes: MORE if the list is whole (also if it is empty), BAD. */
enum bl_json_array_reader_found bl_json_array_reader_end(struct bl_json_array_reader *i);
