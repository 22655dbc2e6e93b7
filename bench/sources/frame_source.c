/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/sources/frame_source.h"

#include <rte_mbuf.h>

#include "bench/cases/ab_compare.h"
#include "bench/sources/mbufs.h"
#include "dataplane/port/port_dpdk.h"
#include "engine/base/counter.h"

/* A feed that was held up does not make up for more than this. */
#define CATCH_UP_NS UINT64_C(10000000)

static void longer(uint64_t *longest, uint64_t ns)
{
    if (ns > BL_READ(*longest))
        BL_WRITE(*longest, ns);
}

/* One poll after the other, by the wall's clock and by the thread's own,
 * which does not count what others do on its CPU. */
static void note_gap(struct bl_frame_source *f, uint64_t now_ns)
{
    uint32_t from = __atomic_load_n(&f->gaps_from, __ATOMIC_ACQUIRE);
    if (from == 0)
        return;
    uint64_t cpu_ns = bl_cpu_ns();
    uint64_t at = f->watched / f->stretch;
    if (from != f->gaps_seen)
        f->watched = 0;
    else if (at < BL_FEED_STRETCHES) {
        longer(&f->longest_wall_ns[at], now_ns - f->wall_ns);
        longer(&f->longest_cpu_ns[at], cpu_ns - f->cpu_ns);
    }
    f->gaps_seen = from;
    f->wall_ns = now_ns;
    f->cpu_ns = cpu_ns;
}

static bool is_early(struct bl_frame_source *f, uint64_t now_ns, uint64_t beats)
{
    uint64_t pace = BL_READ(f->pace);
    if (pace == 0)
        return false;
    uint64_t due = (uint64_t)((double)(now_ns - f->paced_from_ns) * 1e-9 * (double)pace);
    uint64_t catch_up = (uint64_t)((double)CATCH_UP_NS * 1e-9 * (double)pace);
    if (pace != f->pace_in_force || due > f->paced_beats + catch_up) {
        f->pace_in_force = pace;
        f->paced_from_ns = now_ns;
        f->paced_beats = due = 0;
    }
    if (due < f->paced_beats)
        return true;
    f->paced_beats += beats;
    return false;
}

static uint16_t feed(uint16_t port, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint16_t max, void *arg)
{
    (void)port, (void)queue, (void)max;
    struct bl_frame_source *f = arg;
    uint64_t now_ns = bl_clock_now_ns(&f->clock);
    uint64_t beating = BL_READ(f->beating);
    note_gap(f, now_ns);
    if (beating == 0 || is_early(f, now_ns, (uint64_t)n * f->traffic->per_frame)) {
        rte_pktmbuf_free_bulk(m, n);
        return 0;
    }
    for (uint16_t i = 0; i < n; i++) {
        if (f->cursor.at >= beating)
            f->cursor = (struct bl_cursor){.pass = f->cursor.pass + 1};
        bl_traffic_write(f->traffic, &f->cursor, rte_pktmbuf_mtod(m[i], uint8_t *));
    }
    f->watched += (uint64_t)n * f->traffic->per_frame;
    return n;
}

bool bl_frame_source_open(struct bl_frame_source *f, struct bl_traffic *t, struct bl_port *port)
{
    *f = (struct bl_frame_source){.traffic = t, .cursor = {.pass = 1}, .stretch = 1};
    f->port_id = ((struct port_dpdk *)port)->port_id;
    bl_clock_init(&f->clock);
    bl_mbufs_write(((struct port_dpdk *)port)->pool, t);
    f->callback = rte_eth_add_rx_callback(f->port_id, 0, feed, f);
    return f->callback != NULL;
}

void bl_frame_source_close(struct bl_frame_source *f)
{
    if (f->callback) /* it would outlive the port */
        (void)rte_eth_remove_rx_callback(f->port_id, 0, f->callback);
    f->callback = NULL;
}

void bl_frame_source_beating(struct bl_frame_source *f, uint64_t nodes)
{
    uint64_t whole = nodes / f->traffic->per_frame * f->traffic->per_frame;
    BL_WRITE(f->beating, whole);
}

void bl_frame_source_pace(struct bl_frame_source *f, uint64_t beats_per_s)
{
    BL_WRITE(f->pace, beats_per_s);
}

void bl_frame_source_watch_gaps(struct bl_frame_source *f, uint64_t stretch)
{
    f->stretch = stretch;
    __atomic_store_n(&f->gaps_from, f->gaps_from + 1, __ATOMIC_RELEASE);
}
