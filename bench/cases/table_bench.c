/* SPDX-License-Identifier: Apache-2.0 */
/* The node table: beats against the machine's random-access limit and
 * against other tables, by size, order and pages; insertion; memory. */
#include "bench/bench.h"
#include "bench/cases/ab_compare.h"
#include "bench/cases/cases.h"
#include "bench/cases/memory_roofline.h"
#include "bench/cases/reference_tables.h"
#include "bench/sources/beats.h"

#define MILLION UINT64_C(1000000)
#define GIB     (UINT64_C(1) << 30)

/* What one case measures. */
struct table_case {
    uint64_t count;
    enum bl_beat_order order;
    enum bl_pages pages;
    bool sequences;
    bool auto_beats;    /* detectors: the nodes on auto are those that beat */
    uint64_t footprint; /* of the limit, in bytes, at least; 0: the table's own */
    struct bl_rival *(*rival)(const struct bl_key_set *, const char **);
};

/* ---- against the limit and the rivals ----------------------------------- */

static void check_exception(struct bl_bench_state *state, const struct bl_beats *b)
{
    if (b->exception != 0)
        bl_bench_fail(state, "beats came back as odd: not the hot path");
}

static void pair_with_limit(struct bl_bench_state *state, const struct table_case *c,
                            const struct bl_key_set *nodes, struct bl_table *table)
{
    struct bl_memory_roofline limit;
    struct bl_beats beats;
    struct bl_ab_compare_result r;
    uint64_t slots = table->slots->slot_count, least = c->footprint / sizeof(struct bl_line) * BL_LINE_SLOTS;
    if (!bl_memory_roofline_init(&limit, nodes, slots > least ? slots : least, c->pages)) {
        bl_bench_skip(state, "no memory for the limit's lines");
        return;
    }
    bl_beats_init(&beats, nodes, table, c->sequences, 1);
    bl_ab_compare_run(bl_bench_plan_of(state), &(struct bl_side){bl_beats_work, &beats},
                      &(struct bl_side){bl_memory_roofline_work, &limit}, &r);
    bl_ab_compare_report(state, &r);
    bl_bench_counter(state, "limit_depth", limit.depth);
    bl_bench_counter(state, "limit_mib", (double)limit.slots->line_count * 64 / 1048576);
    bl_bench_counter(state, "explicit_huge_pages", table->slots->huge);
    check_exception(state, &beats);
    bl_memory_roofline_fini(&limit);
}

static void pair_with_rival(struct bl_bench_state *state, const struct table_case *c,
                            const struct bl_key_set *nodes, struct bl_table *table)
{
    struct bl_beats beats;
    struct bl_ab_compare_result r;
    const char *error;
    struct bl_rival *rival = c->rival(nodes, &error);
    if (!rival) {
        bl_bench_skip(state, error);
        return;
    }
    bl_beats_init(&beats, nodes, table, c->sequences, 1);
    bl_ab_compare_run(bl_bench_plan_of(state), &(struct bl_side){bl_beats_work, &beats},
                      &(struct bl_side){bl_rival_work, rival}, &r);
    bl_ab_compare_report(state, &r);
    check_exception(state, &beats);
    if (bl_rival_missed(rival) != 0)
        bl_bench_fail(state, "the rival did not find every key");
    bl_rival_free(rival);
}

static void run_pair(struct bl_bench_state *state, const void *arg)
{
    bl_role_assume_worker();
    const struct table_case *c = arg;
    struct bl_key_set nodes;
    struct bl_table table;
    bl_key_set_init(&nodes, c->count / bl_bench_plan_of(state)->scale, c->order);
    if (!bl_key_set_table(&nodes, c->pages, &table)) {
        bl_bench_skip(state, "no memory for the table");
    } else {
        if (c->rival)
            pair_with_rival(state, c, &nodes, &table);
        else
            pair_with_limit(state, c, &nodes, &table);
        bl_table_fini(&table);
    }
    bl_key_set_fini(&nodes);
}

/* ---- by size -------------------------------------------------------------- */

