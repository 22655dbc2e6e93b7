/* SPDX-License-Identifier: Apache-2.0 */
/* min_heap: numbers handed back smallest first: a heap. A list that is to be
 * sorted fills it piece by piece and empties it piece by piece, so that a
 * million entries hold nobody up. 8 bytes an entry. One thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Zeroed: empty. */
struct bl_min_heap {
    uint64_t *item;
    uint32_t count, capacity;
};

/* False: out of memory. Cost: O(log n). */
bool bl_min_heap_push(struct bl_min_heap *r, uint64_t value);
/* The smallest, taken out; false: there is none. */
bool bl_min_heap_pop(struct bl_min_heap *r, uint64_t *value);
void bl_min_heap_free(struct bl_min_heap *r);
