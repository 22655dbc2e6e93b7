/* SPDX-License-Identifier: Apache-2.0 */
/* How the tracker comes and goes, and what its fleet says meanwhile. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/detect/detector.h"
#include "lib/tracker_internal.h"

_Static_assert(BL_TRACKER_TIMEOUT_MAX_MS == BL_TIMEOUT_MAX_MS, "the public header repeats it");
_Static_assert(BL_TRACKER_NAME_MAX == BL_NAME_MAX, "the public header repeats it");
_Static_assert((int)BL_TRACKER_AUTO - (int)BL_TRACKER_FIXED == (int)BL_DETECTOR_AUTO &&
                   (int)BL_TRACKER_PHI - (int)BL_TRACKER_FIXED == (int)BL_DETECTOR_PHI &&
                   BL_DETECTOR_FIXED == 0,
               "the public names are the engine's, and one for not set");

/* ---- policies ---------------------------------------------------------- */

bool bl_tracker_is_policy(const struct bl_tracker_policy *p)
{
    return p->timeout_ms <= BL_TIMEOUT_MAX_MS && p->warn_ms <= BL_TIMEOUT_MAX_MS &&
           p->err_ms <= BL_TIMEOUT_MAX_MS && p->retries <= UINT8_MAX && p->detector <= BL_TRACKER_PHI;
}

struct bl_policy bl_tracker_policy_of(const struct bl_tracker_policy *p)
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
        .from = bl_tracker_state_of(from->from),
        .to = bl_tracker_state_of(from->to),
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
                                .defaults = bl_tracker_policy_of(&t->config.defaults),
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
    if (!bl_tracker_is_policy(&c->defaults) || c->phi > BL_PHI_MAX) {
        errno = EINVAL;
        return NULL;
    }
    struct bl_tracker *t = calloc(1, sizeof(*t));
    struct bl_slots *slots = bl_slots_new(BL_TRACKER_FIRST_SLOTS);
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
    bl_tracker_set_time(t, now_ms);
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