/* What a beat costs at c->count nodes over what it costs at a million. */
static void run_growth(struct bl_bench_state *state, const void *arg)
{
    bl_role_assume_worker();
    const struct table_case *c = arg;
    struct bl_key_set few, many;
    struct bl_table small, large;
    struct bl_beats a, b;
    struct bl_ab_compare_result r;
    uint32_t scale = bl_bench_plan_of(state)->scale;
    bl_key_set_init(&few, MILLION / scale, BL_BEATS_UNIFORM);
    bl_key_set_init(&many, c->count / scale, BL_BEATS_UNIFORM);
    if (bl_key_set_table(&few, c->pages, &small) && bl_key_set_table(&many, c->pages, &large)) {
        bl_beats_init(&a, &few, &small, c->sequences, 1);
        bl_beats_init(&b, &many, &large, c->sequences, 1);
        bl_ab_compare_run(bl_bench_plan_of(state), &(struct bl_side){bl_beats_work, &a},
                          &(struct bl_side){bl_beats_work, &b}, &r);
        bl_ab_compare_report(state, &r);
        check_exception(state, &a);
        check_exception(state, &b);
        bl_table_fini(&small);
        bl_table_fini(&large);
    } else {
        bl_bench_skip(state, "no memory for the tables");
    }
    bl_key_set_fini(&few);
    bl_key_set_fini(&many);
}

/* ---- detectors ---------------------------------------------------------------- */

/* Half of the nodes, the ones that beat, and the other half. */
struct detecting {
    struct bl_key_set beating, beside;
    struct bl_table table[2]; /* of both halves each */
    struct bl_beats beats[2];
};

/* As the worker meets nodes on auto or phi: back from bl_table_beat, to
 * learn from. */
static uint64_t learn_work(void *arg)
{
    struct bl_beats *b = arg;
    struct bl_exception exception[BL_BURST];
    bl_role_assume_worker();
    uint64_t left = b->nodes->count - b->at;
    unsigned n = left < BL_BURST ? (unsigned)left : BL_BURST;
    b->tick++;
    for (unsigned i = 0; i < n; i++) {
        b->beat[i].key = b->nodes->key[b->at + i];
        b->beat[i].stamp = b->tick;
    }
    unsigned measured = bl_table_beat(b->table, b->beat, n, b->tick, exception);
    bl_table_prefetch_exceptions(b->table, exception, measured);
    for (unsigned i = 0; i < measured; i++)
        bl_table_learn(b->table, exception[i].slot);
    b->exception += n - measured; /* learned nothing: not what is measured */
    b->at = b->at + n < b->nodes->count ? b->at + n : 0;
    return n;
}

BL_ON_WORKER static void measure_nodes(struct bl_table *t, const struct bl_key_set *nodes)
{
    for (uint64_t i = 0; i < nodes->count; i++)
        bl_table_measure(t, nodes->key[i], true);
}

/* Two tables of all nodes. In the first half of them are measured: those
 * that beat, or those beside. */
BL_ON_WORKER static void pair_detecting(struct bl_bench_state *state, const struct table_case *c,
                                        struct detecting *d)
{
    struct bl_ab_compare_result r;
    measure_nodes(&d->table[0], c->auto_beats ? &d->beating : &d->beside);
    for (unsigned i = 0; i < 2; i++)
        bl_beats_init(&d->beats[i], &d->beating, &d->table[i], false, 1);
    bl_ab_compare_run(bl_bench_plan_of(state),
                      &(struct bl_side){c->auto_beats ? learn_work : bl_beats_work, &d->beats[0]},
                      &(struct bl_side){bl_beats_work, &d->beats[1]}, &r);
    bl_ab_compare_report(state, &r);
    check_exception(state, &d->beats[0]);
    check_exception(state, &d->beats[1]);
}

static void run_detecting(struct bl_bench_state *state, const void *arg)
{
    bl_role_assume_worker();
    const struct table_case *c = arg;
    struct bl_key_set all;
    struct detecting d;
    bl_key_set_init(&all, c->count / bl_bench_plan_of(state)->scale, BL_BEATS_UNIFORM);
    d.beating = d.beside = all;
    d.beating.count = all.count / 2;
    d.beside.count = all.count - d.beating.count;
    d.beside.key += d.beating.count;
    if (!bl_key_set_table(&all, c->pages, &d.table[0])) {
        bl_bench_skip(state, "no memory for the tables");
    } else if (!bl_key_set_table(&all, c->pages, &d.table[1])) {
        bl_table_fini(&d.table[0]);
        bl_bench_skip(state, "no memory for the tables");
    } else {
        pair_detecting(state, c, &d);
        bl_table_fini(&d.table[0]);
        bl_table_fini(&d.table[1]);
    }
    bl_key_set_fini(&all);
}

