/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/fleet/pause_ends.h"

#include <stdlib.h>

#include "engine/base/array.h"

/* Moves `e` up from the hole at `at` to where it belongs. */
static void sift_up(struct bl_pause_ends *p, uint32_t at, struct bl_pause_end e)
{
    while (at > 0 && p->heap[(at - 1) / 2].end_s > e.end_s) {
        p->heap[at] = p->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    p->heap[at] = e;
}

static void sift_down(struct bl_pause_ends *p, uint32_t at, struct bl_pause_end e)
{
    for (uint32_t child; (child = at * 2 + 1) < p->count; at = child) {
        if (child + 1 < p->count && p->heap[child + 1].end_s < p->heap[child].end_s)
            child++;
        if (p->heap[child].end_s >= e.end_s)
            break;
        p->heap[at] = p->heap[child];
    }
    p->heap[at] = e;
}

bool bl_pause_ends_add(struct bl_pause_ends *p, struct bl_pause_end e)
{
    struct bl_pause_end *heap = bl_array_room(p->heap, p->count, &p->capacity, sizeof(*heap));
    if (!heap)
        return false;
    p->heap = heap;
    sift_up(p, p->count++, e);
    return true;
}

bool bl_pause_ends_take(struct bl_pause_ends *p, uint32_t now_s, struct bl_pause_end *out)
{
    if (p->count == 0 || p->heap[0].end_s > now_s)
        return false;
    *out = p->heap[0];
    p->count--;
    if (p->count > 0)
        sift_down(p, 0, p->heap[p->count]);
    return true;
}

void bl_pause_ends_clear(struct bl_pause_ends *p,
                         bool (*holds)(const void *ctx, const struct bl_pause_end *e), const void *ctx)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < p->count; i++)
        if (holds(ctx, &p->heap[i]))
            p->heap[kept++] = p->heap[i];
    p->count = kept;
    for (uint32_t i = kept / 2; i-- > 0;)
        sift_down(p, i, p->heap[i]);
}

void bl_pause_ends_free(struct bl_pause_ends *p)
{
    free(p->heap);
    *p = (struct bl_pause_ends){0};
}
