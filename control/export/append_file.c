/* SPDX-License-Identifier: Apache-2.0 */
#include "control/export/append_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Not blocking: a FIFO that nobody reads is an error to tell, not
 * something to wait for. Files know no such thing. */
static int open_path(const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
    return fd < 0 ? -errno : fd;
}

/* Takes an open file; the one before is closed. */
static int append_file_take(struct bl_append_file *f, int fd)
{
    struct stat s;

    if (fd < 0)
        return fd;
    if (fstat(fd, &s) != 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    if (f->fd >= 0)
        close(f->fd);
    f->fd = fd;
    f->device = s.st_dev;
    f->inode = s.st_ino;
    return 0;
}

int bl_append_file_open(struct bl_append_file *f, const char *path)
{
    *f = (struct bl_append_file){.fd = -1, .path = strdup(path)};
    int r = f->path ? append_file_take(f, open_path(path)) : -ENOMEM;
    if (r)
        bl_append_file_close(f);
    return r;
}

void bl_append_file_close(struct bl_append_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    free(f->path);
    bl_text_free(&f->lines);
    *f = (struct bl_append_file){.fd = -1};
}

/* Back to the beginning of the line that the file before ends within. */
static void begin_line(struct bl_append_file *f)
{
    while (f->sent > 0 && f->lines.data[f->sent - 1] != '\n')
        f->sent--;
}

int bl_append_file_reopen(struct bl_append_file *f)
{
    dev_t device = f->device;
    ino_t inode = f->inode;
    int r = append_file_take(f, open_path(f->path));

    if (r)
        return r;
    if (device != f->device || inode != f->inode)
        begin_line(f);
    f->reopened++;
    return 0;
}

void bl_append_file_inherit(struct bl_append_file *f, struct bl_append_file *from)
{
    begin_line(from);
    bl_text_free(&f->lines);
    f->lines = from->lines;
    f->sent = from->sent;
    from->lines = (struct bl_text){0};
    from->sent = 0;
}

static bool was_moved(const struct bl_append_file *f)
{
    struct stat s;
    if (stat(f->path, &s) != 0)
        return errno == ENOENT;
    return s.st_dev != f->device || s.st_ino != f->inode;
}

int bl_append_file_flush(struct bl_append_file *f)
{
    if (f->sent < f->lines.len && was_moved(f)) {
        int r = bl_append_file_reopen(f);
        if (r)
            return r;
    }
    while (f->sent < f->lines.len) {
        ssize_t n = write(f->fd, f->lines.data + f->sent, f->lines.len - f->sent);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        f->sent += (size_t)n;
        f->bytes += (uint64_t)n;
    }
    f->lines.len = f->sent = 0;
    return 0;
}
