/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/table_model.h"

#include <errno.h>

static struct bl_table small_table(uint64_t slots, uint32_t limit)
{
    struct bl_table t;
    bl_table_init(&t, bl_slots_new(slots), limit);
    return t;
}

BL_ON_WORKER static void insert(struct bl_table *t, uint64_t key, uint32_t now)
{
    struct bl_beat b = {.key = key, .stamp = now};
    uint32_t slot;
    assert_int_equal(bl_table_insert(t, &b, now, &slot), BL_INSERT_NEW);
}

static uint32_t last_beat_of(const struct bl_table *t, uint64_t key)
{
    struct bl_place p;
    assert_true(bl_table_find(t, key, &p));
    return bl_slots_last_beat(p.slots, p.slot);
}

/* The last beat of a known key after one at `now` that is `age` old. */
BL_ON_WORKER static uint32_t last_beat_after(struct bl_table *t, uint64_t key, uint32_t now, uint32_t age)
{
    struct bl_beat b = {.key = key, .stamp = now - age};
    struct bl_exception exception[BL_BURST];
    assert_int_equal(bl_table_beat(t, &b, 1, now, exception), 0);
    return last_beat_of(t, key);
}

static void a_fresh_slot_has_no_node_and_no_threshold(void **state)
{
    (void)state;
    struct bl_slots *s = bl_slots_new(100000);
    for (uint32_t i = 0; i < s->slot_count; i += 999) {
        struct bl_slot_policy p = bl_slots_policy(s, i);
        assert_true(p.threshold_ticks == BL_THRESHOLD_NEVER);
        assert_true(p.node == BL_NODE_NONE && p.flags == 0);
        assert_true(bl_slots_key(s, i) == BL_KEY_EMPTY);
    }
    bl_slots_free(s);
}

static void prefault_touches_all_in_steps_and_changes_nothing(void **state)
{
    (void)state;
    bl_role_assume_control();
    const uint64_t sizes[] = {0, 1, 100, 70000, 1000000};
    for (unsigned i = 0; i < 5; i++) {
        struct bl_slots *s = bl_slots_new(sizes[i]);
        struct bl_slot_policy p = {12, 34, BL_POLICY_WATCH};
        unsigned steps = 1;
        assert_true(s->slot_count >= sizes[i] && s->slot_count == s->line_count * BL_LINE_SLOTS);
        bl_slots_set_policy(s, s->slot_count - 1, p);
        while (bl_slots_prefault(s, 1 << 20) == 0)
            steps++;
        assert_int_equal(s->prefaulted, s->bytes);
        assert_true(steps >= s->bytes >> 21);
        p = bl_slots_policy(s, s->slot_count - 1);
        assert_true(p.threshold_ticks == 12 && p.node == 34 && p.flags == BL_POLICY_WATCH);
        bl_slots_free(s);
    }
}

static void too_many_slots_are_refused(void **state)
{
    (void)state;
    assert_null(bl_slots_new((uint64_t)BL_SLOTS_MAX + 1));
    assert_int_equal(errno, EINVAL);
}

static void a_beat_of_an_unknown_node_is_odd_until_it_is_inserted(void **state)
{
    (void)state;
    bl_role_assume_worker();
    struct bl_table t = small_table(64, 10);
    struct bl_beat b = {.key = 0xabcd0, .stamp = 970};
    struct bl_exception exception[BL_BURST];
    uint32_t slot;
    assert_int_equal(bl_table_beat(&t, &b, 1, 1000, exception), 1);
    assert_int_equal(exception[0].why, BL_EXCEPTION_UNKNOWN);
    assert_true(exception[0].slot == BL_SLOT_NONE);
    assert_int_equal(bl_table_insert(&t, &b, 1000, &slot), BL_INSERT_NEW);
    assert_int_equal(bl_slots_last_beat(t.slots, slot), 970);
    assert_int_equal(last_beat_after(&t, b.key, 1100, 30), 1070);
    bl_table_fini(&t);
}

static void the_last_beat_never_goes_backwards(void **state)
{
    (void)state;
    bl_role_assume_worker();
    struct bl_table t = small_table(64, 10);
    insert(&t, 0xabcd0, 100);
    assert_int_equal(last_beat_after(&t, 0xabcd0, 90, 0), 100);
    assert_int_equal(last_beat_after(&t, 0xabcd0, 120, 50), 100);
    assert_int_equal(last_beat_after(&t, 0xabcd0, 130, BL_TIMEOUT_MAX_MS), 100);
    bl_table_fini(&t);
}

