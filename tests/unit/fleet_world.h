/* SPDX-License-Identifier: Apache-2.0 */
/* fleet_world: a fleet in virtual time, two tables (or WORLD_TABLES, set
 * before), one thread that plays workers and control: what the tests of
 * the fleet stand on. Workers do what control orders some time after, as
 * they do in a daemon: with the next tick that passes, or when a test
 * says so. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/rcu.h"
#include "engine/fleet/fleet.h"

#define MS      UINT64_C(1000000)
#define UNIX_MS INT64_C(1790000000000)

#define ORDERS_MAX 1024u

/* What control asked of a worker. */
struct world_order {
    uint32_t table;
    uint64_t key;
    bool deletes; /* or begins, ends measuring */
    bool on;
};

#ifndef WORLD_TABLES
#define WORLD_TABLES 2u
#endif

struct world {
    struct bl_table table[WORLD_TABLES];
    struct bl_ingest_clock clock[WORLD_TABLES];
    struct bl_fleet *fleet;
    struct bl_key_secret secret;
    uint64_t now_ns;
    int64_t jump_ms;            /* that the wall clock was set by meanwhile */
    bool silent[WORLD_TABLES];  /* the worker does not poll */
    bool ring_full;             /* orders are refused */
    bool reports_full;          /* reports are refused */
    bool orders_wait;           /* workers take no orders */
    unsigned retired, measures; /* orders that the ring took */
    struct world_order order[ORDERS_MAX];
    unsigned orders;                /* under way */
    uint64_t deleted[WORLD_TABLES]; /* deletions done */
    struct bl_transition last;
    char last_name[BL_NAME_MAX + 1];
    unsigned transitions, failures;
};

static inline void note_transition(void *ctx, const struct bl_transition *t)
{
    struct world *w = ctx;
    w->last = *t;
    snprintf(w->last_name, sizeof(w->last_name), "%s", t->name);
    w->transitions++;
    w->failures += t->to == BL_STATE_FAILED;
}

static inline bool give_command(struct world *w, struct world_order o)
{
    if (w->ring_full || w->orders == ORDERS_MAX)
        return false;
    w->order[w->orders++] = o;
    return true;
}

static inline bool retire(void *ctx, uint32_t table, uint64_t key)
{
    struct world *w = ctx;
    bool taken = give_command(w, (struct world_order){.table = table, .key = key, .deletes = true});
    w->retired += taken;
    return taken;
}

static inline uint64_t retired(void *ctx, uint32_t table)
{
    return ((struct world *)ctx)->deleted[table];
}

static inline bool measure(void *ctx, uint32_t table, uint64_t key, bool on)
{
    struct world *w = ctx;
    bool taken = give_command(w, (struct world_order){.table = table, .key = key, .on = on});
    w->measures += taken;
    return taken;
}

/* The workers do what they were asked. */
static inline void worker_do_commands(struct world *w)
{
    bl_role_assume_worker();
    for (unsigned i = 0; i < w->orders; i++) {
        const struct world_order *o = &w->order[i];
        if (o->deletes) {
            bl_table_delete(&w->table[o->table], o->key);
            w->deleted[o->table]++;
        } else {
            bl_table_measure(&w->table[o->table], o->key, o->on);
        }
    }
    w->orders = 0;
}

/* `changed`, `removed`: with w as ctx; NULL: nobody asks. */
static inline void setup_saved(struct world *w, struct bl_policy defaults,
                               void (*changed)(void *ctx, uint32_t node),
                               void (*removed)(void *ctx, uint32_t node))
{
    uint8_t seed[BL_KEY_SECRET_BYTES + 24];
    bl_role_assume_control();
    memset(w, 0, sizeof(*w));
    memset(seed, 7, sizeof(seed));
    bl_key_secret_init(&w->secret, seed);
    struct bl_fleet_config c = {.max_nodes = 1000, .defaults = defaults, .memory = bl_memory_libc};
    struct bl_fleet_out out = {.ctx = w,
                               .transition = note_transition,
                               .retire = retire,
                               .retired = retired,
                               .measure = measure,
                               .changed = changed,
                               .removed = removed};
    w->fleet = bl_fleet_new(&c, &w->secret, &out);
    assert_non_null(w->fleet);
    w->now_ns = 1000 * MS;
    bl_fleet_set_now(w->fleet, w->now_ns / MS);
    for (unsigned i = 0; i < WORLD_TABLES; i++) {
        struct bl_slots *s = bl_slots_new(256);
        assert_non_null(s);
        while (bl_slots_prefault(s, SIZE_MAX) == 0)
            ;
        bl_table_init(&w->table[i], s, 1000);
        bl_ingest_clock_init(&w->clock[i], w->now_ns, 1);
        assert_int_equal(bl_fleet_add_table(w->fleet, &w->table[i], &w->clock[i]), (int)i);
    }
}

