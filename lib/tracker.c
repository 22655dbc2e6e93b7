/* SPDX-License-Identifier: Apache-2.0 */
/* The tracker's nodes and their time: registered, heard, set, checked. */
#include "lib/tracker.h"

#include <errno.h>
#include <string.h>

#include "lib/tracker_internal.h"

/* The table is grown from 3/4 to 3/8 full. */
#define FULL(slots)  ((slots) / 4 * 3)
#define ROOMY(nodes) ((uint64_t)(nodes)*8 / 3)
/* In the middle between the two. */
#define SLOTS_OF(nodes) ((uint64_t)(nodes)*2)
/* Lines moved per step of growth, and slots looked at per sweep batch. */
#define MOVE_LINES  65536u
#define SWEEP_SLOTS 65536u

/* Ages wrap after 49.7 days, so time moves in steps; after as many as
 * the longest timeout takes, every node that can be news has been. */
#define STEP_MS   UINT64_C(86400000)
#define STEPS_MAX 50u

_Static_assert(BL_TRACKER_TIMEOUT_MAX_MS / STEP_MS < STEPS_MAX, "steps cover the longest timeout");

/* ---- time ---------------------------------------------------------------- */

BL_ON_CONTROL static void tracker_sweep(struct bl_tracker *t)
{
    while (!bl_fleet_sweep(t->fleet, SWEEP_SLOTS, (int64_t)t->now_ms))
        ;
}

void bl_tracker_set_time(struct bl_tracker *t, uint64_t now_ms)
{
    t->now_ms = now_ms;
    bl_fleet_set_now(t->fleet, now_ms);
    bl_ingest_clock_init(&t->clock, now_ms * BL_TICK_NS, bl_tracker_tick(t));
}

BL_ON_CONTROL static void move_time(struct bl_tracker *t, uint64_t now_ms)
{
    if (now_ms <= t->now_ms)
        return;
    for (unsigned i = 0; i < STEPS_MAX && now_ms - t->now_ms > STEP_MS; i++) {
        bl_tracker_set_time(t, t->now_ms + STEP_MS);
        tracker_sweep(t);
    }
    bl_tracker_set_time(t, now_ms);
}

/* ---- nodes ------------------------------------------------------------------ */

static struct bl_node_ref tracker_named(const char *name)
{
    return (struct bl_node_ref){.name = name, .name_len = (unsigned)strlen(name)};
}

static int tracker_grow(struct bl_tracker *t) BL_ON_CONTROL BL_ON_WORKER
{
    struct bl_slots *next = bl_slots_new(ROOMY(bl_table_used(&t->table)) + BL_TRACKER_FIRST_SLOTS);
    struct bl_slots *old = NULL;
    if (!next)
        return -ENOMEM;
    bl_fleet_grow_begun(t->fleet, BL_TRACKER_TABLE);
    bl_table_grow_begin(&t->table, next);
    while (!old)
        old = bl_table_grow_step(&t->table, 0, MOVE_LINES);
    bl_fleet_grow_done(t->fleet, BL_TRACKER_TABLE);
    bl_slots_free(old);
    return 0;
}

static int tracker_insert(struct bl_tracker *t, const struct bl_beat *beat) BL_ON_CONTROL BL_ON_WORKER
{
    uint32_t slot, taken = bl_table_used(&t->table) + bl_table_gone(&t->table);
    int err = taken < FULL(bl_table_slot_count(&t->table)) ? 0 : tracker_grow(t);
    if (err)
        return err;
    switch (bl_table_insert(&t->table, beat, bl_tracker_tick(t), &slot)) {
    case BL_INSERT_LIMIT:
        return -ENOSPC;
    case BL_INSERT_FULL: /* not by chance in a table 3/4 full */
        return -ENOMEM;
    default:
        return 0;
    }
}

BL_ON_CONTROL static int set_policy(struct bl_tracker *t, const char *name,
                                    const struct bl_tracker_policy *policy)
{
    struct bl_node_ref who = tracker_named(name);
    struct bl_policy_patch patch = {.set = BL_SET_CLEAR};
    if (policy) {
        patch.set |= BL_SET_TIMEOUT | BL_SET_WARN | BL_SET_ERR | BL_SET_RETRIES;
        patch.set |= policy->detector ? BL_SET_DETECTOR : 0;
        patch.policy = bl_tracker_policy_of(policy);
    }
    return bl_fleet_set(t->fleet, &who, &patch, (int64_t)t->now_ms);
}

