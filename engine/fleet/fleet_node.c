/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a node, by workers and by people. */
#include <errno.h>
#include <string.h>

#include "engine/base/counter.h"
#include "engine/fleet/fleet_internal.h"

static uint64_t key_of(const struct bl_fleet *f, const struct bl_node_ref *who)
{
    if (who->key)
        return who->key;
    return who->name ? bl_key_of_name(&f->secret, who->name, who->name_len)
                     : bl_key_of_id(&f->secret, who->id);
}

uint32_t bl_fleet_find(const struct bl_fleet *f, const struct bl_node_ref *who)
{
    return bl_registry_find_key(f->registry, key_of(f, who));
}

/* Whether one more unknown node off the wire may be registered this second. */
static bool creation_allowed(struct bl_fleet *f)
{
    uint64_t second = f->now_ms / 1000;
    if (second != f->create_second) {
        f->create_second = second;
        f->created = 0;
    }
    if (f->config.create_per_s && f->created >= f->config.create_per_s)
        return false;
    f->created++;
    return true;
}

/* Whether the unknown node may come in: 0, -EPERM, -EAGAIN. */
BL_ON_CONTROL static int let_in(struct bl_fleet *f, const struct bl_node_ref *who)
{
    if (who->asked)
        return 0;
    if (f->config.reject_unknown) {
        BL_ADD(f->stats.refused_unknown, 1);
        return -EPERM;
    }
    if (!creation_allowed(f)) {
        BL_ADD(f->stats.refused_rate, 1);
        return -EAGAIN;
    }
    return 0;
}

/* The node, made if it is an unknown node (*fresh). 0 or what let_in and
 * bl_registry_add_* say. */
BL_ON_CONTROL static int find_or_add(struct bl_fleet *f, const struct bl_node_ref *who, int64_t unix_ms,
                                     uint32_t *node, bool *fresh)
{
    uint64_t key = key_of(f, who);
    *fresh = false;
    *node = bl_registry_find_key(f->registry, key);
    if (*node != BL_NODE_NONE)
        return 0;
    int r = let_in(f, who);
    if (r)
        return r;
    r = bl_registry_add(
        f->registry,
        &(struct bl_unknown_node){.key = key, .name = who->name, .name_len = who->name_len, .id = who->id},
        node);
    if (r == -ENOSPC)
        BL_ADD(f->stats.refused_max_nodes, 1);
    if (r)
        return r;
    struct bl_node *n = bl_registry_at(f->registry, *node);
    BL_WRITE(n->first_seen_unix_ms, unix_ms);
    BL_WRITE(n->state_since_unix_ms, unix_ms);
    BL_ADD(f->stats.registered, 1);
    *fresh = true;
    return 0;
}

/* A beat for a node that was not ok brings it back, unless a person has
 * paused it. */
BL_ON_CONTROL static void fleet_node_beaten(struct bl_fleet *f, uint32_t node, int64_t unix_ms)
{
    const struct bl_node *n = bl_registry_at(f->registry, node);
    bool muted = n->state == BL_STATE_PAUSED && !(n->flags & BL_NODE_UNTIL_BEAT);
    struct bl_latest_beat seen;

    if (n->state == BL_STATE_OK || muted || !bl_fleet_latest_beat_now(f, node, &seen))
        return;
    bl_fleet_change(f, node,
                    &(struct bl_change){.to = BL_STATE_OK,
                                        .reason = n->state == BL_STATE_NEW ? "first beat" : "beat",
                                        .unix_ms = unix_ms,
                                        .seen = &seen});
}

void bl_fleet_seen_soon(const struct bl_fleet *f, uint32_t table, const struct bl_node_ref *who)
{
    uint64_t key = key_of(f, who);
    bl_registry_prefetch(f->registry, key);
    bl_table_prefetch_new(f->table[table].shared.table, key);
}

