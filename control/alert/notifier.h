/* SPDX-License-Identifier: Apache-2.0 */
/* notifier: the thread that tells people. It takes events off control's
 * ring and hands each transition whose new state is in notify.states, and
 * each freeze of ingest that lasts and its thaw, to
 * every notifier of the config (`ok` only where trouble was told:
 * owed.h, and a first beat, or the end of a pause, is no news to
 * a person); each delivery is tried, and retried
 * `retries` times, `retry_every_ms` apart, on its own. A newer notice of
 * a node (or a view) takes the place of one that waits, and waits for one
 * that is on its way, so that the newest is the last word (outbox.h). The
 * queue grows in memory as long as a receiver is away, to a notice of
 * each node at most; what is given up is counted and logged once per
 * minute, never silently.
 *
 * To add a notifier: one file in notify/ that fills a
 * struct bl_notifier_ops, one line in the table of notifier.c.
 *
 * Threads: main creates, starts and stops it; everything else happens on
 * the notifier thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/config/config.h"
#include "control/core/event.h"
#include "dataplane/port/port.h"
#include "engine/base/err.h"
#include "engine/base/role.h"

struct bl_core;
struct bl_notifier;

/* Where events come from: control's ring in the daemon, an array in a
 * test. */
struct bl_notice_source {
    void *ctx;
    unsigned (*pop)(void *ctx, struct bl_event *events, unsigned max);
    int fd; /* readable when there may be some; the notifier reads 8 bytes */
};

/* With its 0; a longer one is cut. */
#define BL_NOTIFIER_NAME 64

struct bl_notifier_stats {
    char name[BL_NOTIFIER_NAME]; /* "webhook http://..." */
    uint64_t queued, delivered, retried, given_up, superseded;
};

/* Checks targets and opens nothing that could fail later at leisure.
 * NULL with err. */
struct bl_notifier *bl_notifier_new(const struct bl_config *c, const struct bl_notice_source *source,
                                    char err[BL_ERR_BYTES]);
int bl_notifier_start(struct bl_notifier *n, char err[BL_ERR_BYTES]);
/* Delivers what is queued for at most `grace_ms`, then ends the thread;
 * what is left is counted and logged. */
void bl_notifier_stop(struct bl_notifier *n, uint32_t grace_ms);
void bl_notifier_free(struct bl_notifier *n);

/* New targets (reload): queued deliveries of targets that are still
 * there go on. Main thread; takes effect before it returns. */
int bl_notifier_reconfigure(struct bl_notifier *n, const struct bl_config *c, char err[BL_ERR_BYTES]);

/* Up to `max` lines; returns how many. Any thread. */
unsigned bl_notifier_stats(const struct bl_notifier *n, struct bl_notifier_stats *out, unsigned max);
