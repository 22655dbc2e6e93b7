/* SPDX-License-Identifier: Apache-2.0 */
#include "control/http/uri.h"

#include <errno.h>
#include <string.h>

static int uri_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int bl_uri_decode(char *text, bool plus)
{
    char *to = text;

    for (const char *from = text; *from != '\0'; from++) {
        if (*from != '%') {
            *to++ = plus && *from == '+' ? ' ' : *from;
            continue;
        }
        int high = uri_hex(from[1]), low = high < 0 ? -1 : uri_hex(from[2]);
        if (low < 0 || (high == 0 && low == 0))
            return -EINVAL;
        *to++ = (char)(high << 4 | low);
        from += 2;
    }
    *to = '\0';
    return (int)(to - text);
}

int bl_uri_parameters(char *text, struct bl_param *params, unsigned max)
{
    unsigned count = 0;

    for (char *part, *rest = text; (part = strsep(&rest, "&")) != NULL;) {
        if (part[0] == '\0')
            continue;
        char *value = strchr(part, '=');
        if (value != NULL)
            *value++ = '\0';
        if (count == max)
            return -E2BIG;
        if (bl_uri_decode(part, true) < 0 || (value != NULL && bl_uri_decode(value, true) < 0))
            return -EINVAL;
        params[count++] = (struct bl_param){.name = part, .value = value != NULL ? value : ""};
    }
    return (int)count;
}

/* One segment of the pattern against one of the path. */
static bool uri_segment(const char *pattern, size_t pattern_len, const char *path, size_t path_len,
                        struct bl_captures *c)
{
    if (pattern_len < 2 || pattern[0] != '{' || pattern[pattern_len - 1] != '}')
        return pattern_len == path_len && memcmp(pattern, path, path_len) == 0;
    if (path_len == 0 || c->count == BL_URI_CAPTURES)
        return false;
    c->item[c->count++] =
        (struct bl_capture){.name = pattern + 1, .name_len = pattern_len - 2, .text = path, .len = path_len};
    return true;
}

bool bl_uri_match(const char *pattern, const char *path, struct bl_captures *captures)
{
    captures->count = 0;
    for (;;) {
        size_t pattern_len = strcspn(pattern, "/"), path_len = strcspn(path, "/");
        if (!uri_segment(pattern, pattern_len, path, path_len, captures))
            return false;
        pattern += pattern_len;
        path += path_len;
        if (*pattern != *path)
            return false;
        if (*pattern == '\0')
            return true;
        pattern++;
        path++;
    }
}
