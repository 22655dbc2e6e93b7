/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/wire/text_fast.h"

#include <string.h>

#include "dataplane/wire/binary.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET_AVX2   __attribute__((target("avx2,bmi,popcnt")))
#define TARGET_AVX512 __attribute__((target("avx512bw,avx512vbmi2,bmi,popcnt")))
#define ALWAYS_INLINE inline __attribute__((always_inline))

/* What differs by instructions. A look: bit i says that p[i] ends a name;
 * bits past the end of the text are clear. `text`: where it may be read
 * from. And the places of these bits, written for a look that was `at`
 * bytes into its piece. Returns how many they are; up to BL_TEXT_LOOK are
 * written. */
typedef uint64_t look_fn(const uint8_t *p, const uint8_t *text, const uint8_t *end);
typedef unsigned put_fn(uint64_t stops, unsigned at, uint16_t *place);

/* ---- AVX2 ------------------------------------------------------------------ */

TARGET_AVX2 static inline uint64_t look_at_32(const uint8_t *p)
{
    __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i found = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, _mm256_set1_epi8(' ')), bytes);
    found = _mm256_or_si256(found, _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(0x7f)));
    found = _mm256_or_si256(found, _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(':')));
    found = _mm256_or_si256(found, _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('|')));
    return (uint32_t)_mm256_movemask_epi8(found);
}

/* Ends come by loads that overlap what lies before them. Of a text of less
 * than 32 bytes it sees nothing: then there is no usual line in it. */
TARGET_AVX2 static inline uint64_t look_avx2(const uint8_t *p, const uint8_t *text, const uint8_t *end)
{
    if (end - p >= 32) {
        unsigned second = end - p >= BL_TEXT_LOOK ? 32 : (unsigned)(end - p) - 32;
        return look_at_32(p) | look_at_32(p + second) << second;
    }
    return end - text >= 32 ? look_at_32(end - 32) >> (32 - (end - p)) : 0;
}

/* Written eight at a time, whether there are so many or not: a branch for
 * each would be a guess for each. */
TARGET_AVX2 static inline unsigned put_avx2(uint64_t stops, unsigned at, uint16_t *place)
{
    unsigned n = (unsigned)_mm_popcnt_u64(stops);
    for (unsigned i = 0; i == 0 || i < n; i += 8) {
        for (unsigned j = 0; j < 8; j++) {
            place[i + j] = (uint16_t)(at + (unsigned)_tzcnt_u64(stops));
            stops = _blsr_u64(stops);
        }
    }
    return n;
}

/* ---- AVX-512 ---------------------------------------------------------------- */

TARGET_AVX512 static inline uint64_t look_avx512(const uint8_t *p, const uint8_t *text, const uint8_t *end)
{
    (void)text;
    /* Lanes past the end are not read: the load is masked. */
    __mmask64 there = end - p >= BL_TEXT_LOOK ? UINT64_MAX : (UINT64_C(1) << (end - p)) - 1;
    __m512i bytes = _mm512_maskz_loadu_epi8(there, p);
    __mmask64 stops = _mm512_mask_cmple_epu8_mask(there, bytes, _mm512_set1_epi8(' '));
    stops |= _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(0x7f));
    stops |= _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(':'));
    return stops | _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('|'));
}

