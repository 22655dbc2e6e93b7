/* SPDX-License-Identifier: Apache-2.0 */
#include "control/store/state_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIGITS 10

/* ---- the folder ------------------------------------------------------------ */

static int state_dir_refuse(struct bl_state_dir *d, int error, const char *what, char why[BL_ERR_BYTES])
{
    snprintf(why, BL_ERR_BYTES, "state.dir %.120s: %s%s", d->path, error ? strerror(error) : "", what);
    bl_state_dir_close(d);
    return error ? -error : -EBUSY;
}

static int state_dir_lock(struct bl_state_dir *d, char why[BL_ERR_BYTES])
{
    d->lock_fd = openat(d->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (d->lock_fd < 0)
        return state_dir_refuse(d, errno, "; make it writable for the user of beatlined", why);
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return state_dir_refuse(
            d, errno == EWOULDBLOCK ? 0 : errno,
            "another beatlined uses it; stop that one, or give this one a folder of its own", why);
    return 0;
}

int bl_state_dir_open(struct bl_state_dir *d, const char *path, char why[BL_ERR_BYTES])
{
    *d = (struct bl_state_dir){.path = strdup(path), .fd = -1, .lock_fd = -1};
    if (d->path == NULL) {
        snprintf(why, BL_ERR_BYTES, "state.dir %.120s: out of memory", path);
        return -ENOMEM;
    }
    if (mkdir(path, 0750) != 0 && errno != EEXIST)
        return state_dir_refuse(d, errno, "; make the folder, or give another", why);
    d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->fd < 0)
        return state_dir_refuse(d, errno, "; give a folder that beatlined may use", why);
    return state_dir_lock(d, why);
}

void bl_state_dir_close(struct bl_state_dir *d)
{
    if (d->lock_fd >= 0)
        close(d->lock_fd);
    if (d->fd >= 0)
        close(d->fd);
    free(d->path);
    *d = (struct bl_state_dir){.fd = -1, .lock_fd = -1};
}

/* ---- names ------------------------------------------------------------------- */

const char *bl_state_file_name(const char *prefix, uint64_t generation, char out[BL_STATE_NAME])
{
    snprintf(out, BL_STATE_NAME, "%s%0*llu", prefix, DIGITS, (unsigned long long)generation);
    return out;
}

/* 0: not such a name. */
static uint64_t generation_of(const char *prefix, const char *name)
{
    size_t len = strlen(prefix);
    if (strncmp(name, prefix, len) != 0 || strspn(name + len, "0123456789") != strlen(name + len))
        return 0;
    return strlen(name + len) < DIGITS || strlen(name + len) > 19 ? 0 : strtoull(name + len, NULL, 10);
}

/* Keeps the highest ones, ascending. */
static void state_dir_insert(struct bl_state_list *l, uint64_t generation)
{
    unsigned at = l->count;

    if (l->count == BL_STATE_LIST_MAX) {
        if (generation <= l->generation[0])
            return;
        memmove(l->generation, l->generation + 1, (--at) * sizeof(l->generation[0]));
    } else {
        l->count++;
    }
    for (; at > 0 && l->generation[at - 1] > generation; at--)
        l->generation[at] = l->generation[at - 1];
    l->generation[at] = generation;
}

/* Calls `see` for each name in the folder. */
static void state_dir_each(const struct bl_state_dir *d, void (*see)(void *ctx, const char *name), void *ctx)
{
    int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of our own */
    for (const struct dirent *e; (e = readdir(dir)) != NULL;)
        see(ctx, e->d_name);
    closedir(dir);
}

struct listing {
    const char *prefix;
    struct bl_state_list *list;
};

static void list_one(void *ctx, const char *name)
{
    const struct listing *l = ctx;
    uint64_t generation = generation_of(l->prefix, name);
    if (generation)
        state_dir_insert(l->list, generation);
}

void bl_state_dir_list(const struct bl_state_dir *d, const char *prefix, struct bl_state_list *list)
{
    struct listing l = {.prefix = prefix, .list = list};
    list->count = 0;
    state_dir_each(d, list_one, &l);
}

/* ---- files -------------------------------------------------------------------- */

int bl_state_dir_read(const struct bl_state_dir *d, const char *prefix, uint64_t generation)
{
    char name[BL_STATE_NAME];
    int fd = openat(d->fd, bl_state_file_name(prefix, generation, name), O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int bl_state_dir_create(const struct bl_state_dir *d, const char *name)
{
    int fd = openat(d->fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    return fd < 0 ? -errno : fd;
}

int bl_state_dir_commit(const struct bl_state_dir *d, int fd, const char *from, const char *to)
{
    if (fsync(fd) != 0 || renameat(d->fd, from, d->fd, to) != 0 || fsync(d->fd) != 0)
        return -errno;
    return 0;
}

void bl_state_dir_put_aside(const struct bl_state_dir *d, const char *prefix, uint64_t generation)
{
    char name[BL_STATE_NAME], aside[BL_STATE_NAME + 16];
    bl_state_file_name(prefix, generation, name);
    snprintf(aside, sizeof(aside), "%s.damaged", name);
    (void)!renameat(d->fd, name, d->fd, aside);
}

void bl_state_dir_delete(const struct bl_state_dir *d, const char *name)
{
    (void)!unlinkat(d->fd, name, 0);
}

static void delete_before(const struct bl_state_dir *d, const char *prefix, uint64_t first)
{
    struct bl_state_list list;
    char name[BL_STATE_NAME];

    bl_state_dir_list(d, prefix, &list);
    for (unsigned i = 0; i < list.count && list.generation[i] < first; i++)
        bl_state_dir_delete(d, bl_state_file_name(prefix, list.generation[i], name));
}

void bl_state_dir_forget(const struct bl_state_dir *d, uint64_t first)
{
    delete_before(d, BL_SNAPSHOT_PREFIX, first);
    delete_before(d, BL_JOURNAL_PREFIX, first);
}
