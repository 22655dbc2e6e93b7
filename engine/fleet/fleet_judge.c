/* SPDX-License-Identifier: Apache-2.0 */
/* Time: the sweep's findings and the verdict on each node. */
#include "engine/base/counter.h"
#include "engine/fleet/fleet_internal.h"

/* Slots of a batch for each node that new defaults are brought to, for
 * each that is woken, and for each whose slot is written again. With many
 * tables, some of them untold, such a verdict costs 3.4 us and a
 * transition as much again: the 257 of a batch of 16,384 slots are a
 * millisecond or two. */
#define VERDICTS_DIVISOR 64u
/* Slots of a batch for each node that the walk looks up at most: a lookup
 * costs about as much as a scan of eight slots. */
#define WALK_DIVISOR 8u
/* Slots of a batch that are looked at for having no node, while there are
 * such: a quarter of it. */
#define NODELESS_DIVISOR 4u
/* Nodes between the one that is written again and the one whose lines are
 * asked of the caches. */
#define TOUCHED_AHEAD 16u

/* The walk over all nodes that looks for long silence: how often it
 * begins, and the nodes in each batch of it: at 10 ms, 10 million are
 * through in 7 minutes. What it must see lasts 4 days: from
 * BL_TIMEOUT_MAX_MS to the wrap. */
#define OVERAGE_EVERY_MS UINT64_C(86400000)
#define OVERAGE_NODES    256u

/* ---- slots --------------------------------------------------------------- */

/* Whether a fresh beat of a node in this state is news. */
static bool is_watched(const struct bl_node *n)
{
    switch ((enum bl_state)n->state) {
    case BL_STATE_PAUSED:
        return n->flags & BL_NODE_UNTIL_BEAT;
    case BL_STATE_WARNING:
    case BL_STATE_FAILED:
    case BL_STATE_UNKNOWN:
        return true;
    default:
        return false;
    }
}

/* When the sweep must look at the slot at the latest. */
BL_ON_CONTROL static void lower_block(struct bl_fleet *f, uint32_t table, const struct bl_place *place,
                                      const struct bl_slot_policy *p)
{
    const struct bl_fleet_table *t = &f->table[table].shared;
    uint32_t now = bl_ingest_clock_now(t->clock);

    if (p->flags & BL_POLICY_WATCH)
        bl_sweep_lower(t->sweep, place,
                       now + (p->flags & BL_POLICY_ADAPTS ? bl_sweep_pace(place->slots, place->slot)
                                                          : BL_RECHECK_TICKS));
    if (p->threshold_ticks == BL_THRESHOLD_NEVER)
        return;
    uint32_t age = bl_age_ticks(now, bl_slots_last_beat(place->slots, place->slot));
    uint32_t left = age > p->threshold_ticks ? 0 : p->threshold_ticks - age + 1;
    bl_sweep_lower(t->sweep, place, now + (left < BL_BLOCK_MAX_TICKS ? left : BL_BLOCK_MAX_TICKS));
}

/* Has the node's intervals measured, or no longer, if that is news to
 * its worker. Returns BL_POLICY_MEASURED while it is asked for. */
BL_ON_CONTROL static uint8_t have_measured(struct bl_fleet *f, uint32_t table, const struct bl_node *n,
                                           const struct bl_place *place)
{
    uint8_t is = bl_slots_policy(place->slots, place->slot).flags & BL_POLICY_MEASURED;
    bool wanted = bl_fleet_policy_of(f, n).detector != BL_DETECTOR_FIXED;

    if (wanted == (is != 0) || !f->out.measure)
        return is;
    if (f->out.measure(f->out.ctx, table, n->key, wanted))
        return wanted ? BL_POLICY_MEASURED : 0;
    /* Without memory for the list it is asked when its slot is next written. */
    bl_key_list_add(&f->table[table].unasked, n->key);
    return is;
}

BL_ON_CONTROL static uint8_t flags_of(struct bl_fleet *f, uint32_t table, const struct bl_node *n,
                                      const struct bl_place *place)
{
    uint8_t measured = have_measured(f, table, n, place);
    if (is_watched(n))
        return measured | BL_POLICY_WATCH;
    return n->state == BL_STATE_OK && measured ? BL_POLICY_MEASURED | BL_POLICY_WATCH | BL_POLICY_ADAPTS
                                               : measured;
}