int bl_fleet_seen(struct bl_fleet *f, uint32_t table, const struct bl_node_ref *who, uint32_t interval_ms,
                  int64_t unix_ms)
{
    uint64_t key = key_of(f, who);
    struct bl_place place;
    uint32_t node;
    bool fresh;

    if (bl_fleet_is_retiring(f, table, key) || !bl_table_find_new(f->table[table].shared.table, key, &place))
        return -ESTALE;
    int r = find_or_add(f, who, unix_ms, &node, &fresh);
    if (r) {
        bl_fleet_retire(f, table, key);
        return r;
    }
    struct bl_node *n = bl_registry_at(f->registry, node);
    if (n->key != key) {
        BL_ADD(f->stats.name_conflicts, 1);
        bl_fleet_retire(f, table, key);
        return -EEXIST;
    }
    BL_WRITE(n->table, (uint16_t)table);
    bl_fleet_hold(n, table);
    bool promises = interval_ms && interval_ms != n->interval_ms;
    if (promises)
        BL_WRITE(n->interval_ms, interval_ms);
    if (fresh)
        bl_registry_set_state(f->registry, node, BL_STATE_OK);
    else
        fleet_node_beaten(f, node, unix_ms);
    bl_fleet_write_place(f, table, node, &place);
    if (fresh || promises)
        bl_fleet_note(f, node);
    if (fresh)
        bl_fleet_welcome(f, node, "first beat");
    return 0;
}

/* Whether the patch says nothing that the node does not have: an autobeat
 * repeats its setting with every beat. */
static bool is_old_news(const struct bl_node *n, const struct bl_policy_patch *p)
{
    const struct bl_policy *is = &n->policy, *to = &p->policy;
    return !(
        (p->set & BL_SET_CLEAR) || (p->set & BL_SET_TIMEOUT && is->timeout_ms != to->timeout_ms) ||
        (p->set & BL_SET_WARN && is->warn_ms != to->warn_ms) ||
        (p->set & BL_SET_ERR && is->err_ms != to->err_ms) ||
        (p->set & BL_SET_DETECTOR && (is->detector != to->detector || !(n->flags & BL_NODE_OWN_DETECTOR))) ||
        (p->set & BL_SET_INTERVAL && n->interval_ms != p->interval_ms) ||
        (p->set & BL_SET_RETRIES && (is->retries != to->retries || !(n->flags & BL_NODE_OWN_RETRIES))));
}

static void clear_policy(struct bl_node *n)
{
    BL_WRITE(n->policy.timeout_ms, 0);
    BL_WRITE(n->policy.warn_ms, 0);
    BL_WRITE(n->policy.err_ms, 0);
    BL_WRITE(n->policy.detector, BL_DETECTOR_FIXED);
    BL_WRITE(n->flags, (uint8_t)(n->flags & ~(BL_NODE_OWN_RETRIES | BL_NODE_OWN_DETECTOR)));
}

static void apply_patch(struct bl_node *n, const struct bl_policy_patch *p)
{
    if (p->set & BL_SET_CLEAR)
        clear_policy(n);
    if (p->set & BL_SET_TIMEOUT)
        BL_WRITE(n->policy.timeout_ms, p->policy.timeout_ms);
    if (p->set & BL_SET_WARN)
        BL_WRITE(n->policy.warn_ms, p->policy.warn_ms);
    if (p->set & BL_SET_ERR)
        BL_WRITE(n->policy.err_ms, p->policy.err_ms);
    if (p->set & BL_SET_DETECTOR) {
        BL_WRITE(n->policy.detector, p->policy.detector);
        BL_WRITE(n->flags, (uint8_t)(n->flags | BL_NODE_OWN_DETECTOR));
    }
    if (p->set & BL_SET_INTERVAL)
        BL_WRITE(n->interval_ms, p->interval_ms);
    if (p->set & BL_SET_RETRIES) {
        BL_WRITE(n->policy.retries, p->policy.retries);
        BL_WRITE(n->flags, (uint8_t)(n->flags | BL_NODE_OWN_RETRIES));
    }
}

BL_ON_CONTROL static void set_policy(struct bl_fleet *f, uint32_t node, const struct bl_policy_patch *patch,
                                     int64_t unix_ms)
{
    struct bl_node *n = bl_registry_at(f->registry, node);

    if (is_old_news(n, patch))
        return;
    apply_patch(n, patch);
    bl_fleet_note(f, node);
    bl_fleet_judge(f, node, unix_ms);
}

