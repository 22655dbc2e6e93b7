/* SPDX-License-Identifier: Apache-2.0 */
/* <beatline/emitter.h>: a tracker (tracker.h) that minds itself: with a
 * lock, a clock, and threads that check timeouts and call back. For who
 * comes from the Heartbeat gem: its Emitter, and more.
 *
 *     struct bl_tracker_config nodes = {.on_failure = told};
 *     struct bl_emitter_config c = {.tracker = &nodes};
 *     char err[BL_EMITTER_ERR_BYTES];
 *     struct bl_emitter *e = bl_emitter_new(&c, err);
 *     bl_emitter_register(e, "node1", NULL);
 *     bl_emitter_start(e);
 *     ... bl_emitter_beat(e, "node1");      from any thread, as it beats
 *     bl_emitter_free(e);
 *
 * Threads: any may call anything at any time; bl_emitter_free is the last
 * call. Not from signal handlers. All signals are blocked in the
 * emitter's threads.
 *
 * Callbacks (those of tracker.h, and on_failures) run on the emitter's
 * `threads`, and never under its lock: they may take their time, and may
 * call the emitter, but for stop and free (-EDEADLK). What happened to a
 * node is told in order, by one thread at a time; what happened to
 * different nodes may be told at the same time if there is more than one
 * thread. While the emitter is stopped they run in the call that causes
 * them. If they fall behind by `pending_max` events the emitter checks no
 * further until they have caught up: nothing is lost, it comes later.
 *
 * Batches: each time the lock is taken for a check, at most a batch of
 * nodes is looked at, so that a beat never waits for more; and on_failures
 * is told of what has gathered, at most a batch at once.
 *
 * Time: milliseconds, Unix time as of bl_emitter_new, from then on moved
 * by CLOCK_MONOTONIC: it never jumps. It stands still when the process
 * did: if nobody came to look for a second longer than check_every_ms
 * (stopped, swapped out, a paused machine), that time counts for no node.
 *
 * After fork() only the parent watches. In the child every call returns
 * -ECHILD (or nothing), and bl_emitter_free frees memory; the child may
 * make an emitter of its own.
 *
 * Usable from C and C++. */
#ifndef BEATLINE_EMITTER_H
#define BEATLINE_EMITTER_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BL_EMITTER_API __attribute__((visibility("default")))

#define BL_EMITTER_ERR_BYTES 256

#define BL_EMITTER_CHECK_MS     100      /* between two checks */
#define BL_EMITTER_CHECK_MAX_MS 3600000u /* 1 h */
#define BL_EMITTER_THREADS_MAX  64u
#define BL_EMITTER_BATCH_MAX    1000000u
#define BL_EMITTER_PENDING      100000u
#define BL_EMITTER_FREEZE_MS    1000u

/* Of <beatline/tracker.h>. */
struct bl_tracker_config;
struct bl_tracker_event;
struct bl_tracker_node;
struct bl_tracker_policy;

/* Zero is the default everywhere; zero the whole struct first, it may
 * grow. Nothing that it points to needs to outlive bl_emitter_new. */
struct bl_emitter_config {
    /* Timeouts, limits, on_failure, on_state_change and their ctx; seed 0
     * is drawn at random. NULL: all defaults, nobody is called. */
    const struct bl_tracker_config *tracker;
    /* Many failures in one call, after on_failure and on_state_change of
     * each; in order. With the tracker's ctx. */
    void (*on_failures)(void *ctx, const struct bl_tracker_event *failures, unsigned n);
    uint32_t check_every_ms; /* 0: BL_EMITTER_CHECK_MS */
    uint32_t threads;        /* that call back, 1..BL_EMITTER_THREADS_MAX; 0: 1 */
    uint32_t batch_small;    /* of fewer than 10,000 nodes; 0: 500 */
    uint32_t batch_medium;   /* of fewer than 100,000 nodes; 0: 1,000 */
    uint32_t batch_large;    /* of more; 0: 5,000 */
    uint32_t pending_max;    /* events found, not yet told; 0: BL_EMITTER_PENDING */
    /* Another clock, ms, that never goes back: for tests. Called under
     * the lock, with the tracker's ctx. NULL: CLOCK_MONOTONIC. */
    uint64_t (*clock_ms)(void *ctx);
};

