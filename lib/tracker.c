/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/tracker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/detect/detector.h"
#include "engine/fleet/fleet.h"

#define FIRST_SLOTS 256u
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

#define TABLE 0u /* the fleet's only one */

_Static_assert(BL_TRACKER_TIMEOUT_MAX_MS == BL_TIMEOUT_MAX_MS, "the public header repeats it");
_Static_assert(BL_TRACKER_NAME_MAX == BL_NAME_MAX, "the public header repeats it");
_Static_assert((int)BL_TRACKER_AUTO - (int)BL_TRACKER_FIXED == (int)BL_DETECTOR_AUTO &&
                   (int)BL_TRACKER_PHI - (int)BL_TRACKER_FIXED == (int)BL_DETECTOR_PHI &&
                   BL_DETECTOR_FIXED == 0,
               "the public names are the engine's, and one for not set");
_Static_assert(BL_TRACKER_TIMEOUT_MAX_MS / STEP_MS < STEPS_MAX, "steps cover the longest timeout");

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

/* A node here is never new (registration is a beat) nor unknown (nothing
 * freezes): those cannot come. */
static enum bl_tracker_state state_of(enum bl_state s)
{
    enum bl_tracker_state at = BL_TRACKER_OK;
    while (at < BL_TRACKER_PAUSED && states[at].state != s)
        at++;
    return at;
}

/* ---- policies ---------------------------------------------------------- */

static bool is_policy(const struct bl_tracker_policy *p)
{
    return p->timeout_ms <= BL_TIMEOUT_MAX_MS && p->warn_ms <= BL_TIMEOUT_MAX_MS &&
           p->err_ms <= BL_TIMEOUT_MAX_MS && p->retries <= UINT8_MAX && p->detector <= BL_TRACKER_PHI;
}

static struct bl_policy policy_of(const struct bl_tracker_policy *p)
{
    return (struct bl_policy){.timeout_ms = p->timeout_ms,
                              .warn_ms = p->warn_ms,
                              .err_ms = p->err_ms,
                              .retries = (uint8_t)p->retries,
                              .detector = (uint8_t)(p->detector ? p->detector - BL_TRACKER_FIXED : 0)};
}

/* ---- what the fleet says ------------------------------------------------ */

static void tracker_told(void *ctx, const struct bl_transition *from)
{
    struct bl_tracker *t = ctx;
    struct bl_tracker_event e = {
        .name = from->name,
        .from = state_of(from->from),
        .to = state_of(from->to),
        .time_ms = (uint64_t)from->time_unix_ms,
        .last_beat_ms = (uint64_t)from->last_beat_unix_ms,
        .incident = from->incident,
        .reason = from->reason,
    };
    bool failed = e.to == BL_TRACKER_FAILED;
    t->telling = true;
    t->failures += failed;
    if (failed && t->config.on_failure)
        t->config.on_failure(t->config.ctx, &e);
    if (t->config.on_state_change)
        t->config.on_state_change(t->config.ctx, &e);
    t->telling = false;
}

static bool tracker_retire(void *ctx, uint32_t table, uint64_t key)
{
    struct bl_tracker *t = ctx;
    (void)table;
    bl_role_assume_worker();
    bl_table_delete(&t->table, key);
    return true;
}

static bool tracker_measure(void *ctx, uint32_t table, uint64_t key, bool on)
{
    struct bl_tracker *t = ctx;
    (void)table;
    bl_role_assume_worker();
    bl_table_measure(&t->table, key, on);
    return true;
}

/* ---- time ---------------------------------------------------------------- */

static uint32_t tick_now(const struct bl_tracker *t)
{
    return (uint32_t)(t->now_ms - t->start_ms) + 1;
}

BL_ON_CONTROL static void tracker_sweep(struct bl_tracker *t)
{
    while (!bl_fleet_sweep(t->fleet, SWEEP_SLOTS, (int64_t)t->now_ms))
        ;
}

/* The clock is what the caller says: set, not advanced, as there is no
 * poll to vouch for it. */
