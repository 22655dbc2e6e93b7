/* SPDX-License-Identifier: Apache-2.0 */
/* event_log: every event as a line of JSON in a file (event_log.path of
 * the config): what `beatline -j events` prints, and a line for each node
 * that is registered or removed, which nothing else tells of.
 *
 *   {"number":7,"kind":"transition","time":"...","name":"web-1","from":"ok",
 *    "to":"failed","reason":"timeout","incident":3,"last_beat":"..."}
 *   {"kind":"registered","time":"...","name":"web-2","reason":"first beat"}
 *   {"kind":"removed","time":"...","name":"web-2","from":"failed"}
 *   {"kind":"lost","time":"...","count":120}
 *
 * A thread of its own: the disk may be as slow as it likes. What it cannot
 * write waits in control's list, up to event_log.queue events; what is
 * beyond is counted, and the file says how many as soon as it can ("lost").
 * Trouble is told once, and tried again every second. append_file.h says
 * what rotation does; SIGHUP opens the file anew, too.
 *
 * Threads: main makes, orders and ends it; any thread reads its figures. */
#pragma once

#include <stdint.h>

#include "control/core/event_feed.h"
#include "engine/base/err.h"

struct bl_event_log_config {
    const char *path; /* "": none, for now */
    struct bl_event_feed *feed;
    /* Tells people one sentence; may wait, but not for main. NULL: the log
     * of the daemon alone. */
    void (*say)(void *ctx, const char *text);
    void *ctx;
};

struct bl_event_log;

/* Opens the file. NULL with why. */
struct bl_event_log *bl_event_log_new(const struct bl_event_log_config *c, char why[BL_ERR_BYTES]);
int bl_event_log_start(struct bl_event_log *l, char why[BL_ERR_BYTES]);
/* Ends the thread; while control still runs. Not started, or NULL: fine. */
void bl_event_log_stop(struct bl_event_log *l);
/* After control has stopped: what is left is written, as far as it can be
 * at once, or counted as lost. NULL is fine. */
void bl_event_log_free(struct bl_event_log *l);

/* Another path (reload); "": what is in the feed is written, then none. 0,
 * or negative errno with why: it cannot be opened, the old one stays. */
int bl_event_log_set_path(struct bl_event_log *l, const char *path, char why[BL_ERR_BYTES]);
/* SIGHUP: opens the file anew. NULL is fine. */
void bl_event_log_reopen(struct bl_event_log *l);

struct bl_event_log_stats {
    uint64_t lines, bytes; /* written */
    uint64_t errors;       /* writes and openings that failed */
    uint64_t reopened;     /* rotations followed, and SIGHUPs */
    uint64_t waiting;      /* events that have not been taken up */
    uint64_t lost;         /* events for which there was no place */
};
/* Any thread. */
void bl_event_log_stats(const struct bl_event_log *l, struct bl_event_log_stats *out);
