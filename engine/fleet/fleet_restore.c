/* SPDX-License-Identifier: Apache-2.0 */
/* What is saved of a node, and how it comes back. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/array.h"
#include "engine/base/counter.h"
#include "engine/detect/detector.h"
#include "engine/fleet/fleet_internal.h"

/* Nodes between the one whose place is asked of the caches and the one
 * that is looked at: a miss of memory is about as long as so many. */
#define AHEAD 16u

/* Nodes that there is room for first. */
#define RESTORED_FIRST 1024u

/* After each restart a node of unknown interval is listened to for this
 * part of its timeout at least: who sets timeouts waits for several beats. */
#define LISTEN_DIVISOR 4u

/* ---- saved ---------------------------------------------------------------- */

/* An "id:" name is made from the id. */
static bool has_own_name(const struct bl_node_past *p)
{
    return !p->binary || strncmp(p->name, "id:", 3) != 0;
}

/* For how long it was listened to in vain, all runs together. */
static uint32_t silent_ms_of(const struct bl_fleet *f, const struct bl_node *n, uint32_t node,
                             const struct bl_latest_beat *seen)
{
    const struct bl_fleet_restored *r = &f->restored;
    uint64_t ms = seen->age_ticks;

    if (bl_node_is_overage(n, seen->last_beat))
        return BL_TIMEOUT_MAX_MS;
    if (bl_node_is_unheard(n, seen->last_beat) && node < r->nodes)
        ms += r->silent_ms[node];
    return ms < BL_TIMEOUT_MAX_MS ? (uint32_t)ms : BL_TIMEOUT_MAX_MS;
}

/* What the tables tell of it. The record has its last beat as of the last
 * change of state, the tables each beat since. */
static void look_at_tables(const struct bl_fleet *f, uint32_t node, uint64_t now_ns, int64_t now_unix_ms,
                           struct bl_node_past *out)
{
    const struct bl_node *n = bl_registry_get(f->registry, node);
    struct bl_latest_beat seen;

    if (!n || out->state == BL_STATE_NEW || !bl_fleet_latest_beat(f, n, now_ns, &seen))
        return;
    out->silent_ms = silent_ms_of(f, n, node, &seen);
    if (bl_fleet_policy_of(f, n).detector != BL_DETECTOR_FIXED)
        out->rhythm = bl_slots_stats(seen.place.slots, seen.place.slot);
    if ((out->state == BL_STATE_OK || out->state == BL_STATE_PAUSED) &&
        !bl_node_is_unheard(n, seen.last_beat) && !bl_node_is_overage(n, seen.last_beat))
        out->last_beat_unix_ms = now_unix_ms - (int64_t)seen.age_ticks;
}

void bl_fleet_past_soon(const struct bl_fleet *f, uint32_t node)
{
    const struct bl_node *n = bl_registry_get(f->registry, node);
    uint32_t tables = bl_fleet_table_count(f);

    for (uint32_t i = 0; n && i < tables; i++)
        bl_table_prefetch(f->table[i].shared.table, BL_READ(n->key));
}

bool bl_fleet_past_of(const struct bl_fleet *f, uint32_t node, uint64_t now_ns, int64_t now_unix_ms,
                      struct bl_node_past *out)
{
    const struct bl_node *n = bl_registry_get(f->registry, node);
    if (!n)
        return false;
    uint8_t flags = BL_READ(n->flags);
    *out = (struct bl_node_past){
        .name = bl_node_name(n),
        .binary = flags & BL_NODE_BINARY,
        .until_beat = flags & BL_NODE_UNTIL_BEAT,
        .own_retries = flags & BL_NODE_OWN_RETRIES,
        .own_detector = flags & BL_NODE_OWN_DETECTOR,
        .state = BL_READ(n->state),
        .table = (uint16_t)(BL_READ(n->table) & ~BL_NODE_TABLE_LOST),
        .id = bl_node_id(n),
        .policy = {.timeout_ms = BL_READ(n->policy.timeout_ms),
                   .warn_ms = BL_READ(n->policy.warn_ms),
                   .err_ms = BL_READ(n->policy.err_ms),
                   .retries = BL_READ(n->policy.retries),
                   .detector = BL_READ(n->policy.detector)},
        .interval_ms = BL_READ(n->interval_ms),
        .incident = BL_READ(n->incident),
        .pause_end_s = (uint32_t)(bl_node_pause_end_unix_ms(n, now_ns, now_unix_ms) / 1000),
        .first_seen_unix_ms = BL_READ(n->first_seen_unix_ms),
        .state_since_unix_ms = BL_READ(n->state_since_unix_ms),
        .last_beat_unix_ms = BL_READ(n->last_beat_unix_ms),
    };
    look_at_tables(f, node, now_ns, now_unix_ms, out);
    out->name_len = has_own_name(out) ? (uint8_t)strlen(out->name) : 0;
    return true;
}

