/* SPDX-License-Identifier: Apache-2.0 */
#include "control/model/groups.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_separator(char c)
{
    return c == '.' || c == '-' || c == '_' || c == '/' || c == ':';
}

unsigned bl_group_of_name(const char *name, unsigned len, unsigned depth)
{
    unsigned end = 0, parts = 0;

    if (depth == 0)
        return 0;
    for (unsigned i = 1; i + 1 < len && parts < depth; i++) {
        if (is_separator(name[i])) {
            end = i;
            parts++;
        }
    }
    if (parts > 0)
        return end;
    while (len > 0 && is_digit(name[len - 1]))
        len--;
    return len;
}

/* The number that starts at *at, its digits without leading zeros: more
 * digits is more. */
static const char *groups_number(const char *s, unsigned len, unsigned *at, unsigned *digits)
{
    while (*at < len && s[*at] == '0')
        ++*at;
    const char *first = s + *at;
    *digits = 0;
    for (; *at < len && is_digit(s[*at]); ++*at)
        ++*digits;
    return first;
}

static int compare_numbers(const char *a, unsigned a_len, unsigned *i, const char *b, unsigned b_len,
                           unsigned *j)
{
    unsigned a_digits, b_digits;
    const char *x = groups_number(a, a_len, i, &a_digits), *y = groups_number(b, b_len, j, &b_digits);

    return a_digits != b_digits ? (a_digits < b_digits ? -1 : 1) : memcmp(x, y, a_digits);
}

int bl_group_compare(const char *a, unsigned a_len, const char *b, unsigned b_len)
{
    unsigned i = 0, j = 0;

    while (i < a_len && j < b_len) {
        int order;
        if (is_digit(a[i]) && is_digit(b[j]))
            order = compare_numbers(a, a_len, &i, b, b_len, &j);
        else
            order = (unsigned char)a[i++] - (unsigned char)b[j++];
        if (order != 0)
            return order;
    }
    if (i < a_len || j < b_len)
        return i < a_len ? 1 : -1;
    /* "a1" and "a01": any order will do, but always the same. */
    return a_len != b_len ? (a_len < b_len ? -1 : 1) : memcmp(a, b, a_len);
}

/* ---- the set ------------------------------------------------------------ */

struct bl_groups *bl_groups_new(uint64_t seed)
{
    struct bl_groups *g = calloc(1, sizeof(*g));
    if (g != NULL)
        g->seed = seed;
    return g;
}

void bl_groups_clear(struct bl_groups *g)
{
    g->count = 0;
    g->rest = false;
    memset(g->slot, 0, sizeof(g->slot));
}

static void groups_fill(struct bl_group *group, uint64_t hash, const char *name, unsigned len)
{
    group->hash = hash;
    group->cells = 0;
    group->name_len = (uint8_t)len;
    memcpy(group->name, name, len);
}

static uint16_t groups_rest(struct bl_groups *g)
{
    if (!g->rest)
        groups_fill(&g->group[BL_GROUPS_MAX], 0, BL_GROUPS_REST, sizeof(BL_GROUPS_REST) - 1);
    g->rest = true;
    return BL_GROUPS_MAX;
}

uint16_t bl_groups_find(struct bl_groups *g, const char *name, unsigned len)
{
    if (len > BL_NAME_MAX)
        len = BL_NAME_MAX;
    uint64_t hash = XXH3_64bits_withSeed(name, len, g->seed);
    uint32_t at = (uint32_t)hash % BL_GROUPS_SLOTS;
    for (; g->slot[at] != 0; at = (at + 1) % BL_GROUPS_SLOTS) {
        const struct bl_group *group = &g->group[g->slot[at] - 1];
        if (group->hash == hash && group->name_len == len && memcmp(group->name, name, len) == 0)
            return (uint16_t)(g->slot[at] - 1);
    }
    if (g->count == BL_GROUPS_MAX)
        return groups_rest(g);
    groups_fill(&g->group[g->count], hash, name, len);
    g->slot[at] = (uint16_t)++g->count;
    return (uint16_t)(g->count - 1);
}

static int by_name(const void *a, const void *b, void *ctx)
{
    const struct bl_groups *g = ctx;
    const struct bl_group *x = &g->group[*(const uint16_t *)a], *y = &g->group[*(const uint16_t *)b];
    return bl_group_compare(x->name, x->name_len, y->name, y->name_len);
}

uint32_t bl_groups_sort(struct bl_groups *g)
{
    for (uint32_t i = 0; i < g->count; i++)
        g->sorted[i] = (uint16_t)i;
    qsort_r(g->sorted, g->count, sizeof(g->sorted[0]), by_name, g);
    if (g->rest)
        g->sorted[g->count] = BL_GROUPS_MAX;
    return g->count + g->rest;
}