int bl_fleet_set(struct bl_fleet *f, const struct bl_node_ref *who, const struct bl_policy_patch *patch,
                 int64_t unix_ms)
{
    uint32_t node;
    bool fresh;
    int r = find_or_add(f, who, unix_ms, &node, &fresh);
    if (r)
        return r;
    if (fresh) {
        bl_fleet_note(f, node);
        bl_fleet_welcome(f, node, who->asked ? "asked" : "setting");
    }
    set_policy(f, node, patch, unix_ms);
    return 0;
}

int bl_fleet_hello(struct bl_fleet *f, uint64_t id, const char *name, unsigned name_len,
                   const struct bl_policy_patch *patch, int64_t unix_ms)
{
    uint32_t node;
    bool fresh;
    int r = find_or_add(f, &(struct bl_node_ref){.id = id}, unix_ms, &node, &fresh);
    if (r)
        return r;
    if (name_len) {
        r = bl_registry_rename(f->registry, node, name, name_len);
        if (r == -EEXIST)
            BL_ADD(f->stats.name_conflicts, 1);
    }
    if (fresh)
        bl_fleet_welcome(f, node, "hello");
    bl_fleet_note(f, node);
    set_policy(f, node, patch, unix_ms);
    return r;
}

/* ---- pauses ------------------------------------------------------------- */

/* Left behind by a pause that is over or ends at another time, or by
 * another clock: not so. */
static bool end_holds(const struct bl_fleet *f, const struct bl_pause_end *e, bool counts)
{
    const struct bl_node *n = bl_registry_get(f->registry, e->node);
    return n && n->state == BL_STATE_PAUSED && n->pause_end_s == e->end_s &&
           !(n->flags & BL_NODE_PAUSE_COUNTS) == !counts;
}

static bool wall_end_holds(const void *ctx, const struct bl_pause_end *e)
{
    return end_holds(ctx, e, false);
}

static bool counted_end_holds(const void *ctx, const struct bl_pause_end *e)
{
    return end_holds(ctx, e, true);
}

/* Rounded up: a pause lasts no shorter than it was asked. */
static uint32_t end_second(int64_t ms)
{
    if (ms <= 0)
        return 0;
    int64_t s = (ms + 999) / 1000;
    return s < UINT32_MAX ? (uint32_t)s : UINT32_MAX;
}

int64_t bl_node_pause_end_unix_ms(const struct bl_node *n, uint64_t now_ns, int64_t now_unix_ms)
{
    int64_t end_ms = BL_READ(n->pause_end_s) * INT64_C(1000);
    if (end_ms == 0 || !(BL_READ(n->flags) & BL_NODE_PAUSE_COUNTS))
        return end_ms;
    /* The two clocks are not read at once: to the second it stays the same. */
    int64_t end_unix_ms = now_unix_ms + end_ms - (int64_t)(now_ns / 1000000);
    return end_unix_ms > 500 ? (end_unix_ms + 500) / 1000 * 1000 : 1000;
}

int bl_fleet_pause_until(struct bl_fleet *f, uint32_t node, uint32_t end_s, bool counts)
{
    struct bl_pause_ends *p = counts ? &f->counted_ends : &f->wall_ends;
    struct bl_node *n = bl_registry_at(f->registry, node);
    bool counted = n->flags & BL_NODE_PAUSE_COUNTS;

    if (n->pause_end_s == end_s && counted == counts)
        return 0;
    /* Full: first what was left behind goes. */
    if (end_s && p->count == p->capacity)
        bl_pause_ends_clear(p, counts ? counted_end_holds : wall_end_holds, f);
    bool kept = !end_s || bl_pause_ends_add(p, (struct bl_pause_end){.end_s = end_s, .node = node});
    BL_WRITE(n->pause_end_s, 0);
    BL_WRITE(n->flags, (uint8_t)((n->flags & ~BL_NODE_PAUSE_COUNTS) | (counts ? BL_NODE_PAUSE_COUNTS : 0)));
    BL_WRITE(n->pause_end_s, kept ? end_s : 0);
    return kept ? 0 : -ENOMEM;
}

