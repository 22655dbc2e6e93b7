/* SPDX-License-Identifier: Apache-2.0 */
#include "control/model/history.h"

#include <stdlib.h>

#define FIRST_CAPACITY 64u

static void history_forget(struct bl_history *h, uint64_t keep)
{
    if (h->next - h->first > keep)
        h->first = h->next - keep;
}

void bl_history_begin(struct bl_history *h, uint64_t number)
{
    h->first = h->next = number;
}

void bl_history_keep(struct bl_history *h, uint32_t keep)
{
    h->keep = keep;
    history_forget(h, keep);
}

/* Room for the newest event, which is counted but not stored yet. */
static void history_grow(struct bl_history *h)
{
    uint64_t capacity = h->capacity != 0 ? h->capacity * 2 : FIRST_CAPACITY;
    struct bl_event *ring = malloc(capacity * sizeof(*ring));

    if (ring == NULL)
        return;
    for (uint64_t n = h->first; n + 1 < h->next; n++)
        /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): without capacity nothing is kept, first is next */
        ring[n % capacity] = h->ring[n % h->capacity];
    free(h->ring);
    h->ring = ring;
    h->capacity = capacity;
}

void bl_history_add(struct bl_history *h, const struct bl_event *e)
{
    if (h->next != e->number)
        h->first = h->next = e->number; /* control had no memory for those between */
    h->next++;
    history_forget(h, h->keep);
    if (h->first == h->next)
        return;
    if (h->next - h->first > h->capacity)
        history_grow(h);
    history_forget(h, h->capacity);
    if (h->capacity != 0)
        h->ring[e->number % h->capacity] = *e;
}

const struct bl_event *bl_history_get(const struct bl_history *h, uint64_t number)
{
    return number >= h->first && number < h->next ? &h->ring[number % h->capacity] : NULL;
}

void bl_history_free(struct bl_history *h)
{
    free(h->ring);
    *h = (struct bl_history){0};
}
