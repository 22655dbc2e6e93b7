/* SPDX-License-Identifier: Apache-2.0 */
#include "control/core/core_internal.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/counter.h"
#include "engine/base/rcu.h"

#define COMMAND_RING 256u
/* More than can be told in the second of which nothing may be saved. */
#define EVENTS_UNSAVED UINT64_C(10000000)
#define IDLE_SLEEP_NS  1000000 /* nothing to do: to the next millisecond */

static int64_t unix_now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- what the fleet says ------------------------------------------------ */

static void on_transition(void *ctx, const struct bl_transition *t)
{
    struct bl_event e = {.kind = BL_EVENT_TRANSITION,
                         .from = (uint8_t)t->from,
                         .to = (uint8_t)t->to,
                         .time_unix_ms = t->time_unix_ms,
                         .last_beat_unix_ms = t->last_beat_unix_ms,
                         .incident = t->incident};

    bl_role_assume_control(); /* the fleet calls back on control's thread */
    e.name_len = (uint8_t)snprintf(e.name, sizeof(e.name), "%s", t->name);
    snprintf(e.reason, sizeof(e.reason), "%s", t->reason);
    bl_core_emit(ctx, &e);
}

static bool on_retire(void *ctx, uint32_t table, uint64_t key)
{
    struct bl_core *core = ctx;
    struct bl_worker_command order = {.kind = BL_WORKER_COMMAND_DELETE, .key = key};
    return bl_ring_push(core->worker[table].worker->orders, &order);
}

static uint64_t on_retired(void *ctx, uint32_t table)
{
    return bl_worker_deleted(((struct bl_core *)ctx)->worker[table].worker);
}

static void on_changed(void *ctx, uint32_t node)
{
    bl_role_assume_control(); /* the fleet calls back on control's thread */
    bl_changes_node(((struct bl_core *)ctx)->changes, node);
}

/* To the event log alone: what comes once for each of millions of nodes
 * is no news for people. */
BL_ON_CONTROL static void log_node(struct bl_core *core, enum bl_event_kind kind, const struct bl_node *n,
                                   const char *reason)
{
    struct bl_event e = {.kind = kind,
                         .from = n->state,
                         .to = n->state,
                         .time_unix_ms = core->unix_ms,
                         .name_len = n->name_len};

    if (!core->config->event_log_path[0])
        return;
    snprintf(e.name, sizeof(e.name), "%s", n->name);
    snprintf(e.reason, sizeof(e.reason), "%s", reason);
    bl_event_feed_push(&core->log_feed, &e);
}

static void on_registered(void *ctx, uint32_t node, const char *reason)
{
    struct bl_core *core = ctx;
    bl_role_assume_control();
    log_node(core, BL_EVENT_REGISTERED, bl_registry_get(bl_fleet_registry(core->fleet), node), reason);
}

static void on_removed(void *ctx, uint32_t node)
{
    struct bl_core *core = ctx;
    const struct bl_node *n = bl_registry_get(bl_fleet_registry(core->fleet), node);
    bl_role_assume_control();
    bl_changes_removed(core->changes, n);
    log_node(core, BL_EVENT_REMOVED, n, "");
}

static void on_view(void *ctx, const struct bl_view_transition *t)
{
    bool notify = t->view->flags & BL_VIEW_NOTIFY;
    struct bl_event e = {.kind = BL_EVENT_VIEW,
                         .from = (uint8_t)t->from,
                         .to = (uint8_t)t->to,
                         .flags = notify ? BL_EVENT_NOTIFY : 0,
                         .time_unix_ms = t->time_unix_ms,
                         .incident = t->incident};

    bl_role_assume_control(); /* the views call back on control's thread */
    e.name_len = (uint8_t)snprintf(e.name, sizeof(e.name), "%s", t->view->name);
    bl_core_emit(ctx, &e);
    bl_changes_view(((struct bl_core *)ctx)->changes, t->view->name, t->view->name_len);
}

static bool on_measure(void *ctx, uint32_t table, uint64_t key, bool on)
{
    struct bl_core *core = ctx;
    struct bl_worker_command order = {.kind = BL_WORKER_COMMAND_MEASURE, .on = on, .key = key};
    return bl_ring_push(core->worker[table].worker->orders, &order);
}

