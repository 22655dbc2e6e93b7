/* SPDX-License-Identifier: Apache-2.0 */
#include "control/http/min_heap.h"

#include <stdlib.h>

#include "engine/base/array.h"

bool bl_min_heap_push(struct bl_min_heap *r, uint64_t value)
{
    uint64_t *item = bl_array_room(r->item, r->count, &r->capacity, sizeof(*item));
    if (item == NULL)
        return false;
    r->item = item;
    uint32_t at = r->count++;
    for (; at > 0 && r->item[(at - 1) / 2] > value; at = (at - 1) / 2)
        r->item[at] = r->item[(at - 1) / 2];
    r->item[at] = value;
    return true;
}

bool bl_min_heap_pop(struct bl_min_heap *r, uint64_t *value)
{
    if (r->count == 0)
        return false;
    *value = r->item[0];
    uint64_t last = r->item[--r->count];
    uint32_t at = 0;
    for (uint32_t child; (child = 2 * at + 1) < r->count; at = child) {
        child += child + 1 < r->count && r->item[child + 1] < r->item[child];
        if (r->item[child] >= last)
            break;
        r->item[at] = r->item[child];
    }
    r->item[at] = last;
    return true;
}

void bl_min_heap_free(struct bl_min_heap *r)
{
    free(r->item);
    *r = (struct bl_min_heap){0};
}
