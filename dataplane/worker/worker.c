/* SPDX-License-Identifier: Apache-2.0 */
/* The poll loop. What it may call is listed in tests/lint/symbols. */
#include "dataplane/worker/worker.h"

#include <rte_pause.h>

#include "dataplane/base/clock.h"
#include "engine/base/counter.h"
#include "engine/base/rcu.h"

/* Housekeeping of one poll: commands taken; lines moved while growing (about
 * 0.1 us each), more of them the longer the poll was. */
#define COMMANDS_PER_POLL    64u
#define MOVE_LINES           64u
#define PACKETS_FOR_ONE_MORE 16u
/* And one line for each unknown node registered, so that a table that fills up
 * has grown before the next one is full; some per poll at most, the rest
 * in the polls after it. */
#define MOVE_LINES_MAX 512u

/* Beats parsed before the table hears of them: two takes of single beats.
 * What the last datagram brings beyond it finds room in the sink. */
#define FEED_BEATS 128u

/* A poll ends after BL_STAGES_PACKETS_MAX packets or so many beats, even if
 * the port has more. So many, because its end waits for memory: with a
 * quarter of them a beat costs the table a tenth more. They take a tenth
 * of a millisecond at most. */
#define POLL_BEATS 4096u
/* Inserting an unknown node is slow, and growth must keep up: a poll ends
 * after so many of them. */
#define POLL_UNKNOWN_NODES 256u

/* ---- beats ------------------------------------------------------------ */

/* Tells control who `beat` is. A full ring marks the slot, so that the
 * node's next beat tells again. */
BL_ON_WORKER static bool report_new_node(struct bl_worker *w, const struct bl_beat *beat)
{
    struct bl_worker_event report;
    bl_wire_report_new_node(beat, &report);
    if (bl_worker_events_push(w->reports, &report))
        return true;
    BL_ADD(w->counters.report_retries, 1);
    return false;
}

/* Only while nodes.unknown says reject is a node looked up beyond the
 * table: one that people created, or that beat elsewhere, is known. */
BL_ON_WORKER static bool is_turned_away(const struct bl_worker *w, uint64_t key)
{
    const struct bl_registry *known = bl_rcu_read(&w->wire)->known;
    return known && bl_registry_find_key(known, key) == BL_NODE_NONE;
}

/* A key that the table does not know. Returns whether its beat counts. */
BL_ON_WORKER static bool insert_unknown(struct bl_worker *w, const struct bl_beat *beat, uint32_t tick)
{
    uint32_t slot;
    if (is_turned_away(w, beat->key)) {
        BL_ADD(w->counters.drop[BL_DROP_unknown_node], 1);
        return false;
    }
    switch (bl_table_insert(&w->table, beat, tick, &slot)) {
    case BL_INSERT_NEW:
        bl_table_set_incarnation(&w->table, slot, beat->incarnation);
        BL_ADD(w->counters.inserted, 1);
        if (!report_new_node(w, beat))
            bl_table_set_flag(&w->table, slot, BL_SLOT_UNREPORTED, true);
        return true;
    case BL_INSERT_KNOWN:
        return true;
    case BL_INSERT_FULL:
        BL_ADD(w->counters.drop[BL_DROP_table_full], 1);
        return false;
    case BL_INSERT_LIMIT:
        BL_ADD(w->counters.drop[BL_DROP_max_nodes], 1);
        return false;
    }
    return false;
}

/* Looks closer at an exception that the table reported. Returns whether it
 * counts. */
BL_ON_WORKER static bool worker_handle_exception(struct bl_worker *w, const struct bl_exception *exception,
                                                 uint32_t tick)
{
    const struct bl_beat *beat = exception->beat;
    if (exception->why & BL_EXCEPTION_UNKNOWN)
        return insert_unknown(w, beat, tick);
    unsigned slot_flags =
        exception->why & BL_EXCEPTION_FLAGGED ? bl_table_flags_of(&w->table, exception->slot) : 0;
    if (slot_flags & BL_SLOT_FIRST) {
        bl_table_first(&w->table, exception->slot, beat, beat->incarnation);
    } else if (exception->why & BL_EXCEPTION_SEQUENCE) {
        bl_table_anomaly(&w->table, exception->slot, beat, beat->incarnation);
        BL_ADD(w->counters.sequence_odd, 1);
    }
    if (slot_flags & (BL_SLOT_STATS | BL_SLOT_RESTORED))
        bl_table_learn(&w->table, exception->slot);
    if ((slot_flags & BL_SLOT_UNREPORTED) && report_new_node(w, beat))
        bl_table_set_flag(&w->table, exception->slot, BL_SLOT_UNREPORTED, false);
    return true;
}

