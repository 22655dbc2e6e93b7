/* SPDX-License-Identifier: Apache-2.0 */
/* random: a seeded generator for tests. The seed is printed, and taken
 * from BL_SEED to run a failure again. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct test_random {
    uint64_t state;
};

/* The same for the whole run, also where a test draws anew and compares. */
static inline uint64_t test_random_seed(const char *who)
{
    static uint64_t of_the_run;
    const char *given = getenv("BL_SEED");
    if (of_the_run == 0)
        of_the_run = (uint64_t)time(NULL);
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : of_the_run;
    printf("%s: BL_SEED=%llu\n", who, (unsigned long long)seed);
    return seed;
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static inline uint64_t test_random_u64(struct test_random *r)
{
    uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 0..bound-1. */
static inline uint32_t test_random_below(struct test_random *r, uint32_t bound)
{
    return (uint32_t)((test_random_u64(r) >> 32) * bound >> 32);
}
