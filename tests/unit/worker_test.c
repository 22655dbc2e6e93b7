/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's poll, driven by hand with a time of its own: payloads fed
 * or sent to a socket port, reports read as control would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/wire/binary.h"
#include "engine/table/sequence.h"
#include "tests/open_port.h"
#include "tests/unit/random.h"
#include "tests/worker_rig.h"

#define MS UINT64_C(1000000)

static uint64_t now_ns = 1000 * MS;

/* ---- a worker, and what control would see of it ------------------------- */

static struct bl_worker *new_worker(struct bl_port *port, uint32_t slots, uint32_t max_nodes)
{
    struct bl_worker_config c = {.port = port, .cpu = -1, .first_slots = slots, .max_nodes = max_nodes};
    return worker_rig_new(c, 0, now_ns);
}

static void feed(struct bl_worker *w, const char *text)
{
    bl_role_assume_worker();
    bl_worker_feed(w, (const uint8_t *)text, (uint32_t)strlen(text), now_ns);
}

static void feed_binary(struct bl_worker *w, uint64_t id, uint32_t sequence, uint32_t incarnation)
{
    bl_role_assume_worker();
    uint8_t datagram[BL_BINARY_HEADER_BYTES];
    bl_binary_write(
        datagram, &(struct bl_binary_header){
                      .node_id = id, .interval_ms = 1000, .sequence = sequence, .incarnation = incarnation});
    bl_worker_feed(w, datagram, sizeof(datagram), now_ns);
}

static uint64_t sum_of_drops(const struct bl_counters *c, unsigned from, unsigned to)
{
    uint64_t sum = 0;
    for (unsigned d = from; d < to; d++)
        sum += c->drop[d];
    return sum;
}

/* drop.h's two laws. */
static void assert_conserved(const struct bl_counters *c)
{
    assert_int_equal(c->packets, c->packets_parsed + sum_of_drops(c, 0, BL_DROP_FIRST_RECORD));
    assert_int_equal(c->records,
                     c->beats + c->settings + sum_of_drops(c, BL_DROP_FIRST_RECORD, BL_DROP_COUNT));
}

static void assert_report(struct bl_worker *w, unsigned kind, const char *name)
{
    struct bl_worker_event r;
    assert_int_equal(bl_worker_events_pop(w->reports, &r, 1), 1);
    assert_int_equal(r.kind, kind);
    assert_int_equal(r.name_len, strlen(name));
    assert_memory_equal(r.name, name, r.name_len);
}

static void assert_no_report(struct bl_worker *w)
{
    assert_int_equal(bl_ring_count(w->reports), 0);
}

static bool find(const struct bl_worker *w, const char *name, struct bl_place *place)
{
    return bl_table_find(&w->table, bl_key_of_name(&worker_rig_wire.secret, name, (unsigned)strlen(name)),
                         place);
}

static void end(struct bl_worker *w)
{
    assert_conserved(&w->counters);
    bl_worker_free(w);
}

/* ---- beats and settings --------------------------------------------------- */

static void an_unknown_node_is_taken_in_and_told_once(void **state)
{
    (void)state;
    struct bl_worker *w = new_worker(NULL, 64, 100);
    struct bl_place place;
    assert_false(find(w, "web", &place));
    feed(w, "web.beat:1|c");
    assert_true(find(w, "web", &place));
    assert_int_equal(bl_slots_last_beat(place.slots, place.slot), 1);
    assert_report(w, BL_WORKER_EVENT_SEEN, "web");

    now_ns += 50 * MS;
    feed(w, "web.beat:1|c");
    assert_int_equal(bl_slots_last_beat(place.slots, place.slot), 51);
    assert_no_report(w);
    assert_int_equal(w->counters.beats, 2);
    assert_int_equal(w->counters.inserted, 1);
    end(w);
}

