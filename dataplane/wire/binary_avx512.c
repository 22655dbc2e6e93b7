/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/wire/binary_avx512.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <stddef.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))

/* Words of eight beats, in the same order in each. */
struct words {
    __m512i id, stamp;
    __m512i promise; /* interval_ms in the lower half, incarnation in the upper */
};

/* Big-endian words. */
TARGET static inline __m512i swap(__m512i v)
{
    const __m512i order = _mm512_set4_epi32(0x08090a0b, 0x0c0d0e0f, 0x00010203, 0x04050607);
    return _mm512_shuffle_epi8(v, order);
}

/* bl_key_of_id. */
TARGET static inline __m512i keys_of(const struct bl_key_secret *s, __m512i id)
{
    const __m512i one = _mm512_set1_epi64((long long)s->id_mul_1);
    const __m512i two = _mm512_set1_epi64((long long)s->id_mul_2);
    const __m512i first = _mm512_set1_epi64(BL_KEY_FIRST);
    __m512i h = _mm512_mullo_epi64(_mm512_xor_si512(id, _mm512_set1_epi64((long long)s->id_xor)), one);
    h = _mm512_mullo_epi64(_mm512_xor_si512(h, _mm512_srli_epi64(h, 32)), two);
    h = _mm512_mullo_epi64(_mm512_xor_si512(h, _mm512_srli_epi64(h, 29)), one);
    h = _mm512_xor_si512(h, _mm512_srli_epi64(h, 32));
    h = _mm512_andnot_si512(_mm512_set1_epi64(1), h);
    return _mm512_mask_add_epi64(h, _mm512_cmplt_epu64_mask(h, first), h, first);
}

_Static_assert(offsetof(struct bl_beat, key) == 0 && offsetof(struct bl_beat, stamp) == 8 &&
                   offsetof(struct bl_beat, id) == 16 && offsetof(struct bl_beat, interval_ms) == 24 &&
                   offsetof(struct bl_beat, incarnation) == 28,
               "a beat begins as put() writes it");

/* Two beats from the lanes of `pair`: key, stamp, id, promise each. */
TARGET static inline void put(struct bl_beat *even, struct bl_beat *exception, __m512i pair)
{
    _mm256_storeu_si256((__m256i *)(void *)even, _mm512_castsi512_si256(pair));
    _mm256_storeu_si256((__m256i *)(void *)exception, _mm512_extracti64x4_epi64(pair, 1));
    even->flags_word = exception->flags_word = BL_BEAT_HAS_SEQUENCE;
}

/* Eight words become eight beats: lanes 0 and 1 of each 128 bits are two
 * beats' words, first paired with their neighbours, then with the rest. */
TARGET static inline void put_all(const struct bl_key_secret *secret, const struct words *w,
                                  struct bl_beat *beat)
{
    const __m512i lower = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i upper = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    const __m512i key = keys_of(secret, w->id);
    const __m512i even = _mm512_unpacklo_epi64(key, w->stamp),
                  exception = _mm512_unpackhi_epi64(key, w->stamp);
    const __m512i even_rest = _mm512_unpacklo_epi64(w->id, w->promise);
    const __m512i exception_rest = _mm512_unpackhi_epi64(w->id, w->promise);
    put(beat + 0, beat + 2, _mm512_permutex2var_epi64(even, lower, even_rest));
    put(beat + 4, beat + 6, _mm512_permutex2var_epi64(even, upper, even_rest));
    put(beat + 1, beat + 3, _mm512_permutex2var_epi64(exception, lower, exception_rest));
    put(beat + 5, beat + 7, _mm512_permutex2var_epi64(exception, upper, exception_rest));
}

/* ---- plain beats -------------------------------------------------------- */

/* Two headers side by side. */
TARGET static inline __m512i load_two(const struct bl_payload *payload)
{
    __m512i first =
        _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)(const void *)payload[0].data));
    return swap(
        _mm512_inserti64x4(first, _mm256_loadu_si256((const __m256i *)(const void *)payload[1].data), 1));
}

