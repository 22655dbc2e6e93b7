/* SPDX-License-Identifier: Apache-2.0 */
/* tracker: watching nodes from inside your own program; the public
 * header of libbeatline (#include <beatline/tracker.h>, C and C++).
 *
 *   struct bl_tracker_config c = {0};
 *   c.on_failure = told;
 *   struct bl_tracker *t = bl_tracker_new(&c, now_ms);
 *   bl_tracker_register(t, "db.1", NULL, now_ms);
 *   ... bl_tracker_beat(t, "db.1", now_ms);            as it beats
 *   ... bl_tracker_check_timeouts(t, now_ms);          as often as you like
 *
 * It is the engine of the beatline daemon, its node table, registry,
 * sweep and states, without the daemon: no thread, no I/O, no clock of
 * its own.
 *
 * Time: you pass it in, milliseconds of whatever epoch you like, the same
 * one everywhere. It is trusted: there is no ingest clock here that could
 * doubt it, so pass CLOCK_MONOTONIC unless you want wall time's jumps. A
 * time before the latest one counts as the latest one. A call that moves
 * time on by more than a day checks timeouts on the way.
 *
 * States: a node is ok from its registration on, which counts as its
 * first beat; warning when its timeout has passed, if it has retries;
 * failed when the retries have passed too (timeout x (retries + 1)). A
 * beat brings it back to ok at once. Times strictly over a threshold
 * count.
 *
 * Threads: none of its own and tied to none; one call at a time per
 * tracker (a lock of yours if there are several threads). Trackers are
 * independent of each other.
 *
 * Callbacks run inside the call that causes them. They may look at the
 * tracker (get, next, count); what would change it returns -EBUSY there.
 *
 * Memory: about 200 bytes a node with a name of 20 bytes, 32 more once a
 * node is on auto or phi. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bl_tracker;

enum bl_tracker_state {
    BL_TRACKER_OK = 1,
    BL_TRACKER_WARNING,
    BL_TRACKER_FAILED,
    BL_TRACKER_PAUSED, /* muted with bl_tracker_pause */
};

/* "ok" "warning" "failed" "paused"; "?" for anything else. */
const char *bl_tracker_state_name(enum bl_tracker_state s);
/* As the Heartbeat gem calls them: "active" "inactive" "failed"; "paused"
 * and "?" as above. */
const char *bl_tracker_state_alias(enum bl_tracker_state s);

/* The longest timeout: 45 days. */
#define BL_TRACKER_TIMEOUT_MAX_MS UINT32_C(3888000000)
/* The timeout of a tracker that is given none (the gem's 30 s). */
#define BL_TRACKER_TIMEOUT_MS UINT32_C(30000)
/* Longest name in bytes. */
#define BL_TRACKER_NAME_MAX 200u

/* Where a node's timeout comes from. auto and phi learn it from the time
 * between its beats; until they have seen three such times the policy's
 * own timeout_ms holds. */
enum bl_tracker_detector {
    BL_TRACKER_FIXED = 1,
    BL_TRACKER_AUTO, /* mean and deviation, with outliers held down */
    BL_TRACKER_PHI,  /* accrual (Hayashibara et al. 2004), at the tracker's level */
};

/* When a node is warning and failed. 0: not set. A policy without any of
 * the three times takes those of the tracker's defaults, and their
 * detector if it has none; one with times and no detector is fixed. */
struct bl_tracker_policy {
    uint32_t timeout_ms;
    uint32_t warn_ms;  /* warning after this instead of the timeout */
    uint32_t err_ms;   /* failed after this instead of timeout x (retries + 1) */
    uint32_t retries;  /* further timeouts before failed, 0..255 */
    uint32_t detector; /* bl_tracker_detector */
};

/* A node's change of state. Pointers are good for the call only. */
struct bl_tracker_event {
    const char *name;
    enum bl_tracker_state from, to;
    uint64_t time_ms;
    uint64_t last_beat_ms;
    uint32_t incident;  /* the node's, +1 each time it leaves ok for warning or failed */
    const char *reason; /* "timeout" "beat" "paused" "resumed" "policy" */
};
typedef void bl_tracker_event_fn(void *ctx, const struct bl_tracker_event *e);