int bl_tracker_register(struct bl_tracker *t, const char *name, const struct bl_tracker_policy *policy,
                        uint64_t now_ms)
{
    bl_role_assume_control();
    bl_role_assume_worker();
    if (t->telling)
        return -EBUSY;
    if (!bl_name_is_valid(name, strlen(name)) || (policy && !bl_tracker_is_policy(policy)))
        return -EINVAL;
    move_time(t, now_ms);
    struct bl_node_ref who = tracker_named(name);
    struct bl_beat beat = {.key = bl_key_of_name(&t->secret, name, who.name_len),
                           .stamp = bl_tracker_tick(t)};
    if (bl_registry_find_key(bl_fleet_registry(t->fleet), beat.key) != BL_NODE_NONE)
        return bl_tracker_find(t, name) != BL_NODE_NONE ? -EEXIST : -EINVAL;
    if (bl_tracker_count(t) >= t->config.max_nodes)
        return -ENOSPC;
    int err = tracker_insert(t, &beat);
    if (err == 0)
        err = bl_fleet_seen(t->fleet, BL_TRACKER_TABLE, &who, 0, (int64_t)t->now_ms);
    return err || !policy ? err : set_policy(t, name, policy);
}

int bl_tracker_beat(struct bl_tracker *t, const char *name, uint64_t now_ms)
{
    bl_role_assume_control();
    bl_role_assume_worker();
    if (t->telling)
        return -EBUSY;
    size_t len = strlen(name);
    if (len < 1 || len > BL_NAME_MAX)
        return -ENOENT;
    move_time(t, now_ms);
    struct bl_beat beat = {.key = bl_key_of_name(&t->secret, name, (unsigned)len),
                           .stamp = bl_tracker_tick(t)};
    struct bl_exception exception[BL_BURST];
    struct bl_place place;
    /* Nothing else is an exception without sequences. */
    unsigned why = bl_table_beat(&t->table, &beat, 1, bl_tracker_tick(t), exception) ? exception[0].why : 0;
    if (why & BL_EXCEPTION_UNKNOWN)
        return -ENOENT;
    if (why & BL_EXCEPTION_FLAGGED)
        bl_table_learn(&t->table, exception[0].slot);
    if (!bl_table_find(&t->table, beat.key, &place) ||
        !(bl_slots_policy(place.slots, place.slot).flags & BL_POLICY_WATCH))
        return 0;
    /* It was not ok, or its timeout follows its beats. The sweep would
     * notice too, with the next check. */
    struct bl_node_ref who = tracker_named(name);
    return bl_fleet_seen(t->fleet, BL_TRACKER_TABLE, &who, 0, (int64_t)t->now_ms);
}

int bl_tracker_set_policy(struct bl_tracker *t, const char *name, const struct bl_tracker_policy *policy,
                          uint64_t now_ms)
{
    bl_role_assume_control();
    if (t->telling)
        return -EBUSY;
    if (policy && !bl_tracker_is_policy(policy))
        return -EINVAL;
    move_time(t, now_ms);
    return bl_tracker_find(t, name) == BL_NODE_NONE ? -ENOENT : set_policy(t, name, policy);
}

int bl_tracker_pause(struct bl_tracker *t, const char *name, uint64_t now_ms)
{
    bl_role_assume_control();
    if (t->telling)
        return -EBUSY;
    move_time(t, now_ms);
    return bl_fleet_pause(t->fleet, bl_tracker_find(t, name), NULL, (int64_t)t->now_ms);
}

int bl_tracker_resume(struct bl_tracker *t, const char *name, uint64_t now_ms)
{
    bl_role_assume_control();
    if (t->telling)
        return -EBUSY;
    move_time(t, now_ms);
    return bl_fleet_resume(t->fleet, bl_tracker_find(t, name), (int64_t)t->now_ms);
}

int bl_tracker_remove(struct bl_tracker *t, const char *name)
{
    bl_role_assume_control();
    if (t->telling)
        return -EBUSY;
    int err = bl_fleet_remove(t->fleet, bl_tracker_find(t, name));
    bl_registry_reclaim(bl_fleet_registry_own(t->fleet));
    return err;
}

static int tracker_failures(const struct bl_tracker *t)
{
    return t->failures < INT32_MAX ? (int)t->failures : INT32_MAX;
}

int bl_tracker_check_timeouts(struct bl_tracker *t, uint64_t now_ms)
{
    bl_role_assume_control();
    if (t->telling)
        return -EBUSY;
    t->failures = 0;
    move_time(t, now_ms);
    tracker_sweep(t);
    return tracker_failures(t);
}

int bl_tracker_check_some(struct bl_tracker *t, uint64_t now_ms, uint32_t nodes, bool *done)
{
    bl_role_assume_control();
    if (t->telling)
        return -EBUSY;
    t->failures = 0;
    move_time(t, now_ms);
    uint64_t slots = SLOTS_OF(nodes);
    *done = bl_fleet_sweep(t->fleet, slots < SWEEP_SLOTS ? (uint32_t)slots : SWEEP_SLOTS, (int64_t)t->now_ms);
    return tracker_failures(t);
}