struct bl_emitter;

/* NULL: the config is wrong or there is no memory; err says which. It
 * does not run yet. */
BL_EMITTER_API struct bl_emitter *bl_emitter_new(const struct bl_emitter_config *c,
                                                 char err[BL_EMITTER_ERR_BYTES]);

/* Starts the threads. 0, also if they run already; -EDEADLK in a callback
 * while another thread stops it; -ECHILD; what pthread_create said. */
BL_EMITTER_API int bl_emitter_start(struct bl_emitter *e);

/* Ends the threads and waits for them, after they have told what was
 * found until then. 0, also if none run; -EDEADLK in a callback; -ECHILD.
 * The nodes stay: start goes on with them, and the time between counts. */
BL_EMITTER_API int bl_emitter_stop(struct bl_emitter *e);

/* Stops and frees it. NULL is fine. 0, or -EDEADLK in a callback: nothing
 * was done. */
BL_EMITTER_API int bl_emitter_free(struct bl_emitter *e);

/* ---- nodes: as in tracker.h; -EINVAL for a NULL name, -ECHILD ---------- */

BL_EMITTER_API int bl_emitter_register(struct bl_emitter *e, const char *name,
                                       const struct bl_tracker_policy *policy);
/* Cost: bl_tracker_beat's, a lock, a look at the clock. */
BL_EMITTER_API int bl_emitter_beat(struct bl_emitter *e, const char *name);
BL_EMITTER_API int bl_emitter_set_policy(struct bl_emitter *e, const char *name,
                                         const struct bl_tracker_policy *policy);
BL_EMITTER_API int bl_emitter_pause(struct bl_emitter *e, const char *name);
BL_EMITTER_API int bl_emitter_resume(struct bl_emitter *e, const char *name);
BL_EMITTER_API int bl_emitter_remove(struct bl_emitter *e, const char *name);

/* Checks timeouts now, whether it runs or not. Returns how many nodes
 * became failed, or -ECHILD. */
BL_EMITTER_API int bl_emitter_check(struct bl_emitter *e);

/* ---- looking ------------------------------------------------------------- */

/* 0, -ENOENT, -EINVAL, -ECHILD. out->name is `name`. */
BL_EMITTER_API int bl_emitter_get(struct bl_emitter *e, const char *name, struct bl_tracker_node *out);

/* One node after the other: *cursor is 0 at the start. False: no more.
 * `name` has room for BL_TRACKER_NAME_MAX + 1 bytes; out->name is it. */
BL_EMITTER_API bool bl_emitter_next(struct bl_emitter *e, uint32_t *cursor, struct bl_tracker_node *out,
                                    char *name);

BL_EMITTER_API uint32_t bl_emitter_count(struct bl_emitter *e);
/* `state`: an enum bl_tracker_state. */
BL_EMITTER_API uint32_t bl_emitter_count_state(struct bl_emitter *e, unsigned state);

/* What the nodes' times are measured by, now. */
BL_EMITTER_API uint64_t bl_emitter_now_ms(struct bl_emitter *e);

struct bl_emitter_stats {
    uint64_t checks;    /* of all nodes that were due */
    uint64_t failures;  /* found */
    uint64_t told;      /* events called back, failures among them */
    uint64_t lost;      /* events there was no memory for */
    uint64_t frozen_ms; /* that counted for no node */
    uint32_t pending;   /* events found, not yet told */
    bool running;
};
BL_EMITTER_API void bl_emitter_stats(struct bl_emitter *e, struct bl_emitter_stats *out);

#ifdef __cplusplus
}
#endif
#endif
