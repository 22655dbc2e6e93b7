/* SPDX-License-Identifier: Apache-2.0 */
/* A worker on its own thread takes beats while a fleet on this one removes
 * nodes and makes them again, and the table grows: at the end, who is ok
 * is in the table, and who is in the table is ok. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/wire/binary.h"
#include "engine/base/rcu.h"
#include "tests/open_port.h"
#include "tests/real_time.h"
#include "tests/unit/random.h"
#include "tests/worker_rig.h"

#define NODES    200u
#define ROUNDS   150u
#define LIMIT_MS 30000u

struct daemon {
    struct bl_worker *worker;
    struct bl_fleet *fleet;
    struct test_random random;
    uint64_t asked, sent;
    unsigned stale, growths;
    bool grows;
    uint32_t sequence;
};

static struct bl_port *port;
static int sender = -1;

static bool retire(void *ctx, uint32_t table, uint64_t key)
{
    struct daemon *d = ctx;
    (void)table;
    if (!bl_ring_push(d->worker->orders,
                      &(struct bl_worker_command){.kind = BL_WORKER_COMMAND_DELETE, .key = key}))
        return false;
    d->asked++;
    return true;
}

static uint64_t retired(void *ctx, uint32_t table)
{
    (void)table;
    return bl_worker_deleted(((struct daemon *)ctx)->worker);
}

static void no_transition(void *ctx, const struct bl_transition *t)
{
    (void)ctx;
    (void)t;
}

static int64_t unix_ms(void)
{
    return (int64_t)(real_now_ns() / 1000000);
}

static void start(struct daemon *d)
{
    char err[BL_ERR_BYTES] = "";
    bl_role_assume_control();
    struct bl_worker_config c = {.port = port, .cpu = -1, .first_slots = 1024, .max_nodes = 100000};
    struct bl_fleet_config fleet = {.max_nodes = 100000, .memory = bl_memory_libc};
    *d = (struct daemon){.random.state = test_random_seed("fleet_thread")};
    struct bl_fleet_out out = {.ctx = d, .transition = no_transition, .retire = retire, .retired = retired};
    d->worker = worker_rig_new(c, 0, real_now_ns());
    d->fleet = bl_fleet_new(&fleet, &worker_rig_wire.secret, &out);
    assert_int_equal(bl_fleet_add_table(d->fleet, &d->worker->table, &d->worker->clock), 0);
    if (bl_worker_start(d->worker, err) != 0)
        fail_msg("%s", err);
}

static void grow(struct daemon *d)
{
    bl_role_assume_control();
    struct bl_worker_command o = {.kind = BL_WORKER_COMMAND_GROW,
                                  .next = bl_slots_new(1024u + 256u * d->growths)};
    bl_fleet_grow_begun(d->fleet, 0);
    assert_true(bl_ring_push(d->worker->orders, &o));
    d->grows = true;
}

static void end_growth(struct daemon *d, struct bl_slots *old)
{
    bl_role_assume_control();
    bl_fleet_grow_done(d->fleet, 0);
    bl_rcu_wait();
    bl_slots_free(old);
    bl_registry_reclaim(bl_fleet_registry_own(d->fleet));
    d->grows = false;
    d->growths++;
}

/* Control's turn. Returns the reports taken. */
static unsigned turn(struct daemon *d)
{
    struct bl_worker_event report[64];
    bl_role_assume_control();
    (void)bl_ingest_clock_advance(&d->worker->clock, real_now_ns(), bl_worker_alive_ns(d->worker));
    unsigned n = bl_worker_events_pop(d->worker->reports, report, 64);
    for (unsigned i = 0; i < n; i++) {
        if (report[i].kind == BL_WORKER_EVENT_GROWN)
            end_growth(d, report[i].old);
        else if (bl_fleet_seen(d->fleet, 0, &(struct bl_node_ref){.id = report[i].id}, 0, unix_ms()) != 0)
            d->stale++;
    }
    (void)bl_fleet_sweep(d->fleet, 100000, unix_ms());
    bl_rcu_quiescent();
    return n;
}

