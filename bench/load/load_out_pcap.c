/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/load_out.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The file format's header, in host order; the magic says which, and
 * that stamps are in ns. Source: draft-ietf-opsawg-pcap. */
#define PCAP_MAGIC_NS     0xa1b23c4du
#define PCAP_LINK_ETHER   1u
#define PCAP_SNAP_BYTES   65535u
#define PCAP_BUFFER_BYTES (1u << 20)

struct pcap_file_header {
    uint32_t magic;
    uint16_t major, minor;
    uint32_t zone, accuracy, snap_bytes, link;
};

struct pcap_record_header {
    uint32_t seconds, nanoseconds, captured, length;
};

struct pcap_out {
    FILE *file;
    const char *path;
    uint64_t start_unix_ns;
    struct bl_load_frame frame;
    uint8_t buffer[BL_LOAD_BURST + 1][BL_LOAD_FRAME_BYTES + BL_LOAD_PAYLOAD_MAX];
};

static int fail(struct bl_load_out *out, const char *path, int error)
{
    snprintf(out->err, sizeof out->err,
             "--to pcap:%s: %s; give a file in a directory that you may write to, with room for it", path,
             strerror(error));
    return -error;
}

static int pcap_send(struct bl_load_out *out, struct bl_load_datagram *slot, unsigned n)
{
    struct pcap_out *p = out->state;
    for (unsigned i = 0; i < n; i++) {
        uint8_t *frame = slot[i].data - BL_LOAD_FRAME_BYTES;
        uint32_t len = bl_load_frame_finish(&p->frame, slot[i].flow, frame, slot[i].len);
        uint64_t unix_ns = p->start_unix_ns + slot[i].time_ns;
        struct pcap_record_header h = {.seconds = (uint32_t)(unix_ns / 1000000000),
                                       .nanoseconds = (uint32_t)(unix_ns % 1000000000),
                                       .captured = len,
                                       .length = len};
        if (fwrite(&h, sizeof h, 1, p->file) != 1 || fwrite(frame, len, 1, p->file) != 1)
            return fail(out, p->path, errno);
    }
    return (int)n;
}

static int pcap_close(struct bl_load_out *out)
{
    struct pcap_out *p = out->state;
    int rc = 0;
    if (p->file && fclose(p->file) != 0)
        rc = fail(out, p->path, errno);
    free(p);
    return rc;
}

static const struct bl_load_out_ops pcap_ops = {.send = pcap_send, .close = pcap_close};

int bl_load_out_pcap_open(struct bl_load_out *out, const char *rest, const struct bl_load_out_config *c)
{
    struct pcap_out *p = calloc(1, sizeof *p);
    if (!p)
        return fail(out, rest, ENOMEM);
    out->state = p;
    out->ops = &pcap_ops;
    out->virtual_time = true;
    p->path = rest;
    p->start_unix_ns = c->start_unix_ns;
    bl_load_frame_init(&p->frame, &c->route);
    for (unsigned i = 0; i <= BL_LOAD_BURST; i++)
        out->slot[i].data = p->buffer[i] + BL_LOAD_FRAME_BYTES;
    p->file = fopen(rest, "we");
    if (!p->file)
        return fail(out, rest, errno);
    setvbuf(p->file, NULL, _IOFBF, PCAP_BUFFER_BYTES);
    struct pcap_file_header h = {.magic = PCAP_MAGIC_NS,
                                 .major = 2,
                                 .minor = 4,
                                 .snap_bytes = PCAP_SNAP_BYTES,
                                 .link = PCAP_LINK_ETHER};
    return fwrite(&h, sizeof h, 1, p->file) == 1 ? 0 : fail(out, rest, errno);
}
