/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cases/memory_roofline.h"

#include "bench/cases/ab_compare.h"

#define SLICE UINT64_C(8192) /* lines per call: about 0.1 ms */

/* ---- random access ---------------------------------------------------------- */

static inline struct bl_line *line_of(const struct bl_memory_roofline *l, uint64_t key)
{
    return &l->slots->line[((key >> 32) * l->slots->line_count) >> 32];
}

uint64_t bl_memory_roofline_work(void *limit)
{
    struct bl_memory_roofline *l = limit;
    const uint64_t *key = l->nodes->key + l->at;
    uint64_t left = l->nodes->count - l->at;
    uint64_t n = left < SLICE ? left : SLICE;
    unsigned depth = n > l->depth ? l->depth : 0;
    for (uint64_t i = 0; i < depth; i++)
        __builtin_prefetch(line_of(l, key[i]), 1, 2);
    for (uint64_t i = 0; i + depth < n; i++) {
        __builtin_prefetch(line_of(l, key[i + depth]), 1, 2);
        line_of(l, key[i])->stamp[0]++;
    }
    for (uint64_t i = n - depth; i < n; i++)
        line_of(l, key[i])->stamp[0]++;
    l->at = l->at + n == l->nodes->count ? 0 : l->at + n;
    return n;
}

/* 10 ms of it: ns per unit. */
static double cost(uint64_t (*work)(void *), void *arg)
{
    uint64_t units = 0, start = bl_cpu_ns(), elapsed;
    do {
        units += work(arg);
        elapsed = bl_cpu_ns() - start;
    } while (elapsed < 10000000);
    return (double)elapsed / (double)units;
}

bool bl_memory_roofline_init(struct bl_memory_roofline *l, const struct bl_key_set *nodes, uint64_t slots,
                             enum bl_pages pages)
{
    static const unsigned depths[] = {8, 12, 16, 24, 32, 48, 64, 96};
    *l = (struct bl_memory_roofline){.nodes = nodes, .slots = bl_bench_slots(slots, pages)};
    if (!l->slots)
        return false;
    double best = 1e9;
    unsigned best_depth = 0;
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
            l->depth = depths[i];
            double ns = cost(bl_memory_roofline_work, l);
            if (ns < best) {
                best = ns;
                best_depth = depths[i];
            }
        }
    }
    l->depth = best_depth;
    return true;
}

void bl_memory_roofline_fini(struct bl_memory_roofline *l)
{
    bl_slots_free(l->slots);
    l->slots = NULL;
}

/* ---- stream ------------------------------------------------------------------- */

#define PIECE        (UINT64_C(2) << 20) /* bytes per call */
#define STREAM_KINDS 3u                  /* 1, 2, 4 at once */
#define CHUNK        256u                /* bytes of one stream, then of the next */

/* Of a line all is added up, by words that every machine has: wider ones
 * would be kept in memory by the compiler, and the sum would be what
 * takes the time. */
typedef uint64_t words __attribute__((vector_size(16), may_alias));

static inline void add_lines(const char *p, words sum[4])
{
    for (unsigned i = 0; i < CHUNK; i += 64) {
        sum[0] += *(const words *)(const void *)(p + i);
        sum[1] += *(const words *)(const void *)(p + i + 16);
        sum[2] += *(const words *)(const void *)(p + i + 32);
        sum[3] += *(const words *)(const void *)(p + i + 48);
    }
}

uint64_t bl_stream_work(void *stream)
{
    struct bl_stream *s = stream;
    uint64_t part = s->piece / s->streams;
    words sum[4] = {{0}};
    const char *piece = s->data + s->at;
    for (uint64_t i = 0; i < part; i += CHUNK) {
        for (unsigned k = 0; k < s->streams; k++) {
            const char *p = piece + k * part + i;
            if (s->ahead)
                for (unsigned line = 0; line < CHUNK; line += 64)
                    __builtin_prefetch(p + s->ahead + line, 0, 2);
            add_lines(p, sum);
        }
    }
    for (unsigned i = 0; i < 4; i++)
        s->sum += sum[i][0] + sum[i][1];
    s->at = s->at + 2 * s->piece <= s->bytes ? s->at + s->piece : 0;
    return s->piece;
}

/* Tries numbers of streams and distances, each twice, and keeps the
 * fastest. */
void bl_stream_init(struct bl_stream *s, const void *data, uint64_t bytes)
{
    static const unsigned aheads[] = {0, 1024, 2048, 4096, 8192};
    const unsigned options = sizeof(aheads) / sizeof(aheads[0]);
    *s = (struct bl_stream){
        .data = data, .bytes = bytes, .piece = bytes < PIECE ? bytes / 4096 * 4096 : PIECE};
    double best = 1e9;
    unsigned best_streams = 1, best_ahead = 0;
    for (unsigned i = 0; i < 2 * options * STREAM_KINDS; i++) {
        s->streams = 1u << i % STREAM_KINDS;
        s->ahead = aheads[i / STREAM_KINDS % options];
        double ns = cost(bl_stream_work, s);
        if (ns < best) {
            best = ns;
            best_streams = s->streams;
            best_ahead = s->ahead;
        }
    }
    s->streams = best_streams;
    s->ahead = best_ahead;
}
