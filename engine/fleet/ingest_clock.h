/* SPDX-License-Identifier: Apache-2.0 */
/* ingest_clock: a clock that advances only while ingest is proven
 * healthy. Ages of one worker's nodes are measured on it, so stopping it
 * stops every timeout of that worker at once, in O(1), and starting it
 * again gives each node the time it had left.
 *
 * Control advances it once per loop from what it has seen of the worker:
 * `alive_ns`, the monotonic time of the worker's last poll. Time that no
 * poll vouches for does not count:
 *
 *   - the worker polls on: the clock follows alive_ns;
 *   - no poll for BL_POLL_GAP_NS: frozen at the last poll (reason poll_gap);
 *     a gap that is over by control's next look does not count either,
 *     but is no freeze;
 *   - control itself was away that long (process stopped, VM paused,
 *     restored): the whole gap does not count (reason own_gap);
 *   - control says so (link down, no answer of the driver): frozen until
 *     it says thaw.
 *
 * The worker stamps beats with bl_ingest_clock_tick(now): the time since
 * the published offset, capped at BL_POLL_GAP_NS past control's last
 * look, so a worker that runs on while control is away stamps beats at
 * most that much ahead; a reader takes such an age as 0.
 *
 * Ages of two clocks do not compare: one of them may have stood still,
 * now or since the beat. Whoever asks which of two beats is the younger
 * asks bl_ingest_clock_since_ms, which counts that time too, for the last
 * BL_STANDSTILLS_KEPT standstills of each clock.
 *
 * Threads: control writes (advance, freeze, thaw), the worker and any
 * reader call tick and since_ms. The two published words are read one after the
 * other; between them control may have moved on: the error is at most
 * BL_POLL_GAP_NS ahead, never behind the true stamp.
 * Pure: time is an argument, CLOCK_MONOTONIC ns. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/beat.h"
#include "engine/base/role.h"

/* design: a poll gap over 100 ms puts ingest in doubt. */
#define BL_POLL_GAP_NS UINT64_C(100000000)

/* Why a clock stands still; or-ed. */
enum bl_freeze {
    BL_FREEZE_LINK_DOWN = 1,
    BL_FREEZE_POLL_GAP = 2,
    BL_FREEZE_OWN_GAP = 4,
    BL_FREEZE_NO_ANSWER = 8, /* the port's driver does not say whether it has link */
};

/* Standstills that are over which a clock remembers; a power of two. */
#define BL_STANDSTILLS_KEPT 16u

struct bl_ingest_clock {
    /* published: control writes, worker and readers load (relaxed) */
    uint64_t offset_ns; /* ingest time = monotonic - offset */
    uint64_t limit_ns;  /* ingest time is not past this */
    uint32_t frozen;    /* bl_freeze now, 0: running */
    /* Standstills that are over, each stored before their number: the tick
     * at which the clock stood, and the offset that it ran on with. */
    uint32_t standstills, forgotten; /* how many there were, and how many of them are not kept */
    uint32_t stood_tick[BL_STANDSTILLS_KEPT];
    uint64_t ran_on_ns[BL_STANDSTILLS_KEPT];
    uint64_t first_offset_ns; /* before the first that is kept */
    /* control's own */
    uint64_t ingest_ns BL_OWNED_BY(bl_role_control); /* the clock */
    uint64_t seen_ns BL_OWNED_BY(bl_role_control);   /* control's last look */
    uint64_t alive_ns BL_OWNED_BY(bl_role_control);  /* worker's poll then */
    uint32_t held BL_OWNED_BY(bl_role_control);      /* freeze reasons control holds */
    uint64_t base_ns BL_OWNED_BY(bl_role_control);   /* offset at the start */
    uint64_t frozen_ns BL_OWNED_BY(bl_role_control); /* total time not counted; stored whole */
    uint32_t freezes BL_OWNED_BY(bl_role_control);   /* how many times; stored whole */
};

/* Starts the clock at `start_ticks` (1 or more, so that 0 is never a
 * stamp in the first ticks), running, at monotonic `now_ns`. */
void bl_ingest_clock_init(struct bl_ingest_clock *c, uint64_t now_ns, uint32_t start_ticks) BL_ON_CONTROL;

/* Control's look, once per loop: its own time and the worker's last
 * poll. Returns the bl_freeze reasons that hold now (0: running); the
 * caller compares with what it had to report freeze and thaw. */
uint32_t bl_ingest_clock_advance(struct bl_ingest_clock *c, uint64_t now_ns, uint64_t alive_ns) BL_ON_CONTROL;

/* Control holds the clock for `why` (link down, no answer), or lets go.
 * Takes effect with the next advance. */
void bl_ingest_clock_hold(struct bl_ingest_clock *c, enum bl_freeze why, bool on) BL_ON_CONTROL;

/* The clock itself in ticks, as of control's last advance: what the
 * sweep measures ages with. */
uint32_t bl_ingest_clock_now(const struct bl_ingest_clock *c) BL_ON_CONTROL;

/* The tick at monotonic `now_ns`: what a worker stamps beats with. Any
 * thread. Cost: two loads, a multiply. */
uint32_t bl_ingest_clock_tick(const struct bl_ingest_clock *c, uint64_t now_ns);

/* How long before monotonic `now_ns` the beat stamped `tick` came, in ms
 * of true time: its age and all that the clock stood still since. Compares
 * over clocks. A beat is from before the present standstill, and from
 * after an earlier one unless its tick is before that: who beat in the
 * last BL_POLL_GAP_NS before a standstill looks younger by its length once
 * the clock runs again. Standstills before the last BL_STANDSTILLS_KEPT do
 * not count, nor what is BL_TIMEOUT_MAX_MS ago. Any thread. Cost: as
 * bl_ingest_clock_tick, and two loads for each standstill that is kept. */
uint64_t bl_ingest_clock_since_ms(const struct bl_ingest_clock *c, uint64_t now_ns, uint32_t tick);

/* Control's last look, monotonic ns: the `now_ns` that goes with
 * bl_ingest_clock_now. */
uint64_t bl_ingest_clock_seen_ns(const struct bl_ingest_clock *c) BL_ON_CONTROL;

/* How long it has stood still in the present freeze, in ms, as of
 * control's last look; 0 while it runs. */
uint64_t bl_ingest_clock_stood_ms(const struct bl_ingest_clock *c) BL_ON_CONTROL;

/* The bl_freeze reasons that hold, 0: running. Any thread. */
uint32_t bl_ingest_clock_frozen(const struct bl_ingest_clock *c);