void bl_core_emit(struct bl_core *core, struct bl_event *e)
{
    e->number = core->last_event + 1;
    BL_WRITE(core->last_event, e->number);
    BL_ADD(core->stats.events, 1);
    bl_event_feed_push(&core->api_feed, e);
    bl_event_feed_push(&core->notifier_feed, e);
    if (core->config->event_log_path[0])
        bl_event_feed_push(&core->log_feed, e);
}

/* ---- life ------------------------------------------------------------------ */

static struct bl_fleet_config fleet_config(const struct bl_config *c, struct bl_memory memory)
{
    return (struct bl_fleet_config){.max_nodes = c->max_nodes,
                                    .create_per_s = c->create_per_s,
                                    .reject_unknown = c->reject_unknown,
                                    .defaults = c->defaults,
                                    .max_freeze_ms = c->max_freeze_ms,
                                    .grace_ms = c->grace_ms,
                                    .phi = c->phi,
                                    .memory = memory};
}

static int open_rings(struct bl_core *core)
{
    int r = bl_event_feed_init(&core->api_feed);
    if (r == 0)
        r = bl_event_feed_init(&core->notifier_feed);
    if (r == 0)
        r = bl_event_feed_init(&core->log_feed);
    core->log_feed.limit = core->config->event_log_queue;
    core->commands = bl_ring_new(COMMAND_RING, sizeof(struct bl_command *));
    core->answers = bl_ring_new(COMMAND_RING, sizeof(struct bl_command *));
    return r ? r : core->commands && core->answers ? 0 : -ENOMEM;
}

static int add_workers(struct bl_core *core, const struct bl_core_config *c)
{
    uint64_t now_ns = bl_core_now_ns(core);

    bl_role_assume_control(); /* before its thread starts */
    for (unsigned i = 0; i < c->worker_count; i++) {
        struct bl_worker *w = c->worker[i];
        bl_ingest_clock_init(&w->clock, now_ns, 1);
        core->worker[i] =
            (struct bl_worker_slot){.worker = w, .port = bl_core_port_of(core, w), .link_up = true};
        int r = bl_fleet_add_table(core->fleet, &w->table, &w->clock);
        if (r < 0)
            return r;
    }
    core->worker_count = c->worker_count;
    return bl_core_watch_ports(core, c->look_at ? c->look_at : bl_port_look_at_driver);
}

static void release_views(const struct bl_core_config *c)
{
    if (c->views.release)
        c->views.release(c->views.ctx);
}

/* The views over the fleet's registry. */
static int make_views(struct bl_core *core, const struct bl_core_config *c)
{
    struct bl_views_out out = {.ctx = core, .transition = on_view};

    bl_role_assume_control(); /* before its thread starts */
    if (core->fleet)
        core->views = bl_views_new(&c->memory, c->secret, bl_fleet_registry(core->fleet), &out);
    if (!core->views) {
        release_views(c);
        return -ENOMEM;
    }
    struct bl_registry_watch watch = bl_views_watch(core->views);
    bl_registry_watch(bl_fleet_registry_own(core->fleet), &watch);
    if (!c->views.match)
        return 0;
    int r = bl_views_begin(core->views, &c->views);
    bl_views_step(core->views, UINT32_MAX); /* no nodes yet */
    return r;
}

struct bl_core *bl_core_new(const struct bl_core_config *c, char err[BL_ERR_BYTES])
{
    if (c->worker_count > BL_TABLES_MAX) {
        snprintf(err, BL_ERR_BYTES, "%u workers: at most %u; use fewer queues", c->worker_count,
                 BL_TABLES_MAX);
        release_views(c);
        return NULL;
    }
    struct bl_core *core = calloc(1, sizeof(*core));
    if (!core) {
        release_views(c);
        goto no_memory;
    }
    core->config = c->config;
    core->memory = c->memory;
    core->clock = c->clock;
    core->cpu = c->cpu;
    core->api_feed.fd = core->notifier_feed.fd = core->log_feed.fd = -1;
    pthread_mutex_init(&core->request.mutex, NULL);
    pthread_cond_init(&core->request.done, NULL);
    struct bl_fleet_config fc = fleet_config(c->config, c->memory);
    struct bl_fleet_out out = {.ctx = core,
                               .transition = on_transition,
                               .retire = on_retire,
                               .retired = on_retired,
                               .measure = on_measure,
                               .registered = on_registered,
                               .changed = on_changed,
                               .removed = on_removed};
    core->changes = c->changes;
    core->fleet = bl_fleet_new(&fc, c->secret, &out);
    core->grace = bl_grace_new();
    core->table_maker = bl_table_maker_new();
    if (make_views(core, c) || !core->grace || !core->table_maker || open_rings(core) || add_workers(core, c))
        goto no_memory;
    return core;
no_memory:
    snprintf(err, BL_ERR_BYTES, "control core: out of memory for %u tables", c->worker_count);
    bl_core_free(core);
    return NULL;
}

