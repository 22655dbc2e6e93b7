/* SPDX-License-Identifier: Apache-2.0 */
/* real_time: the machine's clock, for tests in which threads or the
 * kernel take their own time. Where time can be passed, pass it. Any
 * thread. */
#pragma once

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC: what the daemon's own clocks follow. */
static inline uint64_t real_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t real_now_ms(void)
{
    return real_now_ns() / 1000000u;
}

static inline void real_sleep_ms(unsigned ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}
