/* SPDX-License-Identifier: Apache-2.0 */
/* What callers see of the tracker: its states' names, its nodes. */
#include <errno.h>
#include <string.h>

#include "engine/detect/detector.h"
#include "lib/tracker_internal.h"

/* ---- states ------------------------------------------------------------ */

static const struct {
    const char *name, *alias;
    enum bl_state state;
} states[] = {
    [BL_TRACKER_OK] = {"ok", "active", BL_STATE_OK},
    [BL_TRACKER_WARNING] = {"warning", "inactive", BL_STATE_WARNING},
    [BL_TRACKER_FAILED] = {"failed", "failed", BL_STATE_FAILED},
    [BL_TRACKER_PAUSED] = {"paused", "paused", BL_STATE_PAUSED},
};

static bool is_state(enum bl_tracker_state s)
{
    return s >= BL_TRACKER_OK && s <= BL_TRACKER_PAUSED;
}

const char *bl_tracker_state_name(enum bl_tracker_state s)
{
    return is_state(s) ? states[s].name : "?";
}

const char *bl_tracker_state_alias(enum bl_tracker_state s)
{
    return is_state(s) ? states[s].alias : "?";
}

enum bl_tracker_state bl_tracker_state_of(enum bl_state s)
{
    enum bl_tracker_state at = BL_TRACKER_OK;
    while (at < BL_TRACKER_PAUSED && states[at].state != s)
        at++;
    return at;
}

/* ---- looking ------------------------------------------------------------------ */

uint32_t bl_tracker_find(const struct bl_tracker *t, const char *name)
{
    size_t len = strlen(name);
    return len > BL_NAME_MAX ? BL_NODE_NONE
                             : bl_registry_find_name(bl_fleet_registry(t->fleet), name, (unsigned)len);
}

/* The record's time is exact for the beat that the node was judged on;
 * a later one is told by its slot. */
static uint64_t last_beat_ms(const struct bl_tracker *t, const struct bl_node *n)
{
    struct bl_place place;
    uint32_t beat = 0;
    bool found = bl_table_find(&t->table, n->key, &place);
    if (found)
        beat = bl_slots_last_beat(place.slots, place.slot);
    if (!found || (beat == n->judged_tick && n->last_beat_unix_ms != 0))
        return (uint64_t)n->last_beat_unix_ms;
    return t->now_ms - bl_age_ticks(bl_tracker_tick(t), beat);
}

static uint32_t learned_ms(const struct bl_tracker *t, const struct bl_node *n, uint8_t detector)
{
    struct bl_place place;
    if (detector == BL_DETECTOR_FIXED || !bl_table_find(&t->table, n->key, &place))
        return 0;
    struct bl_interval_stats stats = bl_slots_stats(place.slots, place.slot);
    return bl_detector_timeout_ms(&stats, (enum bl_detector)detector, t->phi_sigmas);
}

static uint32_t tracker_missed(const struct bl_tracker *t, const struct bl_tracker_node *n)
{
    uint64_t silent_ms = t->now_ms - n->last_beat_ms;
    uint32_t timeout_ms = n->learned_ms ? n->learned_ms : n->policy.timeout_ms;
    if (n->state == BL_TRACKER_PAUSED || timeout_ms == 0 || silent_ms == 0)
        return 0;
    uint64_t timeouts = (silent_ms - 1) / timeout_ms;
    return timeouts < n->policy.retries + 1 ? (uint32_t)timeouts : n->policy.retries + 1;
}

static void tracker_fill(const struct bl_tracker *t, const struct bl_node *n, struct bl_tracker_node *out)
{
    struct bl_policy p = bl_fleet_policy_of(t->fleet, n);
    *out = (struct bl_tracker_node){
        .name = n->name,
        .state = bl_tracker_state_of((enum bl_state)n->state),
        .last_beat_ms = last_beat_ms(t, n),
        .registered_ms = (uint64_t)n->first_seen_unix_ms,
        .state_since_ms = (uint64_t)n->state_since_unix_ms,
        .policy = {.timeout_ms = p.timeout_ms,
                   .warn_ms = p.warn_ms,
                   .err_ms = p.err_ms,
                   .retries = p.retries,
                   .detector = p.detector + (uint32_t)BL_TRACKER_FIXED},
        .learned_ms = learned_ms(t, n, p.detector),
        .incident = n->incident,
    };
    out->missed = tracker_missed(t, out);
}

int bl_tracker_get(const struct bl_tracker *t, const char *name, struct bl_tracker_node *out)
{
    uint32_t node = bl_tracker_find(t, name);
    if (node == BL_NODE_NONE)
        return -ENOENT;
    tracker_fill(t, bl_registry_get(bl_fleet_registry(t->fleet), node), out);
    return 0;
}

bool bl_tracker_next(const struct bl_tracker *t, uint32_t *cursor, struct bl_tracker_node *out)
{
    const struct bl_registry *r = bl_fleet_registry(t->fleet);
    while (*cursor < bl_registry_end(r)) {
        const struct bl_node *n = bl_registry_get(r, (*cursor)++);
        if (n) {
            tracker_fill(t, n, out);
            return true;
        }
    }
    return false;
}

uint32_t bl_tracker_count(const struct bl_tracker *t)
{
    return bl_registry_total(bl_fleet_registry(t->fleet));
}

uint32_t bl_tracker_count_state(const struct bl_tracker *t, enum bl_tracker_state s)
{
    return is_state(s) ? bl_registry_count(bl_fleet_registry(t->fleet), states[s].state) : 0;
}
