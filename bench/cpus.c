/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cpus.h"

#include <pthread.h>
#include <sched.h>

/* What the process was given; read once, before anything is pinned. */
static cpu_set_t given;

bool bl_cpus_two(int cpu[2])
{
    if (CPU_COUNT(&given) == 0)
        (void)sched_getaffinity(0, sizeof(given), &given);
    int found = 0;
    for (int i = 0; i < CPU_SETSIZE && found < 2; i++)
        if (CPU_ISSET((size_t)i, &given))
            cpu[found++] = i;
    return found == 2;
}

void bl_cpus_pin(int cpu)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    if (cpu >= 0)
        CPU_SET((size_t)cpu, &one);
    (void)pthread_setaffinity_np(pthread_self(), sizeof(one), cpu >= 0 ? &one : &given);
}
