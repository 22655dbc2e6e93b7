/* SPDX-License-Identifier: Apache-2.0 */
#include "control/match/entry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int bl_text_list_add(struct bl_text_list *l, const char *text)
{
    char **grown = realloc(l->item, (l->count + 1) * sizeof(*grown));
    if (grown == NULL)
        return -ENOMEM;
    l->item = grown;
    l->item[l->count] = strdup(text);
    if (l->item[l->count] == NULL)
        return -ENOMEM;
    l->count++;
    return 0;
}

void bl_text_list_clear(struct bl_text_list *l)
{
    for (unsigned i = 0; i < l->count; i++)
        free(l->item[i]);
    free(l->item);
    *l = (struct bl_text_list){0};
}

void bl_view_config_clear(struct bl_view_config *v)
{
    free(v->name);
    free(v->regexp);
    free(v->pattern);
    bl_text_list_clear(&v->includes);
    bl_text_list_clear(&v->excludes);
    *v = (struct bl_view_config){0};
}

static int entry_copy_list(struct bl_text_list *to, const struct bl_text_list *from)
{
    int r = 0;
    for (unsigned i = 0; r == 0 && i < from->count; i++)
        r = bl_text_list_add(to, from->item[i]);
    return r;
}

int bl_view_config_copy(struct bl_view_config *to, const struct bl_view_config *from)
{
    *to = (struct bl_view_config){.name = strdup(from->name),
                                  .regexp = strdup(from->regexp),
                                  .pattern = strdup(from->pattern),
                                  .notify = from->notify};
    if (to->name != NULL && to->regexp != NULL && to->pattern != NULL &&
        entry_copy_list(&to->includes, &from->includes) == 0 &&
        entry_copy_list(&to->excludes, &from->excludes) == 0)
        return 0;
    bl_view_config_clear(to);
    return -ENOMEM;
}

static bool entry_is_same_list(const struct bl_text_list *a, const struct bl_text_list *b)
{
    bool same = a->count == b->count;
    for (unsigned i = 0; same && i < a->count; i++)
        same = strcmp(a->item[i], b->item[i]) == 0;
    return same;
}

bool bl_view_config_is_same(const struct bl_view_config *a, const struct bl_view_config *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->regexp, b->regexp) == 0 &&
           strcmp(a->pattern, b->pattern) == 0 && entry_is_same_list(&a->includes, &b->includes) &&
           entry_is_same_list(&a->excludes, &b->excludes) && a->notify == b->notify;
}
