/* SPDX-License-Identifier: Apache-2.0 */
/* A million nodes to disk and back: the whole of a snapshot, flushed and
 * renamed, with two lookups a node in tables that they beat in; and the
 * whole of a start, until each node has its place in a table again. Time
 * on the wall, the disk's included, but for what this thread waited for a
 * CPU that others had. The folder is in $TMPDIR, or /tmp. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/cases/ab_compare.h"
#include "bench/cases/cases.h"
#include "bench/sources/key_set.h"
#include "control/store/store.h"
#include "engine/base/rcu.h"

#define NODES     1000000u
#define TABLES    2u
#define RUNS_MAX  9u
#define UNIX_MS   INT64_C(1790000000000)
#define PATH_SIZE 256

/* What a daemon has of a fleet, without its threads. */
struct home {
    struct bl_key_secret secret;
    struct bl_table table[TABLES];
    struct bl_ingest_clock clock[TABLES];
    unsigned tables;
    struct bl_fleet *fleet;
    struct bl_changes *changes;
    struct bl_store *store;
};

/* How long this thread was ready to run and did not (proc(5), schedstat);
 * 0 where the kernel does not count it. */
static double queued_s(void)
{
    char line[128], *second = line;
    FILE *f = fopen("/proc/thread-self/schedstat", "re");
    bool there = f && fgets(line, sizeof(line), f);
    if (f)
        fclose(f);
    if (!there)
        return 0;
    strtoull(line, &second, 10); /* how long it ran */
    return (double)strtoull(second, NULL, 10) / 1e9;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9 - queued_s();
}

static bool refuse(void *ctx, uint32_t table, uint64_t key)
{
    (void)ctx;
    (void)table;
    (void)key;
    return false;
}

/* ---- a fleet ----------------------------------------------------------------- */

static void leave(struct home *h)
{
    bl_store_free(h->store);
    bl_changes_free(h->changes);
    bl_fleet_free(h->fleet);
    for (unsigned i = 0; i < h->tables; i++)
        bl_table_fini(&h->table[i]);
}

static bool add_table(struct home *h)
{
    unsigned i = h->tables;
    struct bl_slots *slots = bl_bench_slots(16384, BL_PAGES_BEST);

    bl_role_assume_control();
    if (!slots)
        return false;
    bl_table_init(&h->table[i], slots, UINT32_MAX);
    bl_ingest_clock_init(&h->clock[i], UINT64_C(1000000000), 1);
    h->tables++;
    return bl_fleet_add_table(h->fleet, &h->table[i], &h->clock[i]) == (int)i;
}

static bool enter(struct home *h, const char *dir)
{
    struct bl_fleet_config fc = {.max_nodes = NODES, .memory = bl_memory_libc};
    struct bl_fleet_out out = {.retire = refuse};
    char why[BL_ERR_BYTES];

    *h = (struct home){.changes = bl_changes_new()};
    bl_bench_secret(&h->secret);
    h->fleet = bl_fleet_new(&fc, &h->secret, &out);
    for (unsigned i = 0; h->fleet && i < TABLES; i++)
        if (!add_table(h))
            return false;
    struct bl_store_config sc = {.dir = dir, .fleet = h->fleet, .changes = h->changes};
    if (h->fleet && h->changes)
        h->store = bl_store_open(&sc, why);
    return h->store != NULL;
}

/* Nodes with names of 20 to 30 bytes, some with a policy, all beating. */
static bool fill(struct home *h, uint32_t nodes)
{
    char name[64];

    bl_role_assume_control();
    for (uint32_t i = 0; i < nodes; i++) {
        struct bl_node_past p = {.name = name,
                                 .state = i % 100 ? BL_STATE_OK : BL_STATE_FAILED,
                                 .table = (uint16_t)(i % TABLES),
                                 .policy.timeout_ms = i % 3 ? 0 : 30000,
                                 .first_seen_unix_ms = UNIX_MS,
                                 .state_since_unix_ms = UNIX_MS,
                                 .last_beat_unix_ms = UNIX_MS};
        p.name_len =
            (uint8_t)snprintf(name, sizeof(name), "dc%u.rack%u.host%u.svc%u", i % 20, i % 700, i, i % 9);
        if (bl_fleet_restore(h->fleet, &p) != 0)
            return false;
    }
    return bl_fleet_take_places(h->fleet) == 0;
}

