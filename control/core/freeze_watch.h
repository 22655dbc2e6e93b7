/* SPDX-License-Identifier: Apache-2.0 */
/* freeze_watch: what is told of a port whose ingest stands still. From
 * look to look it knows how many of the port's workers stand still and
 * why, and says
 *
 *   an event     when they have stood still for BL_FREEZE_EVENT_NS (less
 *                is counted by the ingest clocks and nothing else), when
 *                the reason or the number of workers has been another one
 *                for so long, and when they all run again;
 *   to tell it   to people, when what the last event says has lasted
 *                BL_FREEZE_TOLD_NS and is not what they know: that all
 *                run again exactly if they know of a freeze.
 *
 * An event has the time at which it began, not the one at which it was
 * known to last.
 *
 * Threads: control. Pure: time is an argument, CLOCK_MONOTONIC ns and
 * Unix ms. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/core/event.h"

/* Until a link was up once, that it is down is no news for so long from
 * the first look on: network cards take some seconds to agree on a speed. */
#define BL_FREEZE_LINK_NS UINT64_C(10000000000)

#define BL_FREEZE_EVENT_NS UINT64_C(1000000000)
#define BL_FREEZE_TOLD_NS  UINT64_C(2000000000)

struct bl_freeze_level {
    uint32_t why;    /* bl_freeze, one of them; 0: all workers run */
    uint8_t workers; /* that stand still */
};

struct bl_freeze_watch {
    struct bl_freeze_level is, said, told;   /* now; in the last event; to people */
    uint64_t first_ns;                       /* first look; 0: there was none */
    uint64_t looked_ns, since_ns, frozen_ns; /* last look; `is` began; the freeze began */
    int64_t looked_unix_ms, since_unix_ms, frozen_unix_ms;
    uint64_t told_ns; /* when the freeze began that people know of */
    uint8_t all;      /* workers of the port */
    bool link_was_up;
    struct bl_event last; /* the last event, as people will be told of it */
};

/* `workers`: how many the port has. */
void bl_freeze_watch_init(struct bl_freeze_watch *w, const char *port, unsigned workers);

/* The port's link is up. */
void bl_freeze_watch_link(struct bl_freeze_watch *w);

/* Control's look: `reasons` (bl_freeze, or-ed) that hold for `workers` of
 * them. */
void bl_freeze_watch_look(struct bl_freeze_watch *w, uint32_t reasons, unsigned workers, uint64_t now_ns,
                          int64_t unix_ms);
/* After each look: an event that is due goes to *e, without its number.
 * The caller numbers it, then says so. */
bool bl_freeze_watch_event(struct bl_freeze_watch *w, struct bl_event *e);
void bl_freeze_watch_numbered(struct bl_freeze_watch *w, uint64_t number);
/* The last event, BL_EVENT_NOTIFY set, when it is time to tell people. */
bool bl_freeze_watch_notice(struct bl_freeze_watch *w, struct bl_event *e);