void bl_fleet_write_place(struct bl_fleet *f, uint32_t table, uint32_t node, const struct bl_place *place)
{
    struct bl_fleet_table_state *t = &f->table[table];
    const struct bl_node *n = bl_registry_at(f->registry, node);
    struct bl_thresholds thresholds = bl_fleet_thresholds_of(f, n, place);
    struct bl_slot_policy p = {
        .threshold_ticks = bl_state_next_threshold(&thresholds, (enum bl_state)n->state),
        .node = node & BL_NODE_NONE,
        .flags = flags_of(f, table, n, place) & 15u,
    };

    bl_slots_set_policy(place->slots, place->slot, p);
    lower_block(f, table, place, &p);
    /* In the next generation, where unknown nodes go at once, it stays. */
    if (t->growing && place->slots == t->left && !bl_key_list_add(&t->touched, n->key))
        t->touched_lost = true;
}

bool bl_fleet_write_slot(struct bl_fleet *f, uint32_t table, uint32_t node)
{
    uint64_t key = bl_registry_at(f->registry, node)->key;
    struct bl_place place;

    if (bl_fleet_is_retiring(f, table, key) || !bl_table_find_new(f->table[table].shared.table, key, &place))
        return false;
    bl_fleet_write_place(f, table, node, &place);
    return true;
}

void bl_fleet_write_slots(struct bl_fleet *f, uint32_t node)
{
    struct bl_table_set held = bl_fleet_tables_of(f, bl_registry_at(f->registry, node));
    uint32_t table;

    while (bl_table_set_take(&held, &table))
        bl_fleet_write_slot(f, table, node);
}

/* ---- retiring ------------------------------------------------------------ */

BL_ON_CONTROL static void forget_slot(struct bl_table *t, uint64_t key)
{
    struct bl_place place;
    if (bl_table_find(t, key, &place))
        bl_slots_set_policy(
            place.slots, place.slot,
            (struct bl_slot_policy){.threshold_ticks = BL_THRESHOLD_NEVER, .node = BL_NODE_NONE});
}

/* The number of the last deletion that the table's worker has done. */
BL_ON_CONTROL static uint64_t retired_by(const struct bl_fleet *f, uint32_t table)
{
    return f->out.retired ? f->out.retired(f->out.ctx, table) : f->table[table].retiring.sent;
}

bool bl_fleet_is_retiring(const struct bl_fleet *f, uint32_t table, uint64_t key)
{
    uint64_t number = bl_retiring_number(&f->table[table].retiring, key);
    return number > 0 && number > retired_by(f, table);
}

bool bl_fleet_can_retire(struct bl_fleet *f, uint32_t table)
{
    return bl_retiring_reserve(&f->table[table].retiring, retired_by(f, table));
}

/* Hands deletions over for as long as the worker's ring takes them. */
BL_ON_CONTROL static void retire_waiting(struct bl_fleet *f, uint32_t table)
{
    struct bl_retiring *r = &f->table[table].retiring;
    uint64_t key;

    while (bl_retiring_next(r, &key) && f->out.retire(f->out.ctx, table, key))
        bl_retiring_sent(r);
    bl_retiring_settle(r, retired_by(f, table));
}

void bl_fleet_retire(struct bl_fleet *f, uint32_t table, uint64_t key)
{
    struct bl_retiring *r = &f->table[table].retiring;

    if (bl_fleet_is_retiring(f, table, key))
        return;
    if (!bl_fleet_can_retire(f, table)) {
        bl_fleet_note_nodeless(f, table);
        return;
    }
    forget_slot(f->table[table].shared.table, key);
    bl_retiring_add(r, key);
    retire_waiting(f, table);
    if (r->sent < r->asked)
        BL_ADD(f->stats.retire_waits, 1);
}

/* The same for what was asked of the worker's measuring, at most `max`.
 * Writing the slot asks again. */
BL_ON_CONTROL static void ask_again(struct bl_fleet *f, uint32_t table, uint32_t max)
{
    struct bl_key_list *unasked = &f->table[table].unasked;

    for (; max && unasked->count > 0; max--) {
        uint32_t left = unasked->count - 1;
        uint32_t node = bl_registry_find_key(f->registry, unasked->key[left]);
        unasked->count = left;
        if (node != BL_NODE_NONE)
            bl_fleet_write_slot(f, table, node);
        if (unasked->count > left)
            return; /* still full */
    }
}

/* ---- verdicts ------------------------------------------------------------ */

