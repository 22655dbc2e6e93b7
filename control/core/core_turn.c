/* SPDX-License-Identifier: Apache-2.0 */
/* One turn of the control core's loop, in the order of core.h's list. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "control/core/core_internal.h"
#include "control/text/log.h"
#include "engine/base/counter.h"

#define RECLAIM_NS       UINT64_C(100000000)
#define RECLAIM_PER_TURN 4096u /* nodes: 0.4 ms */
#define REPORTS_AT_ONCE  128u
#define REPORTS_AHEAD    16u /* of which the caches are asked for what they need: five lines each */

/* How long reports, commands and the sweep each go on within a turn: at
 * most this, and one unit (128 reports, a command, a piece of a batch).
 * What goes on longer than BL_POLL_GAP_NS, 100 ms, stops all clocks as
 * own_gap; all parts of a turn together stay far from that. */
#define PART_NS UINT64_C(2000000)

/* Automatic batch sizes in slots: each well under a millisecond, so that
 * reports and commands are served in between. */
#define AUTO_SMALL  16384u
#define AUTO_MEDIUM 65536u
#define AUTO_LARGE  131072u
/* A batch is swept in pieces of so many slots, with a look at the clock
 * after each. */
#define PIECE_SLOTS 16384u

/* Nodes that new views are asked of in a turn: at about a microsecond
 * each, as with the batches above. */
#define VIEW_NODES_PER_TURN 512u

/* Growth begins at 6/10: unknown nodes find room while the next generation
 * is made, and 7 % of the nodes are past their home line, where 11 % at
 * 7/10 cost a tenth of the table's speed. Fourfold while a table is
 * small, so that a fleet that comes all at once does not overrun it,
 * then by half, so that it is never emptier than 4/10. */
#define GROW_FAST_SLOTS (1u << 20)
#define GROW_RETRY_NS   UINT64_C(1000000000)

/* ---- the time of a part ---------------------------------------------------- */

