/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/sources/traffic.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <arpa/inet.h>

#define UDP_SUM_AT 40u /* Ethernet 14, IPv4 20, 6 into UDP */

static const uint32_t beats_per_frame[] = {
    [BL_SHAPE_BINARY] = 1, [BL_SHAPE_BATCH_16] = 16, [BL_SHAPE_TEXT_1] = 1, [BL_SHAPE_TEXT_20] = 20};

static bool is_text(const struct bl_traffic *t)
{
    return t->shape == BL_SHAPE_TEXT_1 || t->shape == BL_SHAPE_TEXT_20;
}

static size_t lines_bytes(const struct bl_traffic *t)
{
    return t->count * BL_TRAFFIC_LINE;
}

/* rack-NNNN-blade-NNNNNNNN.beat:1|c */
static bool write_lines(struct bl_traffic *t)
{
    void *p = mmap(NULL, lines_bytes(t) + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return false;
    t->line = p;
    for (uint64_t i = 0; i < t->count; i++)
        (void)snprintf(t->line + i * BL_TRAFFIC_LINE, BL_TRAFFIC_LINE + 1, "rack-%04u-blade-%08u.beat:1|c\n",
                       (unsigned)(i / 10000 % 10000), (unsigned)(i % 100000000));
    return true;
}

/* What every frame of the shape has in common. */
static uint32_t write_payload(const struct bl_traffic *t, uint8_t *payload)
{
    if (is_text(t))
        return t->per_frame * BL_TRAFFIC_LINE;
    struct bl_binary_header h = {.type = t->shape == BL_SHAPE_BINARY ? BL_BINARY_BEAT : BL_BINARY_BATCH,
                                 .interval_ms = 1000,
                                 .incarnation = 1};
    bl_binary_write(payload, &h);
    return BL_BINARY_HEADER_BYTES + (t->shape == BL_SHAPE_BINARY ? 0 : t->per_frame * BL_BINARY_ENTRY_BYTES);
}

bool bl_traffic_init(struct bl_traffic *t, enum bl_shape shape, uint64_t count, bool checksum)
{
    *t = (struct bl_traffic){.shape = shape, .per_frame = beats_per_frame[shape]};
    t->count = count / t->per_frame * t->per_frame;
    if (is_text(t) && !write_lines(t))
        return false;
    struct bl_load_frame headers;
    struct bl_load_route route = {.dst_mac = {2, 0, 0, 0, 0, 1},
                                  .src_mac = {2, 0, 0, 0, 0, 2},
                                  .dst_ip = htonl(0x0a000001),
                                  .src_ip = htonl(0x0a000002),
                                  .dst_port = BL_TRAFFIC_UDP_PORT,
                                  .src_port = 40000};
    uint32_t len = write_payload(t, t->frame + BL_LOAD_FRAME_BYTES);
    struct bl_cursor start = {.pass = 1};
    bl_traffic_write(t, &start, t->frame);
    bl_load_frame_init(&headers, &route);
    t->frame_len = bl_load_frame_finish(&headers, 0, t->frame, len);
    if (!checksum)
        memset(t->frame + UDP_SUM_AT, 0, 2);
    return true;
}

void bl_traffic_fini(struct bl_traffic *t)
{
    if (t->line)
        munmap(t->line, lines_bytes(t) + 1);
    t->line = NULL;
}

uint64_t bl_traffic_key(const struct bl_traffic *t, const struct bl_key_secret *secret, uint64_t node)
{
    if (is_text(t))
        return bl_key_of_name(secret, t->line + node * BL_TRAFFIC_LINE, BL_TRAFFIC_NAME);
    return bl_key_of_id(secret, node);
}
