/* SPDX-License-Identifier: Apache-2.0 */
/* The hot path: a burst of beats. What decides its speed is that no line is
 * touched that was not prefetched, and how few instructions there are to a
 * beat: a prefetch that waits for a free fill buffer holds up all that
 * comes after it, and the processor sees the next prefetches only as far
 * as its window of a few hundred instructions reaches.
 *
 *   fetch        the lines of the beats that come are asked for
 *   first look   the feed after, each line is compared and its slot
 *                beaten; a key that is not there, but may be in the next
 *                line, becomes a straggler, and that line is asked for
 *   turns        the two feeds after that, the stragglers are looked at
 *
 * Only the end of a stream, and a probe that goes far, waits for memory. */
#include <string.h>

#include "engine/base/counter.h"
#include "engine/base/rcu.h"
#include "engine/table/table.h"
#include "engine/table/table_line.h"

#if defined(__x86_64__) && !BL_TSAN
#define HAVE_AVX2 1
#include <immintrin.h>
#else
#define HAVE_AVX2 0
#endif

/* A straggler of so many turns is looked for to the end, waiting for
 * memory if it must, so that its beat may go. */
#define TURNS_MAX (BL_FEEDS_KEPT - 1)

/* Beats that bl_table_beat feeds at a time. */
#define FEED 64u

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* The generation to look in first: `next` for a home line that growth
 * has been through. move_line is 0 when nothing grows. */
BL_ON_WORKER static inline const struct bl_slots *first_look(const struct bl_table *t, uint64_t key,
                                                             uint32_t *line)
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

static void add_exception(struct bl_table_burst *b, const struct bl_beat *beat, unsigned why, uint32_t slot)
{
    b->exception[b->exception_count++] = (struct bl_exception){.beat = beat, .slot = slot, .why = why};
}

/* Whether the beat is the one after `stored`: the next sequence, a tick
 * that is not before it. One subtraction tells both: anything else borrows
 * from the sequence or leaves too much. Ages of up to BL_TIMEOUT_MAX_MS
 * need the bound of three days; who was silent for longer is looked at
 * closely. */
#define NEXT_WITHIN_TICKS (UINT64_C(1) << 28)
_Static_assert(BL_TIMEOUT_MAX_MS < UINT32_MAX - (uint32_t)NEXT_WITHIN_TICKS, "no older tick looks younger");
_Static_assert(BL_BEAT_HAS_SEQUENCE == 1, "flags are the step of the sequence");

static ALWAYS_INLINE bool is_next(uint64_t stored, const struct bl_beat *beat)
{
    uint64_t step = (uint64_t)beat->flags << 32;
    return __builtin_expect(beat->stamp - stored - step < NEXT_WITHIN_TICKS, 1);
}

/* Beats a known slot. Returns what is exceptional about it (bl_exception_why) but for
 * BL_EXCEPTION_FLAGGED. */
static ALWAYS_INLINE unsigned beat_slot(struct bl_line *l, unsigned place, const struct bl_beat *beat,
                                        uint32_t now)
{
    uint64_t stored = l->stamp[place];
    if (is_next(stored, beat)) {
        bl_line_set_stamp(l, place, beat->stamp);
        return 0;
    }
    bl_line_beat(l, place, bl_stamp_tick(beat->stamp), now);
    if (!(beat->flags & BL_BEAT_HAS_SEQUENCE))
        return 0;
    if (bl_stamp_sequence(beat->stamp) != bl_stamp_sequence(stored) + 1)
        return BL_EXCEPTION_SEQUENCE;
    bl_line_set_sequence(l, place, bl_stamp_sequence(beat->stamp));
    return 0;
}

static ALWAYS_INLINE unsigned table_beat_attention(const struct bl_line *l, unsigned place)
{
    return l->key[place] & BL_KEY_FLAGGED ? BL_EXCEPTION_FLAGGED : 0;
}

/* ---- what a line holds ------------------------------------------------
 *
 * By vector or by word, with the same answers; `avx2` is a constant where
 * these are inlined. The vector does it for the stragglers, too: a look
 * by word costs them more than the memory does. */

