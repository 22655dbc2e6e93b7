/* SPDX-License-Identifier: Apache-2.0 */
/* The two-thread dance around a table, for ThreadSanitizer and for
 * counting: a worker beats, inserts, deletes and grows without pause
 * while control finds, sweeps and writes policy words. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/base/key.h"
#include "engine/base/rcu.h"
#include "engine/fleet/sweep.h"
#include "engine/table/table.h"
#include "tests/unit/random.h"

#define STAYING  1500u /* nodes that are never deleted: control must always find them */
#define CHURNING 500u  /* nodes that come and go */
#define GROWTHS  40u

struct dance {
    struct bl_table table;
    uint64_t key[STAYING + CHURNING];
    /* control -> worker, worker -> control; released and acquired */
    struct bl_slots *next, *retired;
    uint32_t now, stop, inserted;
    uint64_t seed;
    /* control's */
    struct bl_sweep *sweep;
    struct test_random random;
    uint32_t threshold[STAYING]; /* as control last wrote it */
    bool touched[STAYING];       /* since growth was asked for */
    uint64_t finds, writes, findings;
};

/* ---- the worker --------------------------------------------------------- */

BL_ON_WORKER static void worker_burst(struct dance *d, struct test_random *r, uint32_t now)
{
    struct bl_beat beat[BL_BURST];
    struct bl_exception exception[BL_BURST];
    uint32_t slot;
    for (unsigned i = 0; i < BL_BURST; i++)
        beat[i] = (struct bl_beat){.key = d->key[test_random_below(r, STAYING + CHURNING)],
                                   .stamp = bl_stamp(now, now),
                                   .flags = BL_BEAT_HAS_SEQUENCE};
    unsigned n = bl_table_beat(&d->table, beat, BL_BURST, now, exception);
    for (unsigned i = 0; i < n; i++) {
        if (exception[i].why & BL_EXCEPTION_UNKNOWN)
            bl_table_insert(&d->table, exception[i].beat, now, &slot);
        if (exception[i].why & BL_EXCEPTION_SEQUENCE)
            bl_table_anomaly(&d->table, exception[i].slot, exception[i].beat, 0);
        if (exception[i].slot != BL_SLOT_NONE)
            bl_table_set_flag(&d->table, exception[i].slot, BL_SLOT_UNREPORTED, now & 1);
    }
    bl_table_delete(&d->table, d->key[STAYING + test_random_below(r, CHURNING)]);
}

BL_ON_WORKER static void worker_growth(struct dance *d)
{
    struct bl_slots *next = __atomic_exchange_n(&d->next, NULL, __ATOMIC_ACQUIRE);
    if (next != NULL)
        bl_table_grow_begin(&d->table, next);
    struct bl_slots *old = bl_table_grow_step(&d->table, 0, 3);
    if (old != NULL)
        __atomic_store_n(&d->retired, old, __ATOMIC_RELEASE);
}

static void *worker(void *arg)
{
    struct dance *d = arg;
    struct test_random r = {d->seed};
    bl_role_assume_worker();
    bl_rcu_thread_register();
    for (uint32_t i = 0; i < STAYING; i++) {
        struct bl_beat b = {.key = d->key[i], .stamp = 1};
        uint32_t slot;
        bl_table_insert(&d->table, &b, 1, &slot);
    }
    __atomic_store_n(&d->inserted, 1, __ATOMIC_RELEASE);
    for (uint32_t now = 1; !__atomic_load_n(&d->stop, __ATOMIC_ACQUIRE); now++) {
        __atomic_store_n(&d->now, now, __ATOMIC_RELAXED);
        worker_burst(d, &r, now);
        worker_growth(d);
        bl_rcu_quiescent();
        if (now % 16 == 0)
            sched_yield(); /* the box may have one processor */
    }
    bl_rcu_thread_unregister();
    return NULL;
}

/* ---- control ------------------------------------------------------------- */

static struct bl_place must_find(struct dance *d, uint32_t node)
{
    struct bl_place p;
    assert_true(bl_table_find(&d->table, d->key[node], &p));
    return p;
}

BL_ON_CONTROL static void write_policy(struct dance *d, uint32_t node)
{
    struct bl_slot_policy policy = {d->threshold[node], node & BL_NODE_NONE, BL_POLICY_WATCH};
    struct bl_place p = must_find(d, node);
    bl_slots_set_policy(p.slots, p.slot, policy);
    bl_sweep_lower(d->sweep, &p, __atomic_load_n(&d->now, __ATOMIC_RELAXED));
}

