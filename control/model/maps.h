/* SPDX-License-Identifier: Apache-2.0 */
/* maps: the density maps that people look at, one for each way to group
 * the nodes, made when somebody wants it and dropped when nobody has for
 * a minute: at 1 M nodes each is 5 to 9 MB.
 *
 * By view: a node is in several; it stands in the first that says least
 * of all about the others, so not in `all` if there is another.
 *
 * Threads: the api thread alone. Zero bytes are a valid, empty one. */
#pragma once

#include <stdint.h>

#include "control/core/core.h"
#include "control/model/density.h"

#define BL_MAPS_UNWANTED_NS UINT64_C(60000000000)

/* 0..BL_DENSITY_DEPTH_MAX are depths. */
enum bl_map_by { BL_MAP_BY_FIT = BL_DENSITY_DEPTH_AUTO, BL_MAP_BY_VIEW, BL_MAP_BY_COUNT };

struct bl_maps {
    struct {
        struct bl_density *density;
        uint64_t wanted_ns;
    } by[BL_MAP_BY_COUNT];
};

/* "0".."4" "auto" "view"; BL_MAP_BY_COUNT if it is none of them. */
enum bl_map_by bl_map_by_of_name(const char *name);

/* Good until the next bl_maps_forget. NULL: out of memory. */
struct bl_density *bl_maps_want(struct bl_maps *m, enum bl_map_by by, struct bl_core *core, uint64_t now_ns)
    BL_ON_API;

/* Drops what nobody wants any more. Cost: nothing, mostly. */
void bl_maps_forget(struct bl_maps *m, uint64_t now_ns) BL_ON_API;

void bl_maps_free(struct bl_maps *m);