static void an_unknown_node_is_dropped_where_only_the_known_are_let_in(void **state)
{
    (void)state;
    bl_role_assume_control();
    struct bl_worker *w = new_worker(NULL, 64, 100);
    struct bl_registry *known = bl_registry_new(&bl_memory_libc, &worker_rig_wire.secret, 100);
    uint32_t node;
    assert_non_null(known);
    assert_int_equal(bl_registry_add_name(known, "known", 5, &node), 0);
    assert_int_equal(bl_registry_add_id(known, 42, &node), 0);
    worker_rig_wire.known = known;
    feed(w, "stranger.beat:1|c\nknown.beat:1|c\nstranger.timeout:5|g\nknown.timeout:5|g\nstranger.autobeat:1|"
            "c\n");
    feed_binary(w, 42, 1, 1);
    feed_binary(w, 43, 1, 1);
    worker_rig_wire.known = NULL;
    struct bl_place place;
    assert_false(find(w, "stranger", &place));
    assert_true(find(w, "known", &place));
    assert_report(w, BL_WORKER_EVENT_SEEN, "known");
    assert_report(w, BL_WORKER_EVENT_SET, "known");
    assert_int_equal(w->counters.beats, 2);
    assert_int_equal(w->counters.settings, 1);
    assert_int_equal(w->counters.drop[BL_DROP_unknown_node], 4);
    bl_registry_free(known);
    end(w);
}

static void a_node_and_its_setting_in_one_datagram_both_count(void **state)
{
    (void)state;
    struct bl_worker *w = new_worker(NULL, 64, 100);
    feed(w, "new.timeout:5|g\nnew.beat:1|c\nnew.err:9|g\n");
    assert_report(w, BL_WORKER_EVENT_SEEN, "new");
    assert_report(w, BL_WORKER_EVENT_SET, "new");
    assert_report(w, BL_WORKER_EVENT_SET, "new");
    assert_no_report(w);
    assert_int_equal(w->counters.beats, 1);
    assert_int_equal(w->counters.settings, 2);
    end(w);
}

static void an_autobeat_is_one_beat_and_tells_its_detector(void **state)
{
    (void)state;
    struct bl_worker *w = new_worker(NULL, 64, 100);
    feed(w, "auto.autobeat:1|c");
    assert_report(w, BL_WORKER_EVENT_SEEN, "auto");
    assert_report(w, BL_WORKER_EVENT_SET, "auto");
    assert_int_equal(w->counters.records, 1);
    assert_int_equal(w->counters.beats, 1);
    assert_int_equal(w->counters.settings, 0);
    end(w);
}

/* With control there to let the ingest clock go on. */
static void pass_time(struct bl_worker *w, uint32_t ms)
{
    bl_role_assume_control();
    for (; ms > 0; ms -= 50) {
        now_ns += 50 * MS;
        (void)bl_ingest_clock_advance(&w->clock, now_ns, now_ns);
    }
}

/* Control was told once; then again only if a setting came between, be
 * it in the same datagram or before control's order to measure no more. */
static void an_autobeat_of_a_measured_node_is_told_after_a_setting_alone(void **state)
{
    (void)state;
    bl_role_assume_worker();
    struct bl_worker *w = new_worker(NULL, 64, 100);
    struct bl_worker_event r;
    feed(w, "auto.autobeat:1|c");
    bl_table_measure(&w->table, bl_key_of_name(&worker_rig_wire.secret, "auto", 4), true);
    pass_time(w, BL_WORKER_SET_TICKS);
    assert_report(w, BL_WORKER_EVENT_SEEN, "auto");
    assert_report(w, BL_WORKER_EVENT_SET, "auto");
    feed(w, "auto.autobeat:1|c");
    assert_int_equal(bl_worker_events_pop(w->reports, &r, 1), 0);
    feed(w, "auto.err:60|c\nauto.autobeat:1|c");
    feed(w, "auto.autobeat:1|c");
    for (unsigned i = 0; i < 3; i++)
        assert_report(w, BL_WORKER_EVENT_SET, "auto");
    pass_time(w, BL_WORKER_SET_TICKS);
    feed(w, "auto.autobeat:1|c");
    assert_int_equal(bl_worker_events_pop(w->reports, &r, 1), 0);
    end(w);
}

