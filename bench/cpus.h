/* SPDX-License-Identifier: Apache-2.0 */
/* cpus: which CPUs a case with two sides at work may use, and pinning. */
#pragma once

#include <stdbool.h>

/* The first two CPUs that the process may use; false: there is but one. */
bool bl_cpus_two(int cpu[2]);
/* The calling thread runs on `cpu` alone; -1: where it could at the time
 * of the first bl_cpus_two. */
void bl_cpus_pin(int cpu);
