/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/base/ring.h"

#include <stdlib.h>

#include <rte_ring_elem.h>

#include "engine/base/counter.h"

struct bl_ring {
    uint32_t message_bytes;
    /* The rte_ring with its elements behind it; it aligns its two ends
     * to cache lines of their own. */
    struct rte_ring ring;
};

struct bl_ring *bl_ring_new(uint32_t capacity, uint32_t message_bytes)
{
    if (capacity >= RTE_RING_SZ_MASK || message_bytes == 0 || message_bytes % 4 != 0)
        return NULL;
    /* rte_ring keeps one place free to tell full from empty. */
    uint32_t places = rte_align32pow2(capacity + 1);
    ssize_t bytes = rte_ring_get_memsize_elem(message_bytes, places);
    if (bytes < 0)
        return NULL;
    size_t all = offsetof(struct bl_ring, ring) + (size_t)bytes;
    struct bl_ring *r =
        aligned_alloc(_Alignof(struct bl_ring), RTE_ALIGN_CEIL(all, _Alignof(struct bl_ring)));
    if (!r)
        return NULL;
    r->message_bytes = message_bytes;
    if (rte_ring_init(&r->ring, "bl", places, RING_F_SP_ENQ | RING_F_SC_DEQ) != 0) {
        free(r);
        return NULL;
    }
    return r;
}

void bl_ring_free(struct bl_ring *r)
{
    free(r);
}

bool bl_ring_push(struct bl_ring *r, const void *message)
{
    return rte_ring_sp_enqueue_elem(&r->ring, (void *)(uintptr_t)message, r->message_bytes) == 0;
}

bool bl_ring_push_all(struct bl_ring *r, const void *messages, unsigned n)
{
    return rte_ring_sp_enqueue_bulk_elem(&r->ring, messages, r->message_bytes, n, NULL) == n;
}

unsigned bl_ring_pop(struct bl_ring *r, void *messages, unsigned max)
{
    return rte_ring_sc_dequeue_burst_elem(&r->ring, messages, r->message_bytes, max, NULL);
}

uint32_t bl_ring_count(const struct bl_ring *r)
{
    /* Two relaxed loads: rte_ring_count reads plainly, which another
     * thread's ring may not. */
    uint32_t head = BL_READ(r->ring.prod.tail);
    uint32_t tail = BL_READ(r->ring.cons.tail);
    uint32_t count = (head - tail) & r->ring.mask;
    return count > r->ring.capacity ? r->ring.capacity : count;
}