/* ---- restored --------------------------------------------------------------- */

static bool makes_sense(const struct bl_node_past *p)
{
    const struct bl_policy *policy = &p->policy;
    return p->state < BL_STATE_COUNT && policy->detector < BL_DETECTOR_COUNT &&
           policy->timeout_ms <= BL_TIMEOUT_MAX_MS && policy->warn_ms <= BL_TIMEOUT_MAX_MS &&
           policy->err_ms <= BL_TIMEOUT_MAX_MS && (p->binary || p->name_len > 0);
}

static bool is_length(float ms)
{
    return ms >= 0 && isfinite(ms);
}

/* Of a file: what could not have been learned is none. */
static bool is_rhythm(const struct bl_interval_stats *s)
{
    return s->count > 0 && s->mean_ms > 0 && s->mean_ms <= (float)BL_TIMEOUT_MAX_MS &&
           is_length(s->variance_ms2) && is_length(s->held_ms) && is_length(s->quiet_ms) &&
           is_length(s->below_ms) && is_length(s->owed_ms);
}

/* Room for what node `node` brings. */
static bool make_restored(struct bl_fleet_restored *r, uint32_t node)
{
    if (node < r->nodes)
        return r->rhythm_of != NULL; /* NULL: the places are taken */
    uint32_t nodes = r->nodes * 2 > node ? r->nodes * 2 : node + RESTORED_FIRST;
    uint32_t *silent = realloc(r->silent_ms, nodes * sizeof(*silent));
    if (!silent)
        return false;
    r->silent_ms = silent;
    uint32_t *rhythm = realloc(r->rhythm_of, nodes * sizeof(*rhythm));
    if (!rhythm)
        return false;
    r->rhythm_of = rhythm;
    memset(&silent[r->nodes], 0, (nodes - r->nodes) * sizeof(*silent));
    memset(&rhythm[r->nodes], 0, (nodes - r->nodes) * sizeof(*rhythm));
    r->nodes = nodes;
    return true;
}

/* Keeps it until the tables are there. Without memory for it the node has
 * its full timeout, or learns its rhythm anew. */
static void keep_restored(struct bl_fleet_restored *r, uint32_t node, const struct bl_node_past *p)
{
    bool learned = is_rhythm(&p->rhythm);
    if ((p->silent_ms == 0 && !learned && node >= r->nodes) || !make_restored(r, node))
        return;
    r->silent_ms[node] = p->silent_ms < BL_TIMEOUT_MAX_MS ? p->silent_ms : BL_TIMEOUT_MAX_MS;
    if (!learned) {
        r->rhythm_of[node] = 0;
        return;
    }
    if (r->rhythm_of[node] == 0) {
        struct bl_interval_stats *list =
            bl_array_room(r->rhythm, r->rhythms, &r->rhythm_capacity, sizeof(*list));
        if (!list)
            return;
        r->rhythm = list;
        r->rhythm_of[node] = ++r->rhythms;
    }
    r->rhythm[r->rhythm_of[node] - 1] = p->rhythm;
}

void bl_fleet_free_restored(struct bl_fleet_restored *r)
{
    free(r->silent_ms);
    free(r->rhythm_of);
    free(r->rhythm);
    *r = (struct bl_fleet_restored){0};
}

void bl_fleet_forget_silence(struct bl_fleet *f)
{
    for (uint32_t i = 0; i < f->restored.nodes; i++)
        f->restored.silent_ms[i] = 0;
}

