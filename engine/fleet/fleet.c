/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/fleet/fleet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/array.h"
#include "engine/base/counter.h"
#include "engine/base/rcu.h"
#include "engine/detect/detector.h"
#include "engine/fleet/fleet_internal.h"

struct bl_fleet *bl_fleet_new(const struct bl_fleet_config *c, const struct bl_key_secret *secret,
                              const struct bl_fleet_out *out)
{
    struct bl_fleet *f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->secret = *secret;
    f->registry = bl_registry_new(&c->memory, &f->secret, c->max_nodes);
    if (!f->registry) {
        free(f);
        return NULL;
    }
    f->config = *c;
    f->out = *out;
    f->phi_sigmas = bl_phi_sigmas(c->phi ? c->phi : BL_PHI_DEFAULT);
    f->follow_defaults = f->overage = BL_NODE_NONE;
    return f;
}

void bl_fleet_free(struct bl_fleet *f)
{
    if (!f)
        return;
    for (uint32_t i = 0; i < f->table_count; i++) {
        bl_sweep_free(f->table[i].shared.sweep);
        free(f->table[i].touched.key);
        bl_retiring_free(&f->table[i].retiring);
        free(f->table[i].unasked.key);
    }
    bl_fleet_free_restored(&f->restored);
    bl_pause_ends_free(&f->wall_ends);
    bl_pause_ends_free(&f->counted_ends);
    bl_registry_free(f->registry);
    free(f);
}

void bl_fleet_configure(struct bl_fleet *f, const struct bl_fleet_config *c)
{
    bl_registry_set_max(f->registry, c->max_nodes);
    for (uint32_t i = 0; i < f->table_count; i++)
        bl_table_set_limit(f->table[i].shared.table, c->max_nodes);
    f->config.max_nodes = c->max_nodes;
    f->config.create_per_s = c->create_per_s;
    f->config.reject_unknown = c->reject_unknown;
    f->config.max_freeze_ms = c->max_freeze_ms;
    f->config.grace_ms = c->grace_ms;
    if (memcmp(&f->config.defaults, &c->defaults, sizeof(c->defaults)) == 0 && f->config.phi == c->phi)
        return;
    float sigmas = bl_phi_sigmas(c->phi ? c->phi : BL_PHI_DEFAULT);
    __atomic_store(&f->phi_sigmas, &sigmas, __ATOMIC_RELAXED);
    f->config.phi = c->phi;
    BL_WRITE(f->config.defaults.detector, c->defaults.detector);
    BL_WRITE(f->config.defaults.timeout_ms, c->defaults.timeout_ms);
    BL_WRITE(f->config.defaults.warn_ms, c->defaults.warn_ms);
    BL_WRITE(f->config.defaults.err_ms, c->defaults.err_ms);
    BL_WRITE(f->config.defaults.retries, c->defaults.retries);
    f->follow_defaults = 0;
}

int bl_fleet_add_table(struct bl_fleet *f, struct bl_table *t, struct bl_ingest_clock *clock)
{
    uint32_t i = f->table_count;
    if (i == BL_TABLES_MAX)
        return -ENOSPC;
    struct bl_sweep *sweep = bl_sweep_new(t);
    if (!sweep)
        return -ENOMEM;
    f->table[i].shared = (struct bl_fleet_table){.table = t, .clock = clock, .sweep = sweep};
    __atomic_store_n(&f->table_count, i + 1, __ATOMIC_RELEASE);
    return (int)i;
}

const struct bl_registry *bl_fleet_registry(const struct bl_fleet *f)
{
    return f->registry;
}

struct bl_registry *bl_fleet_registry_own(struct bl_fleet *f)
{
    return f->registry;
}

const struct bl_fleet_stats *bl_fleet_stats_of(const struct bl_fleet *f)
{
    return &f->stats;
}

const struct bl_fleet_table *bl_fleet_table_at(const struct bl_fleet *f, uint32_t table)
{
    return &f->table[table].shared;
}

uint32_t bl_fleet_table_count(const struct bl_fleet *f)
{
    return __atomic_load_n(&f->table_count, __ATOMIC_ACQUIRE);
}

struct bl_policy bl_fleet_policy_of(const struct bl_fleet *f, const struct bl_node *n)
{
    const struct bl_policy *d = &f->config.defaults;
    struct bl_policy p = {
        .timeout_ms = BL_READ(n->policy.timeout_ms),
        .warn_ms = BL_READ(n->policy.warn_ms),
        .err_ms = BL_READ(n->policy.err_ms),
        .retries = BL_READ(n->policy.retries),
        .detector = BL_READ(n->policy.detector),
    };
    uint8_t flags = BL_READ(n->flags);
    if (!p.timeout_ms && !p.warn_ms && !p.err_ms) {
        if (!(flags & BL_NODE_OWN_DETECTOR))
            p.detector = BL_READ(d->detector);
        p.timeout_ms = BL_READ(d->timeout_ms);
        p.warn_ms = BL_READ(d->warn_ms);
        p.err_ms = BL_READ(d->err_ms);
    }
    if (!(flags & BL_NODE_OWN_RETRIES))
        p.retries = BL_READ(d->retries);
    return p;
}

