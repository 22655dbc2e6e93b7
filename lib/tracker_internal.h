/* SPDX-License-Identifier: Apache-2.0 */
/* What tracker.c (nodes, time), tracker_life.c (how it comes and goes, what
 * the fleet says) and tracker_look.c (what callers see) share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/fleet/fleet.h"
#include "lib/tracker.h"

#define BL_TRACKER_FIRST_SLOTS 256u

#define BL_TRACKER_TABLE 0u /* the fleet's only one */

/* One thread plays worker and control in turn, so nobody reads while
 * something is freed: no RCU registration and no grace periods. */
struct bl_tracker {
    struct bl_tracker_config config;
    struct bl_key_secret secret;
    struct bl_ingest_clock clock;
    struct bl_table table;
    struct bl_fleet *fleet;
    uint64_t start_ms, now_ms;
    float phi_sigmas;
    uint32_t failures; /* told since a check began */
    bool telling;      /* in a callback */
};

/* Now, as the table counts it. */
static inline uint32_t bl_tracker_tick(const struct bl_tracker *t)
{
    return (uint32_t)(t->now_ms - t->start_ms) + 1;
}

/* The clock is what the caller says: set, not advanced, as there is no
 * poll to vouch for it. */
void bl_tracker_set_time(struct bl_tracker *t, uint64_t now_ms) BL_ON_CONTROL;

/* Whether the engine can keep to it. */
bool bl_tracker_is_policy(const struct bl_tracker_policy *p);
/* The engine's words for it. */
struct bl_policy bl_tracker_policy_of(const struct bl_tracker_policy *p);

/* A node here is never new (registration is a beat) nor unknown (nothing
 * freezes): those cannot come. */
enum bl_tracker_state bl_tracker_state_of(enum bl_state s);
/* The node called `name`; BL_NODE_NONE. */
uint32_t bl_tracker_find(const struct bl_tracker *t, const char *name);
