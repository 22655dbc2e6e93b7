/* SPDX-License-Identifier: Apache-2.0 */
/* The hot path: a burst of beats. What decides its speed is that no line is
 * touched that was not prefetched:
 *
 *   first look   each line is compared and its slot beaten, while the
 *                line of the key PREFETCH_BEATS further on is
 *                prefetched; a key that is not there, but may be in the
 *                next line, becomes a straggler, and that line is
 *                prefetched
 *   turns        the stragglers are looked at until none is left
 *
 * Waiting for memory is left at three places of a burst: its first lines,
 * and the ends of the first two turns. That is why a burst is long. */
#include "engine/rcu.h"
#include "engine/table.h"
#include "engine/table_line.h"

#if defined(__x86_64__) && !BL_TSAN
#define HAVE_AVX2 1
#include <immintrin.h>
#else
#define HAVE_AVX2 0
#endif

/* To L2: prefetches to L1 stall at its few fill buffers. */
#define PREFETCH(p) __builtin_prefetch((p), 1, 2)
/* Lines on their way at a time; 32 to 64 are equally good. */
#define PREFETCH_BEATS 48u

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* The generation to look in first: `next` for a home line that growth
 * has been through. move_line is 0 when nothing grows. */
static inline const struct bl_slots *first_look(const struct bl_table *t, uint64_t key, uint32_t *line)
    BL_ON_WORKER;
static inline const struct bl_slots *first_look(const struct bl_table *t, uint64_t key, uint32_t *line)
{
    *line = bl_line_home(t->slots, key);
    if (__builtin_expect(*line >= t->move_line, 1))
        return t->slots;
    *line = bl_line_home(t->next, key);
    return t->next;
}

static uint32_t slot_name(const struct bl_table *t, const struct bl_line *l, unsigned place)
{
    uintptr_t offset = (uintptr_t)l - (uintptr_t)t->slots->line;
    uint32_t in_next = 0;
    if (offset >= (uintptr_t)t->slots->line_count * sizeof(*l)) {
        offset = (uintptr_t)l - (uintptr_t)t->next->line;
        in_next = BL_SLOT_IN_NEXT;
    }
    return (uint32_t)(offset / sizeof(*l)) * BL_LINE_SLOTS + place + in_next;
}

/* Keeps burst order: stragglers are done after the rest. */
static void add_odd(struct bl_table_burst *b, unsigned beat, unsigned why, uint32_t slot)
{
    unsigned at = b->odd_count++;
    for (; at > 0 && b->odd[at - 1].beat > beat; at--)
        b->odd[at] = b->odd[at - 1];
    b->odd[at] = (struct bl_odd){.beat = (uint16_t)beat, .why = (uint16_t)why, .slot = slot};
}

/* Beats a known slot. Returns what is odd about it (bl_odd_why) but for
 * BL_ODD_ATTEND. */
static ALWAYS_INLINE unsigned beat_slot(struct bl_line *l, unsigned place, const struct bl_beat *beat,
                                        uint32_t now)
{
    bl_line_beat(l, place, beat, now);
    if (!(beat->flags & BL_BEAT_HAS_SEQUENCE))
        return 0;
    if (__builtin_expect(beat->sequence != l->sequence[place] + 1, 0))
        return BL_ODD_SEQUENCE;
    bl_line_set_sequence(l, place, beat->sequence);
    return 0;
}

static ALWAYS_INLINE unsigned attention(const struct bl_line *l, unsigned place)
{
    return l->key[place] & BL_KEY_ATTEND ? BL_ODD_ATTEND : 0;
}

/* ---- what a line holds ------------------------------------------------
 *
 * By vector or by word, with the same answers; `avx2` is a constant where
 * these are inlined. The vector does it for the stragglers, too: a look
 * by word costs them more than the memory does. */

#if HAVE_AVX2
__attribute__((target("avx2"))) static inline unsigned hit_avx2(const struct bl_line *l, uint64_t key)
{
    __m256i keys = _mm256_load_si256((const __m256i *)l->key);
    __m256i bare = _mm256_andnot_si256(_mm256_set1_epi64x((long long)BL_KEY_ATTEND), keys);
    __m256i same = _mm256_cmpeq_epi64(bare, _mm256_set1_epi64x((long long)key));
    return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(same));
}

__attribute__((target("avx2"))) static inline unsigned plain_hit_avx2(const struct bl_line *l, uint64_t key)
{
    __m256i keys = _mm256_load_si256((const __m256i *)l->key);
    __m256i same = _mm256_cmpeq_epi64(keys, _mm256_set1_epi64x((long long)key));
    return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(same));
}

