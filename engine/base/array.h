/* SPDX-License-Identifier: Apache-2.0 */
/* array: room for one item more in an array that doubles as it fills.
 * Whoever owns the array. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define BL_ARRAY_FIRST 16u /* items */

/* In: an array of `count` items with room for *capacity (NULL and 0: none
 * yet). Returns where it is now, with room for another; free() it. NULL:
 * out of memory, all is as it was. Cost: now and then a copy. */
static inline void *bl_array_room(void *array, uint32_t count, uint32_t *capacity, size_t item_bytes)
{
    if (count < *capacity)
        return array;
    uint32_t doubled = *capacity > 0 ? *capacity * 2 : BL_ARRAY_FIRST;
    void *grown = realloc(array, doubled * item_bytes);
    if (grown != NULL)
        *capacity = doubled;
    return grown;
}
