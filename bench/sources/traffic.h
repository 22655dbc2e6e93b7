/* SPDX-License-Identifier: Apache-2.0 */
/* traffic: frames in memory whose records are rewritten in place, so
 * that a few frames carry the beats of millions of nodes. Nodes beat in
 * order of their numbers; their keys, and so their lines in the table,
 * come at random. One thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "bench/load/load_frame.h"
#include "dataplane/wire/binary.h"
#include "engine/base/key.h"

enum bl_shape { BL_SHAPE_BINARY, BL_SHAPE_BATCH_16, BL_SHAPE_TEXT_1, BL_SHAPE_TEXT_20 };

#define BL_TRAFFIC_UDP_PORT  8127
#define BL_TRAFFIC_NAME      24u /* bytes of a text node's name */
#define BL_TRAFFIC_LINE      (BL_TRAFFIC_NAME + 10u)
#define BL_TRAFFIC_FRAME_MAX 1024u

struct bl_traffic {
    enum bl_shape shape;
    uint64_t count;     /* nodes, a whole number of frames */
    uint32_t per_frame; /* beats */
    uint32_t frame_len;
    char *line; /* text: every node's line */
    uint8_t frame[BL_TRAFFIC_FRAME_MAX];
};

/* Where the nodes' beats stand. Start with pass 1: a table that was
 * filled has sequence 0. */
struct bl_cursor {
    uint64_t at; /* next node */
    uint32_t pass;
};

/* About `count` nodes. `checksum`: the template has a UDP checksum,
 * which is right until a record is rewritten; else none, which IPv4
 * allows. False: no memory. */
bool bl_traffic_init(struct bl_traffic *t, enum bl_shape shape, uint64_t count, bool checksum);
void bl_traffic_fini(struct bl_traffic *t);

uint64_t bl_traffic_key(const struct bl_traffic *t, const struct bl_key_secret *secret, uint64_t node);

/* Writes the next nodes' records into a frame that is a copy of
 * t->frame. Cost: a few stores; text: a copy of the lines. */
static inline void bl_traffic_write(const struct bl_traffic *t, struct bl_cursor *c, uint8_t *frame)
{
    uint8_t *payload = frame + BL_LOAD_FRAME_BYTES;
    if (t->shape == BL_SHAPE_BINARY) {
        bl_binary_store64(payload + BL_BINARY_AT_NODE_ID, c->at);
        bl_binary_store32(payload + BL_BINARY_AT_SEQUENCE, c->pass);
    } else if (t->shape == BL_SHAPE_BATCH_16) {
        uint8_t *entry = payload + BL_BINARY_HEADER_BYTES;
        for (uint32_t i = 0; i < t->per_frame; i++, entry += BL_BINARY_ENTRY_BYTES) {
            bl_binary_store64(entry + BL_BINARY_ENTRY_AT_NODE_ID, c->at + i);
            bl_binary_store32(entry + BL_BINARY_ENTRY_AT_SEQUENCE, c->pass);
        }
    } else {
        memcpy(payload, t->line + c->at * BL_TRAFFIC_LINE, (size_t)t->per_frame * BL_TRAFFIC_LINE);
    }
    c->at += t->per_frame;
    if (c->at == t->count) {
        c->at = 0;
        c->pass++;
    }
}
