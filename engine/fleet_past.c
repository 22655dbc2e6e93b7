/* SPDX-License-Identifier: Apache-2.0 */
/* What is saved of a node, and how it comes back. */
#include <errno.h>
#include <string.h>

#include "engine/fleet_internal.h"

/* Nodes between the one whose place is asked of the caches and the one
 * that is looked at: a miss of memory is about as long as so many. */
#define AHEAD 16u

/* ---- saved ---------------------------------------------------------------- */

/* An "id:" name is made from the id. */
static bool has_own_name(const struct bl_node_past *p)
{
    return !p->binary || strncmp(p->name, "id:", 3) != 0;
}

/* Wall-clock time of its last beat: the record has it of the last change
 * of state, the tables of each beat since. */
static int64_t last_beat_of(const struct bl_fleet *f, const struct bl_node *n, uint64_t now_ns,
                            int64_t now_unix_ms)
{
    struct bl_freshest seen;
    uint8_t state = BL_NODE_READ(n->state);

    if ((state == BL_STATE_OK || state == BL_STATE_PAUSED) && bl_fleet_freshest(f, n, now_ns, &seen) &&
        !bl_node_is_unheard(n, seen.last_beat) && !bl_node_is_overage(n, seen.last_beat))
        return now_unix_ms - (int64_t)seen.age_ticks;
    return BL_NODE_READ(n->last_beat_unix_ms);
}

void bl_fleet_past_soon(const struct bl_fleet *f, uint32_t node)
{
    const struct bl_node *n = bl_registry_get(f->registry, node);
    uint32_t tables = bl_fleet_table_count(f);

    for (uint32_t i = 0; n && i < tables; i++)
        bl_table_prefetch(f->table[i].shared.table, BL_NODE_READ(n->key));
}

bool bl_fleet_past_of(const struct bl_fleet *f, uint32_t node, uint64_t now_ns, int64_t now_unix_ms,
                      struct bl_node_past *out)
{
    const struct bl_node *n = bl_registry_get(f->registry, node);
    if (!n)
        return false;
    uint8_t flags = BL_NODE_READ(n->flags);
    *out = (struct bl_node_past){
        .name = bl_node_name(n),
        .binary = flags & BL_NODE_BINARY,
        .until_beat = flags & BL_NODE_UNTIL_BEAT,
        .own_retries = flags & BL_NODE_OWN_RETRIES,
        .own_detector = flags & BL_NODE_OWN_DETECTOR,
        .state = BL_NODE_READ(n->state),
        .table = (uint16_t)(BL_NODE_READ(n->table) & ~BL_NODE_TABLE_LOST),
        .id = bl_node_id(n),
        .policy = {.timeout_ms = BL_NODE_READ(n->policy.timeout_ms),
                   .warn_ms = BL_NODE_READ(n->policy.warn_ms),
                   .err_ms = BL_NODE_READ(n->policy.err_ms),
                   .retries = BL_NODE_READ(n->policy.retries),
                   .detector = BL_NODE_READ(n->policy.detector)},
        .interval_ms = BL_NODE_READ(n->interval_ms),
        .incident = BL_NODE_READ(n->incident),
        .pause_end_s = (uint32_t)(bl_node_pause_end_unix_ms(n, now_ns, now_unix_ms) / 1000),
        .first_seen_unix_ms = BL_NODE_READ(n->first_seen_unix_ms),
        .state_since_unix_ms = BL_NODE_READ(n->state_since_unix_ms),
        .last_beat_unix_ms = last_beat_of(f, n, now_ns, now_unix_ms),
    };
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

static void fill(struct bl_node *n, const struct bl_node_past *p)
{
    uint8_t flags = n->flags & (uint8_t) ~(BL_NODE_UNTIL_BEAT | BL_NODE_OWN_RETRIES | BL_NODE_OWN_DETECTOR);

    flags |= p->until_beat && p->state == BL_STATE_PAUSED ? BL_NODE_UNTIL_BEAT : 0;
    flags |= p->own_retries ? BL_NODE_OWN_RETRIES : 0;
    flags |= p->own_detector || p->policy.detector != BL_DETECTOR_FIXED ? BL_NODE_OWN_DETECTOR : 0;
    BL_NODE_WRITE(n->flags, flags | BL_NODE_RESTORED);
    BL_NODE_WRITE(n->first_seen_unix_ms, p->first_seen_unix_ms);
    BL_NODE_WRITE(n->state_since_unix_ms, p->state_since_unix_ms);
    BL_NODE_WRITE(n->last_beat_unix_ms, p->last_beat_unix_ms);
    n->policy = p->policy;
    BL_NODE_WRITE(n->interval_ms, p->interval_ms);
    BL_NODE_WRITE(n->incident, p->incident);
    BL_NODE_WRITE(n->table, p->table);
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
    fill(bl_registry_at(f->registry, node), p);
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
static void make_room(struct bl_fleet *f, uint32_t table, uint64_t nodes) BL_ON_CONTROL
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

static bool take_place(struct bl_fleet *f, uint32_t node) BL_ON_CONTROL
{
    struct bl_node *n = bl_registry_at(f->registry, node);
    uint32_t table = table_for(f, n), slot;
    const struct bl_fleet_table *t = &f->table[table].shared;
    uint32_t now = bl_ingest_clock_now(t->clock);

    bl_role_assume_worker(); /* it does not run yet */
    if (bl_table_restore(t->table, n->key, now, &slot) != BL_INSERT_NEW)
        return false;
    if (n->flags & BL_NODE_BINARY)
        bl_table_attend(t->table, slot, BL_ATTEND_FIRST, true);
    BL_NODE_WRITE(n->table, (uint16_t)table);
    bl_fleet_hold(n, table);
    BL_NODE_WRITE(n->judged_tick, now);
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
    return lost;
}
