/* SPDX-License-Identifier: Apache-2.0 */
/* groups: the blocks of the density map: a small set of names, each with
 * how many cells it has, and the rule that takes a node's group from its
 * name. Pure; one thread.
 *
 * A name's parts end at one of . - _ / : and its group is the first few
 * of them: "fra1.rack07.n12" is in "fra1" at depth 1, in "fra1.rack07"
 * at depth 2 and any deeper (the last part is the node itself). A name
 * without separators is in the group of its letters: "web07" in "web".
 *
 * Limits: BL_GROUPS_MAX groups; what comes after shares one more, named
 * BL_GROUPS_REST. Memory: about 0.9 MB, touched as groups come. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/beat.h"

#define BL_GROUPS_MAX   4096u
#define BL_GROUPS_REST  "(others)"
#define BL_GROUPS_SLOTS (2 * BL_GROUPS_MAX) /* half empty: short probes */

struct bl_group {
    uint64_t hash;
    uint32_t cells;
    uint8_t name_len;
    char name[BL_NAME_MAX];
};

struct bl_groups {
    uint64_t seed; /* of the hash: nobody can aim names at one slot */
    uint32_t count;
    bool rest; /* group BL_GROUPS_MAX is in use: there were too many */
    struct bl_group group[BL_GROUPS_MAX + 1];
    uint16_t sorted[BL_GROUPS_MAX + 1]; /* after bl_groups_sort */
    uint16_t slot[BL_GROUPS_SLOTS];     /* group + 1; 0: empty */
};

/* How many bytes of the name are its group's, 0..len. depth 0: none, all
 * nodes are one group. */
unsigned bl_group_of_name(const char *name, unsigned len, unsigned depth);

/* Order of people: "rack2" before "rack10". <0, 0, >0. */
int bl_group_compare(const char *a, unsigned a_len, const char *b, unsigned b_len);

/* NULL: out of memory. Freed with free(). */
struct bl_groups *bl_groups_new(uint64_t seed);
void bl_groups_clear(struct bl_groups *g);

/* The group of that name, made if there is none; its number, which stays. */
uint16_t bl_groups_find(struct bl_groups *g, const char *name, unsigned len);

/* Fills `sorted`, BL_GROUPS_REST last. Returns how many there are. Cost:
 * 4,096 groups about 2 ms. */
uint32_t bl_groups_sort(struct bl_groups *g);
