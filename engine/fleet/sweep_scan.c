/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/fleet/sweep_scan.h"

#include "engine/base/rcu.h"

#if defined(__x86_64__) && !BL_TSAN
#define HAVE_SIMD 1
#include <immintrin.h>
#else
#define HAVE_SIMD 0
#endif

static struct bl_scan scan_plain(const struct bl_slots *s, uint32_t line, unsigned lines, uint32_t now)
{
    struct bl_scan scan = {.left_ticks = UINT32_MAX};
    uint32_t first = line * BL_LINE_SLOTS;
    for (unsigned i = 0; i < lines * BL_LINE_SLOTS; i++) {
        struct bl_slot_policy p = bl_slots_policy(s, first + i);
        uint32_t age = bl_age_ticks(now, bl_slots_last_beat(s, first + i));
        uint32_t left = p.threshold_ticks - age;
        if (left < scan.left_ticks)
            scan.left_ticks = left;
        scan.closer |= (uint64_t)(age > p.threshold_ticks || (p.flags & BL_POLICY_WATCH)) << i;
    }
    return scan;
}

#if HAVE_SIMD
/* ---- AVX2: a line at a time ---------------------------------------------- */

/* One line: four policy words and four stamps, whose last beats sit in
 * their low halves as the thresholds do. Threshold and age both carry a
 * bias of 2^31, so that the signed comparison there is orders them. The
 * policy words are never unblanked but for the thresholds: of the upper
 * halves only the flags count, which BL_POLICY_BLANK leaves alone. */
struct constants {
    __m256i now, ahead, unshift, unblank;
};

#define BIAS        UINT32_C(0x80000000)
#define AHEAD       (UINT32_MAX - BL_AGE_MAX) /* shifts stamps ahead of `now` below all others */
#define FLAGS_SHIFT 60                        /* of a policy word: bit fields from the low end */
#define WATCH_SHIFT 0                         /* in the flags */
_Static_assert(BL_POLICY_WATCH == 1 << WATCH_SHIFT, "where the bit is");
_Static_assert(BL_POLICY_BLANK >> FLAGS_SHIFT == 0, "flags are stored as they are");

__attribute__((target("avx2"))) static inline unsigned
scan_line(const struct bl_line *l, const uint64_t *policy, const struct constants *c, __m256i *left)
{
    __m256i word = _mm256_loadu_si256((const __m256i *)(const void *)policy);
    __m256i then = _mm256_load_si256((const __m256i *)(const void *)l->stamp);
    __m256i threshold = _mm256_xor_si256(word, c->unblank);
    __m256i age = _mm256_sub_epi32(_mm256_max_epu32(_mm256_sub_epi32(c->now, then), c->ahead), c->unshift);
    __m256i expired = _mm256_slli_epi64(_mm256_cmpgt_epi32(age, threshold), 32);
    __m256i watched = _mm256_slli_epi64(word, 63 - FLAGS_SHIFT - WATCH_SHIFT);
    *left = _mm256_min_epu32(*left, _mm256_sub_epi32(threshold, age));
    return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_or_si256(expired, watched)));
}

__attribute__((target("avx2"))) static struct bl_scan scan_avx2(const struct bl_slots *s, uint32_t line,
                                                                unsigned lines, uint32_t now)
{
    const struct constants c = {
        .now = _mm256_set1_epi32((int)(now + AHEAD)),
        .ahead = _mm256_set1_epi32((int)AHEAD),
        .unshift = _mm256_set1_epi32((int)(AHEAD - BIAS)),
        .unblank = _mm256_set1_epi32((int)((uint32_t)BL_POLICY_BLANK ^ BIAS)),
    };
    const struct bl_line *l = &s->line[line];
    const uint64_t *policy = &s->policy[(size_t)line * BL_LINE_SLOTS];
    struct bl_scan scan = {0};
    __m256i left = _mm256_set1_epi32(-1);
    for (unsigned i = 0; i < lines; i++)
        scan.closer |= (uint64_t)scan_line(l + i, policy + (size_t)i * BL_LINE_SLOTS, &c, &left)
                       << (i * BL_LINE_SLOTS);
    /* The low halves of the four lanes; the upper ones are of no use. */
    __m128i pair = _mm_min_epu32(_mm256_castsi256_si128(left), _mm256_extracti128_si256(left, 1));
    pair = _mm_min_epu32(pair, _mm_unpackhi_epi64(pair, pair));
    scan.left_ticks = (uint32_t)_mm_cvtsi128_si32(pair);
    return scan;
}

