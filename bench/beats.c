/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/beats.h"

#define BURSTS_PER_CALL 64u

void bl_beats_init(struct bl_beats *b, const struct bl_nodes *nodes, struct bl_table *table, bool sequences,
                   uint32_t first_pass)
{
    *b = (struct bl_beats){.nodes = nodes,
                           .table = table,
                           .sequences = sequences,
                           .bursts = BURSTS_PER_CALL,
                           .pass = first_pass,
                           .tick = 1000};
    for (unsigned i = 0; i < BL_BURST; i++)
        b->beat[i].flags = sequences ? BL_BEAT_HAS_SEQUENCE : 0;
}

uint64_t bl_beats_work(void *beats)
{
    struct bl_beats *b = beats;
    struct bl_odd odd[BL_BURST];
    uint64_t done = 0;
    bl_role_assume_worker();
    b->tick++;
    for (unsigned burst = 0; burst < b->bursts; burst++) {
        uint64_t left = b->nodes->count - b->at;
        unsigned n = left < BL_BURST ? (unsigned)left : BL_BURST;
        const uint64_t *key = b->nodes->key + b->at;
        for (unsigned i = 0; i < n; i++) {
            b->beat[i].key = key[i];
            b->beat[i].sequence = b->pass;
        }
        b->odd += bl_table_beat(b->table, b->beat, n, b->tick, odd);
        done += n;
        b->at += n;
        if (b->at == b->nodes->count) {
            b->at = 0;
            b->pass++;
        }
    }
    return done;
}
