/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/table_model.h"

BL_ON_WORKER static void insert(struct bl_table *t, uint64_t key)
{
    struct bl_beat b = {.key = key, .stamp = 1};
    uint32_t slot;
    assert_int_equal(bl_table_insert(t, &b, 1, &slot), BL_INSERT_NEW);
}

static void a_step_without_growth_does_nothing(void **state)
{
    (void)state;
    bl_role_assume_worker();
    struct bl_table t;
    bl_table_init(&t, bl_slots_new(8), UINT32_MAX);
    insert(&t, 10);
    assert_null(bl_table_grow_step(&t, 0, 100));
    assert_int_equal(bl_table_slot_count(&t), 8);
    bl_table_fini(&t);
}

static void a_step_moves_at_most_its_lines(void **state)
{
    (void)state;
    bl_role_assume_worker();
    struct bl_slots *first = bl_slots_new(400), *next = bl_slots_new(800);
    struct bl_table t;
    unsigned steps = 1;
    bl_table_init(&t, first, UINT32_MAX);
    bl_table_grow_begin(&t, next);
    assert_int_equal(bl_table_slot_count(&t), 800);
    while (bl_table_grow_step(&t, 0, 10) == NULL)
        steps++;
    assert_int_equal(steps, 10);
    assert_ptr_equal(t.slots, next);
    assert_null(t.next);
    bl_slots_free(first);
    bl_table_fini(&t);
}

static void a_new_node_goes_to_the_next_generation(void **state)
{
    (void)state;
    bl_role_assume_worker();
    struct bl_slots *next = bl_slots_new(16);
    struct bl_place p;
    struct bl_table t;
    bl_table_init(&t, bl_slots_new(8), UINT32_MAX);
    bl_table_grow_begin(&t, next);
    insert(&t, 10);
    assert_true(bl_table_find(&t, 10, &p));
    assert_ptr_equal(p.slots, next);
    bl_table_fini(&t);
}

static void growth_drops_the_deleted_slots(void **state)
{
    (void)state;
    bl_role_assume_worker();
    struct bl_slots *old;
    struct bl_table t;
    bl_table_init(&t, bl_slots_new(8), UINT32_MAX);
    for (uint64_t key = 4; key < 20; key += 2)
        insert(&t, key);
    for (uint64_t key = 4; key < 18; key += 2)
        assert_true(bl_table_delete(&t, key));
    assert_int_equal(bl_table_gone(&t), 7);
    bl_table_grow_begin(&t, bl_slots_new(8));
    while ((old = bl_table_grow_step(&t, 0, 1)) == NULL)
        ;
    assert_int_equal(bl_table_gone(&t), 0);
    assert_int_equal(bl_table_used(&t), 1);
    bl_slots_free(old);
    bl_table_fini(&t);
}

static void growth_waits_where_there_is_no_room_and_drops_nobody(void **state)
{
    (void)state;
    bl_role_assume_worker();
    struct bl_slots *old = NULL;
    struct bl_place p;
    struct bl_table t;
    bl_table_init(&t, bl_slots_new(16), UINT32_MAX);
    for (uint64_t key = 10; key < 22; key += 2)
        insert(&t, key);
    bl_table_grow_begin(&t, bl_slots_new(4));
    for (unsigned i = 0; i < 10; i++)
        assert_null(bl_table_grow_step(&t, 0, 100));
    for (uint64_t key = 10; key < 22; key += 2)
        assert_true(bl_table_find(&t, key, &p));
    assert_true(bl_table_delete(&t, 10));
    assert_true(bl_table_delete(&t, 20));
    old = bl_table_grow_step(&t, 0, 100);
    assert_non_null(old);
    for (uint64_t key = 12; key < 20; key += 2)
        assert_true(bl_table_find(&t, key, &p));
    bl_slots_free(old);
    bl_table_fini(&t);
}

static void unknown_nodes_cannot_fill_the_next_generation_up_before_the_rest_has_moved(void **state)
{
    (void)state;
    bl_role_assume_worker();
    struct bl_slots *old = NULL;
    struct bl_place p;
    struct bl_table t;
    uint32_t slot;
    uint64_t key = 4, in_old;
    bl_table_init(&t, bl_slots_new(400), UINT32_MAX);
    for (; bl_table_used(&t) < 300; key += 2)
        insert(&t, bl_key_clean(key * UINT64_C(0x9e3779b97f4a7c15)));
    in_old = key;
    bl_table_grow_begin(&t, bl_slots_new(600));
    for (;; key += 2) {
        struct bl_beat b = {.key = bl_key_clean(key * UINT64_C(0x9e3779b97f4a7c15)), .stamp = 1};
        if (bl_table_insert(&t, &b, 1, &slot) != BL_INSERT_NEW)
            break;
    }
    assert_int_equal(bl_table_used(&t), 450);
    for (unsigned i = 0; old == NULL && i < 1000; i++)
        old = bl_table_grow_step(&t, 0, 1);
    assert_non_null(old);
    for (uint64_t k = 4; k < in_old; k += 2)
        assert_true(bl_table_find(&t, bl_key_clean(k * UINT64_C(0x9e3779b97f4a7c15)), &p));
    bl_slots_free(old);
    bl_table_fini(&t);
}

/* One growth, with everything else going on between its steps. */
static void grow_while_living(struct model *m, uint32_t slots) BL_ON_WORKER BL_ON_CONTROL;
static void grow_while_living(struct model *m, uint32_t slots)
{
    struct bl_slots *old;
    bl_table_grow_begin(&m->table, bl_slots_new(slots));
    do {
        model_step(m, 4);
        if (test_random_below(&m->random, 10) == 0)
            model_check(m);
        old = bl_table_grow_step(&m->table, (uint32_t)m->now, 1 + test_random_below(&m->random, 12));
    } while (old == NULL);
    bl_slots_free(old);
    model_check(m);
}

/* Growths in a row, up and down, from tables that are up to full. */
static void a_growing_table_does_what_the_model_does(void **state)
{
    (void)state;
    bl_role_assume_worker();
    bl_role_assume_control();
    struct test_random r = {test_random_seed(__func__)};
    for (unsigned round = 0; round < 25; round++) {
        unsigned nodes = 1 + test_random_below(&r, round < 10 ? 60 : 1500);
        struct model *m = model_new(test_random_u64(&r), nodes, nodes * 9 / 8 + 1);
        for (unsigned growth = 0; growth < 6; growth++) {
            m->simd = bl_table_beat_has_simd() && test_random_below(&r, 2);
            for (unsigned i = 0; i < nodes / 8; i++)
                model_step(m, 4);
            grow_while_living(m, nodes * 9 / 8 + 4 + test_random_below(&r, nodes * 2));
        }
        model_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_without_growth_does_nothing),
        cmocka_unit_test(a_step_moves_at_most_its_lines),
        cmocka_unit_test(a_new_node_goes_to_the_next_generation),
        cmocka_unit_test(growth_drops_the_deleted_slots),
        cmocka_unit_test(growth_waits_where_there_is_no_room_and_drops_nobody),
        cmocka_unit_test(unknown_nodes_cannot_fill_the_next_generation_up_before_the_rest_has_moved),
        cmocka_unit_test(a_growing_table_does_what_the_model_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