/* The `n`-th word of eight headers. */
TARGET static inline __m512i gather(__m512i a, __m512i b, __m512i c, __m512i d, int n)
{
    const __m512i of_two = _mm512_setr_epi64(n, n + 4, n + 8, n + 12, n, n + 4, n + 8, n + 12);
    return _mm512_shuffle_i64x2(_mm512_permutex2var_epi64(a, of_two, b),
                                _mm512_permutex2var_epi64(c, of_two, d), 0x44);
}

static inline bool all_plain_sized(const struct bl_payload *payload)
{
    uint32_t other = 0;
    for (unsigned i = 0; i < BL_EIGHT; i++)
        other |= (payload[i].len ^ BL_BINARY_HEADER_BYTES) | (uint32_t)(payload[i].data == NULL);
    return other == 0;
}

TARGET unsigned bl_binary_avx512_plain(const struct bl_key_secret *secret, const struct bl_payload *payload,
                                       unsigned n, uint32_t now_tick, struct bl_beat *beat)
{
    const __m512i plain = _mm512_set1_epi64((long long)BL_BINARY_PLAIN_BEAT);
    const __m512i longest = _mm512_set1_epi64(BL_TIMEOUT_MAX_MS), now = _mm512_set1_epi64(now_tick);
    unsigned done = 0;
    for (; done + BL_EIGHT <= n && all_plain_sized(payload + done); done += BL_EIGHT) {
        const struct bl_payload *p = payload + done;
        __m512i a = load_two(p), b = load_two(p + 2), c = load_two(p + 4), d = load_two(p + 6);
        __m512i interval = _mm512_sub_epi64(gather(a, b, c, d, 0), plain);
        __m512i counts = gather(a, b, c, d, 2);
        if (_mm512_cmpgt_epu64_mask(interval, longest) != 0)
            break;
        struct words w = {
            .id = gather(a, b, c, d, 1),
            .stamp = _mm512_mask_blend_epi32(0x5555, counts, now),
            .promise = _mm512_or_si512(interval, _mm512_slli_epi64(counts, 32)),
        };
        put_all(secret, &w, beat + done);
    }
    return done;
}

/* ---- entries of a batch --------------------------------------------------- */

TARGET unsigned bl_binary_avx512_entries(const struct bl_key_secret *secret, const uint8_t *entry, unsigned n,
                                         uint32_t now_tick, struct bl_beat *beat)
{
    const __m512i ids = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
    const __m512i counts = _mm512_add_epi64(ids, _mm512_set1_epi64(1));
    const __m512i longest = _mm512_set1_epi32((int)BL_TIMEOUT_MAX_MS), now = _mm512_set1_epi64(now_tick);
    unsigned done = 0;
    for (; done + BL_EIGHT <= n; done += BL_EIGHT, entry += (size_t)BL_EIGHT * BL_BINARY_ENTRY_BYTES) {
        __m512i a = swap(_mm512_loadu_si512(entry)), b = swap(_mm512_loadu_si512(entry + 64));
        __m512i count = _mm512_permutex2var_epi64(a, counts, b); /* sequence above, age below */
        if (_mm512_mask_cmpgt_epu32_mask(0x5555, count, longest) != 0)
            break;
        struct words w = {
            .id = _mm512_permutex2var_epi64(a, ids, b),
            .stamp = _mm512_mask_sub_epi32(count, 0x5555, now, count),
            .promise = _mm512_setzero_si512(),
        };
        put_all(secret, &w, beat + done);
    }
    return done;
}
#else
unsigned bl_binary_avx512_plain(const struct bl_key_secret *secret, const struct bl_payload *payload,
                                unsigned n, uint32_t now_tick, struct bl_beat *beat)
{
    (void)secret, (void)payload, (void)n, (void)now_tick, (void)beat;
    return 0;
}

unsigned bl_binary_avx512_entries(const struct bl_key_secret *secret, const uint8_t *entry, unsigned n,
                                  uint32_t now_tick, struct bl_beat *beat)
{
    (void)secret, (void)entry, (void)n, (void)now_tick, (void)beat;
    return 0;
}
#endif