static int save(struct home *h)
{
    bl_rcu_thread_unregister(); /* it registers itself */
    int r = bl_store_save(h->store);
    bl_rcu_thread_register();
    return r;
}

/* ---- the cases ---------------------------------------------------------------- */

static bool make_folder(char dir[PATH_SIZE])
{
    const char *at = getenv("TMPDIR");
    snprintf(dir, PATH_SIZE, "%.200s/beatline-bench-XXXXXX", at ? at : "/tmp");
    return mkdtemp(dir) != NULL;
}

static void remove_folder(const char *dir)
{
    struct bl_state_dir d;
    char why[BL_ERR_BYTES];

    if (bl_state_dir_open(&d, dir, why) == 0) {
        bl_state_dir_forget(&d, UINT64_MAX);
        bl_state_dir_delete(&d, "lock");
        bl_state_dir_close(&d);
    }
    rmdir(dir);
}

static unsigned runs_of(const struct bl_bench_plan *plan)
{
    return plan->pairs < RUNS_MAX ? plan->pairs : RUNS_MAX;
}

static void report(struct bl_bench_state *state, const struct home *h, double *took, unsigned runs)
{
    struct bl_spread s = bl_spread_of(took, runs);
    struct bl_store_stats stats;

    bl_store_stats(h->store, &stats);
    bl_bench_counter(state, "bytes", (double)stats.snapshot_bytes);
    bl_bench_result(state, &s);
}

static bool save_often(struct bl_bench_state *state, struct home *h, double *took)
{
    unsigned runs = runs_of(bl_bench_plan_of(state));

    for (unsigned i = 0; i < runs; i++) {
        double begin = now_s();
        if (save(h) != 0)
            return false;
        took[i] = now_s() - begin;
    }
    report(state, h, took, runs);
    return true;
}

/* A start, from an empty fleet to one that is watched. */
static bool load_once(const char *dir, uint32_t nodes, double *took)
{
    struct bl_store_loaded found;
    char why[BL_ERR_BYTES];
    struct home h;
    bool good = enter(&h, dir);

    bl_role_assume_control();
    double begin = now_s();
    good = good && bl_store_load(h.store, &found, why) == 0 && bl_fleet_take_places(h.fleet) == 0;
    *took = now_s() - begin;
    good = good && found.nodes == nodes;
    leave(&h);
    return good;
}

static bool load_often(struct bl_bench_state *state, const char *dir, uint32_t nodes, double *took)
{
    unsigned runs = runs_of(bl_bench_plan_of(state));

    for (unsigned i = 0; i < runs; i++)
        if (!load_once(dir, nodes, &took[i]))
            return false;
    struct bl_spread s = bl_spread_of(took, runs);
    bl_bench_result(state, &s);
    return true;
}

enum way { SAVE, LOAD };

static void run_store(struct bl_bench_state *state, const void *arg)
{
    uint32_t nodes = NODES / bl_bench_plan_of(state)->scale;
    double took[RUNS_MAX];
    char dir[PATH_SIZE];
    struct home h;

    if (!make_folder(dir)) {
        bl_bench_skip(state, "no folder in $TMPDIR");
        return;
    }
    bool good = enter(&h, dir) && fill(&h, nodes);
    if (good && *(const enum way *)arg == SAVE)
        good = save_often(state, &h, took);
    else
        good = good && save(&h) == 0;
    leave(&h);
    if (good && *(const enum way *)arg == LOAD)
        good = load_often(state, dir, nodes, took);
    if (!good)
        bl_bench_fail(state, "no memory, or the disk is full");
    remove_folder(dir);
}

static const enum way save_way = SAVE, load_way = LOAD;

static const struct bl_bench_case cases[] = {
    {.name = "store/save/1M",
     .measure = "1 M nodes saved, flushed to disk",
     .unit = "s",
     .goal = BL_GOAL_AT_MOST,
     .must = 1,
     .hope = 0.5,
     .run = run_store,
     .arg = &save_way},
    {.name = "store/load/1M",
     .measure = "1 M nodes loaded, each in a table again",
     .unit = "s",
     .goal = BL_GOAL_AT_MOST,
     .must = 1,
     .hope = 0.5,
     .run = run_store,
     .arg = &load_way},
};

void bl_bench_store_cases(void)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        bl_bench_register(&cases[i]);
}
