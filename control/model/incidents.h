/* SPDX-License-Identifier: Apache-2.0 */
/* incidents: what became of the views: for each, its last incidents, from
 * when it left ok until it was ok again, how bad it was and how many of
 * its nodes were affected.
 *
 * Events of views begin and end incidents to the millisecond. A walk over
 * all views, once a second, counts nodes, and finds what no event told:
 * incidents that were open when the daemon started.
 *
 * Limits: BL_INCIDENTS_PER_VIEW of a view, the oldest go; BL_INCIDENTS_MAX
 * in all, what is beyond them or finds no memory is counted in left_out.
 * Memory: 40 bytes an incident, 32 a view that had one. Lost with the
 * process, but the number of a view's last one, which the store keeps.
 *
 * Threads: the api thread alone. */
#pragma once

#include <stdint.h>

#include "engine/views/views.h"

#define BL_INCIDENTS_PER_VIEW 32u
#define BL_INCIDENTS_MAX      (UINT32_C(1) << 20)

struct bl_incident {
    int64_t since_unix_ms, until_unix_ms; /* until 0: it is open */
    uint32_t number;                      /* the view's bl_view.incident */
    uint8_t worst;                        /* bl_state */
    /* At most at a time, as far as it was seen. */
    uint32_t failed_most, warning_most, unknown_most;
};

struct bl_incidents_of; /* one view's */

/* Zeroed: there was none. */
struct bl_incidents {
    struct bl_incidents_of *views; /* by key, open addressing; a power of two, or NULL */
    uint32_t capacity, view_count;
    uint32_t count;    /* incidents */
    uint64_t left_out; /* ever */
    uint32_t next;     /* view that the walk looks at next */
    uint64_t walk_ns;  /* when it began */
    uint64_t walk_of;  /* the generation it goes through */
};

void bl_incidents_free(struct bl_incidents *in);

/* A view went to `to`, in its incident of that number. */
void bl_incidents_event(struct bl_incidents *in, const struct bl_view *view, enum bl_state to,
                        uint32_t number, int64_t unix_ms) BL_ON_API;

/* The view is as it is now: begins and ends what no event told of, counts
 * nodes. Cost: 20 ns if it is ok and always was. */
void bl_incidents_look(struct bl_incidents *in, const struct bl_view *view) BL_ON_API;

/* Once per turn: the walk, some views of it. Cost: at most some 50 us. */
void bl_incidents_turn(struct bl_incidents *in, const struct bl_views_generation *g, uint64_t now_ns)
    BL_ON_API;

/* The view's incidents, newest first: `at` 0, 1, ...; NULL: no more. Good
 * until the next call that changes them. */
const struct bl_incident *bl_incident_at(const struct bl_incidents *in, const struct bl_view *view,
                                         unsigned at);