void bl_core_free(struct bl_core *core)
{
    if (!core)
        return;
    for (unsigned i = 0; i < core->port_count; i++)
        bl_port_watch_free(core->port[i].watch);
    bl_table_maker_free(core->table_maker);
    bl_grace_free(core->grace);
    for (unsigned i = 0; i < core->worker_count; i++) {
        bl_slots_free(core->worker[i].next);
        bl_slots_free(core->worker[i].order.made);
    }
    bl_fleet_free(core->fleet);
    bl_views_free(core->views);
    bl_event_feed_fini(&core->api_feed);
    bl_event_feed_fini(&core->notifier_feed);
    bl_event_feed_fini(&core->log_feed);
    bl_ring_free(core->commands);
    bl_ring_free(core->answers);
    pthread_mutex_destroy(&core->request.mutex);
    pthread_cond_destroy(&core->request.done);
    free(core);
}

static void core_pin(int cpu)
{
    cpu_set_t set;
    if (cpu < 0)
        return;
    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    /* A CPU that is not ours to use leaves the thread where it is. */
    pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void *core_run(void *arg)
{
    struct bl_core *core = arg;

    bl_role_assume_control();
    core_pin(core->cpu);
    bl_rcu_thread_register();
    while (!__atomic_load_n(&core->stop, __ATOMIC_ACQUIRE)) {
        bool busy = bl_core_turn(core, bl_core_now_ns(core), unix_now_ms());
        bl_rcu_quiescent();
        if (busy)
            continue;
        bl_rcu_offline();
        nanosleep(&(struct timespec){.tv_nsec = IDLE_SLEEP_NS}, NULL);
        bl_rcu_online();
    }
    bl_rcu_thread_unregister();
    return NULL;
}

int bl_core_start(struct bl_core *core, char err[BL_ERR_BYTES])
{
    int r = pthread_create(&core->thread, NULL, core_run, core);
    if (r) {
        snprintf(err, BL_ERR_BYTES, "control core: cannot start its thread: %s", strerror(r));
        return -r;
    }
    pthread_setname_np(core->thread, "bl-control");
    core->started = true;
    return 0;
}

void bl_core_stop(struct bl_core *core)
{
    if (!core || !core->started)
        return;
    __atomic_store_n(&core->stop, 1, __ATOMIC_RELEASE);
    pthread_join(core->thread, NULL);
    core->started = false;
}

/* ---- main thread: requests ---------------------------------------------------- */

/* Hands one request over and waits until control has taken it. */
static void core_request(struct bl_core *core, const struct bl_config *next, const char *detail,
                         const struct bl_views_plan *views)
{
    pthread_mutex_lock(&core->request.mutex);
    while (core->started && core->request.pending) /* another thread's comes first */
        pthread_cond_wait(&core->request.done, &core->request.mutex);
    core->request.next = next;
    core->request.detail = detail;
    core->request.views = views;
    __atomic_store_n(&core->request.pending, true, __ATOMIC_RELEASE);
    while (core->started && __atomic_load_n(&core->request.pending, __ATOMIC_ACQUIRE))
        pthread_cond_wait(&core->request.done, &core->request.mutex);
    pthread_mutex_unlock(&core->request.mutex);
}

void bl_core_reconfigure(struct bl_core *core, const struct bl_config *next)
{
    core_request(core, next, NULL, NULL);
}

void bl_core_set_views(struct bl_core *core, const struct bl_views_plan *plan)
{
    core_request(core, NULL, NULL, plan);
}

void bl_core_number_events(struct bl_core *core, uint64_t last)
{
    if (last)
        BL_WRITE(core->last_event, (last / EVENTS_UNSAVED + 2) * EVENTS_UNSAVED);
}

void bl_core_say(struct bl_core *core, const char *detail)
{
    core_request(core, NULL, detail, NULL);
}

BL_ON_CONTROL static void take_views(struct bl_core *core, const struct bl_views_plan *plan, int64_t unix_ms)
{
    struct bl_event e = {.kind = BL_EVENT_DAEMON, .time_unix_ms = unix_ms};

    if (bl_views_begin(core->views, plan) == 0)
        return;
    snprintf(e.detail, sizeof(e.detail), "views: out of memory for the new ones; the old ones stay in force");
    bl_core_emit(core, &e);
}

void bl_core_take_request(struct bl_core *core, int64_t unix_ms)
{
    if (!__atomic_load_n(&core->request.pending, __ATOMIC_ACQUIRE))
        return;
    pthread_mutex_lock(&core->request.mutex);
    if (core->request.next) {
        core->config = core->request.next;
        core->log_feed.limit = core->config->event_log_queue;
        struct bl_fleet_config fc = fleet_config(core->config, core->memory);
        bl_fleet_configure(core->fleet, &fc);
    }
    if (core->request.views)
        take_views(core, core->request.views, unix_ms);
    if (core->request.detail) {
        struct bl_event e = {.kind = BL_EVENT_DAEMON, .time_unix_ms = unix_ms};
        snprintf(e.detail, sizeof(e.detail), "%s", core->request.detail);
        bl_core_emit(core, &e);
    }
    __atomic_store_n(&core->request.pending, false, __ATOMIC_RELEASE);
    pthread_cond_broadcast(&core->request.done);
    pthread_mutex_unlock(&core->request.mutex);
}

/* ---- the other threads' ends --------------------------------------------------- */

bool bl_core_submit(struct bl_core *core, struct bl_command *c)
{
    return bl_ring_push(core->commands, &c);
}

struct bl_command *bl_core_answered(struct bl_core *core)
{
    struct bl_command *c;
    return bl_ring_pop(core->answers, &c, 1) ? c : NULL;
}

unsigned bl_core_events(struct bl_core *core, struct bl_event *events, unsigned max)
{
    return bl_event_feed_pop(&core->api_feed, events, max);
}

int bl_core_api_fd(const struct bl_core *core)
{
    return core->api_feed.fd;
}

unsigned bl_core_notices(struct bl_core *core, struct bl_event *events, unsigned max)
{
    return bl_event_feed_pop(&core->notifier_feed, events, max);
}

int bl_core_notifier_fd(const struct bl_core *core)
{
    return core->notifier_feed.fd;
}

struct bl_event_feed *bl_core_log_feed(struct bl_core *core)
{
    return &core->log_feed;
}

const struct bl_fleet *bl_core_fleet(const struct bl_core *core)
{
    return core->fleet;
}

const struct bl_views *bl_core_views(const struct bl_core *core)
{
    return core->views;
}

struct bl_grace *bl_core_grace(const struct bl_core *core)
{
    return core->grace;
}

struct bl_fleet *bl_core_fleet_own(struct bl_core *core)
{
    return core->fleet;
}

uint64_t bl_core_last_event(const struct bl_core *core)
{
    return BL_READ(core->last_event);
}

struct bl_views *bl_core_views_own(struct bl_core *core)
{
    return core->views;
}

void bl_core_stats(const struct bl_core *core, struct bl_core_stats *out)
{
    const struct bl_core_stats *s = &core->stats;
    *out = (struct bl_core_stats){
        .turns = BL_READ(s->turns),
        .turns_busy = BL_READ(s->turns_busy),
        .sweep_rounds = BL_READ(s->sweep_rounds),
        .longest_turn_ns = BL_READ(s->longest_turn_ns),
        .busy_ns = BL_READ(s->busy_ns),
        .events = BL_READ(s->events),
        .events_waiting = BL_READ(core->api_feed.waiting) + BL_READ(core->notifier_feed.waiting),
        .events_lost = BL_READ(core->api_feed.lost) + BL_READ(core->notifier_feed.lost),
        .growths = BL_READ(s->growths),
        .reports = BL_READ(s->reports),
        .commands = BL_READ(s->commands),
        .frozen_workers = BL_READ(s->frozen_workers),
        .batch_slots = BL_READ(s->batch_slots),
    };
}

bool bl_core_link_up(const struct bl_core *core, unsigned worker)
{
    return BL_READ(core->worker[worker].link_up);
}

uint64_t bl_core_missed(const struct bl_core *core, unsigned worker)
{
    return BL_READ(core->worker[worker].missed);
}

unsigned bl_core_worker_count(const struct bl_core *core)
{
    return core->worker_count;
}

struct bl_worker *bl_core_worker(const struct bl_core *core, unsigned i)
{
    return core->worker[i].worker;
}