BL_ON_WORKER static void handle_exceptions(struct bl_worker *w)
{
    bl_table_prefetch_exceptions(&w->table, w->beating.exception, w->beating.exception_count);
    for (unsigned i = 0; i < w->beating.exception_count; i++)
        w->beaten -= !worker_handle_exception(w, &w->beating.exception[i], w->beating.now);
}

/* What was parsed goes to the table. */
BL_ON_WORKER static void feed_table(struct bl_worker *w)
{
    unsigned n = (unsigned)(w->sink.beats - w->sink.first);
    bl_stage_ends(&w->counters.stages, BL_STAGE_parse);
    bl_table_feed(&w->beating, &w->sink.beat[w->sink.first], n);
    bl_stage_ends(&w->counters.stages, BL_STAGE_table);
    w->beaten += n;
    if (w->beating.exception_count > 0)
        handle_exceptions(w);
    bl_sink_next_piece(&w->sink);
}

/* ---- settings ----------------------------------------------------------- */

static uint64_t key_of(const struct bl_wire_config *wire, const struct bl_worker_event *setting)
{
    if (setting->name_len && setting->kind != BL_WORKER_EVENT_HELLO)
        return bl_key_of_name(&wire->secret, setting->name, setting->name_len);
    return bl_key_of_id(&wire->secret, setting->id);
}

/* An autobeat asks for what control has done already, but for one that
 * comes soon after another setting of its node: that may have set the
 * detector back, with control's order to measure no longer still to come. */
BL_ON_WORKER static bool is_old_news(const struct bl_worker *w, uint64_t key, const uint32_t *set_tick)
{
    bool set_lately = *set_tick != 0 && w->sink.now_tick - *set_tick < BL_WORKER_SET_TICKS;
    return !set_lately && bl_table_measures(&w->table, key);
}

/* What becomes of a setting: BL_DROP_COUNT, or why it is dropped. */
BL_ON_WORKER static enum bl_drop hand_over(struct bl_worker *w, const struct bl_worker_event *setting,
                                           uint64_t key)
{
    if (is_turned_away(w, key))
        return BL_DROP_unknown_node;
    return bl_worker_events_push(w->reports, setting) ? BL_DROP_COUNT : BL_DROP_ring_full;
}

/* After the beats: a node's introduction comes before its settings. */
BL_ON_WORKER static void hand_settings_over(struct bl_worker *w)
{
    const struct bl_wire_config *wire = bl_rcu_read(&w->wire);
    for (unsigned i = 0; i < w->sink.settings; i++) {
        const struct bl_worker_event *setting = &w->sink.setting[i];
        bool autobeat = (setting->flags & BL_WORKER_EVENT_OF_AUTOBEAT) != 0;
        uint64_t key = autobeat ? setting->id : key_of(wire, setting);
        uint32_t *set_tick = &w->set_tick[(key >> 32) % BL_WORKER_SET_PLACES];
        if (autobeat && is_old_news(w, key, set_tick))
            continue;
        enum bl_drop dropped = hand_over(w, setting, key);
        if (autobeat)
            continue;
        *set_tick = w->sink.now_tick;
        BL_ADD(*(dropped == BL_DROP_COUNT ? &w->counters.settings : &w->counters.drop[dropped]), 1);
    }
}

/* ---- packets ------------------------------------------------------------- */

/* Whatever is parsed from here on counts as of `now_ns`. */
BL_ON_WORKER static void open_sink(struct bl_worker *w, uint64_t now_ns)
{
    w->sink.now_tick = bl_ingest_clock_tick(&w->clock, now_ns);
    bl_table_begin(&w->beating, &w->table, w->sink.now_tick);
}