/* 45 days: longer than an int32 of milliseconds. */
static void a_beat_counts_after_a_silence_as_long_as_the_longest_timeout(void **state)
{
    (void)state;
    bl_role_assume_worker();
    struct bl_table t = small_table(64, 10);
    for (uint32_t silence = 1; silence < BL_TIMEOUT_MAX_MS / 2; silence *= 2) {
        uint32_t now = 5 + silence * 2;
        insert(&t, 0xabcd0, 5);
        assert_true(last_beat_after(&t, 0xabcd0, now, 0) == now);
        assert_true(bl_table_delete(&t, 0xabcd0));
    }
    bl_table_fini(&t);
}

static void the_limit_refuses_unknown_nodes_and_not_the_known(void **state)
{
    (void)state;
    bl_role_assume_worker();
    struct bl_table t = small_table(64, 1);
    struct bl_beat known = {.key = 0xabcd0, .stamp = 2}, unknown_node = {.key = 0xabcd2, .stamp = 1};
    uint32_t slot;
    insert(&t, known.key, 1);
    assert_int_equal(bl_table_insert(&t, &unknown_node, 1, &slot), BL_INSERT_LIMIT);
    assert_int_equal(bl_table_insert(&t, &known, 2, &slot), BL_INSERT_KNOWN);
    assert_int_equal(bl_slots_last_beat(t.slots, slot), 2);
    assert_int_equal(bl_table_used(&t), 1);
    bl_table_fini(&t);
}

static void a_full_probe_refuses_and_a_deletion_makes_room(void **state)
{
    (void)state;
    bl_role_assume_worker();
    const uint32_t slots = BL_PROBE_LINES * BL_LINE_SLOTS;
    struct bl_table t = small_table(slots * 2, UINT32_MAX);
    struct bl_beat b = {.key = (slots + 1) * 2};
    uint32_t slot;
    /* all of home line 0 */
    for (uint64_t i = 1; i <= slots; i++)
        insert(&t, 2 + i * 2, 1);
    b.key = 2 + (slots + 1) * 2;
    assert_int_equal(bl_table_insert(&t, &b, 1, &slot), BL_INSERT_FULL);
    assert_true(bl_table_delete(&t, 2 + 7 * 2));
    assert_int_equal(bl_table_gone(&t), 1);
    assert_int_equal(bl_table_insert(&t, &b, 1, &slot), BL_INSERT_NEW);
    assert_int_equal(bl_table_gone(&t), 0);
    bl_table_fini(&t);
}

static void a_deletion_does_not_hide_the_keys_beyond(void **state)
{
    (void)state;
    bl_role_assume_worker();
    struct bl_table t = small_table(64, UINT32_MAX);
    struct bl_place p;
    for (uint64_t key = 10; key < 30; key += 2)
        insert(&t, key, 1);
    for (uint64_t key = 10; key < 28; key += 2) {
        assert_true(bl_table_delete(&t, key));
        assert_false(bl_table_find(&t, key, &p));
        assert_true(bl_table_find(&t, 28, &p));
    }
    assert_true(bl_table_delete(&t, 28));
    assert_false(bl_table_delete(&t, 28));
    bl_table_fini(&t);
}

/* Against the model: sizes from one line up, loads up to full, and the
 * vector compare and the scalar one by turns. */
static void the_table_does_what_the_model_does(void **state)
{
    (void)state;
    bl_role_assume_worker();
    bl_role_assume_control();
    struct test_random r = {test_random_seed(__func__)};
    for (unsigned round = 0; round < 40; round++) {
        uint32_t slots = 1 + test_random_below(&r, round < 20 ? 100 : 2000);
        unsigned nodes = 1 + test_random_below(&r, slots * 5 / 4);
        struct model *m = model_new(test_random_u64(&r), nodes, slots);
        for (unsigned i = 0; i < 300; i++) {
            m->simd = bl_table_beat_has_simd() && test_random_below(&r, 2);
            model_step(m, 1 + test_random_below(&r, 8));
        }
        model_check(m);
        model_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_slot_has_no_node_and_no_threshold),
        cmocka_unit_test(prefault_touches_all_in_steps_and_changes_nothing),
        cmocka_unit_test(too_many_slots_are_refused),
        cmocka_unit_test(a_beat_of_an_unknown_node_is_odd_until_it_is_inserted),
        cmocka_unit_test(the_last_beat_never_goes_backwards),
        cmocka_unit_test(a_beat_counts_after_a_silence_as_long_as_the_longest_timeout),
        cmocka_unit_test(the_limit_refuses_unknown_nodes_and_not_the_known),
        cmocka_unit_test(a_full_probe_refuses_and_a_deletion_makes_room),
        cmocka_unit_test(a_deletion_does_not_hide_the_keys_beyond),
        cmocka_unit_test(the_table_does_what_the_model_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
