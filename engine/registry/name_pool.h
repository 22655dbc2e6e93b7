/* SPDX-License-Identifier: Apache-2.0 */
/* name_pool: the registry's names, one byte after the other: an allocator
 * that rounds 25 bytes up to 32 would cost each node 7 more.
 *
 * Shape: blocks that are filled from the front; a list of returned places
 * per length, so that a name takes the place of another one just as long.
 * Places are not joined or split, nor blocks given back before the end: a
 * fleet whose nodes come and go with names of the same lengths costs no
 * more for it. A binary node's id lies before its name: most nodes are
 * not binary.
 *
 * Threads: one, but for what is read under RCU, which the caller takes
 * care of: a place that was given back is written at once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "engine/base/beat.h"

struct bl_memory;

struct bl_name_pool {
    const struct bl_memory *memory;
    struct bl_name_block *block; /* all, newest first */
    char *at;                    /* free from here on in the newest */
    size_t left, next_bytes;
    char *unused[sizeof(uint64_t) + BL_NAME_MAX + 2]; /* lists of returned places, by bytes */
};

void bl_name_pool_init(struct bl_name_pool *p, const struct bl_memory *m);
/* Frees all names; no reader is left. */
void bl_name_pool_fini(struct bl_name_pool *p);

/* A terminated copy of a name of 1..BL_NAME_MAX bytes, with its id before
 * it unless that is NULL; NULL: out of memory. */
char *bl_name_pool_copy(struct bl_name_pool *p, const uint64_t *id, const char *name, unsigned len);
/* The id of a name that has one. */
static inline uint64_t bl_name_pool_id(const char *name)
{
    uint64_t id;
    memcpy(&id, name - sizeof(id), sizeof(id)); /* nothing is aligned here */
    return id;
}
/* Gives one back that no reader has any more. `has_id`: as it was made. */
void bl_name_pool_give(struct bl_name_pool *p, char *name, bool has_id);