/* All that was parsed is through: table, counters, settings. */
BL_ON_WORKER static void empty_sink(struct bl_worker *w)
{
    if (w->sink.beats > w->sink.first)
        feed_table(w);
    bl_stage_ends(&w->counters.stages, BL_STAGE_parse);
    bl_table_end(&w->beating);
    bl_stage_ends(&w->counters.stages, BL_STAGE_table);
    handle_exceptions(w);
    BL_ADD(w->counters.beats, w->beaten);
    if (BL_READ(w->clock.frozen) != 0)
        BL_ADD(w->counters.clock_stops, w->beaten);
    w->beaten = 0;
    if (w->sink.settings > 0)
        hand_settings_over(w);
    w->sink.settings = 0;
    w->sink.holds = false;
    bl_stage_ends(&w->counters.stages, BL_STAGE_odd);
}

BL_ON_WORKER static void worker_parse(struct bl_worker *w, const struct bl_wire_config *wire,
                                      const uint8_t *payload, uint32_t len)
{
    uint32_t at = bl_wire_parse(wire, payload, len, 0, &w->sink, &w->counters);
    while (at != BL_WIRE_DONE) {
        if (w->sink.settings == BL_SINK_ROOM)
            empty_sink(w);
        else
            feed_table(w);
        at = bl_wire_parse(wire, payload, len, at, &w->sink, &w->counters);
    }
}

/* Payloads that came together: runs of usual ones at once, whatever else
 * one by one. */
BL_ON_WORKER static void parse_all(struct bl_worker *w, const struct bl_wire_config *wire, unsigned n)
{
    const struct bl_payload *payload = w->burst.payload, *end = payload + n;
    while (payload < end) {
        unsigned room = FEED_BEATS - (unsigned)(w->sink.beats - w->sink.first);
        unsigned left = (unsigned)(end - payload), most = left < room ? left : room;
        unsigned usual = 0;
        if (bl_wire_may_be_fast(payload))
            usual = bl_wire_parse_fast(wire, payload, most, &w->sink, &w->counters);
        if (usual == 0 && payload->data)
            worker_parse(w, wire, payload->data, payload->len);
        payload += usual == 0 ? 1 : usual;
        if (w->sink.beats >= w->sink.first + FEED_BEATS)
            feed_table(w);
    }
}

BL_ON_WORKER static void worker_release(struct bl_worker *w)
{
    bl_port_release(w->port, w->queue, &w->burst);
    bl_stage_ends(&w->counters.stages, BL_STAGE_release);
}

/* A take, parsed. Its packets are given back at once, unless a beat still
 * needs its name there. */
BL_ON_WORKER static unsigned take_some(struct bl_worker *w, const struct bl_wire_config *wire)
{
    if (w->burst.packets > BL_BURST - BL_PORT_TAKE) {
        empty_sink(w);
        worker_release(w);
    }
    unsigned n = bl_port_receive(w->port, w->queue, &w->burst, &w->counters);
    parse_all(w, wire, n);
    bl_stage_ends(&w->counters.stages, BL_STAGE_parse);
    if (!w->sink.holds)
        worker_release(w);
    return n;
}

/* Takes until the port gives less than it was asked for: then it has no
 * more for now. A driver that never gives more than 32 (some vector
 * receive paths) is asked again by the next poll. */
BL_ON_WORKER static unsigned take_burst(struct bl_worker *w, uint64_t now_ns)
{
    const struct bl_wire_config *wire = bl_rcu_read(&w->wire);
    unsigned most = bl_port_sleeps(w->port) ? BL_PORT_TAKE : BL_STAGES_PACKETS_MAX;
    uint64_t unknown_nodes_until = w->counters.inserted + POLL_UNKNOWN_NODES;
    unsigned packets = 0, n;
    open_sink(w, now_ns);
    do {
        n = take_some(w, wire);
        packets += n;
    } while (n == BL_PORT_TAKE && packets < most && w->beaten < POLL_BEATS &&
             w->counters.inserted < unknown_nodes_until);
    if (packets > 0) {
        empty_sink(w);
        worker_release(w);
    }
    return packets;
}

void bl_worker_feed(struct bl_worker *w, const uint8_t *payload, uint32_t len, uint64_t now_ns)
{
    BL_ADD(w->counters.packets, 1);
    BL_ADD(w->counters.bytes, len);
    if (len == 0) {
        BL_ADD(w->counters.drop[BL_DROP_empty], 1);
        return;
    }
    open_sink(w, now_ns);
    worker_parse(w, bl_rcu_read(&w->wire), payload, len);
    empty_sink(w);
}

/* ---- housekeeping ---------------------------------------------------------- */

BL_ON_WORKER static void begin_growth(struct bl_worker *w, struct bl_slots *next)
{
    bl_table_grow_begin(&w->table, next);
    w->moved_for = w->counters.inserted;
}