static void a_datagram_of_more_lines_than_a_burst_counts_whole(void **state)
{
    (void)state;
    struct bl_worker *w = new_worker(NULL, 4096, 5000);
    static char text[65536];
    size_t len = 0;
    for (unsigned i = 0; i < 1000; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "n%u.beat:1|c\nn%u.warn:3|g\n", i, i % 7);
    feed(w, text);
    assert_int_equal(w->counters.beats, 1000);
    assert_int_equal(w->counters.settings, 1000);
    assert_int_equal(bl_table_used(&w->table), 1000);
    assert_int_equal(w->counters.packets_parsed, 1);
    end(w);
}

static void sequences_are_settled_and_counted(void **state)
{
    (void)state;
    struct bl_worker *w = new_worker(NULL, 64, 100);
    feed_binary(w, 42, 7, 3);
    feed_binary(w, 42, 8, 3);
    assert_int_equal(w->counters.sequence_odd, 0);
    feed_binary(w, 42, 12, 3); /* 9 to 11 lost */
    feed_binary(w, 42, 12, 3); /* again */
    feed_binary(w, 42, 1, 4);  /* restarted */
    assert_int_equal(w->counters.sequence_odd, 3);
    assert_int_equal(w->counters.beats, 5);
    struct bl_place place;
    assert_true(bl_table_find(&w->table, bl_key_of_id(&worker_rig_wire.secret, 42), &place));
    struct bl_anomaly a = bl_slots_anomaly(place.slots, place.slot);
    assert_int_equal(a.lost, 3);
    assert_int_equal(a.duplicate, 1);
    assert_int_equal(a.restarted, 1);
    assert_int_equal(a.incarnation, 4);

    struct bl_worker_event r;
    assert_int_equal(bl_worker_events_pop(w->reports, &r, 1), 1);
    assert_int_equal(r.kind, BL_WORKER_EVENT_SEEN);
    assert_int_equal(r.name_len, 0);
    assert_int_equal(r.id, 42);
    assert_int_equal(r.interval_ms, 1000);
    assert_no_report(w);
    end(w);
}

/* Its clock stands at 2000 after the reboot. */
static void a_lower_incarnation_is_settled_a_few_times_only(void **state)
{
    (void)state;
    struct bl_worker *w = new_worker(NULL, 64, 100);
    for (uint32_t i = 1; i <= 100; i++)
        feed_binary(w, 42, i, 1700000000);
    assert_int_equal(w->counters.sequence_odd, 0);
    for (uint32_t i = 1; i <= 1000; i++)
        feed_binary(w, 42, i, 946684800);
    assert_int_equal(w->counters.sequence_odd, BL_SEQUENCE_RESTART);
    end(w);
}

static void past_max_nodes_unknown_nodes_are_dropped_and_known_nodes_beat_on(void **state)
{
    (void)state;
    struct bl_worker *w = new_worker(NULL, 64, 3);
    feed(w, "a.beat:1|c\nb.beat:1|c\nc.beat:1|c\nd.beat:1|c\na.beat:1|c");
    assert_int_equal(w->counters.beats, 4);
    assert_int_equal(w->counters.drop[BL_DROP_max_nodes], 1);
    assert_int_equal(bl_table_used(&w->table), 3);
    end(w);
}

static void an_empty_payload_is_counted(void **state)
{
    (void)state;
    struct bl_worker *w = new_worker(NULL, 64, 3);
    feed(w, "");
    assert_int_equal(w->counters.drop[BL_DROP_empty], 1);
    end(w);
}

/* ---- a control that does not listen ------------------------------------------ */

