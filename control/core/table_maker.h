/* SPDX-License-Identifier: Apache-2.0 */
/* table_maker: the thread that makes the next generations of tables:
 * their pages are asked of the kernel and touched, 0.2 ms a MiB, some
 * seconds for a table of 100 million nodes. It is apart from the one
 * that waits for grace periods (grace.h): a table must grow also while a
 * worker of another one hangs.
 *
 * Several are made at the same time, a step of each in turn: a small one
 * does not wait for a large one.
 *
 * Threads: its own; ask and is_made are control's, and never wait. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/table/table.h"

struct bl_table_maker;

/* One generation to make. Its place is the asker's, and the maker's from
 * bl_table_maker_ask until bl_table_order_is_made. All zeros at first. */
struct bl_table_order {
    struct bl_table_order *next;
    uint64_t slots;        /* wanted */
    struct bl_slots *made; /* NULL: out of memory */
    bool is_made;
};

/* Starts the thread. NULL: no memory, or no thread. */
struct bl_table_maker *bl_table_maker_new(void);
/* Ends the thread; what is not made yet is freed, what is made is its
 * asker's. At most a step. NULL is fine. */
void bl_table_maker_free(struct bl_table_maker *m);

/* Has a generation of `slots` slots made. */
void bl_table_maker_ask(struct bl_table_maker *m, struct bl_table_order *o, uint64_t slots) BL_ON_CONTROL;
/* Whether it is there, or out of memory: o->made, the asker's now. */
bool bl_table_order_is_made(const struct bl_table_order *o) BL_ON_CONTROL;
