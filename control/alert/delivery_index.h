/* SPDX-License-Identifier: Apache-2.0 */
/* delivery_index: an outbox's deliveries by what they are about, a node
 * or a view: at most one each. A hash table of chains through the
 * deliveries. The hash has a secret: names come from the network, and
 * nobody may aim a million of them at one chain.
 *
 * Threads: the notifier's. Memory: 8 to 16 bytes a delivery. Cost: a hash
 * of the name and about one comparison; growth doubles the table, at
 * about 20 ms for a million deliveries. */
#pragma once

#include <stdint.h>

#include "control/alert/notice.h"
#include "engine/base/key.h"

struct bl_delivery;

struct bl_delivery_index {
    const struct bl_key_secret *secret; /* the caller's; outlives it */
    struct bl_delivery **chain;         /* NULL: nothing was added yet */
    uint32_t chains, count;             /* chains: a power of two */
};

/* The delivery about the same node or view as `n`; NULL: there is none. */
struct bl_delivery *bl_delivery_index_find(const struct bl_delivery_index *x, const struct bl_notice *n);
/* Takes `d` in; there is none about the same yet. 0, or -ENOMEM: it is
 * not in it. Only the first call can fail: without memory to grow, the
 * chains get longer. */
int bl_delivery_index_add(struct bl_delivery_index *x, struct bl_delivery *d);
/* Puts `to`, about the same, in the place of `d`. */
void bl_delivery_index_replace(struct bl_delivery_index *x, struct bl_delivery *d, struct bl_delivery *to);
/* Takes `d`, which is in it, out; the last one takes the memory along. */
void bl_delivery_index_remove(struct bl_delivery_index *x, struct bl_delivery *d);
