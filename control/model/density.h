/* SPDX-License-Identifier: Apache-2.0 */
/* density: the whole fleet as one picture. Each node is a cell, cells of
 * a group stand together, so that a dead rack is a dead block.
 *
 * Shape: a layout (which cell is which node) and a reading of it (each
 * cell's state, as runs). A layout is made anew only when nodes came,
 * left or were renamed; a reading when any state changed. Both are made
 * in steps of as many nodes as the caller likes, beside the picture that
 * is shown meanwhile; a finished one takes its place at once.
 *
 *   bl_density_refresh()   begin one, if anything changed since the last
 *   bl_density_step()      a slice of it; true: there is more
 *   bl_density_picture()   the last one that was finished
 *
 * Threads: the api thread, RCU-online. Nothing of the registry is kept
 * over a return.
 *
 * What may have changed meanwhile: a cell whose node has left says so
 * (BL_DENSITY_GONE); one whose record was given to another node shows
 * that one until the next layout.
 *
 * Memory: 4 bytes a cell, 2 more while a layout is made, and the runs.
 * Cost at 1 M nodes: a layout with its reading 40 ms, a reading alone
 * 14 ms; a step of 4,096 nodes 0.2 ms (0.4 ms the longest).
 *
 * The picture, little endian, which /api/v1/map sends as it is:
 *
 *   "BLD1" | layout u32 | version u64 | cells u32 | groups u32 | depth u32
 *   groups x { cells u32 | name_len u8 | name }
 *   runs of cells of one state, a byte `state << 5 | length - 1` each;
 *   length - 1 = 31: 32 and what a LEB128 number after it adds */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/text/json.h"
#include "engine/base/role.h"
#include "engine/registry/registry.h"

#define BL_DENSITY_DEPTH_MAX  4u
#define BL_DENSITY_DEPTH_AUTO (BL_DENSITY_DEPTH_MAX + 1) /* the deepest that makes blocks, not crumbs */
#define BL_DENSITY_GONE       7u                         /* a cell's node has left */

/* Where a node belongs. NULL function: by name, see groups.h. */
struct bl_density_by {
    unsigned depth; /* 0..BL_DENSITY_DEPTH_AUTO; for `group`, ignored */
    /* The name of the node's group, valid during the call. */
    const char *(*group)(void *ctx, uint32_t node, unsigned *len);
    /* Another number whenever `group` may say something else. */
    uint64_t (*changes)(void *ctx);
    void *ctx;
};

/* A finished one never changes; it goes with its last holder. */
struct bl_density_picture {
    uint32_t holders;
    uint32_t layout; /* which cell is which node: good for as long as this stays */
    uint32_t cells;
    uint64_t version; /* a hash of the bytes */
    struct bl_text bytes;
};

struct bl_density;

/* `seed`: secret, any. NULL: out of memory. */
struct bl_density *bl_density_new(const struct bl_density_by *by, uint64_t seed);
void bl_density_free(struct bl_density *d);

/* Begins a new picture if something changed and none is being made. */
void bl_density_refresh(struct bl_density *d, const struct bl_registry *r) BL_ON_API;

/* Looks at up to `nodes` nodes. True: there is more to do. Out of memory:
 * the picture stays as it was; the next refresh tries again. */
bool bl_density_step(struct bl_density *d, const struct bl_registry *r, uint32_t nodes) BL_ON_API;

/* NULL: none is finished yet. Good until the next step, or for as long as
 * it is held. */
struct bl_density_picture *bl_density_picture(const struct bl_density *d);
void bl_density_hold(struct bl_density_picture *p);
void bl_density_release(struct bl_density_picture *p); /* NULL is fine */

/* The node of a cell of that layout; BL_NODE_NONE: there is none, or the
 * layout is not the one in force. */
uint32_t bl_density_at(const struct bl_density *d, uint32_t layout, uint32_t cell);
