/* SPDX-License-Identifier: Apache-2.0 */
/* event_feed: events on their way from control to one reader thread: a
 * ring, and behind it a list of control's own for what the ring has no
 * room for. Nothing is lost and order is kept; control never waits. The
 * list is packed (an event without its unused text), in pieces of 1 MiB,
 * given back as it drains: a million waiting transitions with 24-byte
 * names are about 100 MB. A reader that may fall behind for good (a disk
 * that is full) has a limit on it, and what is beyond is counted.
 *
 * Threads: control pushes and flushes, one reader pops. The eventfd
 * becomes readable when something was pushed; the reader clears it by
 * reading it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/core/event.h"
#include "dataplane/base/ring.h"
#include "engine/base/role.h"

#define BL_FEED_RING 8192u

struct bl_feed_piece;

struct bl_event_feed {
    struct bl_ring *ring;
    int fd;
    /* control's */
    struct bl_feed_piece *first, *last; /* the list, oldest first */
    uint64_t waiting;                   /* events in it; any thread reads */
    uint64_t limit;                     /* of the list, in events; 0: memory's */
    uint64_t lost;                      /* no place in the list; any thread reads */
    bool wake;                          /* pushed since the last flush */
};

/* 0 or negative errno. */
int bl_event_feed_init(struct bl_event_feed *f);
void bl_event_feed_fini(struct bl_event_feed *f);

void bl_event_feed_push(struct bl_event_feed *f, const struct bl_event *e) BL_ON_CONTROL;
/* Moves what waits into the ring as far as it goes, wakes the reader.
 * Once per turn. */
void bl_event_feed_flush(struct bl_event_feed *f) BL_ON_CONTROL;

/* The reader's: up to `max` events, oldest first. */
unsigned bl_event_feed_pop(struct bl_event_feed *f, struct bl_event *events, unsigned max);