struct bl_policy bl_fleet_learned_policy(const struct bl_fleet *f, const struct bl_node *n,
                                         const struct bl_interval_stats *stats, uint32_t *learned_ms)
{
    struct bl_policy p = bl_fleet_policy_of(f, n);
    float sigmas;
    __atomic_load(&f->phi_sigmas, &sigmas, __ATOMIC_RELAXED);
    *learned_ms = bl_detector_timeout_ms(stats, (enum bl_detector)p.detector, sigmas);
    if (*learned_ms > 0)
        p.timeout_ms = *learned_ms;
    return p;
}

struct bl_thresholds bl_fleet_thresholds_of(const struct bl_fleet *f, const struct bl_node *n,
                                            const struct bl_place *at)
{
    struct bl_policy p = bl_fleet_policy_of(f, n);
    uint32_t learned_ms;
    if (p.detector != BL_DETECTOR_FIXED && at != NULL) {
        struct bl_interval_stats stats = bl_slots_stats(at->slots, at->slot);
        p = bl_fleet_learned_policy(f, n, &stats, &learned_ms);
    }
    return bl_policy_thresholds(&p, BL_READ(n->interval_ms));
}

/* ---- which tables hold a node -------------------------------------------- */

/* held[0]; else a byte is a table's index + 1, 0: no more. All 0: no
 * worker has told of the node since it was made. */
#define HELD_BY_MANY 0xffu
_Static_assert(BL_TABLES_MAX < HELD_BY_MANY, "a table's index + 1 is another byte");

#define TABLE_WORDS (BL_TABLES_MAX / 64)

static bool fleet_set_is_empty(const struct bl_table_set *s)
{
    uint64_t any = 0;
    for (uint32_t i = 0; i < TABLE_WORDS; i++)
        any |= s->word[i];
    return any == 0;
}

static struct bl_table_set fleet_all_tables(const struct bl_fleet *f)
{
    struct bl_table_set all = {0};
    uint32_t count = bl_fleet_table_count(f);
    for (uint32_t i = 0; i < count; i++)
        bl_table_set_add(&all, i);
    return all;
}

struct bl_table_set bl_fleet_tables_of(const struct bl_fleet *f, const struct bl_node *n)
{
    struct bl_table_set held = {0};

    if (n->held[0] == HELD_BY_MANY)
        return fleet_all_tables(f);
    for (uint32_t i = 0; i < BL_NODE_TABLES && n->held[i]; i++)
        bl_table_set_add(&held, n->held[i] - 1u);
    return held;
}

static void fleet_held_add(uint8_t held[BL_NODE_TABLES], uint32_t table)
{
    if (held[0] == HELD_BY_MANY)
        return;
    for (uint32_t i = 0; i < BL_NODE_TABLES; i++) {
        if (held[i] != 0 && held[i] != table + 1)
            continue;
        held[i] = (uint8_t)(table + 1);
        return;
    }
    held[0] = HELD_BY_MANY;
}

/* Readers ask whether the first is 0, and must not see it so for a
 * moment. */
BL_ON_CONTROL static void fleet_held_write(struct bl_node *n, const uint8_t held[BL_NODE_TABLES])
{
    for (uint32_t i = 0; i < BL_NODE_TABLES; i++)
        BL_WRITE(n->held[i], held[i]);
}

void bl_fleet_hold(struct bl_node *n, uint32_t table)
{
    uint8_t held[BL_NODE_TABLES];
    memcpy(held, n->held, sizeof(held));
    fleet_held_add(held, table);
    fleet_held_write(n, held);
}

/* In none: where its next record will be, nobody knows. */
BL_ON_CONTROL static void fleet_hold_those(struct bl_node *n, struct bl_table_set found)
{
    uint8_t held[BL_NODE_TABLES] = {0};
    uint32_t table;

    while (bl_table_set_take(&found, &table))
        fleet_held_add(held, table);
    held[0] = held[0] ? held[0] : HELD_BY_MANY;
    fleet_held_write(n, held);
}

/* A worker that hangs may hang between a beat and its report. */
void bl_fleet_set_untold(struct bl_fleet *f, uint32_t table, bool untold)
{
    uint64_t bit = UINT64_C(1) << table % 64, *word = &f->untold.word[table / 64];

    untold = untold || bl_ingest_clock_frozen(f->table[table].shared.clock);
    *word = untold ? *word | bit : *word & ~bit;
}

/* ---- the latest beat ---------------------------------------------------- */

/* A clock, and the monotonic time that goes with its tick: as it runs at
 * `now_ns`, or as control last looked. */
