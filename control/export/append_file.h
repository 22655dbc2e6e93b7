/* SPDX-License-Identifier: Apache-2.0 */
/* append_file: a file that lines are appended to for as long as the daemon
 * lives, while others rename it, delete it, cut it short, or fill its disk.
 *
 *   rotation   bl_append_file_flush looks whether the path still leads to
 *              the file that is open, and opens it anew where it does not:
 *              a rename, as logrotate does it without copytruncate, needs no
 *              signal. copytruncate works, too (O_APPEND).
 *   trouble    what could not be written stays, and is tried again with the
 *              next flush, from the byte on at which it stopped: no line is
 *              torn or written twice. On another file it begins with the line
 *              that it stopped in.
 *
 * What was written survives the process. It is not flushed to the disk: who
 * pulls the plug loses what the kernel had not written yet, some 30 s.
 *
 * Threads: one at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "control/text/json.h"

struct bl_append_file {
    char *path;
    int fd; /* -1: not open */
    dev_t device;
    ino_t inode;
    struct bl_text lines; /* whole lines that wait, the caller appends them */
    size_t sent;          /* bytes of them that are in the file */
    /* For whoever counts; he may set them back. */
    uint64_t bytes;    /* written */
    uint64_t reopened; /* found moved, or asked */
};

/* Opens it (mode 0640), makes it where it is not there. 0 or negative
 * errno; then nothing is held. */
int bl_append_file_open(struct bl_append_file *f, const char *path);
void bl_append_file_close(struct bl_append_file *f);

/* Opens the path anew: 0, or negative errno, and the old file stays. */
int bl_append_file_reopen(struct bl_append_file *f);

/* Takes over what waits to be written to another one. */
void bl_append_file_inherit(struct bl_append_file *f, struct bl_append_file *from);

/* Writes f->lines. 0: all of them, and they are empty again; or negative
 * errno: what is left waits for the next call. May take as long as the
 * disk does. */
int bl_append_file_flush(struct bl_append_file *f);
