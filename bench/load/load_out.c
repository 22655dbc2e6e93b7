/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/load_out.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *prefix;
    int (*open)(struct bl_load_out *out, const char *rest, const struct bl_load_out_config *c);
} kinds[] = {
    {"socket:", bl_load_out_socket_open},
    {"dpdk:", bl_load_out_dpdk_open},
    {"pcap:", bl_load_out_pcap_open},
};

int bl_load_out_open(struct bl_load_out *out, const struct bl_load_wire *wire,
                     const struct bl_load_out_config *c)
{
    *out = (struct bl_load_out){.wire = wire};
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t len = strlen(kinds[i].prefix);
        if (strncmp(c->to, kinds[i].prefix, len) == 0 && c->to[len])
            return kinds[i].open(out, c->to + len, c);
    }
    snprintf(out->err, sizeof out->err,
             "--to %s: not a target; use socket:HOST:PORT, dpdk:DEVARGS or pcap:FILE", c->to);
    return -EINVAL;
}

int bl_load_out_close(struct bl_load_out *out)
{
    int rc = out->ops ? out->ops->close(out) : 0;
    out->ops = NULL;
    return rc;
}

void bl_load_out_end(struct bl_load_out *out)
{
    struct bl_load_datagram *d = bl_load_out_datagram(out);
    if (d->len == 0)
        return;
    bl_load_wire_end(out->wire, d);
    out->filled++;
    bl_load_wire_begin(bl_load_out_datagram(out));
}

static void count(struct bl_load_out_counts *c, const struct bl_load_datagram *d)
{
    c->packets++;
    c->bytes += d->len;
    c->beats += d->beats;
    c->settings += d->settings;
    c->duplicates += d->duplicates;
    c->late += d->late;
}

/* Moves what was not taken, and the open datagram behind it, to the
 * front. The taken ones' (fresh) buffers go to the back. */
static void shift(struct bl_load_out *out, unsigned taken)
{
    for (unsigned i = taken; i <= out->filled; i++) {
        struct bl_load_datagram swap = out->slot[i - taken];
        out->slot[i - taken] = out->slot[i];
        out->slot[i] = swap;
    }
    out->filled -= taken;
}

bool bl_load_out_push(struct bl_load_out *out, int *rc)
{
    *rc = 0;
    if (out->filled == 0)
        return true;
    int taken = out->ops->send(out, out->slot, out->filled);
    if (taken < 0) {
        *rc = taken;
        return false;
    }
    for (unsigned i = 0; i < (unsigned)taken; i++)
        count(&out->counts, &out->slot[i]);
    shift(out, (unsigned)taken);
    out->counts.retries += out->filled > 0;
    return out->filled == 0;
}
