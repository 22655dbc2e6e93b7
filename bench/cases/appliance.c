/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cases/appliance.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/cpus.h"
#include "bench/sources/key_set.h"
#include "engine/base/counter.h"
#include "engine/base/rcu.h"

/* A minute: it takes some seconds for ten million nodes. */
#define FOLLOW_WAITS   6000u
#define FOLLOW_WAIT_NS 10000000

static bool open_worker(struct bl_appliance *a, uint32_t first_slots, char err[BL_ERR_BYTES])
{
    char text[64];
    struct bl_port_spec spec;
    struct bl_worker_config c = {
        .cpu = a->cpu[0], .lcore = -1, .wire = &a->wire, .first_slots = first_slots, .max_nodes = UINT32_MAX};
    snprintf(text, sizeof(text), "dpdk:net_null9,size=%u", a->traffic.frame_len);
    if (bl_port_spec_parse(&spec, text, err) != 0)
        return false;
    c.port = a->port = bl_port_open(&spec, BL_TRAFFIC_UDP_PORT, err);
    if (!a->port)
        return false;
    if (!bl_frame_source_open(&a->feed, &a->traffic, a->port)) {
        snprintf(err, BL_ERR_BYTES, "DPDK takes no receive callback");
        return false;
    }
    a->worker = bl_worker_new(&c, 0, err);
    return a->worker != NULL;
}

static struct bl_config *config_with(uint32_t timeout_ms, char err[BL_ERR_BYTES])
{
    struct bl_config *c = bl_config_load(NULL, err);
    if (!c)
        return NULL;
    c->defaults.timeout_ms = timeout_ms;
    c->max_nodes = BL_NODE_MAX;
    return c;
}

static bool open_core(struct bl_appliance *a, uint32_t timeout_ms, char err[BL_ERR_BYTES])
{
    a->config = config_with(timeout_ms, err);
    if (!a->config)
        return false;
    a->arena = bl_memory_arena_new();
    if (!a->arena) {
        snprintf(err, BL_ERR_BYTES, "no memory for an arena");
        return false;
    }
    struct bl_core_config c = {.config = a->config,
                               .worker = &a->worker,
                               .worker_count = 1,
                               .secret = &a->wire.secret,
                               .memory = bl_memory_of_arena(a->arena),
                               .cpu = a->cpu[1]};
    a->core = bl_core_new(&c, err);
    return a->core != NULL;
}

bool bl_appliance_open(struct bl_appliance *a, const struct bl_appliance_config *c, char err[BL_ERR_BYTES])
{
    *a = (struct bl_appliance){.port = NULL};
    bl_bench_secret(&a->wire.secret);
    if (!bl_cpus_two(a->cpu)) {
        snprintf(err, BL_ERR_BYTES, "it takes two CPUs");
        return false;
    }
    if (!bl_traffic_init(&a->traffic, BL_SHAPE_TEXT_1, c->nodes, false)) {
        snprintf(err, BL_ERR_BYTES, "no memory for the traffic");
        return false;
    }
    return open_worker(a, c->first_slots, err) && open_core(a, c->timeout_ms, err);
}

bool bl_appliance_start(struct bl_appliance *a, char err[BL_ERR_BYTES])
{
    return bl_worker_start(a->worker, err) == 0 && bl_core_start(a->core, err) == 0;
}

/* The registry's last node is the last one to be brought to it. */
static bool all_follow(const struct bl_appliance *a)
{
    const struct bl_registry *r = bl_fleet_registry(bl_core_fleet(a->core));
    struct bl_place place;
    uint32_t end = bl_registry_end(r);
    const struct bl_node *n = end ? bl_registry_get(r, end - 1) : NULL;

    return !n || (bl_table_find(&a->worker->table, n->key, &place) &&
                  bl_slots_policy(place.slots, place.slot).threshold_ticks == a->config->defaults.timeout_ms);
}

bool bl_appliance_set_timeout(struct bl_appliance *a, uint32_t timeout_ms, char err[BL_ERR_BYTES])
{
    struct bl_config *next = config_with(timeout_ms, err), *old = a->config;
    bool done = false;

    if (!next)
        return false;
    bl_core_reconfigure(a->core, next);
    a->config = next;
    bl_config_free(old);
    for (unsigned i = 0; i < FOLLOW_WAITS && !done; i++) {
        nanosleep(&(struct timespec){.tv_nsec = FOLLOW_WAIT_NS}, NULL);
        bl_rcu_online();
        done = all_follow(a);
        bl_rcu_offline();
    }
    if (!done)
        snprintf(err, BL_ERR_BYTES, "not every node followed a new timeout in time");
    return done;
}

void bl_appliance_close(struct bl_appliance *a)
{
    bl_core_stop(a->core);
    if (a->worker)
        bl_worker_stop(a->worker);
    bl_core_free(a->core);
    bl_memory_arena_free(a->arena);
    bl_config_free(a->config);
    bl_frame_source_close(&a->feed);
    bl_worker_free(a->worker);
    bl_port_close(a->port);
    bl_traffic_fini(&a->traffic);
    *a = (struct bl_appliance){.port = NULL};
}

unsigned bl_appliance_listen(struct bl_appliance *a, struct bl_event *events, unsigned max)
{
    static struct bl_event dropped[256];
    bl_role_assume_api();
    bl_role_assume_notifier();
    while (bl_core_notices(a->core, dropped, 256) > 0)
        ;
    return bl_core_events(a->core, events, max);
}

uint32_t bl_appliance_registered(const struct bl_appliance *a)
{
    return bl_registry_total(bl_fleet_registry(bl_core_fleet(a->core)));
}

uint64_t bl_appliance_beats(const struct bl_appliance *a)
{
    return BL_READ(a->worker->counters.beats);
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t = {0};
    (void)clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t bl_appliance_worker_cpu_ns(const struct bl_appliance *a)
{
    clockid_t clock;
    return pthread_getcpuclockid(a->worker->thread, &clock) == 0 ? clock_ns(clock) : 0;
}

uint64_t bl_appliance_control_cpu_ns(const struct bl_appliance *a)
{
    uint64_t others_ns = bl_appliance_worker_cpu_ns(a) + clock_ns(CLOCK_THREAD_CPUTIME_ID);
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID) - others_ns;
}