static void send_beat(struct daemon *d, uint64_t id)
{
    uint8_t datagram[BL_BINARY_HEADER_BYTES];
    bl_binary_write(datagram,
                    &(struct bl_binary_header){.node_id = id, .sequence = d->sequence++, .incarnation = 1});
    assert_int_equal(send(sender, datagram, sizeof(datagram), 0), sizeof(datagram));
    d->sent++;
}

/* A node out, and now and then in again at once. */
static void remove_one(struct daemon *d)
{
    bl_role_assume_control();
    struct bl_node_ref who = {.id = 1 + test_random_below(&d->random, NODES), .asked = true};
    struct bl_policy_patch patch = {.set = BL_SET_RETRIES, .policy = {.retries = 1}};
    uint32_t node = bl_fleet_find(d->fleet, &who);
    if (node != BL_NODE_NONE)
        assert_int_equal(bl_fleet_remove(d->fleet, node), 0);
    if (test_random_below(&d->random, 2))
        assert_int_equal(bl_fleet_set(d->fleet, &who, &patch, unix_ms()), 0);
}

/* All beats are in, all orders done, all reports taken. */
static void settle(struct daemon *d)
{
    uint64_t limit_ns = real_now_ns() + LIMIT_MS * UINT64_C(1000000);
    for (bool done = false; !done;) {
        struct bl_counters c = {0};
        assert_true(real_now_ns() < limit_ns);
        bl_counters_add(&c, &d->worker->counters);
        done = c.packets >= d->sent && bl_worker_deleted(d->worker) == d->asked && !d->grows;
        done = turn(d) == 0 && done && bl_ring_count(d->worker->reports) == 0;
        real_sleep_ms(1);
    }
}

static void expect_ok_in_the_table_and_new_in_none(const struct daemon *d)
{
    const struct bl_registry *r = bl_fleet_registry(d->fleet);
    uint32_t ok = 0;
    for (uint64_t id = 1; id <= NODES; id++) {
        struct bl_place place;
        uint64_t key = bl_key_of_id(&worker_rig_wire.secret, id);
        uint32_t node = bl_registry_find_key(r, key);
        const struct bl_node *n = node == BL_NODE_NONE ? NULL : bl_registry_get(r, node);
        bool is_ok = n && n->state == BL_STATE_OK;
        assert_int_equal(bl_table_find(&d->worker->table, key, &place), is_ok);
        if (is_ok)
            assert_int_equal(bl_slots_policy(place.slots, place.slot).node, node);
        ok += is_ok;
    }
    assert_int_equal(bl_table_used(&d->worker->table), ok);
    assert_int_equal(bl_fleet_stats_of(d->fleet)->in_no_table, 0);
}

static void who_is_ok_is_in_the_table_whatever_was_removed(void **state)
{
    (void)state;
    struct daemon d;
    bl_role_assume_control();
    start(&d);
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (round % 10 == 0 && !d.grows)
            grow(&d);
        for (unsigned i = 0; i < NODES / 4; i++) {
            send_beat(&d, 1 + test_random_below(&d.random, NODES));
            if (i % 2 == 0)
                remove_one(&d);
            if (i % 25 == 24)
                (void)turn(&d);
        }
        if (round % 10 == 9) {
            settle(&d);
            expect_ok_in_the_table_and_new_in_none(&d);
        }
    }
    print_message("%u reports were of records that went, %llu deletions, %u growths\n", d.stale,
                  (unsigned long long)d.asked, d.growths);
    assert_true(d.asked > ROUNDS && d.growths > 5);
    bl_role_assume_port_watch();
    assert_int_equal(bl_port_missed(port), 0);
    bl_worker_stop(d.worker);
    bl_fleet_free(d.fleet);
    bl_worker_free(d.worker);
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
        cmocka_unit_test(who_is_ok_is_in_the_table_whatever_was_removed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
