/* SPDX-License-Identifier: Apache-2.0 */
/* A node is removed and made again while its table grows, wherever the
 * worker stands in that: its deletion is not lost, nor what it is now. */
#include "tests/unit/fleet_world.h"

static void at_point(const char *point);
#define BL_INTERLEAVE(point) at_point(point)
/* NOLINTBEGIN(bugprone-suspicious-include): the points are in these */
#include "engine/table/table.c"
#include "engine/table/table_grow.c"
/* NOLINTEND(bugprone-suspicious-include) */

#define TIMEOUT_1S ((struct bl_policy){.timeout_ms = 1000})
#define NODES      20u

static struct world world;
static const char *stop_at;
static unsigned passes, stop_on;

static void remove_and_make(void)
{
    bl_role_assume_control();
    struct bl_node_ref who = ref("n7");
    who.asked = true;
    struct bl_policy_patch patch = {.set = BL_SET_TIMEOUT, .policy = TIMEOUT_1S};
    assert_int_equal(bl_fleet_remove(world.fleet, node_of(&world, "n7")), 0);
    assert_int_equal(bl_fleet_set(world.fleet, &who, &patch, unix_ms(&world)), 0);
}

static void at_point(const char *point)
{
    if (stop_at == NULL || strcmp(point, stop_at) != 0 || passes++ != stop_on)
        return;
    stop_at = NULL;
    remove_and_make();
}

/* The whole of a growth; control acts when the worker passes `point` for
 * the time after `on` others. Returns whether it did so often. */
static bool grow_under_removal(const char *point, unsigned on)
{
    bl_role_assume_control();
    bl_role_assume_worker();
    struct bl_slots *next = bl_slots_new(512), *old = NULL;
    assert_non_null(next);
    bl_fleet_grow_begun(world.fleet, 0);
    bl_table_grow_begin(&world.table[0], next);
    passes = 0;
    stop_on = on;
    stop_at = point;
    while (old == NULL)
        old = bl_table_grow_step(&world.table[0], 0, 1);
    bool acted = stop_at == NULL;
    stop_at = NULL;
    bl_fleet_grow_done(world.fleet, 0);
    bl_slots_free(old);
    return acted;
}

static void expect_new_until_it_beats(void)
{
    struct bl_place place;
    world.ring_full = false;
    pass(&world, 3000);
    assert_int_equal(state_of(&world, "n7"), BL_STATE_NEW);
    assert_false(bl_table_find(&world.table[0], bl_key_of_name(&world.secret, "n7", 2), &place));
    assert_int_equal(world.failures, NODES - 1);
    assert_int_equal(beat(&world, 0, "n7"), 0);
    assert_int_equal(state_of(&world, "n7"), BL_STATE_OK);
    pass(&world, 1010);
    assert_int_equal(state_of(&world, "n7"), BL_STATE_FAILED);
}

/* Returns whether the worker passed the point so often. */
static bool removal_at(const char *point, unsigned on, bool ring_full)
{
    char name[16];
    setup(&world, TIMEOUT_1S);
    for (unsigned i = 0; i < NODES; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        assert_int_equal(beat(&world, 0, name), 0);
    }
    world.ring_full = ring_full;
    bool acted = grow_under_removal(point, on);
    if (acted)
        expect_new_until_it_beats();
    teardown(&world);
    return acted;
}

static void a_removal_while_the_table_grows_is_not_lost(void **state)
{
    (void)state;
    static const char *const points[] = {"move: copied", "move: in both", "grow: published"};
    for (unsigned i = 0; i < 6; i++) {
        unsigned on = 0;
        while (removal_at(points[i / 2], on, i % 2 != 0))
            on++;
        assert_int_equal(on, i < 4 ? NODES : 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_removal_while_the_table_grows_is_not_lost),
    };
    bl_rcu_thread_register();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bl_rcu_thread_unregister();
    return failed;
}
