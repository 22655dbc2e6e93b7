/* SPDX-License-Identifier: Apache-2.0 */
/* The hot path: bl_table_beat. What decides its speed is that no line is
 * touched that was not prefetched:
 *
 *   pass 1   the line of each key is worked out and prefetched
 *   pass 2   each line is compared and its slot beaten; a key that is
 *            not there, but may be further on, becomes a straggler, and
 *            its next line is prefetched
 *   pass 3   the stragglers are looked at in turns until none is left
 */
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

/* Where the probe of one beat stands. */
struct straggler {
    const struct bl_slots *in;
    uint32_t line;
    uint8_t beat;   /* index in the burst */
    uint8_t walked; /* lines past the home line */
    bool last;      /* of the generations to look in */
};

/* One burst on its way. */
struct burst {
    const struct bl_table *table;
    const struct bl_beat *beat;
    uint32_t now;
    unsigned odd_count, stragglers;
    struct bl_odd *odd;
    struct straggler straggler[BL_BURST];
};

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
static void add_odd(struct burst *b, unsigned beat, unsigned why, uint32_t slot)
{
    unsigned at = b->odd_count++;
    for (; at > 0 && b->odd[at - 1].beat > beat; at--)
        b->odd[at] = b->odd[at - 1];
    b->odd[at] = (struct bl_odd){.beat = (uint16_t)beat, .why = (uint16_t)why, .slot = slot};
}

/* Beats a known slot. Returns what is odd about it (bl_odd_why). */
static inline unsigned beat_slot(struct bl_line *l, unsigned place, const struct bl_beat *beat, uint32_t now)
{
    unsigned why = l->key[place] & BL_KEY_ATTEND ? BL_ODD_ATTEND : 0;
    bl_line_beat(l, place, beat, now);
    if (beat->flags & BL_BEAT_HAS_SEQUENCE) {
        if (beat->sequence == l->sequence[place] + 1)
            bl_line_set_sequence(l, place, beat->sequence);
        else
            why |= BL_ODD_SEQUENCE;
    }
    return why;
}

/* Moves the probe on. False: the key is nowhere. */
static bool walk_on(struct straggler *s, const struct bl_table *t, uint64_t key)
{
    if (s->walked + 1u < BL_PROBE_LINES && !bl_line_has_empty(&s->in->line[s->line])) {
        s->walked++;
        s->line = bl_line_after(s->in, s->line);
    } else {
        if (s->last)
            return false;
        s->last = true;
        s->in = s->in == t->slots ? t->next : t->slots;
        s->walked = 0;
        s->line = bl_line_home(s->in, key);
    }
    PREFETCH(&s->in->line[s->line]);
    return true;
}

/* The first line did not have it. */
static __attribute__((noinline)) void missed(struct burst *b, unsigned beat) BL_ON_WORKER;
static void missed(struct burst *b, unsigned beat)
{
    struct straggler *s = &b->straggler[b->stragglers];
    uint64_t key = b->beat[beat].key;
    *s = (struct straggler){.beat = (uint8_t)beat, .last = b->table->next == NULL};
    s->in = first_look(b->table, key, &s->line);
    if (walk_on(s, b->table, key))
        b->stragglers++;
    else
        add_odd(b, beat, BL_ODD_UNKNOWN, BL_SLOT_NONE);
}

/* One turn of pass 3. In order, so that two beats of one node stay so. */
static void turn_of_stragglers(struct burst *b)
{
    unsigned left = 0;
    for (unsigned i = 0; i < b->stragglers; i++) {
        struct straggler s = b->straggler[i];
        const struct bl_beat *beat = &b->beat[s.beat];
        struct bl_line *l = &s.in->line[s.line];
        unsigned hit = bl_line_hit(l, beat->key);
        if (hit != 0) {
            unsigned place = (unsigned)__builtin_ctz(hit);
            unsigned why = beat_slot(l, place, beat, b->now);
            if (why != 0)
                add_odd(b, s.beat, why, slot_name(b->table, l, place));
        } else if (walk_on(&s, b->table, beat->key)) {
            b->straggler[left++] = s;
        } else {
            add_odd(b, s.beat, BL_ODD_UNKNOWN, BL_SLOT_NONE);
        }
    }
    b->stragglers = left;
}

#if HAVE_AVX2
__attribute__((target("avx2"))) static inline unsigned hit_avx2(const struct bl_line *l, uint64_t key)
{
    __m256i keys = _mm256_load_si256((const __m256i *)l->key);
    __m256i bare = _mm256_andnot_si256(_mm256_set1_epi64x((long long)BL_KEY_ATTEND), keys);
    __m256i same = _mm256_cmpeq_epi64(bare, _mm256_set1_epi64x((long long)key));
    return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(same));
}
#endif

/* Passes 1 and 2; `avx2` is a constant where this is inlined. */
static inline __attribute__((always_inline)) void first_passes(struct burst *b, unsigned n, bool avx2)
    BL_ON_WORKER;
static inline void first_passes(struct burst *b, unsigned n, bool avx2)
{
    struct bl_line *line[BL_BURST];
    for (unsigned i = 0; i < n; i++) {
        uint32_t at;
        const struct bl_slots *s = first_look(b->table, b->beat[i].key, &at);
        line[i] = &s->line[at];
        PREFETCH(line[i]);
    }
    for (unsigned i = 0; i < n; i++) {
        const struct bl_beat *beat = &b->beat[i];
#if HAVE_AVX2
        unsigned hit = avx2 ? hit_avx2(line[i], beat->key) : bl_line_hit(line[i], beat->key);
#else
        (void)avx2;
        unsigned hit = bl_line_hit(line[i], beat->key);
#endif
        if (__builtin_expect(hit == 0, 0)) {
            missed(b, i);
            continue;
        }
        unsigned place = (unsigned)__builtin_ctz(hit);
        unsigned why = beat_slot(line[i], place, beat, b->now);
        if (__builtin_expect(why != 0, 0))
            add_odd(b, i, why, slot_name(b->table, line[i], place));
    }
}

#if HAVE_AVX2
__attribute__((target("avx2"))) static void first_passes_avx2(struct burst *b, unsigned n) BL_ON_WORKER;
static void first_passes_avx2(struct burst *b, unsigned n)
{
    first_passes(b, n, true);
}
#endif

unsigned bl_table_beat_with(struct bl_table *t, const struct bl_beat *beats, unsigned n, uint32_t now,
                            struct bl_odd odd[BL_BURST], bool simd)
{
    struct burst b;
    b.table = t;
    b.beat = beats;
    b.now = now;
    b.odd = odd;
    b.odd_count = b.stragglers = 0;
#if HAVE_AVX2
    if (simd)
        first_passes_avx2(&b, n);
    else
#else
    (void)simd;
#endif
        first_passes(&b, n, false);
    while (b.stragglers > 0)
        turn_of_stragglers(&b);
    return b.odd_count;
}

bool bl_table_beat_has_simd(void)
{
#if HAVE_AVX2
    return __builtin_cpu_supports("avx2") != 0;
#else
    return false;
#endif
}

unsigned bl_table_beat(struct bl_table *t, const struct bl_beat *beats, unsigned n, uint32_t now,
                       struct bl_odd odd[BL_BURST])
{
    return bl_table_beat_with(t, beats, n, now, odd, bl_table_beat_has_simd());
}
