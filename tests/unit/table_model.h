/* SPDX-License-Identifier: Apache-2.0 */
/* table_model: what a node table must do, written as simply as it can
 * be: an array of nodes with 64-bit times, and every call done on both.
 * Used by the table's tests, with and without growth. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "engine/key.h"
#include "engine/sequence.h"
#include "engine/table.h"
#include "engine/table_line.h"
#include "tests/unit/random.h"

#define MODEL_NODES 4096u

struct model_node {
    uint64_t key, last_beat; /* last_beat: 64-bit ticks, which do not wrap */
    uint32_t sequence;
    uint8_t attend;
    bool in;
    struct bl_anomaly anomaly;
    struct bl_slot_policy policy;
};

struct model {
    struct bl_table table;
    struct test_random random;
    uint64_t now;   /* 64-bit ticks; the table gets the lower half */
    unsigned nodes; /* of node[] in use as keys */
    unsigned used;
    bool simd;
    struct model_node node[MODEL_NODES];
};

static const struct bl_slot_policy MODEL_BLANK = {BL_THRESHOLD_NEVER, BL_NODE_NONE, 0};

static inline struct model *model_new(uint64_t seed, unsigned nodes, uint32_t slots)
{
    struct model *m = calloc(1, sizeof(*m));
    assert_non_null(m);
    m->random.state = seed;
    m->nodes = nodes;
    m->simd = bl_table_beat_has_simd();
    /* some rounds before the tick wraps */
    m->now = (UINT64_C(1) << 32) - 20000;
    for (unsigned i = 0; i < nodes; i++)
        m->node[i].key = bl_key_clean(test_random_u64(&m->random));
    bl_table_init(&m->table, bl_slots_new(slots), UINT32_MAX);
    return m;
}

static inline void model_free(struct model *m)
{
    bl_table_fini(&m->table);
    free(m);
}

static inline struct bl_place model_place(const struct model *m, uint32_t slot)
{
    bool next = (slot & BL_SLOT_IN_NEXT) != 0;
    return (struct bl_place){next ? m->table.next : m->table.slots, slot & ~BL_SLOT_IN_NEXT};
}

/* The anomaly's answer, on the node. */
static inline void model_settle(struct model_node *n, const struct bl_beat *b, uint32_t incarnation)
{
    n->sequence = bl_sequence_settle(&n->anomaly, n->sequence, b->sequence, incarnation);
}

/* A beat of a node that is in. Returns what is odd about it. */
static inline unsigned model_beat(struct model *m, struct model_node *n, const struct bl_beat *b)
{
    unsigned why = n->attend != 0 ? BL_ODD_ATTEND : 0;
    if (m->now - b->age_ticks > n->last_beat)
        n->last_beat = m->now - b->age_ticks;
    if (b->flags & BL_BEAT_HAS_SEQUENCE) {
        if (b->sequence == n->sequence + 1)
            n->sequence = b->sequence;
        else
            why |= BL_ODD_SEQUENCE;
    }
    return why;
}

static inline void model_insert(struct model *m, struct model_node *n, const struct bl_beat *b,
                                uint32_t slots) BL_ON_WORKER;
static inline void model_insert(struct model *m, struct model_node *n, const struct bl_beat *b,
                                uint32_t slots)
{
    uint32_t slot;
    enum bl_insert got = bl_table_insert(&m->table, b, (uint32_t)m->now, &slot);
    if (n->in) {
        assert_int_equal(got, BL_INSERT_KNOWN);
        if (m->now - b->age_ticks > n->last_beat)
            n->last_beat = m->now - b->age_ticks;
        if (b->flags & BL_BEAT_HAS_SEQUENCE)
            model_settle(n, b, 0);
        return;
    }
    if (got == BL_INSERT_FULL) {
        assert_true(m->used >= slots / 2);
        return;
    }
    assert_int_equal(got, BL_INSERT_NEW);
    uint64_t key = n->key;
    *n = (struct model_node){.key = key, .in = true, .policy = MODEL_BLANK};
    n->last_beat = m->now - b->age_ticks;
    n->sequence = b->flags & BL_BEAT_HAS_SEQUENCE ? b->sequence : 0;
    n->anomaly.incarnation = test_random_below(&m->random, 3);
    bl_table_set_incarnation(&m->table, slot, n->anomaly.incarnation);
    m->used++;
}

static inline struct bl_beat model_draw_beat(struct model *m, const struct model_node *n)
{
    struct bl_beat b = {.key = n->key};
    uint32_t dice = test_random_below(&m->random, 16);
    if (dice < 12)
        b.flags = BL_BEAT_HAS_SEQUENCE;
    b.sequence = dice < 8 ? n->sequence + 1 : n->sequence + test_random_below(&m->random, 3000) - 1500;
    b.age_ticks = test_random_below(&m->random, 8) == 0 ? test_random_below(&m->random, 5000) : 0;
    return b;
}

/* One burst of random nodes, some twice, on both; the odd ones are
 * compared and handled as a worker would. */