/* ---- AVX-512: four lines at a time --------------------------------------- */

#define GULP        4u /* lines */
#define FETCH_LINES 8u /* that are asked for ahead of it; the processor's own guess is a little worse */

/* Of two lines, four each. */
__attribute__((target("avx512f"))) static inline __m512i stamps(const struct bl_line *l)
{
    __m512i first = _mm512_castsi256_si512(_mm256_load_si256((const __m256i *)(const void *)l[0].stamp));
    return _mm512_inserti64x4(first, _mm256_load_si256((const __m256i *)(const void *)l[1].stamp), 1);
}

/* Sixteen slots in the lanes of one register, thresholds in one and the
 * policy words' upper halves in another. `lines`: a multiple of GULP. */
__attribute__((target("avx512f"))) static struct bl_scan scan_avx512(const struct bl_slots *s, uint32_t line,
                                                                     unsigned lines, uint32_t now)
{
    const __m512i lower = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i upper = _mm512_or_si512(lower, _mm512_set1_epi32(1));
    const __m512i shifted_now = _mm512_set1_epi32((int)(now + AHEAD)), ahead = _mm512_set1_epi32((int)AHEAD);
    const __m512i unblank = _mm512_set1_epi32((int)(uint32_t)BL_POLICY_BLANK);
    const __m512i watch = _mm512_set1_epi32((int)(UINT32_C(1) << (FLAGS_SHIFT - 32 + WATCH_SHIFT)));
    const uint64_t *policy = &s->policy[(size_t)line * BL_LINE_SLOTS];
    __m512i least = _mm512_set1_epi32(-1);
    uint64_t closer = 0;
    for (unsigned i = 0; i < lines; i += GULP) {
        __m512i first = _mm512_loadu_si512(policy + (size_t)i * BL_LINE_SLOTS);
        __m512i second = _mm512_loadu_si512(policy + (size_t)i * BL_LINE_SLOTS + 8);
        __m512i threshold = _mm512_xor_si512(_mm512_permutex2var_epi32(first, lower, second), unblank);
        __m512i flags = _mm512_permutex2var_epi32(first, upper, second);
        const struct bl_line *l = &s->line[line + i];
        for (unsigned k = 0; k < GULP; k++)
            __builtin_prefetch(&l[FETCH_LINES + k], 0, 2);
        __builtin_prefetch(policy + (size_t)(i + FETCH_LINES) * BL_LINE_SLOTS, 0, 2);
        __builtin_prefetch(policy + (size_t)(i + FETCH_LINES + 2) * BL_LINE_SLOTS, 0, 2);
        __m512i then = _mm512_permutex2var_epi32(stamps(l), lower, stamps(l + 2));
        __m512i age = _mm512_sub_epi32(shifted_now, then);
        age = _mm512_sub_epi32(_mm512_max_epu32(age, ahead), ahead);
        uint64_t found = (uint64_t)_mm512_cmpgt_epu32_mask(age, threshold);
        found |= (uint64_t)_mm512_test_epi32_mask(flags, watch);
        closer |= found << (i * BL_LINE_SLOTS);
        least = _mm512_min_epu32(least, _mm512_sub_epi32(threshold, age));
    }
    return (struct bl_scan){.closer = closer, .left_ticks = _mm512_reduce_min_epu32(least)};
}
#endif

/* ---- which ----------------------------------------------------------------- */

bool bl_sweep_scan_has(enum bl_scan_how how)
{
#if HAVE_SIMD
    if (how == BL_SCAN_AVX2)
        return __builtin_cpu_supports("avx2") != 0;
    if (how == BL_SCAN_AVX512)
        return __builtin_cpu_supports("avx512f") != 0;
#endif
    return how == BL_SCAN_PLAIN;
}

struct bl_scan bl_sweep_scan_with(const struct bl_slots *s, uint32_t line, unsigned lines, uint32_t now,
                                  enum bl_scan_how how)
{
#if HAVE_SIMD
    if (how == BL_SCAN_AVX512 && lines % GULP == 0)
        return scan_avx512(s, line, lines, now);
    if (how != BL_SCAN_PLAIN)
        return scan_avx2(s, line, lines, now);
#else
    (void)how;
#endif
    return scan_plain(s, line, lines, now);
}

enum bl_scan_how bl_sweep_scan_best(void)
{
    if (bl_sweep_scan_has(BL_SCAN_AVX512))
        return BL_SCAN_AVX512;
    return bl_sweep_scan_has(BL_SCAN_AVX2) ? BL_SCAN_AVX2 : BL_SCAN_PLAIN;
}