static void a_full_ring_loses_no_node_but_tells_with_its_next_beat(void **state)
{
    (void)state;
    enum { EXTRA = 10 };
    struct bl_worker *w = new_worker(NULL, 1048576, 800000);
    for (uint64_t id = 0; id < BL_WORKER_EVENT_RING + EXTRA; id++)
        feed_binary(w, id, 0, 1);
    assert_int_equal(w->counters.beats, BL_WORKER_EVENT_RING + EXTRA);
    assert_int_equal(w->counters.report_retries, EXTRA);

    feed_binary(w, BL_WORKER_EVENT_RING, 1, 1);
    assert_int_equal(w->counters.report_retries, EXTRA + 1);
    feed(w, "x.timeout:1|g");
    assert_int_equal(w->counters.drop[BL_DROP_ring_full], 1);

    struct bl_worker_event r;
    while (bl_worker_events_pop(w->reports, &r, 1) == 1)
        ;
    for (unsigned round = 0; round < 2; round++)
        for (uint64_t id = 0; id < BL_WORKER_EVENT_RING + EXTRA; id++)
            feed_binary(w, id, 2 + round, 1);
    for (uint64_t id = BL_WORKER_EVENT_RING; id < BL_WORKER_EVENT_RING + EXTRA; id++) {
        assert_int_equal(bl_worker_events_pop(w->reports, &r, 1), 1);
        assert_int_equal(r.id, id);
    }
    assert_no_report(w);
    end(w);
}

static void a_refused_autobeat_setting_is_counted_by_nobody(void **state)
{
    (void)state;
    struct bl_worker *w = new_worker(NULL, 1048576, 800000);
    for (uint64_t id = 0; id < BL_WORKER_EVENT_RING; id++)
        feed_binary(w, id, 0, 1);
    feed(w, "x.autobeat:1|c");
    assert_int_equal(w->counters.drop[BL_DROP_ring_full], 0);
    end(w);
}

/* ---- orders ------------------------------------------------------------------ */

static void poll(struct bl_worker *w)
{
    bl_role_assume_worker();
    now_ns += MS / 10;
    (void)bl_worker_poll(w, now_ns);
}

static void a_deleted_node_is_an_unknown_node_again(void **state)
{
    (void)state;
    struct bl_worker *w = new_worker(NULL, 64, 100);
    feed(w, "gone.beat:1|c\nstays.beat:1|c");
    struct bl_worker_command o = {.kind = BL_WORKER_COMMAND_DELETE,
                                  .key = bl_key_of_name(&worker_rig_wire.secret, "gone", 4)};
    assert_true(bl_ring_push(w->orders, &o));
    poll(w);
    struct bl_place place;
    assert_false(find(w, "gone", &place));
    assert_true(find(w, "stays", &place));
    feed(w, "gone.beat:1|c");
    assert_report(w, BL_WORKER_EVENT_SEEN, "gone");
    assert_report(w, BL_WORKER_EVENT_SEEN, "stays");
    assert_report(w, BL_WORKER_EVENT_SEEN, "gone");
    end(w);
}

static void a_beat_that_comes_after_its_deletion_was_ordered_is_not_lost(void **state)
{
    (void)state;
    bl_role_assume_worker();
    struct bl_port *port = must_open_port("socket:127.0.0.1:0", 0);
    struct bl_worker *w = new_worker(port, 64, 100);
    int fd = sender_to_port(port);
    feed(w, "back.beat:1|c");
    assert_report(w, BL_WORKER_EVENT_SEEN, "back");
    struct bl_worker_command o = {.kind = BL_WORKER_COMMAND_DELETE,
                                  .key = bl_key_of_name(&worker_rig_wire.secret, "back", 4)};
    assert_true(bl_ring_push(w->orders, &o));
    assert_int_equal(send(fd, "back.beat:1|c", 13, 0), 13);
    poll(w); /* both wait: one poll takes them */
    struct bl_place place;
    assert_true(find(w, "back", &place));
    assert_report(w, BL_WORKER_EVENT_SEEN, "back");
    close(fd);
    end(w);
    bl_port_close(port);
}

