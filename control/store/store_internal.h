/* SPDX-License-Identifier: Apache-2.0 */
/* store_internal: what store.c (the thread) and store_load.c (the start)
 * share. Nobody else includes it. */
#pragma once

#include <pthread.h>

#include "control/store/store.h"
#include "engine/base/err.h"

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
