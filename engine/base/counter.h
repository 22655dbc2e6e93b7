/* SPDX-License-Identifier: Apache-2.0 */
/* counter: a word that one thread writes and any thread reads: counters,
 * and what is published without being followed. The writer needs no
 * locked instruction, a reader sees each word old or new, never half;
 * nothing is said of the order of two words. Any aligned scalar of up to
 * 8 bytes. Cost: a plain load or store.
 *
 * The writer may read its own words plainly. A pointer that readers
 * follow is published with engine/base/rcu.h instead. */
#pragma once

#define BL_READ(field)         __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define BL_WRITE(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)
#define BL_ADD(field, n)       BL_WRITE(field, (field) + (n))
