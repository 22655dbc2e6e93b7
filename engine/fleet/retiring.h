/* SPDX-License-Identifier: Apache-2.0 */
/* retiring: the keys that one table's worker is to delete, from the
 * moment that control decides so until the worker has done it. Until
 * then the table holds a record of the key that counts for nobody.
 *
 * Shape: deletions are numbered 1, 2, 3 as control asks for them, handed
 * to the worker in that order and done in that order, so one number says
 * how far the worker is (`done`). A queue of what the worker's ring has
 * not taken yet; an open-addressing set key -> number, whose entries end
 * by being done, not one by one.
 *
 * Threads: control. Memory: 16 bytes an entry in a set at most half full,
 * made as large as what is under way, and 8 bytes a waiting key. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct bl_retiring_entry {
    uint64_t key;
    uint64_t number; /* 0: no entry */
};

/* All zero: nothing is under way. */
struct bl_retiring {
    struct bl_retiring_entry *entry;
    uint32_t capacity, used; /* of entries; a power of two */
    uint64_t *waiting;       /* not handed over yet, the oldest at `first` */
    uint32_t first, count, room;
    uint64_t asked; /* the last number given */
    uint64_t sent;  /* the last one handed over */
};

void bl_retiring_free(struct bl_retiring *r);

/* Makes room for one more key. False: out of memory, all is as it was.
 * `done`: the number of the last deletion done. */
bool bl_retiring_reserve(struct bl_retiring *r, uint64_t done);
/* Numbers the key and queues it. There is room for it. */
void bl_retiring_add(struct bl_retiring *r, uint64_t key);

/* The key to be handed over next; false: none waits. And: it was. */
bool bl_retiring_next(const struct bl_retiring *r, uint64_t *key);
void bl_retiring_sent(struct bl_retiring *r);

/* The number of the key's last deletion, which is under way if it is over
 * `done`; 0: none is known. Cost: a compare while nothing is under way,
 * else a probe. */
uint64_t bl_retiring_number(const struct bl_retiring *r, uint64_t key);

/* Forgets all entries if all are done. */
void bl_retiring_settle(struct bl_retiring *r, uint64_t done);
