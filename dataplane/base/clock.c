/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/base/clock.h"

#include <time.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* How long the TSC's rate is measured. A moment on both clocks is known
 * to within PAIR_NS, so that the rate is right to 1e-3 at worst: 1 us in
 * a span; 5e-5 as a rule. */
#define MEASURE_NS UINT64_C(2000000)
#define PAIR_NS    1000u
#define PAIR_TRIES 16u

static uint64_t monotonic_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool tsc_is_invariant(void)
{
#if defined(__x86_64__)
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & (1u << 8));
#else
    return false;
#endif
}

struct moment {
    uint64_t ns, tsc;
};

/* The same moment on both clocks: of several tries the one that was
 * interrupted least. */
static struct moment read_both(void)
{
    struct moment m = {0, 0};
    uint64_t best = UINT64_MAX;
    for (unsigned i = 0; i < PAIR_TRIES && best > PAIR_NS; i++) {
        uint64_t before = monotonic_ns(), tsc = bl_clock_tsc(), after = monotonic_ns();
        if (after - before >= best)
            continue;
        best = after - before;
        m = (struct moment){.ns = before + best / 2, .tsc = tsc};
    }
    return m;
}

void bl_clock_init(struct bl_clock *c)
{
    *c = (struct bl_clock){.base_ns = 0};
    if (!tsc_is_invariant()) {
        (void)bl_clock_reference(c);
        return;
    }
    struct moment start = read_both(), end;
    do
        end = read_both();
    while (end.ns - start.ns < MEASURE_NS);
    uint64_t ns = end.ns - start.ns, tsc = end.tsc - start.tsc;
    if (tsc != 0) {
        c->ns_per_tsc = (uint64_t)(((unsigned __int128)ns << 32) / tsc);
        c->span_tsc = (uint64_t)((unsigned __int128)BL_CLOCK_SPAN_NS * tsc / ns);
    }
    (void)bl_clock_reference(c);
}

uint64_t bl_clock_reference(struct bl_clock *c)
{
    c->base_tsc = bl_clock_tsc();
    c->base_ns = monotonic_ns();
    if (c->base_ns > c->last_ns)
        c->last_ns = c->base_ns;
    return c->last_ns;
}
