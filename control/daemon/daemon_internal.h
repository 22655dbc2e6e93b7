/* SPDX-License-Identifier: Apache-2.0 */
/* daemon_internal: what daemon.c (life: start, signals, stop),
 * daemon_ports.c (ports and workers, opened and closed) and
 * daemon_reload.c (what a config puts in force) share. Nobody else
 * includes it. */
#pragma once

#include <pthread.h>

#include "control/alert/notifier.h"
#include "control/api/server.h"
#include "control/core/core.h"
#include "control/core/key_secret.h"
#include "control/daemon/daemon.h"
#include "control/export/event_log.h"
#include "control/ingest/tcp.h"
#include "control/store/store.h"
#include "dataplane/worker/worker.h"

struct bl_daemon {
    struct bl_config *config;
    const struct bl_config_overrides *overrides;
    struct bl_key_secret secret;
    struct bl_wire_config *wire; /* published to the workers */
    struct bl_port_spec spec[BL_PORTS_MAX];
    struct bl_port *port[BL_PORTS_MAX];
    bool ports_closed;                       /* by the thread that closes them at the end */
    struct bl_worker *worker[BL_TABLES_MAX]; /* the api thread's is the last */
    unsigned worker_count;
    struct bl_memory_arena *arena; /* the registry's */
    struct bl_changes *changes;    /* core -> store; NULL: nothing is kept */
    struct bl_core *core;
    struct bl_store *store;
    struct bl_event_log *event_log;
    struct bl_notifier *notifier;
    struct bl_tcp *tcp;
    struct bl_server *server;
    pthread_mutex_t reload; /* main (SIGHUP) and api thread (config reload) */
};

/* ---- daemon_ports.c; main ---- */

/* Where the control core runs: as the config says; else, if poll loops
 * take whole CPUs, on the first one, which they avoid. -1: anywhere. */
int bl_daemon_control_cpu(const struct bl_config *c, bool has_dpdk);
/* Starts DPDK if a port needs it, opens the config's ports, makes a
 * worker for each queue and one for the api thread; none runs yet. 0, or
 * negative errno with err: bl_daemon_stop closes what is open. */
int bl_daemon_open_ports(struct bl_daemon *d, const char *program, char *err);
/* Logs what they listen on. */
void bl_daemon_say_ports(const struct bl_daemon *d);
/* Ends the workers. False: one or more do not return. */
bool bl_daemon_stop_workers(struct bl_daemon *d);
/* Closes the ports. False: a driver does not return. */
bool bl_daemon_close_ports(struct bl_daemon *d);

/* ---- daemon_reload.c; main, or who holds `reload` ---- */

/* What workers are to know of `c`, to be freed; NULL: no memory. */
struct bl_wire_config *bl_daemon_wire_config(const struct bl_daemon *d, const struct bl_config *c);
