/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/sources/beats.h"

void bl_beats_init(struct bl_beats *b, const struct bl_key_set *nodes, struct bl_table *table, bool sequences,
                   uint32_t first_pass)
{
    *b = (struct bl_beats){.nodes = nodes,
                           .table = table,
                           .sequences = sequences,
                           .per_call = 16 * BL_BEATS_STREAM,
                           .pass = first_pass,
                           .tick = 1000};
    for (unsigned i = 0; i < sizeof(b->beat) / sizeof(b->beat[0]); i++)
        b->beat[i].flags = sequences ? BL_BEAT_HAS_SEQUENCE : 0;
}

/* Up to `most` of the next beats, in the ring's next piece. */
BL_ON_WORKER static unsigned feed(struct bl_beats *b, unsigned piece, uint64_t most)
{
    uint64_t left = b->nodes->count - b->at;
    unsigned n = (unsigned)(left < most ? left : most);
    if (n > BL_BEATS_PIECE)
        n = BL_BEATS_PIECE;
    const uint64_t *key = b->nodes->key + b->at;
    struct bl_beat *beat = &b->beat[(size_t)(piece % (BL_FEEDS_KEPT + 1)) * BL_BEATS_PIECE];
    uint64_t stamp = bl_stamp(b->tick, b->sequences ? b->pass : 0);
    for (unsigned i = 0; i < n; i++) {
        beat[i].key = key[i];
        beat[i].stamp = stamp;
    }
    bl_table_feed(&b->beating, beat, n);
    b->exception += b->beating.exception_count;
    b->at += n;
    if (b->at == b->nodes->count) {
        b->at = 0;
        b->pass++;
    }
    return n;
}

uint64_t bl_beats_work(void *beats)
{
    struct bl_beats *b = beats;
    uint64_t done = 0;
    bl_role_assume_worker();
    b->tick++;
    while (done < b->per_call) {
        unsigned stream = 0;
        bl_table_begin(&b->beating, b->table, b->tick);
        for (unsigned piece = 0; stream < BL_BEATS_STREAM && done + stream < b->per_call; piece++)
            stream += feed(b, piece, b->per_call - done - stream);
        bl_table_end(&b->beating);
        b->exception += b->beating.exception_count;
        done += stream;
    }
    return done;
}