BL_ON_CONTROL static void control_turn(struct dance *d)
{
    struct bl_finding found[BL_BLOCK_SLOTS];
    bool done;
    for (unsigned i = 0; i < 20; i++, d->finds++)
        must_find(d, test_random_below(&d->random, STAYING));
    uint32_t node = test_random_below(&d->random, STAYING);
    d->threshold[node] = test_random_below(&d->random, 50);
    d->touched[node] = true;
    d->writes++;
    write_policy(d, node);
    uint32_t now = __atomic_load_n(&d->now, __ATOMIC_RELAXED);
    unsigned n = bl_sweep_run(d->sweep, now, 640, found, BL_BLOCK_SLOTS, &done);
    for (unsigned i = 0; i < n; i++) {
        assert_true(found[i].node < STAYING);
        assert_true(found[i].key == d->key[found[i].node]);
    }
    d->findings += n;
}

/* The worker is through: what was written meanwhile is written again,
 * and then nothing may be missing. */
BL_ON_CONTROL static void control_growth_done(struct dance *d, struct bl_slots *old)
{
    assert_int_equal(bl_sweep_rebuild(d->sweep), 0);
    for (uint32_t i = 0; i < STAYING; i++)
        if (d->touched[i])
            write_policy(d, i);
    for (uint32_t i = 0; i < STAYING; i++) {
        struct bl_place p = must_find(d, i);
        struct bl_slot_policy policy = bl_slots_policy(p.slots, p.slot);
        assert_true(policy.threshold_ticks == d->threshold[i]);
        assert_true(policy.node == (d->threshold[i] == BL_THRESHOLD_NEVER ? BL_NODE_NONE : i));
    }
    bl_rcu_wait();
    bl_slots_free(old);
}

BL_ON_CONTROL static void control_one_growth(struct dance *d)
{
    uint32_t slots = (STAYING + CHURNING) * 5 / 4 + test_random_below(&d->random, 4000);
    struct bl_slots *next = bl_slots_new(slots), *old;
    while (bl_slots_prefault(next, 1 << 16) == 0)
        ;
    for (uint32_t i = 0; i < STAYING; i++)
        d->touched[i] = false;
    __atomic_store_n(&d->next, next, __ATOMIC_RELEASE);
    while ((old = __atomic_exchange_n(&d->retired, NULL, __ATOMIC_ACQUIRE)) == NULL) {
        control_turn(d);
        bl_rcu_quiescent();
    }
    control_growth_done(d, old);
}

static void setup(struct dance *d)
{
    d->seed = test_random_seed("table_race");
    d->random.state = ~d->seed;
    for (uint32_t i = 0; i < STAYING + CHURNING; i++)
        d->key[i] = bl_key_clean(test_random_u64(&d->random));
    for (uint32_t i = 0; i < STAYING; i++)
        d->threshold[i] = BL_THRESHOLD_NEVER;
    bl_table_init(&d->table, bl_slots_new((STAYING + CHURNING) * 5 / 4), UINT32_MAX);
    d->sweep = bl_sweep_new(&d->table);
    assert_non_null(d->sweep);
}

static void a_node_that_stays_is_found_and_keeps_its_policy_while_all_moves(void **state)
{
    (void)state;
    static struct dance d;
    pthread_t thread;
    bl_role_assume_control();
    setup(&d);
    bl_rcu_thread_register();
    assert_int_equal(pthread_create(&thread, NULL, worker, &d), 0);
    while (!__atomic_load_n(&d.inserted, __ATOMIC_ACQUIRE)) {
        bl_rcu_quiescent();
        sched_yield();
    }
    for (unsigned i = 0; i < GROWTHS; i++)
        control_one_growth(&d);
    __atomic_store_n(&d.stop, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    bl_rcu_thread_unregister();
    print_message("%llu finds, %llu policy words, %llu findings, %u bursts in %u growths\n",
                  (unsigned long long)d.finds, (unsigned long long)d.writes, (unsigned long long)d.findings,
                  d.now, GROWTHS);
    assert_true(d.writes > GROWTHS && d.findings > 0);
    bl_sweep_free(d.sweep);
    bl_table_fini(&d.table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_that_stays_is_found_and_keeps_its_policy_while_all_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
