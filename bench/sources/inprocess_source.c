/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/sources/inprocess_source.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/sources/mbufs.h"
#include "dataplane/port/port_dpdk.h"

#define PCAP_FRAMES 256u

static uint16_t rewrite(uint16_t port, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint16_t max,
                        void *arg)
{
    (void)port, (void)queue, (void)max;
    struct bl_inprocess_source *r = arg;
    for (uint16_t i = 0; i < n; i++)
        bl_traffic_write(&r->traffic, r->current, rte_pktmbuf_mtod(m[i], uint8_t *));
    return n;
}

/* A file of equal frames in memory. Header and record header in host
 * order; source: draft-ietf-opsawg-pcap. */
static int write_pcap(const struct bl_traffic *t)
{
    const uint32_t file[] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
    const uint32_t record[] = {0, 0, t->frame_len, t->frame_len};
    int fd = memfd_create("pcap", MFD_CLOEXEC);
    FILE *f = fd < 0 ? NULL : fdopen(dup(fd), "w");
    if (!f)
        return -1;
    (void)fwrite(file, sizeof(file), 1, f);
    for (unsigned i = 0; i < PCAP_FRAMES; i++) {
        (void)fwrite(record, sizeof(record), 1, f);
        (void)fwrite(t->frame, t->frame_len, 1, f);
    }
    return fclose(f) == 0 ? fd : -1;
}

static bool open_receiver(struct bl_inprocess_source *r, unsigned number, char err[BL_ERR_BYTES])
{
    char text[128];
    if (r->source == BL_RIG_PCAP) {
        r->fd = write_pcap(&r->traffic);
        snprintf(text, sizeof(text), "dpdk:net_pcap%u,rx_pcap=/proc/self/fd/%d,infinite_rx=1", number, r->fd);
    } else {
        snprintf(text, sizeof(text), "dpdk:net_null%u,size=%u", number, r->traffic.frame_len);
    }
    if (!bl_receiver_open(&r->receiver, text, r->traffic.count, err))
        return false;
    const struct port_dpdk *p = (const struct port_dpdk *)r->receiver.port;
    if (r->source == BL_RIG_MEMORY)
        bl_mbufs_write(p->pool, &r->traffic);
    r->callback = rte_eth_add_rx_callback(p->port_id, 0, rewrite, r);
    return r->callback != NULL;
}

bool bl_inprocess_source_open(struct bl_inprocess_source *r, enum bl_inprocess_source_source source,
                              enum bl_shape shape, uint64_t count, unsigned number, char err[BL_ERR_BYTES])
{
    *r = (struct bl_inprocess_source){.source = source, .fd = -1, .cursor = {{.pass = 1}, {.pass = 1}}};
    r->current = &r->cursor[0];
    snprintf(err, BL_ERR_BYTES, "no memory for the traffic");
    if (!bl_traffic_init(&r->traffic, shape, count, false) || !open_receiver(r, number, err))
        return false;
    for (uint64_t i = 0; i < r->traffic.count; i++)
        bl_receiver_know(&r->receiver, bl_traffic_key(&r->traffic, &r->receiver.wire.secret, i));
    return true;
}

void bl_inprocess_source_close(struct bl_inprocess_source *r)
{
    if (r->callback) /* it would outlive the port */
        (void)rte_eth_remove_rx_callback(r->receiver.port_id, 0, r->callback);
    bl_receiver_close(&r->receiver);
    bl_traffic_fini(&r->traffic);
    if (r->fd >= 0)
        close(r->fd);
}

uint64_t bl_inprocess_source_work(void *rig)
{
    struct bl_inprocess_source *r = rig;
    r->current = &r->cursor[0];
    return bl_receiver_work(&r->receiver);
}

uint64_t bl_inprocess_source_alone_work(void *rig)
{
    struct bl_inprocess_source *r = rig;
    r->current = &r->cursor[1];
    return bl_receiver_alone_work(&r->receiver) * r->traffic.per_frame;
}

void bl_inprocess_source_check(struct bl_bench_state *state, const struct bl_inprocess_source *r)
{
    bl_receiver_check(state, &r->receiver, r->traffic.per_frame, false);
    bl_bench_counter(state, "port_missed", (double)r->receiver.worker->counters.drop[BL_DROP_missed]);
}