BL_ON_CONTROL static void fleet_judge_tell(struct bl_fleet *f, uint32_t node, enum bl_state from,
                                           const struct bl_change *c)
{
    const struct bl_node *n = bl_registry_at(f->registry, node);

    f->out.transition(f->out.ctx, &(struct bl_transition){.node = node,
                                                          .name = n->name,
                                                          .from = from,
                                                          .to = c->to,
                                                          .time_unix_ms = c->unix_ms,
                                                          .last_beat_unix_ms = n->last_beat_unix_ms,
                                                          .incident = n->incident,
                                                          .lateness_ticks = c->lateness_ticks,
                                                          .reason = c->reason});
}

void bl_fleet_change(struct bl_fleet *f, uint32_t node, const struct bl_change *c)
{
    struct bl_node *n = bl_registry_at(f->registry, node);
    enum bl_state from = (enum bl_state)n->state;

    /* From a pause too: who wakes a node that is dead is told so. */
    if (from <= BL_STATE_OK && c->to > BL_STATE_OK)
        BL_ADD(n->incident, 1);
    if (c->seen && !bl_node_is_unheard(n, c->seen->last_beat) && !bl_node_is_overage(n, c->seen->last_beat)) {
        BL_WRITE(n->flags, (uint8_t)(n->flags & ~(BL_NODE_RESTORED | BL_NODE_OVERAGE)));
        BL_WRITE(n->last_beat_unix_ms, c->unix_ms - (int64_t)c->seen->since_ms);
        BL_WRITE(n->judged_tick, c->seen->last_beat);
        BL_WRITE(n->table, (uint16_t)c->seen->table);
    }
    if (c->to != BL_STATE_PAUSED) {
        BL_WRITE(n->flags, (uint8_t)(n->flags & ~BL_NODE_UNTIL_BEAT));
        BL_WRITE(n->pause_end_s, 0);
        BL_WRITE(n->flags, (uint8_t)(n->flags & ~BL_NODE_PAUSE_COUNTS));
    }
    BL_WRITE(n->state_since_unix_ms, c->unix_ms);
    bl_registry_set_state(f->registry, node, c->to);
    bl_fleet_write_slots(f, node);
    bl_fleet_note(f, node);
    fleet_judge_tell(f, node, from, c);
}

/* How long it has been silent: of a node that was so for longer than any
 * timeout, longer than any timeout. */
static uint32_t silence_ticks(const struct bl_node *n, const struct bl_latest_beat *seen)
{
    return bl_node_is_overage(n, seen->last_beat) ? BL_TIMEOUT_MAX_MS + 1 : seen->age_ticks;
}

/* The state that the latest beat gives a node, and why. Its own state
 * if there is nothing to say. */
static enum bl_state fleet_judge_conclude(const struct bl_fleet *f, const struct bl_node *n,
                                          const struct bl_latest_beat *seen, const char **reason)
{
    struct bl_thresholds thresholds = bl_fleet_thresholds_of(f, n, &seen->place);
    enum bl_state is = (enum bl_state)n->state;
    bool beaten = seen->last_beat != n->judged_tick;
    bool unheard = bl_node_is_unheard(n, seen->last_beat) || bl_node_is_overage(n, seen->last_beat);

    if (is == BL_STATE_PAUSED) {
        *reason = "beat";
        return beaten && (n->flags & BL_NODE_UNTIL_BEAT) ? BL_STATE_OK : is;
    }
    enum bl_state to = bl_state_of_age(&thresholds, silence_ticks(n, seen));
    /* Its age is no silence that was listened to: better it gets by a beat
     * alone, and worse when the clock runs again. */
    if (is == BL_STATE_UNKNOWN && !beaten &&
        (to < is || bl_ingest_clock_frozen(f->table[seen->table].shared.clock)))
        return is;
    /* Its slot tells when it was restored, or hardly anything: no beat. */
    if (to < is && is > BL_STATE_OK && unheard)
        return is;
    if (is == BL_STATE_NEW)
        *reason = "first beat";
    else if (to > is)
        *reason = "timeout";
    else
        *reason = beaten ? "beat" : "policy";
    return to;
}

/* How long after its threshold a timeout was noticed. */
static uint32_t lateness_of(const struct bl_fleet *f, const struct bl_node *n, enum bl_state to,
                            const struct bl_latest_beat *seen)
{
    struct bl_thresholds t = bl_fleet_thresholds_of(f, n, &seen->place);
    uint32_t threshold = to == BL_STATE_FAILED ? t.failed_ticks : t.warning_ticks;
    return seen->age_ticks > threshold ? seen->age_ticks - threshold : 0;
}

