/* SPDX-License-Identifier: Apache-2.0 */
/* history: the last `keep` events, by number, for `beatline events`.
 * Grows with what it holds. One thread: the api's. */
#pragma once

#include <stdint.h>

#include "control/core/event.h"

struct bl_history {
    struct bl_event *ring; /* event n at n % capacity */
    uint64_t capacity;     /* a power of two, or 0 */
    uint64_t keep;
    uint64_t first, next; /* numbers held: first..next-1 */
};

/* The number of the first event that will come: none before it was
 * missed. Once, and first of all. */
void bl_history_begin(struct bl_history *h, uint64_t number);

/* How many are kept from now on; the oldest beyond it are forgotten. */
void bl_history_keep(struct bl_history *h, uint32_t keep);

/* Numbers must come without gaps. Out of memory: the oldest go early. */
void bl_history_add(struct bl_history *h, const struct bl_event *e);

/* NULL: not kept any more, or not there yet. Valid until the next add. */
const struct bl_event *bl_history_get(const struct bl_history *h, uint64_t number);

void bl_history_free(struct bl_history *h);