static void fleet_restore_fill(struct bl_node *n, const struct bl_node_past *p)
{
    uint8_t flags = n->flags & (uint8_t) ~(BL_NODE_UNTIL_BEAT | BL_NODE_OWN_RETRIES | BL_NODE_OWN_DETECTOR);

    flags |= p->until_beat && p->state == BL_STATE_PAUSED ? BL_NODE_UNTIL_BEAT : 0;
    flags |= p->own_retries ? BL_NODE_OWN_RETRIES : 0;
    flags |= p->own_detector || p->policy.detector != BL_DETECTOR_FIXED ? BL_NODE_OWN_DETECTOR : 0;
    BL_WRITE(n->flags, flags | BL_NODE_RESTORED);
    BL_WRITE(n->first_seen_unix_ms, p->first_seen_unix_ms);
    BL_WRITE(n->state_since_unix_ms, p->state_since_unix_ms);
    BL_WRITE(n->last_beat_unix_ms, p->last_beat_unix_ms);
    n->policy = p->policy;
    BL_WRITE(n->interval_ms, p->interval_ms);
    BL_WRITE(n->incident, p->incident);
    BL_WRITE(n->table, p->table);
}

void bl_fleet_restore_soon(const struct bl_fleet *f, const struct bl_node_past *p)
{
    bl_registry_prefetch(f->registry, p->binary ? bl_key_of_id(&f->secret, p->id)
                                                : bl_key_of_name(&f->secret, p->name, p->name_len));
}

int bl_fleet_restore(struct bl_fleet *f, const struct bl_node_past *p)
{
    uint32_t node;

    if (!makes_sense(p))
        return -EINVAL;
    int r = p->binary ? bl_registry_add_id(f->registry, p->id, &node)
                      : bl_registry_add_name(f->registry, p->name, p->name_len, &node);
    if (r != 0 && r != -EEXIST)
        return r;
    /* The one there may be a binary node that has this name. */
    if ((bl_registry_at(f->registry, node)->flags & BL_NODE_BINARY) != (p->binary ? BL_NODE_BINARY : 0))
        return -EEXIST;
    fleet_restore_fill(bl_registry_at(f->registry, node), p);
    keep_restored(&f->restored, node, p);
    bl_registry_set_state(f->registry, node, (enum bl_state)p->state);
    r = bl_fleet_pause_until(f, node, p->state == BL_STATE_PAUSED ? p->pause_end_s : 0, false);
    if (p->binary && p->name_len > 0) {
        int named = bl_registry_rename(f->registry, node, p->name, p->name_len);
        r = r ? r : named;
    }
    return r;
}

/* ---- places --------------------------------------------------------------- */

static bool wants_place(const struct bl_node *n)
{
    return n && (n->flags & BL_NODE_RESTORED) && n->state != BL_STATE_NEW;
}

/* The table it beat in; where there are fewer now, any, but always the
 * same. */
static uint32_t table_for(const struct bl_fleet *f, const struct bl_node *n)
{
    return n->table < f->table_count ? n->table : (uint32_t)(n->key >> 32) % f->table_count;
}

/* At most 3/5 full, so that growth is not begun at once. */
BL_ON_CONTROL static void make_room(struct bl_fleet *f, uint32_t table, uint64_t nodes)
{
    struct bl_table *t = f->table[table].shared.table;

    bl_role_assume_worker(); /* it does not run yet */
    if (nodes * 5 <= (uint64_t)bl_table_slot_count(t) * 3)
        return;
    struct bl_slots *next = bl_slots_new(nodes * 5 / 3 + 1), *old;
    if (!next)
        return; /* what does not fit is left out below */
    int made;
    while ((made = bl_slots_prefault(next, next->bytes)) == 0)
        ;
    if (made < 0) {
        bl_slots_free(next);
        return;
    }
    bl_fleet_grow_begun(f, table);
    bl_table_grow_begin(t, next);
    while (!(old = bl_table_grow_step(t, 0, UINT32_MAX)))
        ;
    bl_fleet_grow_done(f, table);
    bl_slots_free(old);
}

/* What a silent node has left of its threshold: see bl_fleet_take_places. */
static uint32_t left_ms(const struct bl_fleet *f, const struct bl_node *n, uint32_t threshold_ms,
                        uint32_t learned_ms, uint32_t silent_ms)
{
    uint64_t grace = f->config.grace_ms ? f->config.grace_ms : threshold_ms, least = grace;

    if (learned_ms)
        grace = least = learned_ms;
    else if (n->interval_ms)
        grace = least = n->interval_ms + (uint64_t)bl_interval_margin_ms((float)n->interval_ms);
    else if (least > threshold_ms / LISTEN_DIVISOR)
        least = threshold_ms / LISTEN_DIVISOR;
    uint64_t left = threshold_ms + grace > silent_ms ? threshold_ms + grace - silent_ms : 0;
    left = left > least ? left : least;
    return left < threshold_ms ? (uint32_t)left : threshold_ms;
}