struct clock_look {
    uint32_t tick;
    uint64_t now_ns;
};
typedef struct clock_look look_at(const struct bl_ingest_clock *c, uint64_t now_ns);

/* Whether a table's record does not count; NULL: all do. Readers need not
 * ask: what is under deletion is of a node that no worker has told of
 * since, or older than a record that stays. */
typedef bool leaves_out(const struct bl_fleet *f, uint32_t table, uint64_t key);

/* `look_in`: the tables to look in. Returns those where the key was found. */
static struct bl_table_set fleet_latest_beat_by(const struct bl_fleet *f, uint64_t key,
                                                struct bl_table_set look_in, look_at *look,
                                                leaves_out *is_out, uint64_t now_ns,
                                                struct bl_latest_beat *out)
{
    struct bl_table_set found = {0};
    uint32_t i;

    out->since_ms = UINT64_MAX;
    while (bl_table_set_take(&look_in, &i)) {
        if (is_out && is_out(f, i, key))
            continue;
        const struct bl_fleet_table *t = &f->table[i].shared;
        struct bl_place place;
        if (!bl_table_find(t->table, key, &place))
            continue;
        struct clock_look at = look(t->clock, now_ns);
        uint32_t last_beat = bl_slots_last_beat(place.slots, place.slot);
        uint64_t since_ms = bl_ingest_clock_since_ms(t->clock, at.now_ns, last_beat);
        bl_table_set_add(&found, i);
        if (since_ms < out->since_ms)
            *out = (struct bl_latest_beat){.table = i,
                                           .place = place,
                                           .last_beat = last_beat,
                                           .age_ticks = bl_age_ticks(at.tick, last_beat),
                                           .since_ms = since_ms};
    }
    return found;
}

static struct clock_look readers_look(const struct bl_ingest_clock *c, uint64_t now_ns)
{
    return (struct clock_look){.tick = bl_ingest_clock_tick(c, now_ns), .now_ns = now_ns};
}

bool bl_fleet_latest_beat(const struct bl_fleet *f, const struct bl_node *n, uint64_t now_ns,
                          struct bl_latest_beat *out)
{
    if (BL_READ(n->held[0]) == 0)
        return false;
    struct bl_table_set found =
        fleet_latest_beat_by(f, BL_READ(n->key), fleet_all_tables(f), readers_look, NULL, now_ns, out);
    return !fleet_set_is_empty(&found);
}

static struct clock_look controls_look(const struct bl_ingest_clock *c, uint64_t now_ns)
{
    (void)now_ns;
    bl_role_assume_control(); /* bl_fleet_latest_beat_now is control's */
    return (struct clock_look){.tick = bl_ingest_clock_now(c), .now_ns = bl_ingest_clock_seen_ns(c)};
}

static bool is_retiring(const struct bl_fleet *f, uint32_t table, uint64_t key)
{
    bl_role_assume_control();
    return bl_fleet_is_retiring(f, table, key);
}

bool bl_fleet_latest_beat_now(struct bl_fleet *f, uint32_t node, struct bl_latest_beat *out)
{
    struct bl_node *n = bl_registry_at(f->registry, node);
    struct bl_table_set look_in = bl_fleet_tables_of(f, n);

    if (n->held[0] == 0)
        return false;
    for (uint32_t i = 0; i < TABLE_WORDS; i++)
        look_in.word[i] |= f->untold.word[i];
    struct bl_table_set found = fleet_latest_beat_by(f, n->key, look_in, controls_look, is_retiring, 0, out);
    fleet_hold_those(n, found);
    return !fleet_set_is_empty(&found);
}

/* ---- lists of keys ---------------------------------------------------- */

bool bl_key_list_add(struct bl_key_list *l, uint64_t key)
{
    uint64_t *keys = bl_array_room(l->key, l->count, &l->capacity, sizeof(*keys));
    if (!keys)
        return false;
    l->key = keys;
    l->key[l->count++] = key;
    return true;
}

/* ---- growth ------------------------------------------------------------- */

void bl_fleet_grow_begun(struct bl_fleet *f, uint32_t table)
{
    struct bl_fleet_table_state *t = &f->table[table];

    t->left = bl_rcu_read(&t->shared.table->slots);
    t->growing = true;
}

void bl_fleet_grow_done(struct bl_fleet *f, uint32_t table)
{
    struct bl_fleet_table_state *t = &f->table[table];

    uint32_t dropped = bl_table_dropped(t->shared.table);

    t->growing = false;
    bl_fleet_count_more(&f->stats.retired_nodeless, dropped - t->dropped);
    t->dropped = dropped;
    if (t->touched_lost)
        f->follow_defaults = 0; /* writes every node's slots again */
    t->touched_lost = false;
    /* Out of memory leaves the sweep on the old generation's shape: it
     * would miss nodes, so it is tried again before each round. */
    t->rebuild = bl_sweep_rebuild(t->shared.sweep) != 0;
}