__attribute__((target("avx2"))) static inline bool has_empty_avx2(const struct bl_line *l)
{
    __m256i keys = _mm256_load_si256((const __m256i *)l->key);
    __m256i empty = _mm256_cmpeq_epi64(keys, _mm256_setzero_si256());
    return !_mm256_testz_si256(empty, empty);
}
_Static_assert(BL_KEY_EMPTY == 0, "has_empty_avx2 compares with zero");
#endif

static ALWAYS_INLINE unsigned hit_of(const struct bl_line *l, uint64_t key, bool avx2)
{
#if HAVE_AVX2
    if (avx2)
        return hit_avx2(l, key);
#else
    (void)avx2;
#endif
    return bl_line_hit(l, key);
}

/* Bit i: place i holds `key` and asks for no attention. */
static ALWAYS_INLINE unsigned plain_hit_of(const struct bl_line *l, uint64_t key, bool avx2)
{
#if HAVE_AVX2
    if (avx2)
        return plain_hit_avx2(l, key);
#else
    (void)avx2;
#endif
    unsigned hit = 0;
    for (unsigned i = 0; i < BL_LINE_SLOTS; i++)
        hit |= (unsigned)(bl_line_key(l, i) == key) << i;
    return hit;
}

static ALWAYS_INLINE bool has_empty(const struct bl_line *l, bool avx2)
{
#if HAVE_AVX2
    if (avx2)
        return has_empty_avx2(l);
#else
    (void)avx2;
#endif
    return bl_line_has_empty(l);
}

/* ---- stragglers --------------------------------------------------------- */

/* The other generation, from the key's home line there; only while the
 * table grows. */
static __attribute__((noinline)) bool cross_over(struct bl_straggler *s, const struct bl_table *t,
                                                 uint64_t key)
{
    struct bl_slots *other = s->in == t->slots ? t->next : t->slots;
    if (other == NULL)
        return false;
    s->last = true;
    s->in = other;
    s->walked = 0;
    s->line = bl_line_home(other, key);
    return true;
}

/* Moves the probe on. False: the key is nowhere. */
static ALWAYS_INLINE bool walk_on(struct bl_straggler *s, const struct bl_table *t, uint64_t key, bool avx2)
{
    if (s->walked + 1u < BL_PROBE_LINES && !has_empty(&s->in->line[s->line], avx2)) {
        s->walked++;
        s->line = bl_line_after(s->in, s->line);
    } else if (s->last || !cross_over(s, t, key)) {
        return false;
    }
    PREFETCH(&s->in->line[s->line]);
    return true;
}

/* The first line did not have it. */
static ALWAYS_INLINE void missed(struct bl_table_burst *b, unsigned beat, bool avx2) BL_ON_WORKER;
static ALWAYS_INLINE void missed(struct bl_table_burst *b, unsigned beat, bool avx2)
{
    struct bl_straggler *s = &b->straggler[b->straggler_count];
    const struct bl_table *t = b->table;
    uint64_t key = b->beat[beat].key;
    *s = (struct bl_straggler){.beat = (uint16_t)beat, .last = true, .in = t->slots};
    if (t->next == NULL) {
        s->line = bl_line_home(t->slots, key);
    } else {
        s->last = bl_line_is_moved(t, key);
        s->in = first_look(t, key, &s->line);
    }
    if (walk_on(s, t, key, avx2))
        b->straggler_count++;
    else
        add_odd(b, beat, BL_ODD_UNKNOWN, BL_SLOT_NONE);
}

/* One turn. In order, so that two beats of one node stay so. */
static ALWAYS_INLINE void turn_of_stragglers(struct bl_table_burst *b, bool avx2)
{
    unsigned left = 0;
    for (unsigned i = 0; i < b->straggler_count; i++) {
        struct bl_straggler *s = &b->straggler[i];
        const struct bl_beat *beat = &b->beat[s->beat];
        struct bl_line *l = &s->in->line[s->line];
        unsigned hit = hit_of(l, beat->key, avx2);
        if (hit != 0) {
            unsigned place = (unsigned)__builtin_ctz(hit);
            unsigned why = attention(l, place) | beat_slot(l, place, beat, b->now);
            if (why != 0)
                add_odd(b, s->beat, why, slot_name(b->table, l, place));
        } else if (walk_on(s, b->table, beat->key, avx2)) {
            b->straggler[left++] = *s;
        } else {
            add_odd(b, s->beat, BL_ODD_UNKNOWN, BL_SLOT_NONE);
        }
    }
    b->straggler_count = left;
}

/* ---- a burst -------------------------------------------------------------- */

/* Not there, or there and to be looked at. */
static ALWAYS_INLINE void look_closer(struct bl_table_burst *b, unsigned i, bool avx2) BL_ON_WORKER;
static ALWAYS_INLINE void look_closer(struct bl_table_burst *b, unsigned i, bool avx2)
{
    const struct bl_beat *beat = &b->beat[i];
    struct bl_line *line = b->line[i];
    unsigned hit = hit_of(line, beat->key, avx2);
    if (hit == 0) {
        missed(b, i, avx2);
        return;
    }
    unsigned place = (unsigned)__builtin_ctz(hit);
    add_odd(b, i, attention(line, place) | beat_slot(line, place, beat, b->now),
            slot_name(b->table, line, place));
}

