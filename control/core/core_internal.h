/* SPDX-License-Identifier: Apache-2.0 */
/* core_internal: what core.c (life and the other threads' ends),
 * core_turn.c (the loop's body) and core_freeze.c (freezes told) share. Nobody else includes it. */
#pragma once

#include <pthread.h>

#include "control/core/core.h"
#include "control/core/event_feed.h"
#include "control/core/freeze_watch.h"
#include "control/core/port_watch.h"
#include "control/core/table_maker.h"

enum bl_growth { BL_GROWTH_NONE, BL_GROWTH_MAKING, BL_GROWTH_ASK, BL_GROWTH_MOVING };

/* Generations of one table that may wait for a grace period, each at most
 * as large as the next: growth waits for the first of them then. With all
 * workers well there is one, for milliseconds. */
#define BL_CORE_OLD_TABLES 8u

/* Control's side of one port: of all workers that have it. */
struct bl_core_port {
    struct bl_port *port;        /* NULL: what the api thread takes in */
    struct bl_port_watch *watch; /* NULL without port */
    uint64_t next_look_ns;
    uint64_t asked_ns; /* when its watch was last asked for a look */
    bool silence_said; /* logged that it does not answer */
    struct bl_freeze_watch freeze;
    uint32_t why;    /* of this turn: reasons that stop clocks, */
    unsigned frozen; /* of so many workers */
};

/* Control's side of one worker. */
struct bl_worker_slot {
    struct bl_worker *worker;
    struct bl_core_port *port;
    enum bl_growth growth;
    struct bl_table_order order;                  /* BL_GROWTH_MAKING */
    struct bl_slots *next;                        /* made, not the worker's yet */
    struct bl_grace_note old[BL_CORE_OLD_TABLES]; /* outgrown generations on their way out */
    uint64_t retry_ns;                            /* no memory for a new generation: not before this */
    uint64_t missed;                              /* read by the api thread, as is link_up */
    bool link_up;
};

struct bl_core {
    const struct bl_config *config;
    struct bl_memory memory;
    struct bl_core_clock clock;
    int cpu;
    struct bl_fleet *fleet;
    struct bl_views *views;
    struct bl_worker_slot worker[BL_TABLES_MAX];
    unsigned worker_count;
    struct bl_core_port port[BL_TABLES_MAX];
    unsigned port_count;
    struct bl_freeze_watch own_gap; /* this process did not run: of all ports at once */
    struct bl_event_feed api_feed, notifier_feed;
    struct bl_event_feed log_feed;      /* fed while there is an event log */
    struct bl_changes *changes;         /* to the store, or NULL */
    uint64_t last_event;                /* its number; any thread reads */
    struct bl_ring *commands, *answers; /* struct bl_command * */
    pthread_t thread;
    bool started;
    uint32_t stop;
    struct bl_grace *grace;
    struct bl_table_maker *table_maker;
    struct { /* main or api thread -> control: one at a time */
        pthread_mutex_t mutex;
        pthread_cond_t done;
        bool pending;
        const struct bl_config *next;
        const char *detail;
        const struct bl_views_plan *views;
    } request;
    /* the loop's own */
    uint64_t next_tick_ns, next_reclaim_ns;
    bool reclaiming;  /* registry and views have something in its grace period, */
    uint64_t reclaim; /* of this number */
    int64_t unix_ms;  /* of this turn */
    bool in_round;
    unsigned next_report; /* worker whose reports are taken next */
    uint64_t turn_ns;     /* when the turn before began, and whether it was busy */
    bool turn_busy;
    struct bl_core_stats stats; /* read by the api thread, word by word */
};

/* Now, on the core's clock. Cost: 25 ns. */
uint64_t bl_core_now_ns(const struct bl_core *core);
/* Numbers an event and hands it to both feeds. */
void bl_core_emit(struct bl_core *core, struct bl_event *e) BL_ON_CONTROL;
/* Takes the pending request, if any, and lets its thread go on. */
void bl_core_take_request(struct bl_core *core, int64_t unix_ms) BL_ON_CONTROL;

/* The port of a worker, taken in with its first one; then, with all
 * workers there: what is watched of each. Before the thread starts. */
struct bl_core_port *bl_core_port_of(struct bl_core *core, const struct bl_worker *w);
int bl_core_watch_ports(struct bl_core *core, bl_port_look_at *look_at); /* 0 or -ENOMEM */
/* Asks for a look at each port where it is time, and takes what the last
 * one saw; a port that does not answer has its clocks held. */
void bl_core_look_at_ports(struct bl_core *core, uint64_t now_ns) BL_ON_CONTROL;
/* Tells what each port's `why` and `frozen` of this turn give to tell, and
 * sets them back; `own_gap`: this process did not run. */
void bl_core_tell_freezes(struct bl_core *core, bool own_gap, uint64_t now_ns, int64_t unix_ms) BL_ON_CONTROL;
