/* SPDX-License-Identifier: Apache-2.0 */
/* pause_ends: when which pause ends, soonest first: a binary heap of
 * (second, node). One for each clock that pauses end by: the wall's and
 * the one that counts.
 *
 * An entry is a hint, no promise: a node that was resumed, paused anew or
 * removed leaves its entry behind, and who takes it out compares it with
 * the record. What is left behind is cleared away when it is most of the
 * heap, so that a script that pauses and resumes all day costs no memory.
 *
 * Threads: control only. Memory: 8 bytes an entry. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct bl_pause_end {
    uint32_t end_s; /* of the heap's clock */
    uint32_t node;
};

struct bl_pause_ends {
    struct bl_pause_end *heap;
    uint32_t count, capacity;
};

/* False: out of memory, nothing was added. Cost: log2 of count. */
bool bl_pause_ends_add(struct bl_pause_ends *p, struct bl_pause_end e);

/* Takes the soonest out if it is due at `now_s`; false: none is. */
bool bl_pause_ends_take(struct bl_pause_ends *p, uint32_t now_s, struct bl_pause_end *out);

/* Keeps the entries of which `holds` says so. Cost: linear. */
void bl_pause_ends_clear(struct bl_pause_ends *p,
                         bool (*holds)(const void *ctx, const struct bl_pause_end *e), const void *ctx);

void bl_pause_ends_free(struct bl_pause_ends *p);