TARGET_AVX512 static inline unsigned put_avx512(uint64_t stops, unsigned at, uint16_t *place)
{
    static const uint8_t lane[BL_TEXT_LOOK] __attribute__((aligned(BL_TEXT_LOOK))) = {
        0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
        44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    unsigned n = (unsigned)_mm_popcnt_u64(stops);
    __m512i places = _mm512_maskz_compress_epi8(stops, _mm512_load_si512(lane));
    __m512i base = _mm512_set1_epi16((short)at);
    __m256i half = _mm512_castsi512_si256(places);
    _mm512_storeu_si512(place, _mm512_add_epi16(_mm512_cvtepu8_epi16(half), base));
    if (__builtin_expect(n > BL_TEXT_LOOK / 2, 0)) {
        half = _mm512_extracti64x4_epi64(places, 1);
        _mm512_storeu_si512(place + BL_TEXT_LOOK / 2, _mm512_add_epi16(_mm512_cvtepu8_epi16(half), base));
    }
    return n;
}

/* ---- a piece ------------------------------------------------------------------ */

static ALWAYS_INLINE void text_fast_scan(struct bl_text_piece *s, const uint8_t *p, const uint8_t *end,
                                         look_fn *look, put_fn *put)
{
    unsigned places = 0;
    s->start = p;
    s->len = end - p < BL_TEXT_PIECE ? (uint32_t)(end - p) : BL_TEXT_PIECE;
    for (unsigned at = 0; at < s->len; at += BL_TEXT_LOOK)
        places += put(look(p + at, p, p + s->len), at, s->place + places);
    /* The end of the text ends a line, too. */
    if (p + s->len == end)
        s->place[places++] = (uint16_t)s->len;
    s->places = places;
    s->next = 0;
}

static inline bool all_digits(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *start = p;
    while (p < end && bl_text_is_digit(*p))
        p++;
    return p == end && p != start;
}

static inline bool all_letters(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *start = p;
    while (p < end && bl_text_is_letter(*p))
        p++;
    return p == end && p != start;
}

/* Takes the line at p if it is a usual one by what ends its name, its
 * value and itself: there is no such byte between. */
static inline bool take_line(const uint8_t *p, const uint8_t *colon, const uint8_t *bar, const uint8_t *eol,
                             const uint8_t *end, struct bl_sink *sink)
{
    if (*colon != ':' || *bar != '|' || (eol != end && *eol != '\n'))
        return false;
    unsigned name_len = (unsigned)(colon - p) - (unsigned)(sizeof(".beat") - 1);
    if (!BL_TEXT_ENDS_IN(p, colon, ".beat") || name_len - 1 >= BL_NAME_MAX || !all_digits(colon + 1, bar) ||
        !all_letters(bar + 1, eol))
        return false;
    bl_text_put_beat(p, name_len, sink);
    return true;
}

/* Takes the usual lines of a piece from p, in it, on. */
static ALWAYS_INLINE const uint8_t *take_lines(struct bl_text_piece *s, const uint8_t *p, const uint8_t *end,
                                               struct bl_sink *sink)
{
    const uint8_t *start = s->start;
    unsigned next = s->next;
    while (next < s->places && start + s->place[next] < p)
        next++;
    for (; next + 3 <= s->places && !bl_sink_is_full(sink); next += 3) {
        const uint16_t *place = s->place + next;
        const uint8_t *eol = start + place[2];
        if (!take_line(p, start + place[0], start + place[1], eol, end, sink))
            break;
        p = eol + (eol != end);
    }
    s->next = next;
    return p;
}

/* Of a text no longer than a look: without writing places down. */
static ALWAYS_INLINE const uint8_t *take_short(const uint8_t *p, const uint8_t *end, struct bl_sink *sink,
                                               look_fn *look)
{
    const uint8_t *start = p;
    uint64_t colon = look(p, p, end), bar, eol;
    if (end - p < BL_TEXT_LOOK)
        colon |= UINT64_C(1) << (end - p);
    for (; !bl_sink_is_full(sink); colon = eol & (eol - 1)) {
        bar = colon & (colon - 1);
        eol = bar & (bar - 1);
        if (eol == 0)
            break;
        const uint8_t *at_eol = start + __builtin_ctzll(eol);
        if (!take_line(p, start + __builtin_ctzll(colon), start + __builtin_ctzll(bar), at_eol, end, sink))
            break;
        p = at_eol + (at_eol != end);
    }
    return p;
}

static ALWAYS_INLINE const uint8_t *text_fast_take(struct bl_text_piece *s, const uint8_t *p,
                                                   const uint8_t *end, struct bl_sink *sink, look_fn *look,
                                                   put_fn *put)
{
    if (s->len == 0 || p >= s->start + s->len)
        text_fast_scan(s, p, end, look, put);
    for (;;) {
        p = take_lines(s, p, end, sink);
        /* All of a line was there, and it is none of ours; or it is too
         * long, or has too little in it. */
        if (s->next + 3 <= s->places || p == s->start || s->start + s->len == end)
            return p;
        text_fast_scan(s, p, end, look, put);
    }
}

/* ---- a line in a datagram --------------------------------------------------------- */

#define TAIL       ".beat:0|c"
#define TAIL_BYTES (unsigned)(sizeof(TAIL) - 1)

/* What the tail has but for its digit, and the digit's place. */
#define TAIL_WORD  UINT64_C(0x7c003a746165622e) /* ".beat:", 0, '|' as they lie in memory */
#define DIGIT_BYTE 6u

/* Bits say what is wrong with it. */
static ALWAYS_INLINE uint64_t tail_fault(const uint8_t *tail)
{
    uint64_t word;
    memcpy(&word, tail, sizeof(word));
    uint8_t digit = (uint8_t)(word >> 8 * DIGIT_BYTE);
    uint64_t rest = word & ~(UINT64_C(0xff) << 8 * DIGIT_BYTE);
    return (rest ^ TAIL_WORD) | !bl_text_is_digit(digit) | !bl_text_is_letter(tail[TAIL_BYTES - 1]);
}

TARGET_AVX512 unsigned bl_text_take_lines(const struct bl_payload *payload, unsigned n, uint32_t now_tick,
                                          struct bl_beat *beat)
{
    unsigned taken = 0;
    for (; taken < n; taken++, payload++, beat++) {
        const uint8_t *p = payload->data;
        uint32_t len = payload->len;
        if (!p || len - (TAIL_BYTES + 2) > BL_TEXT_LOOK - (TAIL_BYTES + 2) || p[0] == BL_BINARY_MAGIC >> 8)
            break;
        uint32_t name_len = len - TAIL_BYTES - (p[len - 1] == '\n');
        if ((look_avx512(p, p, p + name_len) | tail_fault(p + name_len)) != 0)
            break;
        *beat = (struct bl_beat){.stamp = now_tick, .name = (const char *)p, .name_len = (uint8_t)name_len};
    }
    return taken;
}

/* ---- which -------------------------------------------------------------------- */

TARGET_AVX2 static const uint8_t *take_avx2(struct bl_text_piece *s, const uint8_t *p, const uint8_t *end,
                                            struct bl_sink *sink)
{
    return text_fast_take(s, p, end, sink, look_avx2, put_avx2);
}

TARGET_AVX512 static const uint8_t *take_avx512(struct bl_text_piece *s, const uint8_t *p, const uint8_t *end,
                                                struct bl_sink *sink)
{
    return text_fast_take(s, p, end, sink, look_avx512, put_avx512);
}

TARGET_AVX2 static const uint8_t *take_short_avx2(const uint8_t *p, const uint8_t *end, struct bl_sink *sink)
{
    return take_short(p, end, sink, look_avx2);
}

TARGET_AVX512 static const uint8_t *take_short_avx512(const uint8_t *p, const uint8_t *end,
                                                      struct bl_sink *sink)
{
    return take_short(p, end, sink, look_avx512);
}

const uint8_t *bl_text_take_short(const uint8_t *p, const uint8_t *end, struct bl_sink *sink,
                                  enum bl_simd_level how)
{
    return how == BL_TEXT_AVX512 ? take_short_avx512(p, end, sink) : take_short_avx2(p, end, sink);
}

const uint8_t *bl_text_take_fast(struct bl_text_piece *s, const uint8_t *p, const uint8_t *end,
                                 struct bl_sink *sink, enum bl_simd_level how)
{
    return how == BL_TEXT_AVX512 ? take_avx512(s, p, end, sink) : take_avx2(s, p, end, sink);
}

bool bl_text_has(enum bl_simd_level how)
{
    if (how == BL_TEXT_AVX2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi");
    if (how == BL_TEXT_AVX512)
        return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi2");
    return how == BL_TEXT_PLAIN;
}
#else
const uint8_t *bl_text_take_short(const uint8_t *p, const uint8_t *end, struct bl_sink *sink,
                                  enum bl_simd_level how)
{
    (void)end, (void)sink, (void)how;
    return p;
}

const uint8_t *bl_text_take_fast(struct bl_text_piece *s, const uint8_t *p, const uint8_t *end,
                                 struct bl_sink *sink, enum bl_simd_level how)
{
    (void)s, (void)end, (void)sink, (void)how;
    return p;
}

unsigned bl_text_take_lines(const struct bl_payload *payload, unsigned n, uint32_t now_tick,
                            struct bl_beat *beat)
{
    (void)payload, (void)n, (void)now_tick, (void)beat;
    return 0;
}

bool bl_text_has(enum bl_simd_level how)
{
    return how == BL_TEXT_PLAIN;
}
#endif

enum bl_simd_level bl_text_best(void)
{
    if (bl_text_has(BL_TEXT_AVX512))
        return BL_TEXT_AVX512;
    return bl_text_has(BL_TEXT_AVX2) ? BL_TEXT_AVX2 : BL_TEXT_PLAIN;
}