BL_ON_CONTROL static void set_time(struct bl_tracker *t, uint64_t now_ms)
{
    t->now_ms = now_ms;
    bl_fleet_set_now(t->fleet, now_ms);
    bl_ingest_clock_init(&t->clock, now_ms * BL_TICK_NS, tick_now(t));
}

BL_ON_CONTROL static void move_time(struct bl_tracker *t, uint64_t now_ms)
{
    if (now_ms <= t->now_ms)
        return;
    for (unsigned i = 0; i < STEPS_MAX && now_ms - t->now_ms > STEP_MS; i++) {
        set_time(t, t->now_ms + STEP_MS);
        tracker_sweep(t);
    }
    set_time(t, now_ms);
}

/* ---- life ------------------------------------------------------------------ */

static void fill_secret(struct bl_key_secret *secret, uint64_t seed)
{
    uint8_t bytes[BL_KEY_SECRET_BYTES + 24];
    for (size_t i = 0; i < sizeof(bytes); i += sizeof(uint64_t)) {
        /* splitmix64 (Steele, Lea, Flood 2014) */
        uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        z ^= z >> 31;
        memcpy(&bytes[i], &z, sizeof(z));
    }
    bl_key_secret_init(secret, bytes);
}

BL_ON_CONTROL static int start_fleet(struct bl_tracker *t)
{
    struct bl_fleet_config c = {.max_nodes = t->config.max_nodes,
                                .defaults = policy_of(&t->config.defaults),
                                .phi = (uint8_t)t->config.phi,
                                .memory = bl_memory_libc};
    struct bl_fleet_out out = {
        .ctx = t, .transition = tracker_told, .retire = tracker_retire, .measure = tracker_measure};
    t->fleet = bl_fleet_new(&c, &t->secret, &out);
    return t->fleet ? bl_fleet_add_table(t->fleet, &t->table, &t->clock) : -ENOMEM;
}

struct bl_tracker *bl_tracker_new(const struct bl_tracker_config *c, uint64_t now_ms)
{
    bl_role_assume_control();
    if (!is_policy(&c->defaults) || c->phi > BL_PHI_MAX) {
        errno = EINVAL;
        return NULL;
    }
    struct bl_tracker *t = calloc(1, sizeof(*t));
    struct bl_slots *slots = bl_slots_new(FIRST_SLOTS);
    if (!t || !slots) {
        free(t);
        bl_slots_free(slots);
        errno = ENOMEM;
        return NULL;
    }
    t->config = *c;
    struct bl_tracker_policy *d = &t->config.defaults;
    if (!d->timeout_ms && !d->warn_ms && !d->err_ms)
        d->timeout_ms = BL_TRACKER_TIMEOUT_MS;
    if (c->max_nodes == 0 || c->max_nodes > BL_NODE_MAX)
        t->config.max_nodes = BL_NODE_MAX;
    t->phi_sigmas = bl_phi_sigmas(c->phi ? c->phi : BL_PHI_DEFAULT);
    fill_secret(&t->secret, c->seed);
    bl_table_init(&t->table, slots, t->config.max_nodes);
    t->start_ms = now_ms;
    if (start_fleet(t) < 0) {
        bl_tracker_free(t);
        errno = ENOMEM;
        return NULL;
    }
    set_time(t, now_ms);
    return t;
}

void bl_tracker_free(struct bl_tracker *t)
{
    if (!t)
        return;
    bl_fleet_free(t->fleet);
    bl_table_fini(&t->table);
    free(t);
}

/* ---- nodes ------------------------------------------------------------------ */

/* The node called `name`; BL_NODE_NONE. */
static uint32_t tracker_find(const struct bl_tracker *t, const char *name)
{
    size_t len = strlen(name);
    return len > BL_NAME_MAX ? BL_NODE_NONE
                             : bl_registry_find_name(bl_fleet_registry(t->fleet), name, (unsigned)len);
}

static struct bl_node_ref tracker_named(const char *name)
{
    return (struct bl_node_ref){.name = name, .name_len = (unsigned)strlen(name)};
}