uint64_t bl_core_now_ns(const struct bl_core *core)
{
    struct timespec ts;

    if (core->clock.now_ns)
        return core->clock.now_ns(core->clock.ctx);
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool part_is_over(const struct bl_core *core, uint64_t began_ns)
{
    return bl_core_now_ns(core) - began_ns >= PART_NS;
}

/* ---- clocks ------------------------------------------------------------------ */

BL_ON_CONTROL static void advance_clocks(struct bl_core *core, uint64_t now_ns, int64_t unix_ms)
{
    uint32_t frozen_workers = 0;
    bool own_gap = false;

    for (unsigned i = 0; i < core->worker_count; i++) {
        struct bl_worker_slot *l = &core->worker[i];
        uint64_t alive_ns = bl_worker_alive_ns(l->worker);
        uint32_t why = bl_ingest_clock_advance(&l->worker->clock, now_ns, alive_ns);
        frozen_workers += why != 0;
        if (alive_ns == 0)
            continue; /* it has not begun yet: nothing was heard, nothing stops */
        own_gap |= (why & BL_FREEZE_OWN_GAP) != 0;
        l->port->why |= why;
        l->port->frozen += why != 0;
    }
    BL_WRITE(core->stats.frozen_workers, frozen_workers);
    bl_core_tell_freezes(core, own_gap, now_ns, unix_ms);
}

/* ---- reports -------------------------------------------------------------------- */

static struct bl_grace_note *room_for_old(struct bl_worker_slot *l)
{
    for (unsigned i = 0; i < BL_CORE_OLD_TABLES; i++)
        if (bl_grace_note_is_free(&l->old[i]))
            return &l->old[i];
    return NULL;
}

static void free_old_table(void *slots)
{
    bl_slots_free(slots);
}

/* There is room for the old one: begin_growth has looked. */
BL_ON_CONTROL static void end_growth(struct bl_core *core, uint32_t table, struct bl_slots *old)
{
    struct bl_worker_slot *l = &core->worker[table];
    bl_fleet_grow_done(core->fleet, table);
    bl_grace_later(core->grace, room_for_old(l), free_old_table, old);
    l->growth = BL_GROWTH_NONE;
    BL_ADD(core->stats.growths, 1);
}

static struct bl_node_ref who_is_meant(const struct bl_worker_event *r)
{
    if (!r->name_len)
        return (struct bl_node_ref){.id = r->id};
    return (struct bl_node_ref){.name = r->name, .name_len = r->name_len, .key = r->id};
}

BL_ON_CONTROL static void take_report(struct bl_core *core, uint32_t table, const struct bl_worker_event *r,
                                      int64_t unix_ms)
{
    struct bl_node_ref who = who_is_meant(r);

    /* What the fleet refuses it counts; there is nobody here to tell. */
    switch ((enum bl_worker_event_kind)r->kind) {
    case BL_WORKER_EVENT_SEEN:
        bl_fleet_seen(core->fleet, table, &who, r->interval_ms, unix_ms);
        break;
    case BL_WORKER_EVENT_SET:
        bl_fleet_set(core->fleet, &who, &r->patch, unix_ms);
        break;
    case BL_WORKER_EVENT_HELLO:
        bl_fleet_hello(core->fleet, r->id, r->name, r->name_len, &r->patch, unix_ms);
        break;
    case BL_WORKER_EVENT_BYE:
        bl_fleet_bye(core->fleet, &who, unix_ms);
        break;
    case BL_WORKER_EVENT_GROWN:
        end_growth(core, table, r->old);
        break;
    }
}

BL_ON_CONTROL static void take_reports(struct bl_core *core, uint32_t table,
                                       const struct bl_worker_event *report, unsigned n, int64_t unix_ms)
{
    for (unsigned i = 0; i < n + REPORTS_AHEAD; i++) {
        if (i < n && report[i].kind == BL_WORKER_EVENT_SEEN) {
            struct bl_node_ref who = who_is_meant(&report[i]);
            bl_fleet_seen_soon(core->fleet, table, &who);
        }
        if (i >= REPORTS_AHEAD)
            take_report(core, table, &report[i - REPORTS_AHEAD], unix_ms);
    }
}

/* Some reports of the worker whose turn it is; how many. */
BL_ON_CONTROL static unsigned drain_next(struct bl_core *core, int64_t unix_ms)
{
    struct bl_worker_event report[REPORTS_AT_ONCE];
    unsigned i = core->next_report;
    unsigned n = bl_worker_events_pop(core->worker[i].worker->reports, report, REPORTS_AT_ONCE);

    core->next_report = i + 1 < core->worker_count ? i + 1 : 0;
    take_reports(core, i, report, n, unix_ms);
    BL_ADD(core->stats.reports, n);
    return n;
}

/* Until no worker has any, or the part is over: true if there were some. */
BL_ON_CONTROL static bool drain_reports(struct bl_core *core, int64_t unix_ms)
{
    uint64_t began_ns = bl_core_now_ns(core);
    bool any = false;

    for (unsigned empty = 0; empty < core->worker_count;) {
        if (drain_next(core, unix_ms) == 0) {
            empty++;
            continue;
        }
        empty = 0;
        any = true;
        if (part_is_over(core, began_ns))
            break;
    }
    return any;
}

/* As of now, which is after the clocks' look: what a verdict does not look
 * into holds no beat from before that. */
BL_ON_CONTROL static void core_note_untold(struct bl_core *core)
{
    for (unsigned i = 0; i < core->worker_count; i++)
        bl_fleet_set_untold(core->fleet, i, bl_worker_has_untold(core->worker[i].worker));
}

/* ---- commands -------------------------------------------------------------------- */

BL_ON_CONTROL static int set_by_command(struct bl_core *core, const struct bl_command *c, uint32_t node,
                                        int64_t unix_ms)
{
    if (node == BL_NODE_NONE && !c->create)
        return -ENOENT;
    struct bl_node_ref who = {.name = c->name, .name_len = c->name_len, .asked = true};
    const struct bl_node *n =
        node == BL_NODE_NONE ? NULL : bl_registry_get(bl_fleet_registry(core->fleet), node);
    if (n && n->flags & BL_NODE_BINARY)
        who = (struct bl_node_ref){.id = bl_node_id(n), .asked = true};
    return bl_fleet_set(core->fleet, &who, &c->patch, unix_ms);
}

static void core_turn_explain(struct bl_command *c)
{
    const char *why = c->result == -ENOENT   ? "no such node; `beatline nodes list` shows those there are"
                      : c->result == -ENOSPC ? "nodes.max of the config is reached; raise it or remove nodes"
                      : c->result == -EINVAL
                          ? "not a name a node can have: 1 to 200 bytes, no space, ':' or '|'"
                      : c->result ? strerror(-c->result)
                                  : "";
    if (c->result)
        snprintf(c->text, sizeof(c->text), "%s: %s", c->name, why);
    else
        c->text[0] = 0;
}

BL_ON_CONTROL static void core_turn_execute(struct bl_core *core, struct bl_command *c, int64_t unix_ms)
{
    uint32_t node = bl_registry_find_name(bl_fleet_registry(core->fleet), c->name, c->name_len);

    switch (c->kind) {
    case BL_COMMAND_SET:
        c->result = set_by_command(core, c, node, unix_ms);
        break;
    case BL_COMMAND_REMOVE:
        c->result = node == BL_NODE_NONE ? -ENOENT : bl_fleet_remove(core->fleet, node);
        break;
    case BL_COMMAND_PAUSE:
        c->result = node == BL_NODE_NONE ? -ENOENT : bl_fleet_pause(core->fleet, node, &c->pause, unix_ms);
        break;
    case BL_COMMAND_RESUME:
        c->result = node == BL_NODE_NONE ? -ENOENT : bl_fleet_resume(core->fleet, node, unix_ms);
        break;
    case BL_COMMAND_FORGET_VIEW:
        c->result = bl_views_forget(core->views, c->name, c->name_len);
        break;
    }
    core_turn_explain(c);
}

BL_ON_CONTROL static bool serve_commands(struct bl_core *core, int64_t unix_ms)
{
    uint64_t began_ns = bl_core_now_ns(core);
    struct bl_command *c;
    bool any = false;

    while (bl_ring_pop(core->commands, &c, 1)) {
        core_turn_execute(core, c, unix_ms);
        /* The answers' ring holds as many as can be under way. */
        bl_ring_push(core->answers, &c);
        core->api_feed.wake = true;
        BL_ADD(core->stats.commands, 1);
        any = true;
        if (part_is_over(core, began_ns))
            break;
    }
    return any;
}

/* ---- sweep ------------------------------------------------------------------------- */

static uint32_t batch_slots(const struct bl_core *core)
{
    uint32_t nodes = bl_registry_total(bl_fleet_registry(core->fleet));
    const struct bl_config *c = core->config;

    if (nodes <= BL_BATCH_SMALL_NODES)
        return c->batch_small ? c->batch_small : AUTO_SMALL;
    if (nodes <= BL_BATCH_MEDIUM_NODES)
        return c->batch_medium ? c->batch_medium : AUTO_MEDIUM;
    return c->batch_large ? c->batch_large : AUTO_LARGE;
}

/* One batch of the round in pieces, what time there is for: whether the
 * round is complete. */
BL_ON_CONTROL static bool sweep_batch(struct bl_core *core, uint32_t slots, int64_t unix_ms)
{
    uint64_t began_ns = bl_core_now_ns(core);

    for (uint32_t piece; slots > 0; slots -= piece) {
        piece = slots < PIECE_SLOTS ? slots : PIECE_SLOTS;
        if (bl_fleet_sweep(core->fleet, piece, unix_ms))
            return true;
        if (part_is_over(core, began_ns))
            break;
    }
    return false;
}

/* One batch of the round, or the start of one; true while a round is on. */
BL_ON_CONTROL static bool core_turn_sweep(struct bl_core *core, uint64_t now_ns, int64_t unix_ms)
{
    if (!core->in_round) {
        if (now_ns < core->next_tick_ns)
            return false;
        uint64_t tick_ns = core->config->sweep_tick_ms * UINT64_C(1000000);
        /* On the grid of ticks; a late round does not make the next late. */
        core->next_tick_ns += tick_ns;
        if (core->next_tick_ns <= now_ns)
            core->next_tick_ns = now_ns + tick_ns;
        core->in_round = true;
    }
    uint32_t slots = batch_slots(core);
    BL_WRITE(core->stats.batch_slots, slots);
    if (sweep_batch(core, slots, unix_ms)) {
        core->in_round = false;
        BL_ADD(core->stats.sweep_rounds, 1);
    }
    return core->in_round;
}

/* ---- growth ------------------------------------------------------------------------- */

/* Slots of the next generation, 0 while this one will do. Deleted slots
 * fill a table too: one that is full of them is made anew at its size. */
static uint64_t wanted_slots(const struct bl_table *t)
{
    uint64_t slots = bl_table_slot_count(t), used = bl_table_used(t);
    uint64_t filled = used + bl_table_gone(t);
    if (filled * 10 <= slots * 6)
        return 0;
    if (used * 2 <= slots)
        return slots;
    return slots < GROW_FAST_SLOTS ? slots * 4 : slots + slots / 2;
}

static void no_memory(const struct bl_worker_slot *l, uint64_t slots)
{
    bl_log(BL_LOG_ERROR,
           "worker %u: no memory for a table of %llu slots; new nodes will be dropped as table_full",
           l->worker->index, (unsigned long long)slots);
}

BL_ON_CONTROL static void begin_growth(struct bl_core *core, struct bl_worker_slot *l, uint64_t now_ns)
{
    uint64_t slots = wanted_slots(&l->worker->table);
    if (!slots || now_ns < l->retry_ns || !room_for_old(l))
        return;
    bl_table_maker_ask(core->table_maker, &l->order, slots);
    l->growth = BL_GROWTH_MAKING;
}

/* The maker is through; without memory it is tried again later. */
static void take_made(struct bl_worker_slot *l, uint64_t now_ns)
{
    l->next = l->order.made;
    l->order.made = NULL;
    l->growth = l->next ? BL_GROWTH_ASK : BL_GROWTH_NONE;
    l->retry_ns = l->next ? 0 : now_ns + GROW_RETRY_NS;
    if (!l->next)
        no_memory(l, l->order.slots);
}

/* One step of a worker's growth. */
BL_ON_CONTROL static void core_turn_grow(struct bl_core *core, uint32_t table, uint64_t now_ns)
{
    struct bl_worker_slot *l = &core->worker[table];

    if (l->growth == BL_GROWTH_NONE)
        begin_growth(core, l, now_ns);
    if (l->growth == BL_GROWTH_MAKING && bl_table_order_is_made(&l->order))
        take_made(l, now_ns);
    if (l->growth != BL_GROWTH_ASK)
        return;
    struct bl_worker_command order = {.kind = BL_WORKER_COMMAND_GROW, .next = l->next};
    /* The list of policy writes begins before the worker may move. */
    bl_fleet_grow_begun(core->fleet, table);
    if (bl_ring_push(l->worker->orders, &order)) {
        l->next = NULL; /* the worker's now */
        l->growth = BL_GROWTH_MOVING;
    }
}

/* ---- the turn -------------------------------------------------------------------------- */

/* A step of a generation of views under way; true while it is. */
BL_ON_CONTROL static bool step_views(struct bl_core *core, int64_t unix_ms)
{
    bool more = bl_views_step(core->views, VIEW_NODES_PER_TURN);
    bl_views_settle(core->views, unix_ms);
    return more;
}

/* Takes what was removed back once no reader can have it any more. Until
 * a grace period is over, which may be never, what is removed waits. */
BL_ON_CONTROL static void core_turn_reclaim(struct bl_core *core, uint64_t now_ns)
{
    struct bl_registry *r = bl_fleet_registry_own(core->fleet);
    if (core->reclaiming) {
        if (!bl_grace_is_over(core->grace, core->reclaim) || !bl_registry_reclaim_end(r, RECLAIM_PER_TURN))
            return;
        bl_views_reclaim_end(core->views);
        core->reclaiming = false;
    }
    if (now_ns < core->next_reclaim_ns || bl_registry_removed(r) + bl_views_waiting(core->views) == 0)
        return;
    core->next_reclaim_ns = now_ns + RECLAIM_NS;
    bl_registry_reclaim_begin(r);
    bl_views_reclaim_begin(core->views);
    core->reclaim = bl_grace_begin(core->grace);
    core->reclaiming = true;
}

static void note_turn(struct bl_core *core, uint64_t now_ns, bool busy)
{
    if (core->turn_ns && core->turn_busy) {
        uint64_t took = now_ns - core->turn_ns;
        BL_ADD(core->stats.busy_ns, took);
        if (took > core->stats.longest_turn_ns)
            BL_WRITE(core->stats.longest_turn_ns, took);
    }
    core->turn_ns = now_ns;
    core->turn_busy = busy;
}

bool bl_core_turn(struct bl_core *core, uint64_t now_ns, int64_t unix_ms)
{
    core->unix_ms = unix_ms;
    bl_fleet_set_now(core->fleet, now_ns / 1000000);
    advance_clocks(core, now_ns, unix_ms);
    bl_core_look_at_ports(core, now_ns);
    bool busy = drain_reports(core, unix_ms);
    core_note_untold(core);
    busy |= serve_commands(core, unix_ms);
    busy |= core_turn_sweep(core, now_ns, unix_ms);
    for (unsigned i = 0; i < core->worker_count; i++)
        core_turn_grow(core, i, now_ns);
    bl_core_take_request(core, unix_ms);
    busy |= step_views(core, unix_ms);
    core_turn_reclaim(core, now_ns);
    bl_event_feed_flush(&core->api_feed);
    bl_event_feed_flush(&core->notifier_feed);
    bl_event_feed_flush(&core->log_feed);
    BL_ADD(core->stats.turns, 1);
    if (busy)
        BL_ADD(core->stats.turns_busy, 1);
    note_turn(core, now_ns, busy);
    return busy;
}
