/* SPDX-License-Identifier: Apache-2.0 */
/* state_dir: the folder that the state is kept in, and the names in it:
 *
 *   lock                   held while a daemon uses the folder
 *   snapshot-0000000042    the fleet as it was when generation 42 began
 *   journal-0000000042     what has changed since
 *   *.new                  a snapshot that is not complete
 *   *.damaged              one that was refused; people's to look at
 *
 * Generations count up. A snapshot is complete when it has its name: it
 * is written as .new, flushed to the disk, renamed, and the folder
 * flushed. What loads takes the last good snapshot and every journal from
 * its generation on; so the one before, which is kept with its journal,
 * loses nothing when the last one is damaged.
 *
 * Threads: main, then the store thread alone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/err.h"

#define BL_STATE_NAME     40
#define BL_STATE_LIST_MAX 64u

struct bl_state_dir {
    char *path;      /* a copy, for what is said of it: a reload frees the config's */
    int fd, lock_fd; /* -1: not open */
};

/* Opens the folder, makes it (mode 0750) if its parent is there, and
 * locks it. 0, or negative errno and why: "PATH: why; what to do". */
int bl_state_dir_open(struct bl_state_dir *d, const char *path, char why[BL_ERR_BYTES]);
void bl_state_dir_close(struct bl_state_dir *d);

/* The generations of its snapshots, or journals, ascending: at most
 * BL_STATE_LIST_MAX, the highest ones. Returns how many. */
struct bl_state_list {
    uint64_t generation[BL_STATE_LIST_MAX];
    unsigned count;
};
void bl_state_dir_list(const struct bl_state_dir *d, const char *prefix, struct bl_state_list *list);

#define BL_SNAPSHOT_PREFIX "snapshot-"
#define BL_JOURNAL_PREFIX  "journal-"

const char *bl_state_file_name(const char *prefix, uint64_t generation, char out[BL_STATE_NAME]);

/* Opens to read, or anew to write; an fd or negative errno. */
int bl_state_dir_read(const struct bl_state_dir *d, const char *prefix, uint64_t generation);
int bl_state_dir_create(const struct bl_state_dir *d, const char *name);

/* Flushes the file at `fd` to the disk, gives it its name, flushes the
 * folder. 0 or negative errno. */
int bl_state_dir_commit(const struct bl_state_dir *d, int fd, const char *from, const char *to);
/* Puts a file that was refused aside as NAME.damaged. */
void bl_state_dir_put_aside(const struct bl_state_dir *d, const char *prefix, uint64_t generation);
/* Deletes a file; one that is not there is fine. */
void bl_state_dir_delete(const struct bl_state_dir *d, const char *name);
/* Deletes snapshots and journals of generations before `first`. */
void bl_state_dir_forget(const struct bl_state_dir *d, uint64_t first);