/* ---- insertion -------------------------------------------------------------- */

struct filling {
    const struct bl_key_set *nodes;
    struct bl_table table;
    uint64_t at;
};

/* Unknown nodes as the worker meets them: unknown to bl_table_beat, then
 * inserted. Starts over with an empty table once all are in. */
static uint64_t insert_work(void *arg)
{
    struct filling *f = arg;
    bl_role_assume_worker();
    struct bl_beat beat[BL_BURST];
    struct bl_exception exception[BL_BURST];
    uint64_t left = f->nodes->count - f->at;
    unsigned n = left < BL_BURST ? (unsigned)left : BL_BURST;
    for (unsigned i = 0; i < n; i++)
        beat[i] =
            (struct bl_beat){.key = f->nodes->key[f->at + i], .stamp = 1000, .flags = BL_BEAT_HAS_SEQUENCE};
    unsigned unknown = bl_table_beat(&f->table, beat, n, 1000, exception);
    for (unsigned i = 0; i < unknown; i++) {
        uint32_t slot;
        (void)bl_table_insert(&f->table, exception[i].beat, 1000, &slot);
    }
    f->at += n;
    return n;
}

static void run_insert(struct bl_bench_state *state, const void *arg)
{
    bl_role_assume_worker();
    const struct table_case *c = arg;
    const struct bl_bench_plan *plan = bl_bench_plan_of(state);
    struct bl_key_set nodes;
    double rate[BL_PAIRS_MAX];
    unsigned rounds = plan->pairs < 5 ? plan->pairs : 5;
    bl_key_set_init(&nodes, c->count / plan->scale, BL_BEATS_UNIFORM);
    for (unsigned i = 0; i < rounds; i++) {
        struct filling f = {.nodes = &nodes};
        struct bl_slots *s = bl_bench_slots((uint64_t)((double)nodes.count / BL_BENCH_FILL), c->pages);
        if (!s) {
            bl_bench_skip(state, "no memory for the table");
            bl_key_set_fini(&nodes);
            return;
        }
        bl_table_init(&f.table, s, UINT32_MAX);
        uint64_t start = bl_cpu_ns();
        while (f.at < nodes.count)
            (void)insert_work(&f);
        rate[i] = (double)nodes.count * 1e3 / (double)(bl_cpu_ns() - start);
        if (bl_table_used(&f.table) != nodes.count)
            bl_bench_fail(state, "not every node was inserted");
        bl_table_fini(&f.table);
    }
    struct bl_spread spread = bl_spread_of(rate, rounds);
    bl_bench_result(state, &spread);
    bl_key_set_fini(&nodes);
}

/* ---- memory -------------------------------------------------------------------- */

/* Bytes that beats of a pass touch: the lines, over the nodes in them. */
static void run_hot_bytes(struct bl_bench_state *state, const void *arg)
{
    bl_role_assume_worker();
    const struct table_case *c = arg;
    struct bl_key_set nodes;
    struct bl_table table;
    bl_key_set_init(&nodes, c->count / bl_bench_plan_of(state)->scale, BL_BEATS_UNIFORM);
    if (bl_key_set_table(&nodes, c->pages, &table)) {
        double bytes = (double)table.slots->line_count * sizeof(struct bl_line) / bl_table_used(&table);
        struct bl_spread spread = {bytes, bytes, bytes};
        bl_bench_result(state, &spread);
        bl_bench_counter(state, "all_arrays_but_anomalies",
                         (double)table.slots->bytes / bl_table_used(&table));
        bl_table_fini(&table);
    } else {
        bl_bench_skip(state, "no memory for the table");
    }
    bl_key_set_fini(&nodes);
}

/* ---- the cases ------------------------------------------------------------------- */

#define LEAST(must_, hope_) .goal = BL_GOAL_AT_LEAST, .must = (must_), .hope = (hope_)
#define MOST(must_, hope_)  .goal = BL_GOAL_AT_MOST, .must = (must_), .hope = (hope_)
#define OF(...)                                                                                              \
    .arg = &(const struct table_case)                                                                        \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }

