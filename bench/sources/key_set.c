/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/sources/key_set.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

static void out_of_memory(const char *what)
{
    fprintf(stderr, "beatline-bench: no memory for %s\n", what);
    exit(1);
}

/* ---- order ---------------------------------------------------------------- */

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Zipf with exponent 1 by inversion of the harmonic sum's integral:
 * H(r) is about ln r + gamma, so rank = N^u. */
static uint64_t zipf_rank(uint64_t *state, uint64_t count)
{
    double u = (double)(next_random(state) >> 11) * 0x1p-53;
    uint64_t rank = (uint64_t)pow((double)count, u) - 1;
    return rank < count ? rank : count - 1;
}

void bl_bench_secret(struct bl_key_secret *secret)
{
    uint8_t seed[BL_KEY_SECRET_BYTES + 24];
    uint64_t state = 1;
    for (size_t i = 0; i < sizeof(seed); i++)
        seed[i] = (uint8_t)next_random(&state);
    bl_key_secret_init(secret, seed);
}

void bl_key_set_init(struct bl_key_set *n, uint64_t count, enum bl_beat_order order)
{
    uint64_t state = 1;
    bl_bench_secret(&n->secret);
    n->count = count;
    n->order = order;
    n->key = malloc(count * sizeof(*n->key));
    if (!n->key)
        out_of_memory("the nodes' keys");
    for (uint64_t i = 0; i < count; i++)
        n->key[i] = bl_key_of_id(&n->secret, order == BL_BEATS_ZIPF ? zipf_rank(&state, count) : i);
}

void bl_key_set_fini(struct bl_key_set *n)
{
    free(n->key);
    n->key = NULL;
}

/* ---- memory ---------------------------------------------------------------- */

static void *map_aligned(size_t bytes)
{
    char *p = mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    size_t head = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
    if (head > 0)
        munmap(p, head);
    munmap(p + head + bytes, HUGE_PAGE - head);
    return p + head;
}

/* Moves a fresh generation, not touched yet, to pages of another kind. */
static bool change_pages(struct bl_slots *s, enum bl_pages pages)
{
    char *p = map_aligned(s->bytes);
    if (!p || madvise(p, s->bytes, pages == BL_PAGES_PLAIN ? MADV_NOHUGEPAGE : MADV_HUGEPAGE) != 0)
        return false;
    munmap(s->line, s->bytes);
    s->policy = (uint64_t *)(void *)(p + ((char *)s->policy - (char *)s->line));
    s->slot_flags = (uint8_t *)(p + ((char *)s->slot_flags - (char *)s->line));
    s->line = (struct bl_line *)(void *)p;
    s->huge = false;
    return true;
}

struct bl_slots *bl_bench_slots(uint64_t slots, enum bl_pages pages)
{
    struct bl_slots *s = bl_slots_new(slots);
    if (s && s->bytes >= HUGE_PAGE && pages != BL_PAGES_BEST && !change_pages(s, pages)) {
        bl_slots_free(s);
        return NULL;
    }
    while (s && bl_slots_prefault(s, s->bytes) == 0)
        ;
    return s;
}

const char *bl_bench_pages_name(const struct bl_slots *s, enum bl_pages pages)
{
    if (s->huge)
        return "explicit 2 MiB";
    return pages == BL_PAGES_PLAIN ? "4 KiB" : "transparent 2 MiB";
}

bool bl_key_set_table(const struct bl_key_set *n, enum bl_pages pages, struct bl_table *t)
{
    bl_role_assume_worker();
    struct bl_slots *s = bl_bench_slots((uint64_t)((double)n->count / BL_BENCH_FILL), pages);
    if (!s)
        return false;
    bl_table_init(t, s, UINT32_MAX);
    for (uint64_t i = 0; i < n->count; i++) {
        struct bl_beat beat = {.key = bl_key_of_id(&n->secret, bl_key_set_shuffled(n, i)),
                               .stamp = 1,
                               .flags = BL_BEAT_HAS_SEQUENCE};
        uint32_t slot;
        (void)bl_table_insert(t, &beat, 1, &slot);
    }
    return true;
}

uint64_t bl_bench_meminfo(const char *name)
{
    uint64_t value = 0;
    char line[128];
    FILE *f = fopen("/proc/meminfo", "re");
    while (f && fgets(line, sizeof(line), f))
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtoull(line + strlen(name), NULL, 10);
    if (f)
        (void)fclose(f);
    return value;
}