/* All zero is a fine configuration. */
struct bl_tracker_config {
    struct bl_tracker_policy defaults;    /* of nodes without a policy of their own */
    uint32_t max_nodes;                   /* 0: as many as fit (268 million) */
    uint32_t phi;                         /* level of phi, 1..16; 0: 8, one false alarm in 10^8 beats */
    bl_tracker_event_fn *on_failure;      /* a node became failed */
    bl_tracker_event_fn *on_state_change; /* any change, failures included; after on_failure */
    void *ctx;
    /* Secret of the hash that finds names. Draw it with getrandom() if
     * unknown nodes choose the names, or they may choose ones that collide. */
    uint64_t seed;
};

/* NULL with errno: EINVAL (a time too long, retries over 255, no such
 * detector or level), ENOMEM. */
struct bl_tracker *bl_tracker_new(const struct bl_tracker_config *c, uint64_t now_ms);
/* NULL is fine. Not from a callback. */
void bl_tracker_free(struct bl_tracker *t);

/* ---- nodes: all return 0 or a negative errno; -EBUSY in a callback ---- */

/* Watches a node from `now_ms` on. `name`: 1..BL_TRACKER_NAME_MAX bytes,
 * none of them a control byte, space, ':' or '|'. `policy` NULL: the
 * defaults. -EEXIST: it is watched already; -EINVAL: bad name or policy
 * (or a name whose 63-bit hash is another's: not by chance); -ENOSPC:
 * max_nodes; -ENOMEM.
 * Cost: about a microsecond, but time for all nodes (20 ns each) each
 * time their number doubles. */
int bl_tracker_register(struct bl_tracker *t, const char *name, const struct bl_tracker_policy *policy,
                        uint64_t now_ms);

/* The node beats. -ENOENT: register it first. Cost: two cache misses; on
 * auto or phi a few more, and some 100 ns. */
int bl_tracker_beat(struct bl_tracker *t, const char *name, uint64_t now_ms);

/* A new policy (NULL: the defaults), judged at once. -ENOENT, -EINVAL. */
int bl_tracker_set_policy(struct bl_tracker *t, const char *name, const struct bl_tracker_policy *policy,
                          uint64_t now_ms);

/* Mutes a node until resume, whatever it does; resume judges it on its
 * last beat. -ENOENT. */
int bl_tracker_pause(struct bl_tracker *t, const char *name, uint64_t now_ms);
int bl_tracker_resume(struct bl_tracker *t, const char *name, uint64_t now_ms);

/* Forgets a node; no event. -ENOENT. */
int bl_tracker_remove(struct bl_tracker *t, const char *name);

/* Finds the nodes whose time is up and calls back for each. Returns how
 * many became failed, or -EBUSY in a callback. Cost: only nodes that may
 * be due are looked at. */
int bl_tracker_check_timeouts(struct bl_tracker *t, uint64_t now_ms);

/* The same in pieces, for who must not be kept for long: looks at the
 * nodes that may be due until it has seen about `nodes` (at least 64) of
 * them; *done says that it was through them all. Returns how many became
 * failed in this piece, or -EBUSY in a callback. */
int bl_tracker_check_some(struct bl_tracker *t, uint64_t now_ms, uint32_t nodes, bool *done);

/* ---- looking: also from a callback ------------------------------------ */

/* A node as of the tracker's latest time. */
struct bl_tracker_node {
    const char *name; /* good until the next call that changes the tracker */
    enum bl_tracker_state state;
    uint64_t last_beat_ms; /* of its registration, if it has not beaten since */
    uint64_t registered_ms;
    uint64_t state_since_ms;
    struct bl_tracker_policy policy; /* in force, defaults filled in */
    uint32_t learned_ms;             /* the timeout of auto or phi; 0: none yet, or fixed */
    uint32_t missed;                 /* timeouts passed since the last beat, up to retries + 1 */
    uint32_t incident;
};

/* 0 or -ENOENT. */
int bl_tracker_get(const struct bl_tracker *t, const char *name, struct bl_tracker_node *out);

/* One node after the other: *cursor is 0 at the start. False: no more.
 * A node that comes or goes meanwhile may be told or not. */
bool bl_tracker_next(const struct bl_tracker *t, uint32_t *cursor, struct bl_tracker_node *out);

uint32_t bl_tracker_count(const struct bl_tracker *t);
uint32_t bl_tracker_count_state(const struct bl_tracker *t, enum bl_tracker_state s);

#ifdef __cplusplus
}
#endif