#if HAVE_AVX2
__attribute__((target("avx2,bmi"))) static inline unsigned same_avx2(__m256i keys, const uint64_t *key)
{
    /* From memory, whatever the compiler was told to tune for. */
    __m256i same = _mm256_cmpeq_epi64(keys, _mm256_broadcastq_epi64(_mm_loadl_epi64((const __m128i *)key)));
    return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(same));
}

__attribute__((target("avx2,bmi"))) static inline unsigned hit_avx2(const struct bl_line *l,
                                                                    const uint64_t *key)
{
    __m256i keys = _mm256_load_si256((const __m256i *)l->key);
    return same_avx2(_mm256_andnot_si256(_mm256_set1_epi64x((long long)BL_KEY_FLAGGED), keys), key);
}

__attribute__((target("avx2,bmi"))) static inline unsigned plain_hit_avx2(const struct bl_line *l,
                                                                          const uint64_t *key)
{
    return same_avx2(_mm256_load_si256((const __m256i *)l->key), key);
}

__attribute__((target("avx2,bmi"))) static inline bool has_empty_avx2(const struct bl_line *l)
{
    __m256i keys = _mm256_load_si256((const __m256i *)l->key);
    __m256i empty = _mm256_cmpeq_epi64(keys, _mm256_setzero_si256());
    return !_mm256_testz_si256(empty, empty);
}
_Static_assert(BL_KEY_EMPTY == 0, "has_empty_avx2 compares with zero");
#endif

static ALWAYS_INLINE unsigned hit_of(const struct bl_line *l, const uint64_t *key, bool avx2)
{
#if HAVE_AVX2
    if (avx2)
        return hit_avx2(l, key);
#else
    (void)avx2;
#endif
    return bl_line_hit(l, *key);
}