static inline void setup(struct world *w, struct bl_policy defaults)
{
    setup_saved(w, defaults, NULL, NULL);
}

static inline void teardown(struct world *w)
{
    bl_fleet_free(w->fleet);
    for (unsigned i = 0; i < WORLD_TABLES; i++)
        bl_table_fini(&w->table[i]);
}

static inline int64_t unix_ms(const struct world *w)
{
    return UNIX_MS + w->jump_ms + (int64_t)(w->now_ns / MS);
}

/* Lets `ms` pass, a tick of 10 ms at a time, with a sweep after each. What
 * was ordered before a tick is done in it. */
static inline void pass(struct world *w, unsigned ms)
{
    bl_role_assume_control();
    for (unsigned t = 0; t < ms; t += 10) {
        w->now_ns += 10 * MS;
        bl_fleet_set_now(w->fleet, w->now_ns / MS);
        if (!w->orders_wait)
            worker_do_commands(w);
        for (unsigned i = 0; i < WORLD_TABLES; i++) {
            bl_ingest_clock_advance(&w->clock[i], w->now_ns, w->silent[i] ? 0 : w->now_ns);
            bl_fleet_set_untold(w->fleet, i, bl_table_unreported(&w->table[i]) > 0);
        }
        while (!bl_fleet_sweep(w->fleet, 1000000, unix_ms(w)))
            ;
    }
}

static inline struct bl_node_ref ref(const char *name)
{
    return (struct bl_node_ref){.name = name, .name_len = (unsigned)strlen(name)};
}

/* One beat of `name` at worker `table`, as the worker takes it. Returns
 * whether it has a report for control. */
static inline bool take_beat(struct world *w, unsigned table, const char *name)
{
    bl_role_assume_worker();
    uint32_t now = bl_ingest_clock_tick(&w->clock[table], w->now_ns), slot = BL_SLOT_NONE;
    struct bl_beat b = {.key = bl_key_of_name(&w->secret, name, (unsigned)strlen(name)), .stamp = now};
    struct bl_exception exception[BL_BURST];

    if (bl_table_beat(&w->table[table], &b, 1, now, exception) == 0)
        return false;
    if (exception[0].why == BL_EXCEPTION_FLAGGED) {
        slot = exception[0].slot;
        uint8_t slot_flags = bl_table_flags_of(&w->table[table], slot);
        if (slot_flags & BL_SLOT_STATS)
            bl_table_learn(&w->table[table], slot);
        if (w->reports_full || !(slot_flags & BL_SLOT_UNREPORTED))
            return false;
        bl_table_set_flag(&w->table[table], slot, BL_SLOT_UNREPORTED, false);
        return true;
    }
    assert_int_equal(exception[0].why, BL_EXCEPTION_UNKNOWN);
    assert_int_equal(bl_table_insert(&w->table[table], &b, now, &slot), BL_INSERT_NEW);
    if (w->reports_full)
        bl_table_set_flag(&w->table[table], slot, BL_SLOT_UNREPORTED, true);
    return !w->reports_full;
}

/* Control hears of it. */
static inline int report(struct world *w, unsigned table, const char *name)
{
    bl_role_assume_control();
    struct bl_node_ref who = ref(name);
    return bl_fleet_seen(w->fleet, table, &who, 0, unix_ms(w));
}

/* Both, one after the other. */
static inline int beat(struct world *w, unsigned table, const char *name)
{
    return take_beat(w, table, name) ? report(w, table, name) : 0;
}

static inline uint32_t node_of(const struct world *w, const char *name)
{
    return bl_registry_find_name(bl_fleet_registry(w->fleet), name, (unsigned)strlen(name));
}

static inline enum bl_state state_of(const struct world *w, const char *name)
{
    const struct bl_node *n = bl_registry_get(bl_fleet_registry(w->fleet), node_of(w, name));
    assert_non_null(n);
    return (enum bl_state)n->state;
}

static inline void set(struct world *w, const char *name, uint32_t fields, struct bl_policy p)
{
    bl_role_assume_control();
    struct bl_node_ref who = ref(name);
    assert_int_equal(
        bl_fleet_set(w->fleet, &who, &(struct bl_policy_patch){.set = fields, .policy = p}, unix_ms(w)), 0);
}