static void growth_moves_all_nodes_and_hands_the_old_table_back(void **state)
{
    (void)state;
    enum { NODES = 3000 };
    struct bl_worker *w = new_worker(NULL, 4096, 100000);
    for (uint64_t id = 0; id < NODES; id++)
        feed_binary(w, id, 5, 1);
    struct bl_slots *first = w->table.slots, *next = bl_slots_new(16384);
    struct bl_worker_event r;
    while (bl_worker_events_pop(w->reports, &r, 1) == 1)
        ;
    struct bl_worker_command o = {.kind = BL_WORKER_COMMAND_GROW, .next = next};
    assert_true(bl_ring_push(w->orders, &o));
    unsigned polls = 0;
    for (; bl_worker_events_pop(w->reports, &r, 1) == 0; polls++) {
        assert_true(polls < 10000);
        poll(w);
        feed_binary(w, polls % NODES, 6 + polls / NODES, 1); /* beats go on */
    }
    print_message("grown in %u polls\n", polls);
    assert_true(polls > 10); /* a few lines each, not all at once */
    assert_int_equal(r.kind, BL_WORKER_EVENT_GROWN);
    assert_ptr_equal(r.old, first);
    assert_ptr_equal(w->table.slots, next);
    bl_slots_free(r.old);
    for (uint64_t id = 0; id < NODES; id++) {
        struct bl_place place;
        assert_true(bl_table_find(&w->table, bl_key_of_id(&worker_rig_wire.secret, id), &place));
        assert_ptr_equal(place.slots, next);
    }
    assert_int_equal(w->counters.inserted, NODES);
    assert_int_equal(w->counters.sequence_odd, 0);
    assert_no_report(w);
    end(w);
}

static void growth_keeps_up_with_the_unknown_nodes_that_fill_the_table(void **state)
{
    (void)state;
    struct bl_worker *w = new_worker(NULL, 4096, 100000);
    struct bl_worker_event r;
    uint64_t id = 0;
    for (; id < 2800; id++)
        feed_binary(w, id, 5, 1);
    while (bl_worker_events_pop(w->reports, &r, 1) == 1)
        ;
    struct bl_worker_command o = {.kind = BL_WORKER_COMMAND_GROW, .next = bl_slots_new(6144)};
    assert_true(bl_ring_push(w->orders, &o));
    do { /* half a burst of unknown nodes with each poll */
        poll(w);
        for (unsigned i = 0; i < 128; i++)
            feed_binary(w, id++, 5, 1);
        r.kind = 0;
        while (r.kind != BL_WORKER_EVENT_GROWN && bl_worker_events_pop(w->reports, &r, 1) == 1)
            ;
    } while (r.kind != BL_WORKER_EVENT_GROWN);
    assert_int_equal(w->counters.inserted, id);
    bl_slots_free(r.old);
    while (bl_worker_events_pop(w->reports, &r, 1) == 1)
        ;
    end(w);
}

static void a_retired_table_waits_for_room_in_the_ring(void **state)
{
    (void)state;
    bl_role_assume_worker();
    struct bl_worker *w = new_worker(NULL, 1048576, 800000);
    for (uint64_t id = 0; id < BL_WORKER_EVENT_RING; id++)
        feed_binary(w, id, 0, 1);
    struct bl_slots *first = w->table.slots;
    struct bl_worker_command o = {.kind = BL_WORKER_COMMAND_GROW, .next = bl_slots_new(2097152)};
    assert_true(bl_ring_push(w->orders, &o));
    for (unsigned i = 0; i < 1048576 && !w->retired; i++)
        poll(w);
    assert_ptr_equal(w->retired, first);
    poll(w);
    assert_ptr_equal(w->retired, first);
    struct bl_worker_event r[3]; /* of one piece each; a growth's end has three */
    assert_int_equal(bl_worker_events_pop(w->reports, r, 3), 3);
    poll(w);
    assert_null(w->retired);
    end(w); /* frees it, still in the ring */
}

/* ---- time ------------------------------------------------------------------------ */