BL_ON_CONTROL static void judge_on(struct bl_fleet *f, uint32_t node, const struct bl_latest_beat *seen,
                                   bool swept, int64_t unix_ms)
{
    const struct bl_node *n = bl_registry_at(f->registry, node);
    struct bl_change c = {.unix_ms = unix_ms, .seen = seen};

    c.to = fleet_judge_conclude(f, n, seen, &c.reason);
    if (c.to == (enum bl_state)n->state) {
        bl_fleet_write_slots(f, node);
        return;
    }
    if (swept && c.to > BL_STATE_OK && c.to > (enum bl_state)n->state) {
        c.lateness_ticks = lateness_of(f, n, c.to, seen);
        bl_histogram_add(&f->stats.lateness_ms, c.lateness_ticks);
    }
    bl_fleet_change(f, node, &c);
}

void bl_fleet_judge(struct bl_fleet *f, uint32_t node, int64_t unix_ms)
{
    struct bl_latest_beat seen;
    if (bl_fleet_latest_beat_now(f, node, &seen))
        judge_on(f, node, &seen, false, unix_ms);
}

void bl_fleet_wake(struct bl_fleet *f, uint32_t node, const char *reason, int64_t unix_ms)
{
    const struct bl_node *n = bl_registry_at(f->registry, node);
    struct bl_change c = {.to = BL_STATE_NEW, .reason = reason, .unix_ms = unix_ms};
    struct bl_latest_beat seen;

    if (bl_fleet_latest_beat_now(f, node, &seen)) {
        struct bl_thresholds thresholds = bl_fleet_thresholds_of(f, n, &seen.place);
        c.to = bl_state_of_age(&thresholds, silence_ticks(n, &seen));
        c.seen = &seen;
    }
    bl_fleet_change(f, node, &c);
}

/* One finding of one table. The latest beat of all tables decides; a
 * record that is not it and has expired is stale: the node has moved. But
 * while the clock of the latest stands still, that is not known: the
 * finding comes again. A slot that growth moved while it was to be
 * deleted may still have the policy word of its node. */
BL_ON_CONTROL static void fleet_judge_weigh(struct bl_fleet *f, uint32_t table,
                                            const struct bl_finding *found, int64_t unix_ms)
{
    const struct bl_node *n = bl_registry_get(f->registry, found->node);
    struct bl_latest_beat seen;

    if (!n || n->key != found->key || bl_fleet_is_retiring(f, table, found->key) ||
        !bl_fleet_latest_beat_now(f, found->node, &seen))
        return;
    judge_on(f, found->node, &seen, seen.table == table, unix_ms);
    if (seen.table != table && found->why == BL_FINDING_EXPIRED &&
        !bl_ingest_clock_frozen(f->table[seen.table].shared.clock)) {
        BL_ADD(f->stats.retired_stale, 1);
        bl_fleet_retire(f, table, found->key);
    }
}

/* Brings the next nodes to new defaults. */
BL_ON_CONTROL static void follow_defaults(struct bl_fleet *f, uint32_t nodes, int64_t unix_ms)
{
    uint32_t end = bl_registry_end(f->registry);

    for (; nodes && f->follow_defaults < end; f->follow_defaults++, nodes--)
        if (bl_registry_get(f->registry, f->follow_defaults))
            bl_fleet_judge(f, f->follow_defaults, unix_ms);
    if (f->follow_defaults >= end)
        f->follow_defaults = BL_NODE_NONE;
}

/* Ticks wrap: the slot of a node that is silent for longer than 49 days
 * would look young again, to whoever sets it a timeout or ends its pause.
 * So each node is looked at once a day, and one that has not beaten for
 * longer than any timeout has that noted in its record. */
BL_ON_CONTROL static void note_overage(struct bl_fleet *f, uint32_t node, int64_t unix_ms)
{
    struct bl_node *n = bl_registry_at(f->registry, node);
    struct bl_latest_beat seen;

    if (!bl_fleet_latest_beat_now(f, node, &seen) || bl_node_is_overage(n, seen.last_beat))
        return;
    if (seen.age_ticks <= BL_TIMEOUT_MAX_MS) {
        BL_WRITE(n->flags, (uint8_t)(n->flags & ~BL_NODE_OVERAGE));
        return;
    }
    if (!bl_node_is_unheard(n, seen.last_beat))
        BL_WRITE(n->last_beat_unix_ms, unix_ms - (int64_t)seen.age_ticks);
    BL_WRITE(n->judged_tick, seen.last_beat);
    BL_WRITE(n->flags, (uint8_t)((n->flags & ~BL_NODE_RESTORED) | BL_NODE_OVERAGE));
}