BL_ON_CONTROL static int pause_node(struct bl_fleet *f, uint32_t node, const struct bl_pause *how,
                                    const char *reason, int64_t unix_ms)
{
    if (!bl_registry_get(f->registry, node))
        return -ENOENT;
    struct bl_node *n = bl_registry_at(f->registry, node);
    uint8_t flags = n->flags & (uint8_t)~BL_NODE_UNTIL_BEAT;
    struct bl_latest_beat seen;
    bool in_table = bl_fleet_latest_beat_now(f, node, &seen);

    BL_WRITE(n->flags, (uint8_t)(flags | (how->until_beat ? BL_NODE_UNTIL_BEAT : 0)));
    if (n->state != BL_STATE_PAUSED)
        bl_fleet_change(f, node,
                        &(struct bl_change){.to = BL_STATE_PAUSED,
                                            .reason = reason,
                                            .unix_ms = unix_ms,
                                            .seen = in_table ? &seen : NULL});
    else if (in_table) /* only a beat from now on is the next one */
        BL_WRITE(n->judged_tick, seen.last_beat);
    uint32_t end_s = end_second(how->for_ms ? (int64_t)f->now_ms + how->for_ms : how->end_unix_ms);
    int r = bl_fleet_pause_until(f, node, end_s, how->for_ms != 0);
    bl_fleet_write_slots(f, node);
    bl_fleet_note(f, node);
    return r;
}

void bl_fleet_bye(struct bl_fleet *f, const struct bl_node_ref *who, int64_t unix_ms)
{
    uint32_t node = bl_registry_find_key(f->registry, key_of(f, who));
    if (node == BL_NODE_NONE)
        return;
    /* What a person has paused stays paused when it comes back. */
    if (bl_registry_at(f->registry, node)->state != BL_STATE_PAUSED)
        pause_node(f, node, &(struct bl_pause){.until_beat = true}, "bye", unix_ms);
}

int bl_fleet_pause(struct bl_fleet *f, uint32_t node, const struct bl_pause *how, int64_t unix_ms)
{
    return pause_node(f, node, how ? how : &(struct bl_pause){0}, "paused", unix_ms);
}

int bl_fleet_resume(struct bl_fleet *f, uint32_t node, int64_t unix_ms)
{
    const struct bl_node *n = bl_registry_get(f->registry, node);
    if (!n)
        return -ENOENT;
    if (n->state == BL_STATE_PAUSED)
        bl_fleet_wake(f, node, "resumed", unix_ms);
    return 0;
}

bool bl_fleet_end_pauses(struct bl_fleet *f, uint32_t max, int64_t unix_ms)
{
    uint32_t wall_s = unix_ms > 0 && unix_ms / 1000 < UINT32_MAX ? (uint32_t)(unix_ms / 1000) : 0;
    struct bl_pause_end e;

    for (; max && bl_pause_ends_take(&f->wall_ends, wall_s, &e); max--)
        if (end_holds(f, &e, false))
            bl_fleet_wake(f, e.node, "pause ended", unix_ms);
    for (; max && bl_pause_ends_take(&f->counted_ends, (uint32_t)(f->now_ms / 1000), &e); max--)
        if (end_holds(f, &e, true))
            bl_fleet_wake(f, e.node, "pause ended", unix_ms);
    return max == 0;
}

BL_ON_CONTROL static bool fleet_node_holds(const struct bl_fleet *f, uint32_t table, uint64_t key)
{
    struct bl_place place;
    return !bl_fleet_is_retiring(f, table, key) && bl_table_find(f->table[table].shared.table, key, &place);
}

int bl_fleet_remove(struct bl_fleet *f, uint32_t node)
{
    const struct bl_node *n = bl_registry_get(f->registry, node);

    if (!n)
        return -ENOENT;
    for (uint32_t i = 0; i < f->table_count; i++)
        if (fleet_node_holds(f, i, n->key) && !bl_fleet_can_retire(f, i))
            return -ENOMEM;
    for (uint32_t i = 0; i < f->table_count; i++)
        if (fleet_node_holds(f, i, n->key))
            bl_fleet_retire(f, i, n->key);
    if (f->out.removed)
        f->out.removed(f->out.ctx, node);
    bl_registry_remove(f->registry, node);
    return 0;
}