static int tracker_grow(struct bl_tracker *t) BL_ON_CONTROL BL_ON_WORKER
{
    struct bl_slots *next = bl_slots_new(ROOMY(bl_table_used(&t->table)) + FIRST_SLOTS);
    struct bl_slots *old = NULL;
    if (!next)
        return -ENOMEM;
    bl_fleet_grow_begun(t->fleet, TABLE);
    bl_table_grow_begin(&t->table, next);
    while (!old)
        old = bl_table_grow_step(&t->table, 0, MOVE_LINES);
    bl_fleet_grow_done(t->fleet, TABLE);
    bl_slots_free(old);
    return 0;
}

static int tracker_insert(struct bl_tracker *t, const struct bl_beat *beat) BL_ON_CONTROL BL_ON_WORKER
{
    uint32_t slot, taken = bl_table_used(&t->table) + bl_table_gone(&t->table);
    int err = taken < FULL(bl_table_slot_count(&t->table)) ? 0 : tracker_grow(t);
    if (err)
        return err;
    switch (bl_table_insert(&t->table, beat, tick_now(t), &slot)) {
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
        patch.policy = policy_of(policy);
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
    if (!bl_name_is_valid(name, strlen(name)) || (policy && !is_policy(policy)))
        return -EINVAL;
    move_time(t, now_ms);
    struct bl_node_ref who = tracker_named(name);
    struct bl_beat beat = {.key = bl_key_of_name(&t->secret, name, who.name_len), .stamp = tick_now(t)};
    if (bl_registry_find_key(bl_fleet_registry(t->fleet), beat.key) != BL_NODE_NONE)
        return tracker_find(t, name) != BL_NODE_NONE ? -EEXIST : -EINVAL;
    if (bl_tracker_count(t) >= t->config.max_nodes)
        return -ENOSPC;
    int err = tracker_insert(t, &beat);
    if (err == 0)
        err = bl_fleet_seen(t->fleet, TABLE, &who, 0, (int64_t)t->now_ms);
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
    struct bl_beat beat = {.key = bl_key_of_name(&t->secret, name, (unsigned)len), .stamp = tick_now(t)};
    struct bl_exception exception[BL_BURST];
    struct bl_place place;
    /* Nothing else is an exception without sequences. */
    unsigned why = bl_table_beat(&t->table, &beat, 1, tick_now(t), exception) ? exception[0].why : 0;
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
    return bl_fleet_seen(t->fleet, TABLE, &who, 0, (int64_t)t->now_ms);
}

int bl_tracker_set_policy(struct bl_tracker *t, const char *name, const struct bl_tracker_policy *policy,
                          uint64_t now_ms)
{
    bl_role_assume_control();
    if (t->telling)
        return -EBUSY;
    if (policy && !is_policy(policy))
        return -EINVAL;
    move_time(t, now_ms);
    return tracker_find(t, name) == BL_NODE_NONE ? -ENOENT : set_policy(t, name, policy);
}

int bl_tracker_pause(struct bl_tracker *t, const char *name, uint64_t now_ms)
{
    bl_role_assume_control();
    if (t->telling)
        return -EBUSY;
    move_time(t, now_ms);
    return bl_fleet_pause(t->fleet, tracker_find(t, name), NULL, (int64_t)t->now_ms);
}

int bl_tracker_resume(struct bl_tracker *t, const char *name, uint64_t now_ms)
{
    bl_role_assume_control();
    if (t->telling)
        return -EBUSY;
    move_time(t, now_ms);
    return bl_fleet_resume(t->fleet, tracker_find(t, name), (int64_t)t->now_ms);
}

int bl_tracker_remove(struct bl_tracker *t, const char *name)
{
    bl_role_assume_control();
    if (t->telling)
        return -EBUSY;
    int err = bl_fleet_remove(t->fleet, tracker_find(t, name));
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

/* ---- looking ------------------------------------------------------------------ */

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
    return t->now_ms - bl_age_ticks(tick_now(t), beat);
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
        .state = state_of((enum bl_state)n->state),
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
    uint32_t node = tracker_find(t, name);
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
