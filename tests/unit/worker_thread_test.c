/* SPDX-License-Identifier: Apache-2.0 */
/* A worker on its own thread and a control that reads, grows and deletes
 * beside it: what ThreadSanitizer is to look at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/wire/binary.h"
#include "engine/base/rcu.h"
#include "tests/open_port.h"
#include "tests/real_time.h"
#include "tests/worker_rig.h"

#define NODES    2000u
#define ROUNDS   20u
#define LIMIT_MS 30000u

static struct bl_port *port;
static int sender = -1;

static struct bl_worker *start_worker(uint32_t slots, int cpu)
{
    struct bl_worker_config c = {.port = port, .cpu = cpu, .first_slots = slots, .max_nodes = 100000};
    struct bl_worker *w = worker_rig_new(c, 3, real_now_ns());
    char err[BL_ERR_BYTES] = "";
    if (bl_worker_start(w, err) != 0) {
        bl_worker_free(w);
        print_message("%s\n", err);
        return NULL;
    }
    return w;
}

static void send_beat(uint64_t id, uint32_t sequence)
{
    uint8_t datagram[BL_BINARY_HEADER_BYTES];
    bl_binary_write(datagram,
                    &(struct bl_binary_header){.node_id = id, .sequence = sequence, .incarnation = 1});
    assert_int_equal(send(sender, datagram, sizeof(datagram), 0), sizeof(datagram));
}

/* What control does in its loop, in small. */
struct control {
    struct bl_worker *w;
    struct bl_slots *grown_out_of;
    unsigned seen, grown;
};

static void look(struct control *k)
{
    bl_role_assume_control();
    (void)bl_ingest_clock_advance(&k->w->clock, real_now_ns(), bl_worker_alive_ns(k->w));
    struct bl_worker_event report[64];
    unsigned n = bl_worker_events_pop(k->w->reports, report, 64);
    for (unsigned i = 0; i < n; i++) {
        k->seen += report[i].kind == BL_WORKER_EVENT_SEEN;
        if (report[i].kind != BL_WORKER_EVENT_GROWN)
            continue;
        k->grown++;
        bl_rcu_wait();
        bl_slots_free(report[i].old);
    }
    struct bl_place place;
    if (bl_table_find(&k->w->table, bl_key_of_id(&worker_rig_wire.secret, k->seen % NODES), &place))
        bl_slots_set_policy(place.slots, place.slot,
                            (struct bl_slot_policy){.threshold_ticks = 1000, .node = 1});
    bl_rcu_quiescent();
}

static uint64_t packets_of(const struct bl_worker *w)
{
    struct bl_counters sum = {0};
    bl_counters_add(&sum, &w->counters);
    return sum.packets;
}

static void wait_for_packets(struct control *k, uint64_t packets)
{
    uint64_t limit_ns = real_now_ns() + LIMIT_MS * UINT64_C(1000000);
    while (packets_of(k->w) < packets) {
        assert_true(real_now_ns() < limit_ns);
        look(k);
    }
}

static void order(struct bl_worker *w, struct bl_worker_command o)
{
    assert_true(bl_ring_push(w->orders, &o));
}

static void delete_and_wait(struct control *k, uint64_t id)
{
    uint64_t key = bl_key_of_id(&worker_rig_wire.secret, id),
             limit_ns = real_now_ns() + LIMIT_MS * UINT64_C(1000000);
    order(k->w, (struct bl_worker_command){.kind = BL_WORKER_COMMAND_DELETE, .key = key});
    for (struct bl_place place; bl_table_find(&k->w->table, key, &place); look(k))
        assert_true(real_now_ns() < limit_ns);
}

static void control_reads_grows_and_deletes_beside_traffic(void **state)
{
    (void)state;
    bl_role_assume_control();
    bl_role_assume_port_watch();
    struct control k = {.w = start_worker(4096, -1)};
    if (!k.w) {
        fail();
        return;
    }
    uint64_t sent = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        if (round % 5 == 1)
            order(k.w, (struct bl_worker_command){.kind = BL_WORKER_COMMAND_GROW,
                                                  .next = bl_slots_new(8192u << round / 5)});
        for (uint64_t id = 0; id < NODES; id++, sent++) {
            send_beat(id, round);
            if (id % 100 == 0)
                look(&k);
        }
        /* All in, then what is deleted comes back with the next round. */
        wait_for_packets(&k, sent);
        while (k.grown < (round + 4) / 5)
            look(&k);
        delete_and_wait(&k, round);
    }
    for (unsigned i = 0; i < 10; i++) {
        look(&k);
        real_sleep_ms(5);
    }
    bl_worker_stop(k.w);
    look(&k);
    assert_int_equal(bl_port_missed(port), 0);
    assert_int_equal(k.w->counters.packets, sent);
    assert_int_equal(k.w->counters.beats, sent);
    assert_int_equal(k.w->counters.inserted, NODES + ROUNDS - 1);
    assert_int_equal(k.seen, NODES + ROUNDS - 1);
    assert_int_equal(k.grown, 4);
    assert_int_equal(bl_table_used(&k.w->table), NODES - 1);
    bl_worker_free(k.w);
}