static void polls_gaps_and_busy_time_are_counted(void **state)
{
    (void)state;
    bl_role_assume_worker();
    struct bl_worker *w = new_worker(NULL, 64, 100);
    uint64_t start_ns = now_ns;
    assert_int_equal(bl_worker_alive_ns(w), 0);
    (void)bl_worker_poll(w, start_ns);
    (void)bl_worker_poll(w, start_ns + 3 * MS);
    (void)bl_worker_poll(w, start_ns + 4 * MS);
    assert_int_equal(bl_worker_alive_ns(w), start_ns + 4 * MS);
    assert_int_equal(w->counters.polls, 3);
    assert_int_equal(w->counters.polls_empty, 3);
    assert_int_equal(w->counters.longest_gap_ns, 3 * MS);
    assert_int_equal(w->counters.busy_ns, 0);
    assert_int_equal(w->counters.idle_ns, 4 * MS);
    end(w);
}

static void beats_on_a_frozen_clock_are_counted_and_stamped_where_it_stands(void **state)
{
    (void)state;
    bl_role_assume_worker();
    bl_role_assume_control();
    struct bl_worker *w = new_worker(NULL, 64, 100);
    bl_ingest_clock_hold(&w->clock, BL_FREEZE_LINK_DOWN, true);
    (void)bl_ingest_clock_advance(&w->clock, now_ns, now_ns);
    now_ns += 1000 * MS;
    feed(w, "late.beat:1|c");
    struct bl_place place;
    assert_true(find(w, "late", &place));
    assert_int_equal(bl_slots_last_beat(place.slots, place.slot), 1);
    assert_int_equal(w->counters.clock_stops, 1);
    end(w);
}

/* ---- over a socket --------------------------------------------------------------- */

/* A datagram of anything, most of it nearly right. */
static size_t nonsense(struct test_random *r, uint8_t *out, size_t size)
{
    static const char *const lines[] = {
        "a.beat:1|c",   "b.c.beat:1|c\r",  "a.timeout:5|g",  "a.nonsense:1|c", "",
        "x y.beat:1|c", "a.beat",          "n.autobeat:1|c", "a.err:-1|g",     ".beat:1|c",
        "a.warn:1e9|g", "a.beat:1|c|@0.1", "\xff.beat:1|c"};
    size_t len = 0;
    if (test_random_below(r, 2) == 0) {
        for (unsigned i = test_random_below(r, 8); i > 0; i--)
            len += (size_t)snprintf((char *)out + len, size - len, "%s\n", lines[test_random_below(r, 13)]);
        return len;
    }
    bl_binary_write(out, &(struct bl_binary_header){.type = (enum bl_binary_type)test_random_below(r, 4),
                                                    .node_id = test_random_below(r, 100),
                                                    .sequence = test_random_below(r, 4)});
    len = 24 + test_random_below(r, 60);
    for (size_t i = BL_BINARY_HEADER_BYTES; i < len; i++)
        out[i] = (uint8_t)test_random_u64(r);
    if (test_random_below(r, 4) == 0)
        out[test_random_below(r, 4)] ^= (uint8_t)(1u << test_random_below(r, 8));
    return len;
}

static void whatever_comes_over_the_socket_every_packet_is_accounted_for(void **state)
{
    (void)state;
    bl_role_assume_worker();
    bl_role_assume_control();
    bl_role_assume_port_watch();
    struct test_random r = {.state = test_random_seed("worker")};
    struct bl_port *port = must_open_port("socket:127.0.0.1:0", 0);
    struct bl_worker *w = new_worker(port, 1024, 50);
    int fd = sender_to_port(port);
    uint64_t sent = 0;
    for (unsigned round = 0; round < 200; round++) {
        for (unsigned i = test_random_below(&r, 100); i > 0; i--) {
            uint8_t datagram[512];
            size_t len = nonsense(&r, datagram, sizeof(datagram));
            assert_int_equal(send(fd, datagram, len, 0), len);
            sent++;
        }
        now_ns += MS;
        while (bl_worker_poll(w, now_ns) > 0)
            ;
        assert_conserved(&w->counters);
        struct bl_worker_event report[64];
        while (bl_worker_events_pop(w->reports, report, 64) > 0)
            ;
    }
    assert_int_equal(bl_port_missed(port), 0);
    assert_int_equal(w->counters.packets, sent);
    assert_true(w->counters.beats > 0 && w->counters.settings > 0);
    assert_true(w->counters.drop[BL_DROP_max_nodes] > 0);
    assert_true(w->counters.busy_ns == 0); /* time stood still within a round */
    close(fd);
    end(w);
    bl_port_close(port);
}

