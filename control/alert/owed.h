/* SPDX-License-Identifier: Apache-2.0 */
/* owed: which events people are told of, bl_notice_wanted and what that
 * cannot know from one event: a node (or view) that they were told is in
 * trouble, and that became unknown without a word (notify.states does not
 * name it), is owed the message that it is ok again. All others that come
 * back from unknown are not: nobody heard of a million nodes behind a dead
 * link, nor need hear that they are back.
 *
 * Shape: a set of keyed hashes of names. Two names share one with a chance
 * of 2^-62. Without memory for a name its recovery is told of, rather than
 * not: the set then says yes to all.
 *
 * Threads: the notifier's. Memory: 16 to 32 bytes for each that is owed. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/core/event.h"
#include "engine/base/key.h"

struct bl_owed {
    const struct bl_key_secret *secret; /* the caller's; outlives it */
    uint64_t *key;                      /* open addressing; 0: free */
    uint32_t capacity, count;           /* a power of two, or 0 */
    bool all;                           /* out of memory once */
};

/* Whether people are told of `e`, the next event; `states`: notify.states. */
bool bl_owed_wants(struct bl_owed *o, const struct bl_event *e, uint32_t states);
void bl_owed_free(struct bl_owed *o);