/* Bit i: place i holds `key` and asks for no attention. */
static ALWAYS_INLINE unsigned plain_hit_of(const struct bl_line *l, const uint64_t *key, bool avx2)
{
#if HAVE_AVX2
    if (avx2)
        return plain_hit_avx2(l, key);
#else
    (void)avx2;
#endif
    unsigned hit = 0;
    for (unsigned i = 0; i < BL_LINE_SLOTS; i++)
        hit |= (unsigned)(bl_line_key(l, i) == *key) << i;
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
static ALWAYS_INLINE bool walk_on(struct bl_straggler *s, const struct bl_table *t, bool avx2)
{
    if (s->walked + 1u < BL_PROBE_LINES && !has_empty(&s->in->line[s->line], avx2)) {
        s->walked++;
        s->line = bl_line_after(s->in, s->line);
        return true;
    }
    return !s->last && cross_over(s, t, s->beat->key);
}

/* Beats it where its probe stands. False: it is not there. */
static ALWAYS_INLINE bool table_beat_found(struct bl_table_burst *b, const struct bl_straggler *s, bool avx2)
{
    struct bl_line *l = &s->in->line[s->line];
    unsigned hit = hit_of(l, &s->beat->key, avx2);
    if (hit == 0)
        return false;
    unsigned place = (unsigned)__builtin_ctz(hit);
    unsigned why = table_beat_attention(l, place) | beat_slot(l, place, s->beat, b->now);
    if (__builtin_expect(why != 0, 0))
        add_exception(b, s->beat, why, slot_name(b->table, l, place));
    return true;
}

/* One turn. In order, so that two beats of one node stay so. A second
 * line is asked for along with the next: who needs that one may need it. */
static ALWAYS_INLINE void turn_of_stragglers(struct bl_table_burst *b, bool avx2)
{
    unsigned left = 0;
    for (unsigned i = 0; i < b->straggler_count; i++) {
        struct bl_straggler *s = &b->straggler[i];
        bool is_there = table_beat_found(b, s, avx2), goes_on = !is_there && walk_on(s, b->table, avx2);
        for (s->turns++; goes_on && s->turns == TURNS_MAX;) {
            is_there = table_beat_found(b, s, avx2);
            goes_on = !is_there && walk_on(s, b->table, avx2);
        }
        if (goes_on) {
            BL_LINE_PREFETCH(&s->in->line[s->line]);
            BL_LINE_PREFETCH(&s->in->line[bl_line_after(s->in, s->line)]);
            b->straggler[left++] = *s;
        } else if (!is_there) {
            add_exception(b, s->beat, BL_EXCEPTION_UNKNOWN, BL_SLOT_NONE);
        }
    }
    b->straggler_count = left;
}

/* ---- first looks ---------------------------------------------------------- */

/* The home line did not have it. */
BL_ON_WORKER static ALWAYS_INLINE void table_beat_missed(struct bl_table_burst *b, const struct bl_beat *beat,
                                                         bool avx2)
{
    struct bl_straggler *s = &b->straggler[b->straggler_count];
    const struct bl_table *t = b->table;
    *s = (struct bl_straggler){.beat = beat, .last = true, .in = t->slots};
    if (t->next == NULL) {
        s->line = bl_line_home(t->slots, beat->key);
    } else {
        s->last = bl_line_is_moved(t, beat->key);
        s->in = first_look(t, beat->key, &s->line);
    }
    if (walk_on(s, t, avx2)) {
        BL_LINE_PREFETCH(&s->in->line[s->line]);
        b->straggler_count++;
    } else {
        add_exception(b, beat, BL_EXCEPTION_UNKNOWN, BL_SLOT_NONE);
    }
}

/* Not there, or there and to be looked at, or not the next beat. */
BL_ON_WORKER static ALWAYS_INLINE void look_closer(struct bl_table_burst *b, const struct bl_beat *beat,
                                                   struct bl_line *line, bool avx2)
{
    unsigned hit = hit_of(line, &beat->key, avx2);
    if (hit == 0) {
        table_beat_missed(b, beat, avx2);
        return;
    }
    unsigned place = (unsigned)__builtin_ctz(hit);
    unsigned why = table_beat_attention(line, place) | beat_slot(line, place, beat, b->now);
    if (why != 0)
        add_exception(b, beat, why, slot_name(b->table, line, place));
}

#if HAVE_AVX2
__attribute__((target("avx2,bmi"), noinline)) static void
look_closer_avx2(struct bl_table_burst *b, const struct bl_beat *beat, struct bl_line *line) BL_ON_WORKER;
static void look_closer_avx2(struct bl_table_burst *b, const struct bl_beat *beat, struct bl_line *line)
{
    look_closer(b, beat, line, true);
}
#else
#define look_closer_avx2(b, beat, line) look_closer(b, beat, line, false)
#endif

BL_ON_WORKER static ALWAYS_INLINE void table_beat_look(struct bl_table_burst *b, const struct bl_beat *beat,
                                                       struct bl_line *line, bool avx2)
{
    unsigned hit = plain_hit_of(line, &beat->key, avx2);
    if (__builtin_expect(hit != 0, 1)) {
        uint64_t *stamp = &line->stamp[(unsigned)__builtin_ctz(hit)];
        if (is_next(*stamp, beat)) {
            BL_WRITE(*stamp, beat->stamp);
            return;
        }
    }
    /* Out of line: the loop keeps its registers. */
    if (avx2)
        look_closer_avx2(b, beat, line);
    else
        look_closer(b, beat, line, false);
}

/* Asks for the line where a key is looked for first. `at`: the lines of
 * the current generation. */
BL_ON_WORKER static ALWAYS_INLINE struct bl_line *
table_beat_fetch(const struct bl_table *t, uint64_t key, const struct bl_slots *at, uint32_t move_line)
{
    uint32_t home = bl_line_home(at, key);
    struct bl_line *line = &at->line[home];
    if (__builtin_expect(home < move_line, 0))
        line = &t->next->line[bl_line_home(t->next, key)];
    BL_LINE_PREFETCH(line);
    return line;
}

/* Asks for the lines of `n` beats and looks at those that wait, in turns. */
BL_ON_WORKER static ALWAYS_INLINE void fetch_and_look(struct bl_table_burst *b, const struct bl_beat *beats,
                                                      unsigned n, bool avx2)
{
    const struct bl_table *t = b->table;
    const struct bl_slots at = {.line = t->slots->line, .line_count = t->slots->line_count};
    const uint32_t move_line = t->move_line;
    const struct bl_beat *waiting = b->first_waiting;
    const unsigned looks = b->waiting, both = looks < n ? looks : n;
    for (unsigned i = 0; i < both; i++) {
        struct bl_line *line = b->line[i];
        b->line[i] = table_beat_fetch(t, beats[i].key, &at, move_line);
        table_beat_look(b, &waiting[i], line, avx2);
    }
    for (unsigned i = both; i < looks; i++)
        table_beat_look(b, &waiting[i], b->line[i], avx2);
    for (unsigned i = both; i < n; i++)
        b->line[i] = table_beat_fetch(t, beats[i].key, &at, move_line);
}

BL_ON_WORKER static ALWAYS_INLINE void table_beat_feed(struct bl_table_burst *b, const struct bl_beat *beats,
                                                       unsigned n, bool avx2)
{
    b->exception_count = 0;
    if (b->straggler_count > 0)
        turn_of_stragglers(b, avx2);
    fetch_and_look(b, beats, n, avx2);
    b->first_waiting = beats;
    b->waiting = n;
}

BL_ON_WORKER static ALWAYS_INLINE void table_beat_end(struct bl_table_burst *b, bool avx2)
{
    table_beat_feed(b, NULL, 0, avx2);
    while (b->straggler_count > 0)
        turn_of_stragglers(b, avx2);
}

#if HAVE_AVX2
__attribute__((target("avx2,bmi"))) static void feed_avx2(struct bl_table_burst *b,
                                                          const struct bl_beat *beats, unsigned n)
    BL_ON_WORKER;
static void feed_avx2(struct bl_table_burst *b, const struct bl_beat *beats, unsigned n)
{
    table_beat_feed(b, beats, n, true);
}

__attribute__((target("avx2,bmi"))) static void end_avx2(struct bl_table_burst *b) BL_ON_WORKER;
static void end_avx2(struct bl_table_burst *b)
{
    table_beat_end(b, true);
}
#else
#define feed_avx2(b, beats, n) table_beat_feed(b, beats, n, false)
#define end_avx2(b)            table_beat_end(b, false)
#endif

bool bl_table_beat_has_simd(void)
{
#if HAVE_AVX2
    return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi") != 0;
#else
    return false;
#endif
}

void bl_table_begin(struct bl_table_burst *b, const struct bl_table *t, uint32_t now)
{
    b->table = t;
    b->now = now;
    b->waiting = b->straggler_count = b->exception_count = 0;
    b->first_waiting = NULL;
}

void bl_table_feed_with(struct bl_table_burst *b, const struct bl_beat *beats, unsigned n, bool simd)
{
    if (simd)
        feed_avx2(b, beats, n);
    else
        table_beat_feed(b, beats, n, false);
}

void bl_table_end_with(struct bl_table_burst *b, bool simd)
{
    if (simd)
        end_avx2(b);
    else
        table_beat_end(b, false);
}

void bl_table_feed(struct bl_table_burst *b, const struct bl_beat *beats, unsigned n)
{
    bl_table_feed_with(b, beats, n, bl_table_beat_has_simd());
}

void bl_table_end(struct bl_table_burst *b)
{
    bl_table_end_with(b, bl_table_beat_has_simd());
}

static unsigned take_exception(const struct bl_table_burst *b, struct bl_exception *exception)
{
    memcpy(exception, b->exception, b->exception_count * sizeof(*exception));
    return b->exception_count;
}

unsigned bl_table_beat(const struct bl_table *t, const struct bl_beat *beats, unsigned n, uint32_t now,
                       struct bl_exception exception[BL_BURST])
{
    struct bl_table_burst b;
    unsigned count = 0;
    bl_table_begin(&b, t, now);
    for (unsigned fed = 0; fed < n; fed += FEED) {
        bl_table_feed(&b, beats + fed, n - fed < FEED ? n - fed : FEED);
        count += take_exception(&b, exception + count);
    }
    bl_table_end(&b);
    return count + take_exception(&b, exception + count);
}
