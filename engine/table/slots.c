/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of one generation of the table: one mapping in the
 * biggest pages there are for what beats and the sweep touch (lines,
 * policy words, attention), and of plain pages one for the anomalies and
 * one for the statistics, whose pages most tables never touch. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "engine/table/table.h"

#define HUGE_PAGE ((size_t)2 << 20) /* bytes; x86-64 and arm64 with 4 KiB pages */
#define PAGE      ((size_t)4096)    /* bytes; the smallest page anywhere */

/* Linux 5.14; older headers do not name it. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static size_t round_up(size_t bytes, size_t to)
{
    return (bytes + to - 1) / to * to;
}

static void *map_pages(size_t bytes, int flags)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* Aligned to a huge page, so that transparent ones can back all of it. */
static void *map_transparent(size_t bytes)
{
    char *p = map_pages(bytes + HUGE_PAGE, 0);
    if (p == NULL)
        return NULL;
    size_t head = round_up((uintptr_t)p, HUGE_PAGE) - (uintptr_t)p;
    if (head > 0)
        munmap(p, head);
    munmap(p + head + bytes, HUGE_PAGE - head);
    /* A refusal means plain pages: slower, not wrong. */
    (void)madvise(p + head, bytes, MADV_HUGEPAGE);
    return p + head;
}

static void *map_biggest_pages(size_t *bytes, bool *huge)
{
    void *p;
    *huge = false;
    if (*bytes < HUGE_PAGE) {
        *bytes = round_up(*bytes, PAGE);
        return map_pages(*bytes, 0);
    }
    *bytes = round_up(*bytes, HUGE_PAGE);
    p = map_pages(*bytes, MAP_HUGETLB);
    if (p != NULL) {
        *huge = true;
        return p;
    }
    return map_transparent(*bytes);
}

static size_t sparse_bytes(const struct bl_slots *s, size_t bytes_a_slot)
{
    return round_up(s->slot_count * bytes_a_slot, PAGE);
}

static void *map_sparse(const struct bl_slots *s, size_t bytes_a_slot)
{
    size_t bytes = sparse_bytes(s, bytes_a_slot);
    void *p = map_pages(bytes, MAP_NORESERVE);
    if (p != NULL)
        (void)madvise(p, bytes, MADV_NOHUGEPAGE);
    return p;
}

static size_t line_bytes(const struct bl_slots *s)
{
    return (size_t)s->line_count * sizeof(*s->line);
}

static size_t policy_bytes(const struct bl_slots *s)
{
    return (size_t)s->slot_count * sizeof(*s->policy);
}

static void place_arrays(struct bl_slots *s, char *at)
{
    s->line = (void *)at;
    s->policy = (void *)(at + line_bytes(s));
    s->slot_flags = (void *)(at + line_bytes(s) + policy_bytes(s));
}

static bool map_arrays(struct bl_slots *s)
{
    s->bytes = line_bytes(s) + policy_bytes(s) + s->slot_count;
    char *p = map_biggest_pages(&s->bytes, &s->huge);
    if (p == NULL)
        return false;
    place_arrays(s, p);
    s->anomaly = map_sparse(s, sizeof(*s->anomaly));
    s->stats = map_sparse(s, sizeof(*s->stats));
    return s->anomaly != NULL && s->stats != NULL;
}

struct bl_slots *bl_slots_new(uint64_t slots)
{
    if (slots > BL_SLOTS_MAX) {
        errno = EINVAL;
        return NULL;
    }
    struct bl_slots *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    s->line_count = slots == 0 ? 1 : (uint32_t)((slots + BL_LINE_SLOTS - 1) / BL_LINE_SLOTS);
    s->slot_count = s->line_count * BL_LINE_SLOTS;
    if (!map_arrays(s)) {
        int why = errno;
        bl_slots_free(s);
        errno = why;
        return NULL;
    }
    return s;
}

/* For kernels without MADV_POPULATE_WRITE, which say EINVAL; where one
 * that has it found no page, a touch would be a SIGBUS. Adding 0 is
 * harmless even to a page that is in use. */
static void slots_touch(char *p, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += PAGE)
        (void)__atomic_fetch_add(p + i, 0, __ATOMIC_RELAXED);
}

/* The arrays' mapping on other pages, if explicit huge ones are promised
 * and not to be had (a limit of the control group is met when a page is
 * touched, which kills). Nobody uses the generation yet: it is blank. */
static bool leave_huge_pages(struct bl_slots *s)
{
    size_t bytes = s->bytes;
    char *p = s->huge ? map_transparent(bytes) : NULL;
    if (p == NULL)
        return false;
    munmap(s->line, bytes);
    place_arrays(s, p);
    s->huge = false;
    s->prefaulted = 0;
    return true;
}

int bl_slots_prefault(struct bl_slots *s, size_t bytes)
{
    size_t left = s->bytes - s->prefaulted;
    size_t step = left;
    char *from = (char *)s->line + s->prefaulted;
    if (bytes < left)
        step = round_up(bytes, s->bytes < HUGE_PAGE ? PAGE : HUGE_PAGE);
    if (step > left)
        step = left;
    int why = step > 0 && madvise(from, step, MADV_POPULATE_WRITE) != 0 ? errno : 0;
    if (why == EINVAL)
        slots_touch(from, step);
    else if (why != 0)
        return leave_huge_pages(s) ? 0 : -why;
    s->prefaulted += step;
    return s->prefaulted == s->bytes;
}

void bl_slots_free(struct bl_slots *s)
{
    if (s == NULL)
        return;
    if (s->line != NULL)
        munmap(s->line, s->bytes);
    if (s->anomaly != NULL)
        munmap(s->anomaly, sparse_bytes(s, sizeof(*s->anomaly)));
    if (s->stats != NULL)
        munmap(s->stats, sparse_bytes(s, sizeof(*s->stats)));
    free(s);
}
