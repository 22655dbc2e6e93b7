/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/sources/mbufs.h"

/* Full rings of the usual sizes, and caches. */
#define MBUFS 8191u
#define CACHE 256u

static void write_frame(struct rte_mempool *pool, void *arg, void *object, unsigned index)
{
    (void)pool, (void)index;
    const struct bl_traffic *t = arg;
    struct rte_mbuf *m = object;
    memcpy((uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM, t->frame, t->frame_len);
}

void bl_mbufs_write(struct rte_mempool *pool, const struct bl_traffic *t)
{
    rte_mempool_obj_iter(pool, write_frame, (void *)(uintptr_t)t);
}

struct rte_mempool *bl_mbufs_new(const char *name, const struct bl_traffic *t)
{
    struct rte_mempool *pool = rte_pktmbuf_pool_create(name, MBUFS, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
    if (pool)
        bl_mbufs_write(pool, t);
    return pool;
}
