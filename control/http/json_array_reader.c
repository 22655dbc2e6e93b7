/* SPDX-License-Identifier: Apache-2.0 */
#include "control/http/json_array_reader.h"

static enum bl_json_array_reader_found json_array_reader_bad(struct bl_json_array_reader *i, const char *why)
{
    i->why = why;
    return BL_JSON_ARRAY_BAD;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* A byte of an object. True: it ends it. */
static bool take_inside(struct bl_json_array_reader *i, char c)
{
    i->text[i->len++] = c;
    if (i->quoted) {
        i->quoted = i->escaped || c != '"';
        i->escaped = !i->escaped && c == '\\';
        return false;
    }
    if (c == '"')
        i->quoted = true;
    else if (c == '{' || c == '[')
        i->depth++;
    else if (c == '}' || c == ']')
        i->depth--;
    return i->depth == 0;
}

static void begin_object(struct bl_json_array_reader *i)
{
    i->at = BL_JSON_ARRAY_INSIDE;
    i->len = 0;
    i->depth = 0;
    i->quoted = i->escaped = i->first = false;
}

/* A byte between objects; NULL, or what is wrong with it. */
static const char *take_between(struct bl_json_array_reader *i, char c)
{
    if (is_space(c))
        return NULL;
    if (c == '{' && (i->at <= BL_JSON_ARRAY_VALUE || (i->at == BL_JSON_ARRAY_AFTER && !i->array))) {
        begin_object(i);
    } else if (c == '[' && i->at == BL_JSON_ARRAY_START) {
        i->array = i->first = true;
        i->at = BL_JSON_ARRAY_VALUE;
    } else if (c == ',' && i->at == BL_JSON_ARRAY_AFTER && i->array) {
        i->at = BL_JSON_ARRAY_VALUE;
    } else if (c == ']' && i->array && (i->at == BL_JSON_ARRAY_AFTER || i->first)) {
        i->at = BL_JSON_ARRAY_END;
        i->first = false;
    } else if (i->at == BL_JSON_ARRAY_END) {
        return "something stands behind the end of the list; end it there";
    } else if (i->at == BL_JSON_ARRAY_AFTER && i->array) {
        return "an object must be followed by , or ]";
    } else {
        return "no object; send [{\"name\": ...}, ...] or an object a line";
    }
    return NULL;
}

enum bl_json_array_reader_found bl_json_array_reader_read(struct bl_json_array_reader *i, const char *data,
                                                          size_t len, size_t *used)
{
    const char *why;

    for (*used = 0; *used < len; ++*used) {
        char c = data[*used];
        if (i->at != BL_JSON_ARRAY_INSIDE && (why = take_between(i, c)) != NULL)
            return json_array_reader_bad(i, why);
        if (i->at != BL_JSON_ARRAY_INSIDE)
            continue;
        if (i->len == BL_ITEM_MAX)
            return json_array_reader_bad(
                i, "an object is over 4096 bytes; send only fields that are known here");
        if (!take_inside(i, c))
            continue;
        i->at = BL_JSON_ARRAY_AFTER;
        ++*used;
        return BL_JSON_ARRAY_ITEM;
    }
    return BL_JSON_ARRAY_MORE;
}

enum bl_json_array_reader_found bl_json_array_reader_end(struct bl_json_array_reader *i)
{
    if (i->at == BL_JSON_ARRAY_INSIDE)
        return json_array_reader_bad(i, "the last object has no end; was the body cut off?");
    if (i->array && i->at != BL_JSON_ARRAY_END)
        return json_array_reader_bad(i, "the list has no end; was the body cut off?");
    return BL_JSON_ARRAY_MORE;
}
