/* SPDX-License-Identifier: Apache-2.0 */
/* server: the api thread: one event loop (epoll) over the CLI's Unix
 * socket, control's events and answers, connections that bring lines of
 * text (tcp.h), HTTP (control/http/), and the thread's own worker (a
 * table for the beats that come over any connection).
 *
 * Protocol on the socket, so thin that `nc -U` can speak it: the client
 * sends one line of JSON, {"argv":["nodes","list"],"json":true,
 * "columns":120}; the server answers with frames:
 *
 *   "1 LEN\n" + LEN bytes   for stdout
 *   "2 LEN\n" + LEN bytes   for stderr
 *   "0 CODE\n"              exit code; the connection ends
 *
 * All of the commands' knowledge is in the server: the client prints.
 * A command is one file in api/ that fills a struct bl_cli_command, and
 * one line in the table of commands.c.
 *
 * Long output is made in pieces of at most BL_PIECE_BYTES as the client
 * takes it, so that a slow client costs nobody anything; between pieces
 * the thread serves everybody else. */
#pragma once

#include "control/alert/notifier.h"
#include "control/config/config.h"
#include "control/core/core.h"
#include "control/core/memory.h"
#include "control/export/event_log.h"
#include "control/store/store.h"
#include "engine/base/err.h"

struct bl_server;
struct bl_tcp;

struct bl_server_config {
    const char *socket_path;
    struct bl_core *core;
    struct bl_notifier *notifier;
    struct bl_worker *worker;             /* this thread's own, no port */
    struct bl_tcp *tcp;                   /* the same worker's connections; NULL: none */
    const struct bl_config *config;       /* in force; followed under RCU via bl_server_config_is */
    struct bl_store *store;               /* NULL: nothing is kept */
    struct bl_event_log *event_log;       /* NULL: there is none, whatever the config says */
    const struct bl_memory_arena *memory; /* the registry's; NULL: no figures of it */
    int64_t start_unix_ms;
    /* Reloads (as SIGHUP does): 0 and the keys that need a restart in
     * `waiting`, or negative errno and the config error in err. Called on the api thread, RCU-online; it goes
     * offline while it waits for control. Nobody is served meanwhile, and past BL_POLL_GAP_NS the thread's
     * own ingest clock stops: keep it short. */
    int (*reload)(void *ctx, char waiting[BL_CONFIG_WAITING_BYTES], char err[BL_ERR_BYTES]);
    void *reload_ctx;
};

/* Binds the socket (mode 0660; a stale one is replaced, a live one is an
 * error). NULL with err. */
struct bl_server *bl_server_new(const struct bl_server_config *c, char err[BL_ERR_BYTES]);
int bl_server_start(struct bl_server *s, char err[BL_ERR_BYTES]);
/* Ends the thread and removes the socket. NULL, or not started: fine. */
void bl_server_stop(struct bl_server *s);
/* After bl_core_stop: control may still hold commands of ours. */
void bl_server_free(struct bl_server *s);

/* The config that `config show` shows, after a reload. The old one is
 * read until a grace period is over. Any thread. */
void bl_server_config_is(struct bl_server *s, const struct bl_config *config);
