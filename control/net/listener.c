/* SPDX-License-Identifier: Apache-2.0 */
#include "control/net/listener.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

static int listener_refuse(char err[BL_ERR_BYTES], const char *path, int rc, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static int listener_refuse(char err[BL_ERR_BYTES], const char *path, int rc, const char *format, ...)
{
    char why[BL_ERR_BYTES - 128];
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    snprintf(err, BL_ERR_BYTES, "socket %.107s: %s", path, why);
    return rc;
}

/* Makes the socket's directory; in /tmp, where anybody could have made it
 * before us, it must be ours alone. */
static int make_directory(const char *path, char err[BL_ERR_BYTES])
{
    char directory[108];
    struct stat s;
    const char *slash = strrchr(path, '/');

    if (slash == NULL || slash == path)
        return 0;
    snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
    bool in_tmp = strncmp(directory, "/tmp/", 5) == 0;
    if (mkdir(directory, in_tmp ? 0700 : 0755) != 0 && errno != EEXIST)
        return listener_refuse(err, path, -errno,
                               "cannot make its directory: %s; make %s yourself or give --socket",
                               strerror(errno), directory);
    if (!in_tmp)
        return 0;
    if (lstat(directory, &s) != 0 || !S_ISDIR(s.st_mode) || s.st_uid != geteuid())
        return listener_refuse(err, path, -EPERM,
                               "%s is not a directory of this user; give --socket another place", directory);
    return 0;
}

/* Finds out who is behind an existing file; removes it if nobody is. */
static int clear_stale(const struct sockaddr_un *address, char err[BL_ERR_BYTES])
{
    struct stat s;
    const char *path = address->sun_path;

    if (lstat(path, &s) != 0)
        return 0; /* nothing there, or bind will say what is wrong */
    if (!S_ISSOCK(s.st_mode))
        return listener_refuse(err, path, -EEXIST, "is there, but is no socket; remove it or give --socket");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return listener_refuse(err, path, -errno, "%s; raise the limit on open files (ulimit -n)",
                               strerror(errno));
    int rc = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;
    close(fd);
    if (rc == 0 || rc == EAGAIN)
        return listener_refuse(err, path, -EADDRINUSE,
                               "a beatlined is already serving it; stop it or give --socket");
    if (rc != ECONNREFUSED)
        return listener_refuse(err, path, -rc, "%s; remove it or give --socket", strerror(rc));
    if (unlink(path) != 0 && errno != ENOENT)
        return listener_refuse(err, path, -errno,
                               "stale, and cannot be removed: %s; remove it or give --socket",
                               strerror(errno));
    return 0;
}

static int bind_and_listen(struct bl_listener *l, const struct sockaddr_un *address, char err[BL_ERR_BYTES])
{
    mode_t before = umask(0117); /* 0660 from the first moment on */
    int rc = bind(l->fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;
    struct stat s;

    umask(before);
    if (rc == 0 && (lstat(l->path, &s) != 0 || listen(l->fd, BACKLOG) != 0))
        rc = errno;
    if (rc != 0)
        return listener_refuse(err, l->path, -rc, "%s; give --socket a place this user may write to",
                               strerror(rc));
    l->device = s.st_dev;
    l->inode = s.st_ino;
    return 0;
}

int bl_listener_open(struct bl_listener *l, const char *path, char err[BL_ERR_BYTES])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    *l = (struct bl_listener){.fd = -1};
    if (strlen(path) >= sizeof(address.sun_path))
        return listener_refuse(err, path, -ENAMETOOLONG, "over %zu bytes; give --socket a shorter path",
                               sizeof(address.sun_path) - 1);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    snprintf(l->path, sizeof(l->path), "%s", path);
    int rc = make_directory(path, err);
    if (rc == 0)
        rc = clear_stale(&address, err);
    if (rc != 0)
        return rc;
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0)
        return listener_refuse(err, path, -errno, "%s; raise the limit on open files (ulimit -n)",
                               strerror(errno));
    rc = bind_and_listen(l, &address, err);
    if (rc != 0) {
        close(l->fd);
        l->fd = -1;
    }
    return rc;
}

void bl_listener_close(struct bl_listener *l)
{
    struct stat s;

    if (l->fd < 0)
        return;
    close(l->fd);
    l->fd = -1;
    if (lstat(l->path, &s) == 0 && s.st_dev == l->device && s.st_ino == l->inode)
        unlink(l->path);
}
