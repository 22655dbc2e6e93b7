/* SPDX-License-Identifier: Apache-2.0 */
/* listener: the Unix socket's file: made with mode 0660 in a directory
 * that is made if missing, a stale one replaced, removed at the end.
 *
 * Threads: main, before there are others (it sets the umask for the
 * moment of the bind); accept is the api thread's. */
#pragma once

#include <sys/types.h>

#include "dataplane/port/port.h"
#include "engine/base/err.h"

struct bl_listener {
    int fd;
    char path[108];
    dev_t device; /* of the file we made: another daemon's is not removed */
    ino_t inode;
};

/* 0, or negative errno and `socket PATH: why; what to do` in err. */
int bl_listener_open(struct bl_listener *l, const char *path, char err[BL_ERR_BYTES]);
void bl_listener_close(struct bl_listener *l);