/* How old its slot is made, so that its next threshold comes when what it
 * has left is over. */
static uint32_t age_at_start(const struct bl_fleet *f, const struct bl_node *n, uint32_t silent_ms,
                             const struct bl_interval_stats *rhythm)
{
    uint32_t learned_ms;
    struct bl_policy p = bl_fleet_learned_policy(f, n, rhythm, &learned_ms);
    struct bl_thresholds t = bl_policy_thresholds(&p, n->interval_ms);
    bool was_late = n->state == BL_STATE_WARNING;
    uint32_t next = bl_state_next_threshold(&t, was_late ? BL_STATE_WARNING : BL_STATE_OK);

    _Static_assert(BL_TICK_NS == 1000000, "ages in ticks are ages in ms");
    return next == BL_THRESHOLD_NEVER ? 0 : next - left_ms(f, n, next, learned_ms, silent_ms);
}

/* The rhythm that the node brought, if it is wanted and can go on. */
static const struct bl_interval_stats *rhythm_of(const struct bl_fleet *f, const struct bl_node *n,
                                                 uint32_t node)
{
    const struct bl_fleet_restored *r = &f->restored;
    bool wanted = f->out.measure && bl_fleet_policy_of(f, n).detector != BL_DETECTOR_FIXED;
    return wanted && node < r->nodes && r->rhythm_of[node] ? &r->rhythm[r->rhythm_of[node] - 1] : NULL;
}

/* Its worker need not be asked to measure it. */
BL_ON_CONTROL static void note_measured(const struct bl_table *t, uint64_t key, bool measured)
{
    struct bl_place p;
    if (measured && bl_table_find_new(t, key, &p))
        bl_slots_set_policy(p.slots, p.slot,
                            (struct bl_slot_policy){.threshold_ticks = BL_THRESHOLD_NEVER,
                                                    .node = BL_NODE_NONE,
                                                    .flags = BL_POLICY_MEASURED});
}

BL_ON_CONTROL static bool take_place(struct bl_fleet *f, uint32_t node)
{
    static const struct bl_interval_stats unknown;
    struct bl_node *n = bl_registry_at(f->registry, node);
    uint32_t *silent_ms = node < f->restored.nodes ? &f->restored.silent_ms[node] : NULL;
    const struct bl_interval_stats *rhythm = rhythm_of(f, n, node);
    uint32_t table = table_for(f, n), slot;
    const struct bl_fleet_table *t = &f->table[table].shared;
    uint32_t age = silent_ms ? age_at_start(f, n, *silent_ms, rhythm ? rhythm : &unknown) : 0;
    uint32_t since = bl_ingest_clock_now(t->clock) - age;

    bl_role_assume_worker(); /* it does not run yet */
    if (bl_table_restore(t->table, n->key, since, rhythm, &slot) != BL_INSERT_NEW)
        return false;
    if (n->flags & BL_NODE_BINARY)
        bl_table_set_flag(t->table, slot, BL_SLOT_FIRST, true);
    if (silent_ms)
        *silent_ms -= age;
    BL_WRITE(n->table, (uint16_t)table);
    bl_fleet_hold(n, table);
    BL_WRITE(n->judged_tick, since);
    note_measured(t->table, n->key, rhythm != NULL);
    bl_fleet_write_slot(f, table, node);
    return true;
}

uint32_t bl_fleet_take_places(struct bl_fleet *f)
{
    uint32_t lost = 0, end = bl_registry_end(f->registry);
    uint64_t nodes[BL_TABLES_MAX] = {0};

    if (f->table_count == 0)
        return 0;
    for (uint32_t i = 0; i < end; i++) {
        const struct bl_node *n = bl_registry_get(f->registry, i);
        if (wants_place(n))
            nodes[table_for(f, n)]++;
    }
    for (uint32_t i = 0; i < f->table_count; i++)
        make_room(f, i, nodes[i]);
    for (uint32_t i = 0; i < end; i++) {
        const struct bl_node *soon = bl_registry_get(f->registry, i + AHEAD);
        if (wants_place(soon))
            bl_table_prefetch(f->table[table_for(f, soon)].shared.table, soon->key);
        if (wants_place(bl_registry_get(f->registry, i)))
            lost += !take_place(f, i);
    }
    free(f->restored.rhythm_of);
    free(f->restored.rhythm);
    f->restored.rhythm_of = NULL;
    f->restored.rhythm = NULL;
    return lost;
}