static const struct bl_bench_case table_cases[] = {
    {.name = "table/1M/limit",
     .measure = "table update, 1 M nodes / random-access limit",
     .run = run_pair,
     OF(.count = MILLION, .sequences = true)},
    {.name = "table/10M/limit",
     .measure = "table update, 10 M nodes / random-access limit of its footprint",
     LEAST(0.60, 0.80),
     .run = run_pair,
     OF(.count = 10 * MILLION, .sequences = true)},
    {.name = "table/10M/limit-1GiB",
     .measure = "table update, 10 M nodes / random-access limit of 1 GiB",
     LEAST(0.60, 0.80),
     .run = run_pair,
     OF(.count = 10 * MILLION, .sequences = true, .footprint = GIB)},
    {.name = "table/10M/limit/no-sequence",
     .measure = "the same without sequence numbers (text), own footprint",
     .run = run_pair,
     OF(.count = 10 * MILLION)},
    {.name = "table/10M/limit/zipf",
     .measure = "the same, Zipf order (exponent 1), own footprint",
     .run = run_pair,
     OF(.count = 10 * MILLION, .order = BL_BEATS_ZIPF)},
    {.name = "table/40M/limit",
     .measure = "table update, 40 M nodes / random-access limit of its footprint",
     .slow = true,
     .run = run_pair,
     OF(.count = 40 * MILLION, .sequences = true)},
    {.name = "table/10M/limit/transparent",
     .measure = "table update, 10 M nodes / limit, both on transparent huge pages",
     .slow = true,
     .run = run_pair,
     OF(.count = 10 * MILLION, .sequences = true, .pages = BL_PAGES_TRANSPARENT)},
    {.name = "table/10M/limit/plain",
     .measure = "table update, 10 M nodes / limit, both on 4 KiB pages",
     .run = run_pair,
     OF(.count = 10 * MILLION, .sequences = true, .pages = BL_PAGES_PLAIN)},
    {.name = "table/10M/rte_hash",
     .measure = "table update, 10 M nodes / rte_hash bulk + store",
     LEAST(4, 6),
     .run = run_pair,
     OF(.count = 10 * MILLION, .sequences = true, .rival = bl_rival_rte_hash)},
    {.name = "table/10M/cds_lfht",
     .measure = "table update, 10 M nodes / cds_lfht lookup + store",
     LEAST(10, 15),
     .run = run_pair,
     OF(.count = 10 * MILLION, .sequences = true, .rival = bl_rival_cds_lfht)},
    {.name = "table/10M/cost-over-1M",
     .measure = "update cost at 10 M nodes / at 1 M nodes",
     .run = run_growth,
     OF(.count = 10 * MILLION, .sequences = true)},
    {.name = "table/50M/cost-over-1M",
     .measure = "update cost at 50 M nodes / at 1 M nodes",
     MOST(2.5, 1.8),
     .slow = true,
     .run = run_growth,
     OF(.count = 50 * MILLION, .sequences = true)},
    {.name = "table/10M/fixed-beside-auto",
     .measure = "update of 5 M fixed nodes: 5 M nodes on auto beside them / none",
     .run = run_detecting,
     OF(.count = 10 * MILLION)},
    {.name = "table/10M/auto",
     .measure = "update of 5 M nodes: on auto, learning / on fixed timeouts",
     .run = run_detecting,
     OF(.count = 10 * MILLION, .auto_beats = true)},
    {.name = "table/10M/insert",
     .measure = "insertion of unknown nodes into a table, up to 10 M nodes",
     .unit = "M/s",
     .run = run_insert,
     OF(.count = 10 * MILLION)},
    {.name = "table/10M/hot-bytes",
     .measure = "table bytes touched per beat for a fixed-timeout node at 10 M",
     .unit = "B",
     MOST(44, 24),
     .run = run_hot_bytes,
     OF(.count = 10 * MILLION)},
};

void bl_bench_table_cases(void)
{
    for (unsigned i = 0; i < sizeof(table_cases) / sizeof(table_cases[0]); i++)
        bl_bench_register(&table_cases[i]);
}
