/* SPDX-License-Identifier: Apache-2.0 */
/* ops: what a kind of notifier has to bring. It pulls deliveries out of
 * its outbox when it can try one, and tells the outbox how each ended;
 * queue, schedule and counts are the outbox's business.
 *
 * The notifier thread calls `turn` of every notifier once per loop, then
 * sleeps until one of the file descriptors is ready or the earliest
 * `due_ms` is there. A turn must not block and should be short (a
 * millisecond or so): the other notifiers wait for it.
 *
 * Threads: open, and close of what never ran: main; the rest: the
 * notifier's. */
#pragma once

#include <poll.h>
#include <stdint.h>

#include "control/alert/notifier.h"
#include "control/alert/outbox.h"
#include "control/config/config.h"
#include "dataplane/port/port.h"
#include "engine/base/err.h"

struct bl_notifier_ops {
    /* Checks the target and opens nothing that is away at times. `c` may
     * go afterwards; `outbox` outlives what is returned. `name` is for log
     * and counters, without secrets of the target. NULL with err. */
    void *(*open)(const struct bl_notifier_config *c, struct bl_outbox *outbox, char name[BL_NOTIFIER_NAME],
                  char err[BL_ERR_BYTES]);
    /* A reload changed the time that a try may take. */
    void (*set_timeout)(void *self, uint32_t timeout_ms);
    /* Goes on with what is in flight and starts what is due. */
    void (*turn)(void *self, uint64_t now_ms);
    /* What to wait for; fd -1: nothing. */
    struct pollfd (*pollfd)(const void *self);
    /* When a turn is needed whatever the fd says: a time of its own, or of
     * its outbox if it has room for a delivery. BL_NEVER_MS: not. */
    uint64_t (*next_wakeup_ms)(const void *self);
    /* Ends; what is in flight goes back to the outbox as failed. */
    void (*close)(void *self, uint64_t now_ms);
};

extern const struct bl_notifier_ops bl_syslog_ops, bl_webhook_ops;
