/* SPDX-License-Identifier: Apache-2.0 */
/* store_internal: what store.c (the thread and its life),
 * store_journal.c, store_snapshot.c, store_record.c (what both put into
 * files) and store_load.c (the start) share. Nobody else includes it. */
#pragma once

#include <pthread.h>

#include "control/store/store.h"
#include "engine/base/err.h"

/* The journal is written this often: half of the second that store.h
 * promises, the other half is the disk's. */
#define BL_STORE_FLUSH_MS 500u

/* Nodes read in one RCU read: about 0.2 ms that a grace period may wait. */
#define BL_STORE_NODES_AT_ONCE 1024u

struct bl_store {
    struct bl_store_config config;
    struct bl_state_dir dir;
    uint64_t first_generation; /* of the journal that the thread begins with */
    pthread_t thread;
    bool started;
    int stop_fd;
    char trouble[BL_ERR_BYTES + BL_STATE_NAME + 32]; /* found at the start; the thread tells it */
    /* the thread's */
    struct bl_state_writer journal;
    bool journal_open;
    uint64_t previous;            /* generation of the last good snapshot, 0: none */
    uint64_t snapshot_generation; /* the journal's that waits for its snapshot; 0: it has it */
    uint64_t next_generation;
    uint64_t next_save_ms, next_flush_ms, not_before_ms;
    bool changed;                /* since the last snapshot began */
    bool holes;                  /* the journal lacks something since then */
    bool failed;                 /* the last snapshot */
    bool troubled;               /* told, and not over yet */
    bool stopped;                /* what is saved now is the last of this run */
    uint32_t save_every_ms;      /* any thread stores */
    struct bl_store_stats stats; /* stored whole, any thread reads */
};

/* All below: the store thread; main for bl_store_save. */

/* ---- store.c ---- */

uint64_t bl_store_clock_ms(void);
uint64_t bl_store_clock_ns(void);
/* Tells that state is not saved: once, however long it lasts; and that it
 * is saved again. */
void bl_store_complain(struct bl_store *s, const char *what, int error);
void bl_store_relax(struct bl_store *s);

/* ---- store_record.c ---- */

/* Makes sure that `records` fit what is being filled, so that nothing is
 * written while the thread is online. 0 or negative errno. */
int bl_store_make_room(struct bl_state_writer *w, unsigned records);
/* One node as it is now; false: there is none. */
bool bl_store_put_node(const struct bl_store *s, struct bl_state_writer *w, uint32_t node, uint64_t now_ns,
                       int64_t unix_ms);
void bl_store_put_view(struct bl_state_writer *w, const struct bl_view *v);
void bl_store_put_numbers(struct bl_store *s, struct bl_state_writer *w);

/* ---- store_journal.c ---- */

/* Begins the journal of a generation, which the next snapshot is of. */
int bl_store_begin_journal(struct bl_store *s, uint64_t generation);
/* Writes what has changed. An error means that changes were lost to the
 * journal: a snapshot, with a journal of its own, makes up for it. */
void bl_store_flush_journal(struct bl_store *s);

/* ---- store_snapshot.c ---- */

/* Makes one now. 0 or negative errno, which is told. */
int bl_store_snapshot(struct bl_store *s);