static ALWAYS_INLINE void look(struct bl_table_burst *b, unsigned i, uint32_t now, bool avx2) BL_ON_WORKER;
static ALWAYS_INLINE void look(struct bl_table_burst *b, unsigned i, uint32_t now, bool avx2)
{
    const struct bl_beat *beat = &b->beat[i];
    struct bl_line *line = b->line[i];
    unsigned hit = plain_hit_of(line, beat->key, avx2);
    if (__builtin_expect(hit == 0, 0)) {
        look_closer(b, i, avx2);
        return;
    }
    unsigned place = (unsigned)__builtin_ctz(hit);
    unsigned why = beat_slot(line, place, beat, now);
    if (__builtin_expect(why != 0, 0))
        add_odd(b, i, why, slot_name(b->table, line, place));
}

/* To the `n`-th beat, of which `looks` at least are looked at. */
static ALWAYS_INLINE void advance(struct bl_table_burst *b, unsigned n, unsigned looks, bool avx2)
    BL_ON_WORKER;
static ALWAYS_INLINE void advance(struct bl_table_burst *b, unsigned n, unsigned looks, bool avx2)
{
    const struct bl_table *t = b->table;
    const struct bl_slots s = {.line = t->slots->line, .line_count = t->slots->line_count};
    const uint32_t now = b->now, move_line = t->move_line;
    unsigned at = b->looked_at;
    for (unsigned i = b->fetched; i < n; i++) {
        uint32_t home = bl_line_home(&s, b->beat[i].key);
        b->line[i] = &s.line[home];
        if (__builtin_expect(home < move_line, 0))
            b->line[i] = &t->next->line[bl_line_home(t->next, b->beat[i].key)];
        PREFETCH(b->line[i]);
        if (i >= at + PREFETCH_BEATS)
            look(b, at++, now, avx2);
    }
    for (; at < looks; at++)
        look(b, at, now, avx2);
    b->fetched = n;
    b->looked_at = at;
}

static ALWAYS_INLINE void finish(struct bl_table_burst *b, unsigned n, bool avx2) BL_ON_WORKER;
static ALWAYS_INLINE void finish(struct bl_table_burst *b, unsigned n, bool avx2)
{
    advance(b, n, n, avx2);
    while (b->straggler_count > 0)
        turn_of_stragglers(b, avx2);
}

#if HAVE_AVX2
__attribute__((target("avx2"))) static void advance_avx2(struct bl_table_burst *b, unsigned n) BL_ON_WORKER;
static void advance_avx2(struct bl_table_burst *b, unsigned n)
{
    advance(b, n, 0, true);
}

__attribute__((target("avx2"))) static void finish_avx2(struct bl_table_burst *b, unsigned n) BL_ON_WORKER;
static void finish_avx2(struct bl_table_burst *b, unsigned n)
{
    finish(b, n, true);
}
#else
#define advance_avx2(b, n) advance(b, n, 0, false)
#define finish_avx2(b, n)  finish(b, n, false)
#endif

bool bl_table_beat_has_simd(void)
{
#if HAVE_AVX2
    return __builtin_cpu_supports("avx2") != 0;
#else
    return false;
#endif
}

void bl_table_begin(struct bl_table_burst *b, const struct bl_table *t, const struct bl_beat *beats,
                    uint32_t now, struct bl_odd odd[BL_BURST])
{
    b->table = t;
    b->beat = beats;
    b->odd = odd;
    b->now = now;
    b->fetched = b->looked_at = 0;
    b->odd_count = b->straggler_count = 0;
}

void bl_table_feed_with(struct bl_table_burst *b, unsigned n, bool simd)
{
    if (simd)
        advance_avx2(b, n);
    else
        advance(b, n, 0, false);
}

unsigned bl_table_end_with(struct bl_table_burst *b, unsigned n, bool simd)
{
    if (simd)
        finish_avx2(b, n);
    else
        finish(b, n, false);
    return b->odd_count;
}

void bl_table_feed(struct bl_table_burst *b, unsigned n)
{
    bl_table_feed_with(b, n, bl_table_beat_has_simd());
}

unsigned bl_table_end(struct bl_table_burst *b, unsigned n)
{
    return bl_table_end_with(b, n, bl_table_beat_has_simd());
}

unsigned bl_table_beat(const struct bl_table *t, const struct bl_beat *beats, unsigned n, uint32_t now,
                       struct bl_odd odd[BL_BURST])
{
    struct bl_table_burst b;
    bl_table_begin(&b, t, beats, now, odd);
    return bl_table_end(&b, n);
}
