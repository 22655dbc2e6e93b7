/* SPDX-License-Identifier: Apache-2.0 */
/* store: keeps the fleet across restarts, kill -9 and power cuts: every
 * node with its policy, pause, state and incident number, every view with
 * its own, and the number of the last event.
 *
 * A thread of its own, off the packet path and off control's: it reads
 * the registry under RCU, a thousand nodes at a time, and writes while it
 * holds nothing, so that a slow or stuck disk costs nobody else anything.
 *
 *   journal    twice a second, what has changed (changes.h); flushed to
 *              the disk, so that whoever pulls the plug loses a second at
 *              most. A node's last beat is no change: after a restart it is as
 *              old as the last snapshot, or change of the node's state.
 *              How long each node was silent is known of a clean stop
 *              alone: after a crash all have their full timeout.
 *   snapshot   everything: every `save_every` in which something changed, when
 *              the journal has grown larger than the last snapshot, after a
 *              trouble, and on a clean stop
 *
 * A disk that is full, or gone, is told (log, event, counter), once, and
 * tried again; the last good snapshot stays. state_file.h has the format,
 * state_dir.h the folder.
 *
 * Limits: changes that do not fit their rings (260,000 nodes or 8,000
 * removals within half a second) are not journaled one by one; a snapshot
 * follows at once, and what they lose to a crash is as long as it takes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/core/changes.h"
#include "control/store/state_dir.h"
#include "control/store/state_file.h"
#include "engine/base/err.h"
#include "engine/fleet/fleet.h"
#include "engine/views/views.h"

struct bl_store_config {
    const char *dir; /* for bl_store_open alone */
    uint32_t save_every_ms;
    struct bl_fleet *fleet;
    struct bl_views *views; /* NULL: none are kept */
    struct bl_changes *changes;
    /* Of the daemon: the number of the last event; tells the feeds one
     * sentence, may wait. NULL: there is none. */
    uint64_t (*events)(void *ctx);
    void (*say)(void *ctx, const char *text);
    void *ctx;
};

struct bl_store;

/* Main: opens and locks the folder. NULL with why. */
struct bl_store *bl_store_open(const struct bl_store_config *c, char why[BL_ERR_BYTES]);
/* Main, the thread has stopped. NULL is fine. */
void bl_store_free(struct bl_store *s);

/* What was found in the folder. */
struct bl_store_loaded {
    uint64_t nodes;                                 /* in the fleet now */
    uint64_t views;                                 /* whose past is known */
    uint64_t refused;                               /* nodes that could not be taken back: names, limits */
    uint64_t changes;                               /* journaled records that came after the snapshot */
    uint64_t events;                                /* the last event's number; 0: none */
    bool stopped;                                   /* cleanly: what was saved is the last there was */
    unsigned damaged;                               /* files that were refused, whole or from some byte on */
    int64_t saved_unix_ms;                          /* of the snapshot; 0: there was none */
    char trouble[BL_ERR_BYTES + BL_STATE_NAME + 8]; /* the first of it, for people; "" none */
};

/* Main, before any other thread runs: brings the fleet back to what the
 * folder has: the last snapshot that is good, and all that was journaled
 * since; the caller puts the nodes into tables (bl_fleet_take_places).
 * A damaged snapshot is put aside, and the one before serves with its
 * journals. 0, or negative errno and why where going on would lose
 * something: files of a newer version, or that cannot be read. */
int bl_store_load(struct bl_store *s, struct bl_store_loaded *out, char why[BL_ERR_BYTES]) BL_ON_CONTROL;

/* Main: starts the thread, which begins with a snapshot. */
int bl_store_start(struct bl_store *s, char why[BL_ERR_BYTES]);
/* Main: ends the thread. Not started, or NULL: fine. */
void bl_store_stop(struct bl_store *s);
/* Main, after everybody has stopped: a last snapshot. 0 or negative errno. */
int bl_store_save(struct bl_store *s);

/* Any thread: how often from now on. */
void bl_store_set_save_every(struct bl_store *s, uint32_t ms);

struct bl_store_stats {
    uint64_t generation; /* of the last good snapshot; 0: none yet */
    uint64_t snapshots, snapshot_errors;
    uint64_t snapshot_bytes, snapshot_nodes, snapshot_us; /* the last good one */
    int64_t snapshot_unix_ms;
    uint64_t journal_records, journal_errors; /* since the start */
    uint64_t journal_bytes;                   /* of the one being written */
    /* Looks for what has changed that are through and wrote all of it to
     * the disk: what was changed before one began is there after it. */
    uint64_t journal_flushes;
    uint64_t overruns;                   /* how often changes did not fit their rings */
    uint64_t damaged, restored, refused; /* by bl_store_load */
};
/* Any thread. */
void bl_store_stats(const struct bl_store *s, struct bl_store_stats *out);