static void an_idle_worker_shows_that_it_is_alive(void **state)
{
    (void)state;
    struct bl_worker *w = start_worker(64, -1);
    assert_non_null(w);
    uint64_t limit_ns = real_now_ns() + LIMIT_MS * UINT64_C(1000000), last = 0;
    for (unsigned changes = 0; changes < 5;) {
        assert_true(real_now_ns() < limit_ns);
        uint64_t alive_ns = bl_worker_alive_ns(w);
        changes += alive_ns != last;
        last = alive_ns;
        bl_rcu_wait(); /* it is offline while it sleeps */
        real_sleep_ms(1);
    }
    bl_worker_stop(w);
    bl_worker_stop(w); /* twice does no harm */
    struct bl_counters c = {0};
    bl_counters_add(&c, &w->counters);
    print_message("%llu polls\n", (unsigned long long)c.polls);
    assert_int_equal(c.polls, c.polls_empty);
    bl_worker_free(w);
}

/* At one nap for each 64 of them, these would take 2.5 s. */
static void an_idle_worker_does_not_nap_while_orders_wait(void **state)
{
    (void)state;
    struct bl_worker *w = start_worker(64, -1);
    assert_non_null(w);
    uint64_t limit_ns = real_now_ns() + UINT64_C(2400000000);
    for (unsigned i = 0; i < 8000; i++)
        order(w, (struct bl_worker_command){.kind = BL_WORKER_COMMAND_DELETE, .key = 4 + 2 * (uint64_t)i});
    while (bl_worker_deleted(w) < 8000) {
        assert_true(real_now_ns() < limit_ns);
        real_sleep_ms(1);
    }
    bl_worker_stop(w);
    bl_worker_free(w);
}

/* Signals are for main: a worker that took one would be held up. */
static volatile sig_atomic_t signalled;
static void note_signal(int number)
{
    signalled = number;
}

static void a_worker_blocks_all_signals_and_has_a_name(void **state)
{
    (void)state;
    signal(SIGUSR1, note_signal);
    struct bl_worker *w = start_worker(64, -1);
    assert_non_null(w);
    while (bl_worker_alive_ns(w) == 0)
        real_sleep_ms(1);
    char name[16] = "";
    assert_int_equal(pthread_getname_np(w->thread, name, sizeof(name)), 0);
    assert_string_equal(name, "bl-worker-3");
    assert_int_equal(pthread_kill(w->thread, SIGUSR1), 0);
    real_sleep_ms(50);
    assert_int_equal(signalled, 0);
    bl_worker_stop(w);
    bl_worker_free(w);
    signal(SIGUSR1, SIG_DFL);
}

static void a_cpu_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    assert_null(start_worker(64, CPU_SETSIZE - 1));
}

static void a_worker_never_started_can_be_freed(void **state)
{
    (void)state;
    struct bl_worker_config c = {.cpu = -1, .first_slots = 1, .max_nodes = 1};
    struct bl_worker *w = worker_rig_new(c, 0, real_now_ns());
    bl_worker_stop(w);
    bl_worker_free(w);
    bl_worker_free(NULL);
}

static int set_up(void **state)
{
    (void)worker_rig_set_up(state);
    port = must_open_port("socket:127.0.0.1:0", 0);
    sender = sender_to_port(port);
    return 0;
}

static int tear_down(void **state)
{
    close(sender);
    bl_port_close(port);
    return worker_rig_tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_reads_grows_and_deletes_beside_traffic),
        cmocka_unit_test(an_idle_worker_shows_that_it_is_alive),
        cmocka_unit_test(an_idle_worker_does_not_nap_while_orders_wait),
        cmocka_unit_test(a_worker_blocks_all_signals_and_has_a_name),
        cmocka_unit_test(a_cpu_that_is_not_there_is_an_error),
        cmocka_unit_test(a_worker_never_started_can_be_freed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
