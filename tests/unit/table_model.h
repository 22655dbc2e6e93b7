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

#include "engine/base/key.h"
#include "engine/table/sequence.h"
#include "engine/table/table.h"
#include "engine/table/table_line.h"
#include "tests/unit/random.h"

#define MODEL_NODES 4096u

struct model_node {
    uint64_t key, last_beat; /* last_beat: 64-bit ticks, which do not wrap */
    uint32_t sequence;
    uint8_t slot_flags;
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
static inline void model_handle_exception(struct model_node *n, const struct bl_beat *b, uint32_t incarnation)
{
    n->sequence = bl_sequence_settle(&n->anomaly, n->sequence, bl_stamp_sequence(b->stamp), incarnation);
}

/* When it was sent, without the wrap. */
static inline uint64_t model_tick(const struct model *m, const struct bl_beat *b)
{
    return m->now - (uint32_t)((uint32_t)m->now - bl_stamp_tick(b->stamp));
}

/* A beat of a node that is in. Returns what is exceptional about it. */
static inline unsigned model_beat(struct model *m, struct model_node *n, const struct bl_beat *b)
{
    unsigned why = n->slot_flags != 0 ? BL_EXCEPTION_FLAGGED : 0;
    if (model_tick(m, b) > n->last_beat)
        n->last_beat = model_tick(m, b);
    if (b->flags & BL_BEAT_HAS_SEQUENCE) {
        if (bl_stamp_sequence(b->stamp) == n->sequence + 1)
            n->sequence++;
        else
            why |= BL_EXCEPTION_SEQUENCE;
    }
    return why;
}

BL_ON_WORKER static inline void model_insert(struct model *m, struct model_node *n, const struct bl_beat *b,
                                             uint32_t slots)
{
    uint32_t slot;
    enum bl_insert got = bl_table_insert(&m->table, b, (uint32_t)m->now, &slot);
    if (n->in) {
        assert_int_equal(got, BL_INSERT_KNOWN);
        if (model_tick(m, b) > n->last_beat)
            n->last_beat = model_tick(m, b);
        if (b->flags & BL_BEAT_HAS_SEQUENCE)
            model_handle_exception(n, b, 0);
        return;
    }
    if (got == BL_INSERT_FULL) {
        assert_true(m->used >= slots / 2);
        return;
    }
    assert_int_equal(got, BL_INSERT_NEW);
    uint64_t key = n->key;
    *n = (struct model_node){.key = key, .in = true, .policy = MODEL_BLANK};
    n->last_beat = model_tick(m, b);
    n->sequence = bl_stamp_sequence(b->stamp);
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
    uint32_t sequence = dice < 8 ? n->sequence + 1 : n->sequence + test_random_below(&m->random, 3000) - 1500;
    uint32_t age = test_random_below(&m->random, 8) == 0 ? test_random_below(&m->random, 5000) : 0;
    b.stamp = bl_stamp((uint32_t)m->now - age, dice < 12 ? sequence : 0);
    return b;
}

struct model_burst {
    struct bl_beat beat[BL_BURST];
    struct model_node *node[BL_BURST];
    unsigned why[BL_BURST]; /* that the table must find */
    unsigned n;
    bool repeats; /* a node may beat twice: then none is settled before all are through */
    struct bl_exception exception[BL_BURST];
    unsigned odds;
};

static inline void model_draw_burst(struct model *m, struct model_burst *b)
{
    b->n = 1 + test_random_below(&m->random, BL_BURST);
    b->repeats = test_random_below(&m->random, 2) == 0;
    b->odds = 0;
    if (!b->repeats && b->n > m->nodes)
        b->n = m->nodes;
    unsigned who = test_random_below(&m->random, m->nodes);
    for (unsigned i = 0; i < b->n; i++) {
        if (!b->repeats)
            who = (who + 1) % m->nodes;
        else if (i == 0 || test_random_below(&m->random, 8) != 0)
            who = test_random_below(&m->random, m->nodes);
        b->node[i] = &m->node[who];
        b->beat[i] = model_draw_beat(m, b->node[i]);
        b->why[i] = b->node[i]->in ? model_beat(m, b->node[i], &b->beat[i]) : BL_EXCEPTION_UNKNOWN;
    }
}

/* The exception that the table reports of one beat, compared and handled as a
 * worker would. */
BL_ON_WORKER static inline void model_exception(struct model *m, struct model_burst *b,
                                                const struct bl_exception *exception)
{
    unsigned i = (unsigned)(exception->beat - b->beat);
    struct model_node *who = b->node[i];
    struct bl_place p = model_place(m, exception->slot);
    uint32_t incarnation = test_random_below(&m->random, 4);
    assert_int_equal(exception->why, b->why[i]);
    b->why[i] = 0;
    if (exception->why & BL_EXCEPTION_UNKNOWN) {
        assert_true(exception->slot == BL_SLOT_NONE);
        model_insert(m, who, exception->beat, bl_table_slot_count(&m->table));
        return;
    }
    assert_true(bl_slots_key(p.slots, p.slot) == who->key);
    if (exception->why & BL_EXCEPTION_FLAGGED)
        assert_int_equal(bl_table_flags_of(&m->table, exception->slot), who->slot_flags);
    if (exception->why & BL_EXCEPTION_SEQUENCE) {
        bl_table_anomaly(&m->table, exception->slot, exception->beat, incarnation);
        model_handle_exception(who, exception->beat, incarnation);
    }
}

BL_ON_WORKER static inline void model_take_exception(struct model *m, struct model_burst *b,
                                                     const struct bl_table_burst *from)
{
    for (unsigned i = 0; i < from->exception_count; i++) {
        if (b->repeats)
            b->exception[b->odds++] = from->exception[i];
        else
            model_exception(m, b, &from->exception[i]);
    }
}

/* One burst of random nodes on both, fed in random pieces. */
BL_ON_WORKER static inline void model_burst(struct model *m)
{
    static struct bl_table_burst on_its_way;
    static struct model_burst b;
    model_draw_burst(m, &b);
    bl_table_begin(&on_its_way, &m->table, (uint32_t)m->now);
    for (unsigned fed = 0, piece; fed < b.n; fed += piece) {
        unsigned left = b.n - fed, most = left < BL_FEED_MAX ? left : BL_FEED_MAX;
        piece = test_random_below(&m->random, most + 1);
        bl_table_feed_with(&on_its_way, b.beat + fed, piece, m->simd);
        model_take_exception(m, &b, &on_its_way);
    }
    bl_table_end_with(&on_its_way, m->simd);
    model_take_exception(m, &b, &on_its_way);
    for (unsigned i = 0; i < b.odds; i++)
        model_exception(m, &b, &b.exception[i]);
    for (unsigned i = 0; i < b.n; i++)
        assert_int_equal(b.why[i], 0);
    m->now += test_random_below(&m->random, 20);
}

/* Control's part of a node: its policy word, reset before a deletion. */
BL_ON_CONTROL static inline void model_set_policy(struct model *m, struct model_node *n,
                                                  struct bl_slot_policy policy)
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

BL_ON_WORKER static inline void model_set_flag(struct model *m, struct model_node *n)
{
    struct bl_place p;
    bool on = test_random_below(&m->random, 2);
    enum bl_slot_flag bit = test_random_below(&m->random, 2) ? BL_SLOT_UNREPORTED : BL_SLOT_STATS;
    if (!bl_table_find(&m->table, n->key, &p))
        return;
    bl_table_set_flag(&m->table, p.slot | (p.slots == m->table.next ? BL_SLOT_IN_NEXT : 0), bit, on);
    n->slot_flags = (uint8_t)(on ? n->slot_flags | bit : n->slot_flags & ~bit);
}

/* A burst and now and then something else. */
static inline void model_step(struct model *m, uint32_t delete_one_in) BL_ON_WORKER BL_ON_CONTROL;
static inline void model_step(struct model *m, uint32_t delete_one_in)
{
    model_burst(m);
    struct model_node *n = &m->node[test_random_below(&m->random, m->nodes)];
    struct bl_slot_policy policy = {(uint32_t)test_random_u64(&m->random),
                                    test_random_below(&m->random, BL_NODE_NONE) & BL_NODE_NONE, 1};
    model_set_flag(m, n);
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
