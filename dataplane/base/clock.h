/* SPDX-License-Identifier: Apache-2.0 */
/* clock: CLOCK_MONOTONIC for a poll loop, cheaper than asking for it.
 *
 * On x86 with an invariant TSC the time is extrapolated from the TSC and
 * referenced to the kernel's clock anew every BL_CLOCK_SPAN_NS, so that
 * it neither drifts nor is fooled by a paused or moved machine for
 * longer than one call. Elsewhere each call is a clock_gettime (vDSO).
 * Never goes backwards. Off by 1 us at most, when the rate was measured
 * badly; by 0.1 us as a rule.
 *
 * Threads: one thread per struct bl_clock. Cost: 8 ns extrapolated (the
 * rdtsc), 25 ns asked (measured on an EPYC 9xx4 guest). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#define BL_CLOCK_SPAN_NS UINT64_C(1000000)

struct bl_clock {
    uint64_t base_ns, base_tsc; /* a moment on both clocks */
    uint64_t span_tsc;          /* BL_CLOCK_SPAN_NS in TSC ticks; 0: ask each time */
    uint64_t ns_per_tsc;        /* times 2^32 */
    uint64_t last_ns;
};

/* Measures the TSC's rate: takes 2 ms. */
void bl_clock_init(struct bl_clock *c);

/* Asks the kernel and starts a new span. */
uint64_t bl_clock_reference(struct bl_clock *c);

static inline uint64_t bl_clock_tsc(void)
{
#if defined(__x86_64__)
    return __rdtsc();
#else
    return 0;
#endif
}

/* Now, in ns of CLOCK_MONOTONIC. */
static inline uint64_t bl_clock_now_ns(struct bl_clock *c)
{
    uint64_t elapsed_tsc = bl_clock_tsc() - c->base_tsc;
    if (__builtin_expect(elapsed_tsc >= c->span_tsc, 0))
        return bl_clock_reference(c);
    uint64_t now_ns = c->base_ns + (elapsed_tsc * c->ns_per_tsc >> 32);
    if (now_ns > c->last_ns)
        c->last_ns = now_ns;
    return c->last_ns;
}
