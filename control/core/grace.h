/* SPDX-License-Identifier: Apache-2.0 */
/* grace: the thread that waits for RCU's grace periods, so that nobody
 * else has to. A grace period is over when every reader has announced a
 * quiescent state; one worker that hangs (a stopped thread, a driver that
 * does not return) keeps it from ending, for as long as it hangs.
 *
 * Two ways to have something freed after one:
 *   - bl_grace_later: this thread frees it;
 *   - bl_grace_begin, and bl_grace_is_over from time to time: for what
 *     only its owner may free.
 * Those that come while one grace period is waited for share the next.
 *
 * Threads: its own, which is no reader and holds no lock while it waits;
 * all calls but new and free are any thread's and never wait.
 * Memory: what a hung worker keeps from being freed stays until it goes
 * on. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct bl_grace;

/* Something to free; its place is the caller's, and busy from
 * bl_grace_later until it is freed. All zeros at first. */
struct bl_grace_note {
    struct bl_grace_note *next;
    void (*free)(void *p);
    void *p; /* NULL: the note is not in use */
};

/* Starts the thread. NULL: no memory, or no thread. */
struct bl_grace *bl_grace_new(void);
/* Frees what is left and ends the thread; waits for the readers that are
 * left, if any (the caller, if it is one, is offline meanwhile). NULL is
 * fine. */
void bl_grace_free(struct bl_grace *g);

/* Frees `p` (not NULL) after a grace period. `p` is not published any
 * more. */
void bl_grace_later(struct bl_grace *g, struct bl_grace_note *note, void (*free)(void *p), void *p);
/* Whether that has happened, or the note was never used. */
bool bl_grace_note_is_free(const struct bl_grace_note *note);

/* A grace period from now on: its number. */
uint64_t bl_grace_begin(struct bl_grace *g);
bool bl_grace_is_over(const struct bl_grace *g, uint64_t number);
