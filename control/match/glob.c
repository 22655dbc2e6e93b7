/* SPDX-License-Identifier: Apache-2.0 */
#include "control/match/glob.h"

/* The end of the set at p ("[...]"), NULL if it is none. A `]` that comes
 * first is a member. */
static const char *set_end(const char *p)
{
    const char *s = p + 1;
    if (*s == '!' || *s == '^')
        s++;
    if (*s == ']')
        s++;
    while (*s != '\0' && *s != ']')
        s++;
    return *s == ']' ? s : NULL;
}

static bool in_set(const char *p, const char *end, unsigned char c)
{
    const char *s = p + 1;
    bool negated = *s == '!' || *s == '^', found = false;

    for (s += negated; s < end; s++) {
        unsigned char from = (unsigned char)*s, to = from;
        if (s[1] == '-' && s + 2 < end) {
            to = (unsigned char)s[2];
            s += 2;
        }
        found = found || (c >= from && c <= to);
    }
    return found != negated;
}

size_t bl_glob_character(const char *s)
{
    unsigned char lead = (unsigned char)*s;
    size_t len = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    for (size_t i = 1; i < len; i++) {
        if (((unsigned char)s[i] & 0xc0) != 0x80)
            return i;
    }
    return len;
}

size_t bl_glob_element(const char *p, bool *wild)
{
    const char *end = *p == '[' ? set_end(p) : NULL;
    *wild = *p == '?' || end != NULL;
    if (end != NULL)
        return (size_t)(end - p) + 1;
    return *p == '\\' && p[1] != '\0' ? 2 : 1;
}

bool bl_glob_step(const char **pattern, const char **name)
{
    const char *p = *pattern, *end = *p == '[' ? set_end(p) : NULL;

    if (**name == '\0' || *p == '\0')
        return false;
    if (*p == '?') {
        *pattern = p + 1;
        *name += bl_glob_character(*name);
        return true;
    }
    if (end != NULL) {
        if (!in_set(p, end, (unsigned char)**name))
            return false;
        *pattern = end + 1;
        *name += bl_glob_character(*name);
        return true;
    }
    if (*p == '\\' && p[1] != '\0')
        p++;
    if (*p != **name)
        return false;
    *pattern = p + 1;
    *name += 1;
    return true;
}

/* On a mismatch only the last `*` takes one character more: what the earlier
 * ones matched need never be taken back. */
bool bl_glob_match(const char *pattern, const char *name)
{
    const char *star = NULL, *retry = NULL;

    for (;;) {
        if (*pattern == '*') {
            star = ++pattern;
            retry = name;
        } else if (*pattern == '\0' && *name == '\0') {
            return true;
        } else if (!bl_glob_step(&pattern, &name)) {
            if (star == NULL || *retry == '\0')
                return false;
            retry += bl_glob_character(retry);
            name = retry;
            pattern = star;
        }
    }
}
