/* SPDX-License-Identifier: Apache-2.0 */
/* The dance of a reader and a growing table, stopped at its named points
 * while the other side does its worst. Deterministic; the torture of the
 * same code is table_race_test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void at_point(const char *point);
#define BL_INTERLEAVE(point) at_point(point)
/* NOLINTBEGIN(bugprone-suspicious-include): the points are in these */
#include "engine/table/table.c"
#include "engine/table/table_grow.c"
/* NOLINTEND(bugprone-suspicious-include) */

#define NODES 40u

/* One table, and what happens at which point. */
static struct bl_table table;
static struct bl_slots *old[4];
static const char *stop_at;
static void (*then)(void);
static unsigned stops;

static void at_point(const char *point)
{
    void (*act)(void) = then;
    if (stop_at == NULL || strcmp(point, stop_at) != 0)
        return;
    then = NULL; /* what is done there passes points as well */
    if (act != NULL) {
        stops++;
        act();
        then = act;
    }
}

static void arm(const char *point, void (*act)(void))
{
    stop_at = point;
    then = act;
    stops = 0;
}

static uint64_t key_of(uint32_t node)
{
    return 4 + (uint64_t)node * UINT64_C(0x0400000000000002);
}

static void setup(void)
{
    bl_role_assume_worker();
    memset(old, 0, sizeof(old));
    arm(NULL, NULL);
    bl_table_init(&table, bl_slots_new(NODES + 8), UINT32_MAX);
    for (uint32_t i = 0; i < NODES; i++) {
        struct bl_beat b = {.key = key_of(i), .stamp = 1};
        uint32_t slot;
        assert_int_equal(bl_table_insert(&table, &b, 1, &slot), BL_INSERT_NEW);
    }
}

static void teardown(void)
{
    for (unsigned i = 0; i < 4; i++)
        bl_slots_free(old[i]);
    bl_table_fini(&table);
}

static void all_are_found(void)
{
    struct bl_place p;
    for (uint32_t i = 0; i < NODES; i++)
        assert_true(bl_table_find(&table, key_of(i), &p));
    assert_false(bl_table_find(&table, 2000, &p));
}

static void grow_whole(void)
{
    bl_role_assume_worker();
    unsigned at = 0;
    while (old[at] != NULL)
        at++;
    bl_table_grow_begin(&table, bl_slots_new(NODES * 2));
    while ((old[at] = bl_table_grow_step(&table, 0, 1)) == NULL)
        ;
}

static void a_reader_finds_all_wherever_the_worker_stands(void **state)
{
    (void)state;
    static const char *const points[] = {"move: copied", "move: in both", "grow: published"};
    for (unsigned i = 0; i < 3; i++) {
        setup();
        arm(points[i], all_are_found);
        grow_whole();
        assert_int_equal(stops, i < 2 ? NODES : 1);
        teardown();
    }
}

static void grow_once(void)
{
    if (old[0] == NULL)
        grow_whole();
}

static void grow_twice_and_begin(void)
{
    bl_role_assume_worker();
    if (old[0] != NULL)
        return;
    grow_whole();
    grow_whole();
    bl_table_grow_begin(&table, bl_slots_new(NODES * 3));
}

static void a_worker_may_grow_wherever_the_reader_stands(void **state)
{
    (void)state;
    static const char *const points[] = {"find: has slots", "find: not in slots", "find: not in next"};
    static void (*const acts[])(void) = {grow_once, grow_twice_and_begin};
    for (unsigned i = 0; i < 6; i++) {
        struct bl_place p;
        setup();
        arm(points[i / 2], acts[i % 2]);
        /* no such node: passes every point, grows, and comes back */
        assert_false(bl_table_find(&table, 2000, &p));
        assert_true(stops > 0 && old[0] != NULL);
        all_are_found();
        teardown();
        setup();
        arm(points[i / 2], acts[i % 2]);
        all_are_found();
        teardown();
    }
}

/* The one that moves under the reader: half way through, it looks in the
 * old generation, misses, and is overtaken by the rest of the growth. */
static void finish_growth(void)
{
    bl_role_assume_worker();
    while (old[0] == NULL)
        old[0] = bl_table_grow_step(&table, 0, 1);
}

static void a_reader_overtaken_by_the_end_of_growth_looks_again(void **state)
{
    (void)state;
    static const char *const points[] = {"find: has slots", "find: not in slots", "find: not in next"};
    bl_role_assume_worker();
    for (unsigned i = 0; i < 3; i++)
        for (uint32_t node = 0; node < NODES; node++) {
            struct bl_place p;
            setup();
            bl_table_grow_begin(&table, bl_slots_new(NODES * 2));
            assert_null(bl_table_grow_step(&table, 0, 6));
            arm(points[i], finish_growth);
            assert_true(bl_table_find(&table, key_of(node), &p));
            teardown();
        }
}

static void write_old_policy(void)
{
    bl_role_assume_control();
    for (uint32_t i = 0; i < NODES; i++) {
        struct bl_place p;
        assert_true(bl_table_find(&table, key_of(i), &p));
        bl_slots_set_policy(p.slots, p.slot, (struct bl_slot_policy){stops, i & BL_NODE_NONE, 0});
    }
}

/* What control relies on: only words written into a slot after it was
 * copied are lost, so one more write after the growth mends all. */
static void a_policy_word_written_behind_the_copy_needs_writing_again(void **state)
{
    (void)state;
    unsigned lost = 0;
    bl_role_assume_control();
    setup();
    arm("move: copied", write_old_policy);
    grow_whole();
    for (uint32_t i = 0; i < NODES; i++) {
        struct bl_place p;
        assert_true(bl_table_find(&table, key_of(i), &p));
        lost += bl_slots_policy(p.slots, p.slot).threshold_ticks != NODES;
    }
    assert_int_equal(lost, 1); /* the last one moved; the others were written again after it */
    arm(NULL, NULL);
    stops = NODES;
    write_old_policy();
    for (uint32_t i = 0; i < NODES; i++) {
        struct bl_place p;
        assert_true(bl_table_find(&table, key_of(i), &p));
        assert_int_equal(bl_slots_policy(p.slots, p.slot).threshold_ticks, NODES);
    }
    teardown();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_finds_all_wherever_the_worker_stands),
        cmocka_unit_test(a_worker_may_grow_wherever_the_reader_stands),
        cmocka_unit_test(a_reader_overtaken_by_the_end_of_growth_looks_again),
        cmocka_unit_test(a_policy_word_written_behind_the_copy_needs_writing_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
