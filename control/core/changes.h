/* SPDX-License-Identifier: Apache-2.0 */
/* changes: which nodes and views would have to be saved again, on their
 * way from control to the store thread. Only who it is travels: what it
 * is by now, the store thread reads from the registry. So it does not
 * matter how often somebody changed, nor in which order he is told of.
 *
 * A full ring does not hold control up: it is noted that something was
 * lost, and the store thread saves everything.
 *
 * Threads: control puts in, the store thread takes out. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/role.h"
#include "engine/registry/registry.h"

/* Between two looks of the store thread, half a second: more than a
 * control core can register in it. 1 MiB. */
#define BL_CHANGES_NODES 262143u
/* Removals and views by name: people's and scripts' doing. 1.8 MiB. */
#define BL_CHANGES_NAMES 8191u

struct bl_name_change {
    uint64_t id;      /* a binary node's */
    uint8_t is_view;  /* else a node that was removed */
    uint8_t binary;   /* by id, no name */
    uint8_t name_len; /* not terminated */
    uint8_t reserved[5];
    char name[BL_NAME_MAX];
};

struct bl_changes;

struct bl_changes *bl_changes_new(void);
void bl_changes_free(struct bl_changes *c);

/* A node's record has changed; a node is about to be removed; a view's
 * state or incident number has changed. NULL: nobody saves. */
void bl_changes_node(struct bl_changes *c, uint32_t node) BL_ON_CONTROL;
void bl_changes_removed(struct bl_changes *c, const struct bl_node *n) BL_ON_CONTROL;
void bl_changes_view(struct bl_changes *c, const char *name, unsigned name_len) BL_ON_CONTROL;

/* The store thread's: up to `max`, how many there were. */
unsigned bl_changes_take_nodes(struct bl_changes *c, uint32_t *nodes, unsigned max);
unsigned bl_changes_take_names(struct bl_changes *c, struct bl_name_change *names, unsigned max);
/* Whether something did not fit since the last call. */
bool bl_changes_take_lost(struct bl_changes *c);