BL_ON_CONTROL static void walk_overage(struct bl_fleet *f, int64_t unix_ms)
{
    uint32_t end = bl_registry_end(f->registry);

    if (f->overage == BL_NODE_NONE && f->now_ms >= f->overage_ms) {
        f->overage = 0;
        f->overage_ms = f->now_ms + OVERAGE_EVERY_MS;
    }
    if (f->overage == BL_NODE_NONE)
        return;
    for (uint32_t nodes = OVERAGE_NODES; nodes && f->overage < end; f->overage++, nodes--)
        if (bl_registry_get(f->registry, f->overage))
            note_overage(f, f->overage, unix_ms);
    if (f->overage >= end)
        f->overage = BL_NODE_NONE;
}

void bl_fleet_set_now(struct bl_fleet *f, uint64_t now_ms)
{
    f->now_ms = now_ms;
}

/* Growth may have moved a node before its policy word was written: writes
 * up to `max` of those again. Should the table grow anew meanwhile, the
 * rest waits for the end of that. */
BL_ON_CONTROL static void write_touched(struct bl_fleet *f, uint32_t table, uint32_t max)
{
    struct bl_fleet_table_state *t = &f->table[table];
    struct bl_key_list *l = &t->touched;

    for (; max && l->count && !t->growing; max--) {
        uint64_t key = l->key[--l->count];
        if (l->count >= TOUCHED_AHEAD) {
            bl_registry_prefetch(f->registry, l->key[l->count - TOUCHED_AHEAD]);
            bl_table_prefetch_new(t->shared.table, l->key[l->count - TOUCHED_AHEAD]);
        }
        uint32_t node = bl_registry_find_key(f->registry, key);
        if (node != BL_NODE_NONE)
            bl_fleet_write_slot(f, table, node);
    }
}

/* A table's turn begins: what waited for it. */
BL_ON_CONTROL static void begin_table(struct bl_fleet *f, uint32_t table, uint32_t max_nodes)
{
    struct bl_fleet_table_state *t = &f->table[table];
    write_touched(f, table, max_nodes);
    retire_waiting(f, table);
    ask_again(f, table, max_nodes);
    if (t->rebuild)
        t->rebuild = bl_sweep_rebuild(t->shared.sweep) != 0;
}

/* Whether a batch has left work of the fleet's own lists that the next can
 * do. What waits for growth, or for room in a worker's ring, is none. */
BL_ON_CONTROL static bool judge_has_more(const struct bl_fleet *f, bool pauses)
{
    bool more = pauses || f->follow_defaults != BL_NODE_NONE;

    for (uint32_t i = 0; i < f->table_count && !more; i++)
        more = f->table[i].touched.count > 0 && !f->table[i].growing;
    return more;
}

bool bl_fleet_sweep(struct bl_fleet *f, uint32_t max_slots, int64_t unix_ms)
{
    uint32_t table = f->sweep_table, verdicts = max_slots / VERDICTS_DIVISOR + 1;
    bool done = true;

    bool pauses = bl_fleet_end_pauses(f, verdicts, unix_ms);
    if (f->follow_defaults != BL_NODE_NONE)
        follow_defaults(f, verdicts, unix_ms);
    if (f->table_count == 0)
        return !judge_has_more(f, pauses);
    walk_overage(f, unix_ms);
    if (table == 0)
        bl_fleet_walk(f, max_slots / WALK_DIVISOR + 1, unix_ms);
    begin_table(f, table, verdicts);
    bl_fleet_doubt(f, table, max_slots, unix_ms);
    bl_fleet_retire_nodeless(f, table, max_slots / NODELESS_DIVISOR + 1);
    uint32_t now = bl_ingest_clock_now(f->table[table].shared.clock);
    unsigned n = bl_sweep_run(f->table[table].shared.sweep, now, max_slots, f->finding, BL_FINDINGS, &done);
    for (unsigned i = 0; i < n; i++)
        fleet_judge_weigh(f, table, &f->finding[i], unix_ms);
    if (!done)
        return false;
    f->sweep_table = table + 1 < f->table_count ? table + 1 : 0;
    return f->sweep_table == 0 && !judge_has_more(f, pauses);
}