/* Bursts of two beats each, and an empty poll after each. */
BL_ON_WORKER static void poll_bursts(struct bl_worker *w, int fd, unsigned bursts)
{
    for (unsigned i = 0; i < bursts; i++) {
        for (unsigned k = 0; k < 2; k++)
            assert_int_equal(send(fd, "a.beat:1|c", 10, 0), 10);
        assert_int_equal(bl_worker_poll(w, now_ns), 2);
        assert_int_equal(bl_worker_poll(w, now_ns), 0);
    }
}

static void one_burst_in_many_is_watched_and_each_has_its_size_counted(void **state)
{
    (void)state;
    bl_role_assume_worker();
    struct bl_port *port = must_open_port("socket:127.0.0.1:0", 0);
    struct bl_worker *w = new_worker(port, 64, 100);
    int fd = sender_to_port(port);
    struct bl_cycle_profile first, s;
    poll_bursts(w, fd, BL_STAGES_EVERY);
    bl_cycle_profile_read(&first, &w->counters.stages);
    assert_int_equal(first.bursts, 1);
    poll_bursts(w, fd, 1);
    bl_cycle_profile_read(&s, &w->counters.stages);
    assert_int_equal(s.bursts, 2);
    assert_int_equal(s.packets, 4);
    assert_int_equal(s.beats, 4);
    for (unsigned i = 0; i < BL_STAGES_SIZES; i++)
        assert_int_equal(s.size[i], i == 1 ? BL_STAGES_EVERY + 1 : 0);
    for (unsigned i = 0; i < BL_STAGE_COUNT && bl_clock_tsc() != 0; i++)
        assert_true(s.cycles[i] > first.cycles[i]);
    close(fd);
    end(w);
    bl_port_close(port);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_node_is_taken_in_and_told_once),
        cmocka_unit_test(an_unknown_node_is_dropped_where_only_the_known_are_let_in),
        cmocka_unit_test(a_node_and_its_setting_in_one_datagram_both_count),
        cmocka_unit_test(an_autobeat_is_one_beat_and_tells_its_detector),
        cmocka_unit_test(an_autobeat_of_a_measured_node_is_told_after_a_setting_alone),
        cmocka_unit_test(a_datagram_of_more_lines_than_a_burst_counts_whole),
        cmocka_unit_test(sequences_are_settled_and_counted),
        cmocka_unit_test(a_lower_incarnation_is_settled_a_few_times_only),
        cmocka_unit_test(past_max_nodes_unknown_nodes_are_dropped_and_known_nodes_beat_on),
        cmocka_unit_test(an_empty_payload_is_counted),
        cmocka_unit_test(a_full_ring_loses_no_node_but_tells_with_its_next_beat),
        cmocka_unit_test(a_refused_autobeat_setting_is_counted_by_nobody),
        cmocka_unit_test(a_deleted_node_is_an_unknown_node_again),
        cmocka_unit_test(a_beat_that_comes_after_its_deletion_was_ordered_is_not_lost),
        cmocka_unit_test(growth_moves_all_nodes_and_hands_the_old_table_back),
        cmocka_unit_test(growth_keeps_up_with_the_unknown_nodes_that_fill_the_table),
        cmocka_unit_test(a_retired_table_waits_for_room_in_the_ring),
        cmocka_unit_test(polls_gaps_and_busy_time_are_counted),
        cmocka_unit_test(beats_on_a_frozen_clock_are_counted_and_stamped_where_it_stands),
        cmocka_unit_test(whatever_comes_over_the_socket_every_packet_is_accounted_for),
        cmocka_unit_test(one_burst_in_many_is_watched_and_each_has_its_size_counted),
    };
    return cmocka_run_group_tests(tests, worker_rig_set_up, worker_rig_tear_down);
}
