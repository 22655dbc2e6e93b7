/* SPDX-License-Identifier: Apache-2.0 */
/* mbufs: buffers in which a traffic's frame stands already, so that each
 * use rewrites its records alone: a buffer that comes back to the pool
 * keeps its frame. One thread per cursor; the pool is anybody's. */
#pragma once

#include <rte_mbuf.h>

#include "bench/sources/traffic.h"

/* Writes t->frame into every buffer of a pool, where its data begins. */
void bl_mbufs_write(struct rte_mempool *pool, const struct bl_traffic *t);

/* A pool of such buffers of its own; NULL: no memory. rte_mempool_free. */
struct rte_mempool *bl_mbufs_new(const char *name, const struct bl_traffic *t);

/* Takes n buffers with the next records in them. False: the pool is
 * empty, for now. */
static inline bool bl_mbufs_take(struct rte_mempool *pool, const struct bl_traffic *t, struct bl_cursor *c,
                                 struct rte_mbuf **m, unsigned n)
{
    if (rte_pktmbuf_alloc_bulk(pool, m, n) != 0)
        return false;
    for (unsigned i = 0; i < n; i++) {
        m[i]->data_len = (uint16_t)t->frame_len;
        m[i]->pkt_len = t->frame_len;
        bl_traffic_write(t, c, rte_pktmbuf_mtod(m[i], uint8_t *));
    }
    return true;
}