static inline void model_burst(struct model *m) BL_ON_WORKER;
static inline void model_burst(struct model *m)
{
    struct bl_beat beat[BL_BURST];
    struct model_node *node[BL_BURST] = {0};
    struct bl_odd odd[BL_BURST], want[BL_BURST] = {0};
    unsigned n = 1 + test_random_below(&m->random, BL_BURST), wanted = 0;
    for (unsigned i = 0; i < n; i++) {
        unsigned who = test_random_below(&m->random, m->nodes);
        node[i] = i > 0 && test_random_below(&m->random, 8) == 0 ? node[i - 1] : &m->node[who];
        beat[i] = model_draw_beat(m, node[i]);
        unsigned why = node[i]->in ? model_beat(m, node[i], &beat[i]) : BL_ODD_UNKNOWN;
        if (why != 0)
            want[wanted++] = (struct bl_odd){.beat = (uint16_t)i, .why = (uint16_t)why};
    }
    struct bl_table_burst burst;
    bl_table_begin(&burst, &m->table, beat, (uint32_t)m->now, odd);
    for (unsigned fed = test_random_below(&m->random, n + 1); fed < n;
         fed += 1 + test_random_below(&m->random, n))
        bl_table_feed_with(&burst, fed, m->simd);
    unsigned got = bl_table_end_with(&burst, n, m->simd);
    assert_int_equal(got, wanted);
    for (unsigned i = 0; i < got; i++) {
        struct bl_place p = model_place(m, odd[i].slot);
        struct model_node *who = node[odd[i].beat];
        assert_int_equal(odd[i].beat, want[i].beat);
        assert_int_equal(odd[i].why, want[i].why);
        if (odd[i].why & BL_ODD_UNKNOWN)
            assert_true(odd[i].slot == BL_SLOT_NONE);
        else
            assert_true(bl_slots_key(p.slots, p.slot) == who->key);
    }
    for (unsigned i = 0; i < got; i++) {
        struct model_node *who = node[odd[i].beat];
        const struct bl_beat *b = &beat[odd[i].beat];
        uint32_t incarnation = test_random_below(&m->random, 4);
        if (odd[i].why & BL_ODD_UNKNOWN)
            model_insert(m, who, b, bl_table_slot_count(&m->table));
        if (odd[i].why & BL_ODD_ATTEND)
            assert_int_equal(bl_table_attend_of(&m->table, odd[i].slot), who->attend);
        if (odd[i].why & BL_ODD_SEQUENCE) {
            bl_table_anomaly(&m->table, odd[i].slot, b, incarnation);
            model_settle(who, b, incarnation);
        }
    }
    m->now += test_random_below(&m->random, 20);
}

/* Control's part of a node: its policy word, reset before a deletion. */
static inline void model_set_policy(struct model *m, struct model_node *n, struct bl_slot_policy policy)
    BL_ON_CONTROL;
static inline void model_set_policy(struct model *m, struct model_node *n, struct bl_slot_policy policy)
{
    struct bl_place p;
    if (!n->in)
        return;
    assert_true(bl_table_find(&m->table, n->key, &p));
    bl_slots_set_policy(p.slots, p.slot, policy);
    n->policy = policy;
}

static inline void model_delete(struct model *m, struct model_node *n) BL_ON_WORKER BL_ON_CONTROL;
static inline void model_delete(struct model *m, struct model_node *n)
{
    model_set_policy(m, n, MODEL_BLANK);
    assert_int_equal(bl_table_delete(&m->table, n->key), n->in);
    m->used -= n->in;
    n->in = false;
}

static inline void model_attend(struct model *m, struct model_node *n) BL_ON_WORKER;
static inline void model_attend(struct model *m, struct model_node *n)
{
    struct bl_place p;
    bool on = test_random_below(&m->random, 2);
    enum bl_attend bit = test_random_below(&m->random, 2) ? BL_ATTEND_REPORT : BL_ATTEND_STATS;
    if (!bl_table_find(&m->table, n->key, &p))
        return;
    bl_table_attend(&m->table, p.slot | (p.slots == m->table.next ? BL_SLOT_IN_NEXT : 0), bit, on);
    n->attend = (uint8_t)(on ? n->attend | bit : n->attend & ~bit);
}

/* A burst and now and then something else. */
static inline void model_step(struct model *m, uint32_t delete_one_in) BL_ON_WORKER BL_ON_CONTROL;
static inline void model_step(struct model *m, uint32_t delete_one_in)
{
    model_burst(m);
    struct model_node *n = &m->node[test_random_below(&m->random, m->nodes)];
    struct bl_slot_policy policy = {(uint32_t)test_random_u64(&m->random),
                                    test_random_below(&m->random, BL_NODE_NONE) & BL_NODE_NONE, 1};
    model_attend(m, n);
    n = &m->node[test_random_below(&m->random, m->nodes)];
    model_set_policy(m, n, policy);
    n = &m->node[test_random_below(&m->random, m->nodes)];
    if (test_random_below(&m->random, delete_one_in) == 0)
        model_delete(m, n);
}

/* Every word of every node, as a reader sees it. */
static inline void model_check(const struct model *m)
{
    assert_int_equal(bl_table_used(&m->table), m->used);
    for (unsigned i = 0; i < m->nodes; i++) {
        const struct model_node *n = &m->node[i];
        struct bl_place p;
        assert_int_equal(bl_table_find(&m->table, n->key, &p), n->in);
        if (!n->in)
            continue;
        struct bl_anomaly a = bl_slots_anomaly(p.slots, p.slot);
        struct bl_slot_policy policy = bl_slots_policy(p.slots, p.slot);
        assert_true(bl_slots_key(p.slots, p.slot) == n->key);
        assert_true(bl_slots_last_beat(p.slots, p.slot) == (uint32_t)n->last_beat);
        assert_true(bl_slots_sequence(p.slots, p.slot) == n->sequence);
        assert_memory_equal(&a, &n->anomaly, sizeof(a));
        assert_memory_equal(&policy, &n->policy, sizeof(policy));
    }
}
