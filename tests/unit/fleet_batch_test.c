/* SPDX-License-Identifier: Apache-2.0 */
/* One batch of the sweep decides a bounded number of nodes, whatever comes
 * at once, and a round is complete when all are decided. */
#include "tests/unit/fleet_world.h"

#define NODES 300u
/* Of 64 slots: two nodes of each kind. */
#define BATCH_SLOTS 64u
#define BATCH_NODES 2u
/* More than any round here takes. */
#define BATCHES_MAX 1000u

static void setup_nodes(struct world *w, struct bl_policy defaults)
{
    char name[16];

    setup(w, defaults);
    for (unsigned i = 0; i < NODES; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        assert_int_equal(beat(w, i % 2, name), 0);
    }
}

static unsigned in_state(const struct world *w, enum bl_state state)
{
    const struct bl_registry *r = bl_fleet_registry(w->fleet);
    unsigned n = 0;

    for (uint32_t i = 0; i < bl_registry_end(r); i++) {
        const struct bl_node *node = bl_registry_get(r, i);
        n += node && node->state == state;
    }
    return n;
}

/* Time goes on, and no batch is swept. */
static void wait_ms(struct world *w, unsigned ms)
{
    bl_role_assume_control();
    for (unsigned i = 0; i < ms; i += 10) {
        w->now_ns += 10 * MS;
        bl_fleet_set_now(w->fleet, w->now_ns / MS);
        for (unsigned k = 0; k < WORLD_TABLES; k++)
            bl_ingest_clock_advance(&w->clock[k], w->now_ns, w->now_ns);
    }
}

/* A round of small batches, none of which tells or asks more than its
 * share; how many it took. */
static unsigned sweep_round(struct world *w)
{
    unsigned batches = 0;
    bool done = false;

    bl_role_assume_control();
    while (!done) {
        unsigned told = w->transitions, asked = w->measures;
        done = bl_fleet_sweep(w->fleet, BATCH_SLOTS, unix_ms(w));
        assert_true(w->transitions - told <= BATCH_NODES);
        assert_true(w->measures - asked <= BATCH_NODES);
        assert_true(batches++ < BATCHES_MAX);
    }
    return batches;
}

static void a_round_is_complete_when_new_defaults_have_reached_all(void **state)
{
    (void)state;
    struct world w;
    setup_nodes(&w, (struct bl_policy){0});
    bl_role_assume_control();
    pass(&w, 3000);
    struct bl_fleet_config c = {
        .max_nodes = 1000, .defaults = {.timeout_ms = 1000}, .memory = bl_memory_libc};
    bl_fleet_configure(w.fleet, &c);
    sweep_round(&w);
    assert_int_equal(in_state(&w, BL_STATE_FAILED), NODES);
    assert_int_equal(w.transitions, NODES);
    teardown(&w);
}

static void a_round_is_complete_when_all_pauses_have_ended(void **state)
{
    (void)state;
    struct world w;
    setup_nodes(&w, (struct bl_policy){.timeout_ms = 60000});
    bl_role_assume_control();
    for (uint32_t i = 0; i < NODES; i++) {
        struct bl_pause how = {.for_ms = i % 2 ? 1000 : 0, .end_unix_ms = i % 2 ? 0 : unix_ms(&w) + 1000};
        assert_int_equal(bl_fleet_pause(w.fleet, i, &how, unix_ms(&w)), 0);
    }
    pass(&w, 100);
    assert_int_equal(in_state(&w, BL_STATE_PAUSED), NODES);
    wait_ms(&w, 3000);
    sweep_round(&w);
    assert_int_equal(in_state(&w, BL_STATE_OK), NODES);
    teardown(&w);
}

static void what_growth_moved_is_written_in_the_round_after_it(void **state)
{
    (void)state;
    struct world w;
    setup_nodes(&w, (struct bl_policy){.timeout_ms = 60000});
    bl_role_assume_control();
    bl_role_assume_worker();
    pass(&w, 100);
    struct bl_slots *next = bl_slots_new(1024), *old = NULL;
    assert_non_null(next);
    while (bl_slots_prefault(next, SIZE_MAX) == 0)
        ;
    bl_fleet_grow_begun(w.fleet, 0);
    for (uint32_t i = 0; i < NODES; i++)
        assert_int_equal(bl_fleet_pause(w.fleet, i, NULL, unix_ms(&w)), 0);
    assert_true(sweep_round(&w) < 20); /* growth is not waited for */
    bl_table_grow_begin(&w.table[0], next);
    while (!old)
        old = bl_table_grow_step(&w.table[0], 0, 1);
    bl_fleet_grow_done(w.fleet, 0);
    assert_true(sweep_round(&w) >= NODES / 2 / BATCH_NODES);
    bl_slots_free(old);
    teardown(&w);
}

static void measuring_that_met_a_full_ring_is_asked_in_shares(void **state)
{
    (void)state;
    struct world w;
    setup_nodes(&w, (struct bl_policy){.timeout_ms = 60000});
    bl_role_assume_control();
    w.ring_full = true;
    struct bl_policy_patch patch = {.set = BL_SET_DETECTOR, .policy = {.detector = BL_DETECTOR_AUTO}};
    char name[16];
    for (unsigned i = 0; i < NODES; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        struct bl_node_ref who = ref(name);
        assert_int_equal(bl_fleet_set(w.fleet, &who, &patch, unix_ms(&w)), 0);
    }
    assert_int_equal(w.measures, 0);
    w.ring_full = false;
    for (unsigned i = 0; i < NODES; i++)
        sweep_round(&w);
    assert_int_equal(w.measures, NODES);
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_round_is_complete_when_new_defaults_have_reached_all),
        cmocka_unit_test(a_round_is_complete_when_all_pauses_have_ended),
        cmocka_unit_test(what_growth_moved_is_written_in_the_round_after_it),
        cmocka_unit_test(measuring_that_met_a_full_ring_is_asked_in_shares),
    };
    bl_rcu_thread_register();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bl_rcu_thread_unregister();
    return failed;
}
