/* SPDX-License-Identifier: Apache-2.0 */
/* A thousand views over a million nodes: what it costs to find a name's
 * views, to take a node in, to change its state, to go over to a new
 * plan, and what memory that is. 700 racks of 20 data centres as globs,
 * 280 services with a star in the middle, and 20 templates; each node is
 * in about three. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/cases/ab_compare.h"
#include "bench/cases/cases.h"
#include "bench/sources/key_set.h"
#include "control/config/config.h"
#include "control/config/views_config.h"
#include "control/match/match.h"
#include "engine/views/views.h"

#define NODES    1000000u
#define RACKS    700u
#define SERVICES 280u
#define CENTRES  20u
#define AT_ONCE  256u /* nodes of one call of a side's work */

struct rig {
    struct bl_key_secret secret;
    struct bl_registry *registry;
    struct bl_views *views;
    struct bl_config config;
    struct bl_view_match *match;
    uint32_t nodes, next;
    uint64_t found;
};

static void ignore(void *ctx, const char *view, unsigned len)
{
    struct rig *r = ctx;
    (void)view;
    (void)len;
    r->found++;
}

static void name_of(uint32_t i, char out[64])
{
    snprintf(out, 64, "dc%u.rack%u.host%u.svc%u", i % CENTRES, i % RACKS, i, i / 7 % SERVICES);
}

static bool add_view(struct rig *r, const char *name, const char *pattern)
{
    struct bl_view_config *v = bl_view_config_add(&r->config);
    if (v == NULL)
        return false;
    v->name = strdup(name);
    v->pattern = strdup(pattern);
    v->regexp = strdup("");
    return v->name != NULL && v->pattern != NULL && v->regexp != NULL;
}

static bool add_views(struct rig *r)
{
    char name[64], pattern[64];
    bool good = true;

    for (unsigned i = 0; good && i < RACKS; i++) {
        snprintf(name, sizeof(name), "rack-%u", i);
        snprintf(pattern, sizeof(pattern), "dc%u.rack%u.*", i % CENTRES, i);
        good = add_view(r, name, pattern);
    }
    for (unsigned i = 0; good && i < SERVICES; i++) {
        snprintf(name, sizeof(name), "service-%u", i);
        snprintf(pattern, sizeof(pattern), "dc*.svc%u", i);
        good = add_view(r, name, pattern);
    }
    for (unsigned i = 0; good && i < CENTRES; i++) {
        snprintf(name, sizeof(name), "dc%u-$rack", i);
        snprintf(pattern, sizeof(pattern), "dc%u.$rack.*", i);
        good = add_view(r, name, pattern);
    }
    return good;
}

static bool begin_plan(struct rig *r)
{
    char err[BL_ERR_BYTES];

    bl_role_assume_control();
    r->match = bl_view_match_new(r->config.views, r->config.view_count, err);
    if (r->match == NULL)
        return false;
    struct bl_views_plan plan = bl_view_match_plan(r->match);
    return bl_views_begin(r->views, &plan) == 0;
}

static bool fill(struct rig *r)
{
    char name[64];
    uint32_t node;

    bl_role_assume_control();
    for (uint32_t i = 0; i < r->nodes; i++) {
        name_of(i, name);
        if (bl_registry_add_name(r->registry, name, (unsigned)strlen(name), &node) != 0)
            return false;
        bl_registry_set_state(r->registry, node, BL_STATE_OK);
    }
    return true;
}

static void rig_free(struct rig *r)
{
    bl_registry_free(r->registry);
    bl_views_free(r->views); /* the matcher too */
    bl_view_configs_clear(&r->config);
    free(r);
}

static struct rig *rig_new(const struct bl_bench_plan *plan)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct bl_views_out out = {0};

    bl_role_assume_control();
    if (r == NULL)
        return NULL;
    bl_bench_secret(&r->secret);
    r->nodes = NODES / plan->scale > AT_ONCE ? NODES / plan->scale : AT_ONCE;
    r->registry = bl_registry_new(&bl_memory_libc, &r->secret, NODES);
    if (r->registry != NULL)
        r->views = bl_views_new(&bl_memory_libc, &r->secret, r->registry, &out);
    if (r->views == NULL || !add_views(r) || !fill(r) || !begin_plan(r)) {
        rig_free(r);
        return NULL;
    }
    while (bl_views_step(r->views, UINT32_MAX))
        ;
    struct bl_registry_watch watch = bl_views_watch(r->views);
    bl_registry_watch(r->registry, &watch);
    bl_views_settle(r->views, 1);
    return r;
}

/* The next few nodes, round and round. */
static uint32_t some(struct rig *r)
{
    uint32_t first = r->next;
    r->next = first + 2 * AT_ONCE <= r->nodes ? first + AT_ONCE : 0;
    return first;
}

