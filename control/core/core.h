/* SPDX-License-Identifier: Apache-2.0 */
/* core: the control core, the one thread that owns the fleet (registry,
 * states, sweeps, ingest clocks). Its loop:
 *
 *   look at each worker's last poll, and at what its port's watch saw,
 *   advance its clock
 *   drain the workers' reports
 *   every tick (10 ms): a round of the sweep, in batches
 *   a step of the views' new generation, and what views changed state
 *   between batches: commands of the api thread
 *   growth of tables, what waited for a grace period, events that did not
 *   fit a ring
 *   sleep to the next millisecond if there was nothing to do
 *
 * A turn is bound in time: reports, commands and the sweep each stop about
 * 2 ms after they began, go on with the next turn where they stopped, and
 * make this one busy. Reports are taken from the workers in turns. Were a
 * turn longer than BL_POLL_GAP_NS, every clock would stop for it.
 *
 * Threads: main creates and starts it; from then on the functions below
 * say who may call them. Events go to two rings (api, notifier), and to a
 * third while the config has an event log, each with an eventfd to wake
 * its reader; an event that meets a full ring waits in a list of control's
 * own, so none is lost and order is kept. Only the event log's list is
 * limited (event_log.queue).
 *
 * Control waits for nobody, least of all for a worker: one that hangs
 * stops its own clock, and the rest goes on. Grace periods are waited for
 * by one thread (grace.h), tables are made by another (table_maker.h),
 * each port is looked at by one of its own (port_watch.h); all are the core's, from bl_core_new to
 * bl_core_free. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/config/config.h"
#include "control/core/changes.h"
#include "control/core/command.h"
#include "control/core/event_feed.h"
#include "control/core/grace.h"
#include "control/core/port_watch.h"
#include "dataplane/worker/worker.h"
#include "engine/base/err.h"
#include "engine/fleet/fleet.h"
#include "engine/views/views.h"

struct bl_core;

/* CLOCK_MONOTONIC in ns, or what a test plays instead. */
struct bl_core_clock {
    uint64_t (*now_ns)(void *ctx); /* NULL: CLOCK_MONOTONIC */
    void *ctx;
};

struct bl_core_config {
    const struct bl_config *config; /* outlives the core, or until bl_core_reconfigure */
    struct bl_worker **worker;      /* all of them, the api thread's included */
    unsigned worker_count;
    const struct bl_key_secret *secret;
    struct bl_memory memory; /* of the registry and the views */
    /* In force from the start, and the core's whatever happens; match
     * NULL: only `all`. */
    struct bl_views_plan views;
    int cpu;                    /* to pin the thread to; -1: anywhere */
    struct bl_changes *changes; /* to the store; NULL: nobody saves */
    bl_port_look_at *look_at;   /* how a port is looked at; NULL: its driver is asked. A test's handle */
    struct bl_core_clock clock; /* what bounds the parts of a turn, and starts the ingest clocks */
};

struct bl_core *bl_core_new(const struct bl_core_config *c, char err[BL_ERR_BYTES]);
int bl_core_start(struct bl_core *core, char err[BL_ERR_BYTES]);
void bl_core_stop(struct bl_core *core);
/* After that: ends what looks at the ports, waiting `wait_ms` for it at
 * most. False, and logged: a driver does not return; the core and that
 * port cannot be freed. */
bool bl_core_ports_end(struct bl_core *core, unsigned wait_ms);
void bl_core_free(struct bl_core *core);

/* One turn of the loop at the given times; a test's handle. Returns
 * whether there was work, or is some left. */
bool bl_core_turn(struct bl_core *core, uint64_t now_ns, int64_t unix_ms) BL_ON_CONTROL;

/* ---- main thread ----------------------------------------------------- */

/* Puts a new config in force (SIGHUP) and waits for it; the old one may
 * be freed afterwards. Ports, socket path and cpus do not change. */
void bl_core_reconfigure(struct bl_core *core, const struct bl_config *next);

/* Puts a new plan of views in force: their membership is found out in
 * steps between control's other work, and shown when it is complete. The
 * plan is the core's from here on, released when nobody uses it any more.
 * Waits for control's next turn. */
void bl_core_set_views(struct bl_core *core, const struct bl_views_plan *plan);

/* Before bl_core_start: events are numbered from above `last`, the number
 * of the last one of the time before, with room for those that were not
 * saved: a number is never given twice. */
void bl_core_number_events(struct bl_core *core, uint64_t last);
/* The last event's number. Any thread. */
uint64_t bl_core_last_event(const struct bl_core *core);

/* Tells the feeds something of the daemon itself ("reloaded FILE"). Any
 * thread but workers; waits for control's next turn. */
void bl_core_say(struct bl_core *core, const char *detail);

/* ---- api thread ------------------------------------------------------ */

/* Hands a command over; false: the ring is full, try again later. */
bool bl_core_submit(struct bl_core *core, struct bl_command *c) BL_ON_API;
/* A command that control has answered, NULL if none. */
struct bl_command *bl_core_answered(struct bl_core *core) BL_ON_API;
/* Pops up to `max` events. */
unsigned bl_core_events(struct bl_core *core, struct bl_event *events, unsigned max) BL_ON_API;
/* Readable when there are answers or events (level: read it to clear). */
int bl_core_api_fd(const struct bl_core *core);

/* ---- notifier thread -------------------------------------------------- */

unsigned bl_core_notices(struct bl_core *core, struct bl_event *events, unsigned max) BL_ON_NOTIFIER;
int bl_core_notifier_fd(const struct bl_core *core);

/* ---- the event log ----------------------------------------------------- */

/* What the event log reads; empty while the config has none. */
struct bl_event_feed *bl_core_log_feed(struct bl_core *core);

/* ---- any thread under RCU -------------------------------------------- */

const struct bl_fleet *bl_core_fleet(const struct bl_core *core);
/* The views: lists, counts and whether a node is in one, see views.h. */
const struct bl_views *bl_core_views(const struct bl_core *core);
/* What waits for grace periods, for other threads that publish. */
struct bl_grace *bl_core_grace(const struct bl_core *core);
/* Control's own access, for who restores nodes and numbers before
 * bl_core_start. */
struct bl_fleet *bl_core_fleet_own(struct bl_core *core) BL_ON_CONTROL;
struct bl_views *bl_core_views_own(struct bl_core *core) BL_ON_CONTROL;

struct bl_core_stats {
    uint64_t turns, turns_busy, sweep_rounds, longest_turn_ns, busy_ns;
    uint64_t events, events_waiting; /* not yet in a ring; the event log's apart */
    uint64_t events_lost;            /* to the api or notifier thread: out of memory */
    uint64_t growths, reports, commands;
    uint32_t frozen_workers;
    uint32_t batch_slots; /* in force */
};
void bl_core_stats(const struct bl_core *core, struct bl_core_stats *out);
/* As of control's last look, about every 100 ms: whether the worker's
 * port has link, and what that port itself had to drop (on the worker of
 * its queue 0; 0 on the others, so that a sum over workers is right). */
bool bl_core_link_up(const struct bl_core *core, unsigned worker);
uint64_t bl_core_missed(const struct bl_core *core, unsigned worker);
unsigned bl_core_worker_count(const struct bl_core *core);
struct bl_worker *bl_core_worker(const struct bl_core *core, unsigned i);