BL_ON_WORKER static void delete_key(struct bl_worker *w, uint64_t key)
{
    (void)bl_table_delete(&w->table, key);
    /* Before the next report is made, see bl_worker_deleted. */
    __atomic_store_n(&w->deleted, w->deleted + 1, __ATOMIC_RELEASE);
}

BL_ON_WORKER static void worker_take_commands(struct bl_worker *w)
{
    struct bl_worker_command order[COMMANDS_PER_POLL];
    unsigned n = bl_ring_pop(w->orders, order, COMMANDS_PER_POLL);
    for (unsigned i = 0; i < n; i++) {
        if (order[i].kind == BL_WORKER_COMMAND_DELETE)
            delete_key(w, order[i].key);
        else if (order[i].kind == BL_WORKER_COMMAND_MEASURE)
            bl_table_measure(&w->table, order[i].key, order[i].on != 0);
        else
            begin_growth(w, order[i].next);
    }
}

BL_ON_WORKER static unsigned lines_to_move(struct bl_worker *w, unsigned packets)
{
    uint64_t owed = w->counters.inserted - w->moved_for;
    unsigned lines = owed < MOVE_LINES_MAX ? (unsigned)owed : MOVE_LINES_MAX;
    w->moved_for += lines;
    return lines + MOVE_LINES + packets / PACKETS_FOR_ONE_MORE;
}

BL_ON_WORKER static void worker_grow(struct bl_worker *w, unsigned packets, uint64_t now_ns)
{
    if (w->table.next)
        w->retired =
            bl_table_grow_step(&w->table, bl_ingest_clock_tick(&w->clock, now_ns), lines_to_move(w, packets));
    if (!w->retired)
        return;
    struct bl_worker_event report = {.kind = BL_WORKER_EVENT_GROWN, .old = w->retired};
    if (bl_worker_events_push(w->reports, &report))
        w->retired = NULL;
}

/* The loop's own time: how long since the last poll, and whether that one
 * was busy. */
BL_ON_WORKER static void keep_time(struct bl_worker *w, uint64_t now_ns)
{
    uint64_t gap_ns = w->alive_ns != 0 ? now_ns - w->alive_ns : 0;
    BL_WRITE(w->alive_ns, now_ns);
    if (gap_ns > w->counters.longest_gap_ns)
        BL_ADD(w->counters.longest_gap_ns, gap_ns - w->counters.longest_gap_ns);
    BL_ADD(*(w->busy ? &w->counters.busy_ns : &w->counters.idle_ns), gap_ns);
}

unsigned bl_worker_poll(struct bl_worker *w, uint64_t now_ns)
{
    struct bl_cycle_profile *stages = &w->counters.stages;
    uint64_t beats = w->counters.beats;
    bl_cycle_profile_begin(stages);
    keep_time(w, now_ns);
    /* Before the packets: a node that was removed, and beats again, must
     * not lose that beat to its old slot. */
    worker_take_commands(w);
    bl_stage_ends(stages, BL_STAGE_housekeeping);
    unsigned n = w->port ? take_burst(w, now_ns) : 0;
    w->busy = n > 0;
    BL_ADD(w->counters.polls, 1);
    if (n == 0)
        BL_ADD(w->counters.polls_empty, 1);
    if (bl_worker_is_growing(w))
        worker_grow(w, n, now_ns);
    bl_stage_ends(stages, BL_STAGE_housekeeping);
    bl_cycle_profile_end(stages, n, w->counters.beats - beats);
    return n;
}

/* ---- the loop ----------------------------------------------------------------- */

BL_ON_WORKER static void worker_rest(struct bl_worker *w)
{
    if (!bl_port_sleeps(w->port) || bl_worker_wants_poll(w)) {
        rte_pause();
        return;
    }
    bl_rcu_offline();
    bl_port_wait(w->port, w->queue, BL_WORKER_NAP_MS);
    bl_rcu_online();
}

int bl_worker_run(struct bl_worker *w)
{
    struct bl_clock clock;
    bl_clock_init(&clock);
    bl_rcu_thread_register();
    while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
        unsigned n = bl_worker_poll(w, bl_clock_now_ns(&clock));
        bl_rcu_quiescent();
        if (n == 0)
            worker_rest(w);
    }
    bl_rcu_thread_unregister();
    return 0;
}