static uint64_t match_work(void *arg)
{
    struct rig *r = arg;
    bl_role_assume_api();
    for (uint32_t i = some(r), end = i + AT_ONCE; i < end; i++)
        bl_view_match_test(r->match, bl_registry_get(r->registry, i)->name, ignore, r);
    return AT_ONCE;
}

static uint64_t change_work(void *arg)
{
    struct rig *r = arg;
    uint32_t first = some(r);
    bl_role_assume_control();
    for (uint32_t i = first; i < first + AT_ONCE; i++)
        bl_registry_set_state(r->registry, i, BL_STATE_FAILED);
    bl_views_settle(r->views, 2);
    for (uint32_t i = first; i < first + AT_ONCE; i++)
        bl_registry_set_state(r->registry, i, BL_STATE_OK);
    bl_views_settle(r->views, 3);
    return UINT64_C(2) * AT_ONCE;
}

static uint64_t bare_change_work(void *arg)
{
    struct rig *r = arg;
    bl_role_assume_control();
    bl_registry_watch(r->registry, NULL);
    uint32_t first = some(r);
    for (uint32_t i = first; i < first + AT_ONCE; i++)
        bl_registry_set_state(r->registry, i, BL_STATE_FAILED);
    for (uint32_t i = first; i < first + AT_ONCE; i++)
        bl_registry_set_state(r->registry, i, BL_STATE_OK);
    struct bl_registry_watch watch = bl_views_watch(r->views);
    bl_registry_watch(r->registry, &watch);
    return UINT64_C(2) * AT_ONCE;
}

/* Nodes taken into a new generation, which begins anew when it is done. */
static uint64_t reload_work(void *arg)
{
    struct rig *r = arg;
    bl_role_assume_control();
    if (!bl_views_step(r->views, AT_ONCE)) {
        bl_views_reclaim(r->views);
        if (!begin_plan(r))
            return 0;
    }
    return AT_ONCE;
}

struct views_case {
    uint64_t (*work)(void *arg);
};

static void run_views(struct bl_bench_state *state, const void *arg)
{
    const struct views_case *c = arg;
    struct rig *r = rig_new(bl_bench_plan_of(state));
    struct bl_ab_compare_result result;
    struct bl_views_stats stats;

    if (r == NULL) {
        bl_bench_skip(state, "no memory");
        return;
    }
    bl_views_stats_of(r->views, &stats);
    bl_series_run(bl_bench_plan_of(state), &(struct bl_side){c->work, r}, &result);
    struct bl_spread ns = bl_spread_inverse(&result.a_per_s, 1e9);
    bl_bench_result(state, &ns);
    bl_bench_counter(state, "views", (double)stats.views);
    bl_bench_counter(state, "sets", (double)stats.sets);
    bl_bench_counter(state, "bytes_per_node", (double)stats.bytes / r->nodes);
    rig_free(r);
}

static void run_memory(struct bl_bench_state *state, const void *arg)
{
    (void)arg;
    struct rig *r = rig_new(bl_bench_plan_of(state));
    struct bl_views_stats stats;

    if (r == NULL) {
        bl_bench_skip(state, "no memory");
        return;
    }
    bl_views_stats_of(r->views, &stats);
    double bytes = (double)stats.bytes / r->nodes;
    bl_bench_result(state, &(struct bl_spread){bytes, bytes, bytes});
    bl_bench_counter(state, "views", (double)stats.views);
    bl_bench_counter(state, "sets", (double)stats.sets);
    rig_free(r);
}

#define OF(function)                                                                                         \
    .unit = "ns", .run = run_views, .arg = &(const struct views_case)                                        \
    {                                                                                                        \
        function                                                                                             \
    }

static const struct bl_bench_case views_cases[] = {
    {.name = "views/match", .measure = "1,000 views: those of a name, per name", OF(match_work)},
    {.name = "views/change",
     .measure = "1,000 views, 1 M nodes: a node's change of state and its views', per change",
     OF(change_work)},
    {.name = "views/change/none", .measure = "the same without views", OF(bare_change_work)},
    {.name = "views/reload",
     .measure = "1,000 views, 1 M nodes: over to a new plan, its compilation included, per node",
     .slow = true,
     OF(reload_work)},
    {.name = "views/memory",
     .measure = "1,000 views, 1 M nodes: memory of the views, per node",
     .unit = "bytes",
     .run = run_memory},
};

void bl_bench_views_cases(void)
{
    for (unsigned i = 0; i < sizeof(views_cases) / sizeof(views_cases[0]); i++)
        bl_bench_register(&views_cases[i]);
}
