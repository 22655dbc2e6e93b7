/* SPDX-License-Identifier: Apache-2.0 */
/* sweep_scan: the slots of one block at a glance: who in it may be news,
 * and how long the others have left. No branch per slot, so that a scan
 * of everything runs at the speed of the memory it reads.
 *
 * Whether a slot has a node at all is not asked here but where it seems
 * to be news: a slot without one has a blank policy word, which is never
 * news, and a moved or deleted one is at worst looked at too early.
 *
 * Threads: control, under RCU. Used by sweep.c and by nobody else. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/role.h"
#include "engine/table/table.h"

/* What a block's slots say. */
struct bl_scan {
    uint64_t closer;     /* bit i: slot i has expired or is watched */
    uint32_t left_ticks; /* the least threshold - age of all slots; of those in `closer` it may
                            have wrapped, which makes it 2^20 at least */
};

/* With which instructions; all give the same answer. */
enum bl_scan_how { BL_SCAN_PLAIN, BL_SCAN_AVX2, BL_SCAN_AVX512 };

bool bl_sweep_scan_has(enum bl_scan_how how);
/* The best that this machine has. */
enum bl_scan_how bl_sweep_scan_best(void);

/* Scans `lines` <= 16 lines and their policy words from `line` on. `how`:
 * one that this machine has (AVX-512 has AVX2, too). Cost of 16 lines in
 * the cache: 155 ns plain, 30 ns, 11 ns; else what reading them costs. */
struct bl_scan bl_sweep_scan_with(const struct bl_slots *s, uint32_t line, unsigned lines, uint32_t now,
                                  enum bl_scan_how how) BL_ON_CONTROL;
