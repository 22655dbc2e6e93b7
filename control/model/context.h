/* SPDX-License-Identifier: Apache-2.0 */
/* context: what of the daemon the api thread's parts read: CLI commands,
 * HTTP handlers, statsd. The server sets it up, and the times once per
 * turn; below it nobody knows the server, so that these parts do not
 * depend on it nor on one another.
 *
 * Threads: the api thread alone. `config` is published: read it with
 * bl_rcu_read. */
#pragma once

#include <stdint.h>

#include "control/config/config.h"
#include "control/core/core.h"
#include "control/model/history.h"
#include "control/model/incidents.h"
#include "control/model/maps.h"
#include "control/model/pending_commands.h"
#include "engine/base/err.h"
#include "engine/base/role.h"

/* Long output is made in pieces of at most so many bytes, so that a slow
 * client costs nobody anything. */
#define BL_PIECE_BYTES 65536u

struct bl_event_log;
struct bl_memory_arena;
struct bl_notifier;
struct bl_store;
struct bl_tcp;
struct bl_worker;

struct bl_api {
    struct bl_core *core;
    struct bl_pending_commands *asks;
    struct bl_notifier *notifier;
    struct bl_worker *worker;
    struct bl_tcp *tcp;                   /* NULL: none */
    const struct bl_store *store;         /* NULL: nothing is kept */
    const struct bl_event_log *event_log; /* NULL: none */
    const struct bl_memory_arena *memory;
    const struct bl_config *config; /* published; read with bl_rcu_read */
    struct bl_history history;
    struct bl_incidents incidents; /* of the views */
    struct bl_maps maps;           /* of who looks at the web page */
    int64_t start_unix_ms;         /* for people, and to tell one run from another */
    uint64_t start_ns;             /* the same moment on now_ns' clock */
    int (*reload)(void *ctx, char waiting[BL_CONFIG_WAITING_BYTES], char err[BL_ERR_BYTES]);
    void *reload_ctx;
    uint64_t now_ns;
    int64_t now_unix_ms;
};

/* Between any two pieces of work that may take some ms: reads the clocks
 * (now_ns, now_unix_ms), polls the thread's own worker, so that its
 * ingest clock never stops for us, and announces a quiescent state: no
 * pointer of the registry or the config holds over it. Cost: about
 * 0.2 us. */
void bl_api_yield(struct bl_api *api) BL_ON_API;
