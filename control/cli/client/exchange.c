/* SPDX-License-Identifier: Apache-2.0 */
#include "control/cli/client/exchange.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/cli/protocol.h"

struct answer {
    int fd;
    char buffer[65536];
    size_t at, len; /* unread part */
    char *why;
    bool reader_gone; /* EPIPE */
};

static int connect_to(const char *path, int *fd, char why[BL_ERR_BYTES])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    *fd = -1;
    if (strlen(path) >= sizeof(address.sun_path)) {
        snprintf(why, BL_ERR_BYTES, "%.200s: over %zu bytes, which no socket's path is; give a shorter one",
                 path, sizeof(address.sun_path) - 1);
        return BL_EXIT_USAGE;
    }
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd >= 0 && connect(*fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return BL_EXIT_OK;
    if (errno == EACCES || errno == EPERM) {
        snprintf(why, BL_ERR_BYTES, "%s: %s; run as the user beatlined runs as, or join its group", path,
                 strerror(errno));
        return BL_EXIT_DENIED;
    }
    snprintf(why, BL_ERR_BYTES, "no daemon at %s: %s; start one with beatlined", path, strerror(errno));
    return BL_EXIT_UNREACHABLE;
}

static bool send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* Refills the buffer when it is empty. False: nothing more comes. */
static bool exchange_refill(struct answer *a)
{
    while (a->at == a->len) {
        ssize_t n = recv(a->fd, a->buffer, sizeof(a->buffer), 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        a->at = 0;
        a->len = (size_t)n;
    }
    return true;
}

/* "STREAM NUMBER\n". */
static bool read_header(struct answer *a, int *stream, size_t *number)
{
    char line[32];
    size_t used = 0;
    char *end;

    while (used < sizeof(line) - 1 && exchange_refill(a)) {
        line[used] = a->buffer[a->at++];
        if (line[used] == '\n')
            break;
        used++;
    }
    line[used] = '\0';
    if (used < 3 || line[0] < '0' || line[0] > '2' || line[1] != ' ')
        return false;
    *stream = line[0] - '0';
    *number = strtoul(line + 2, &end, 10);
    return *end == '\0';
}

static bool write_all(struct answer *a, int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            a->reader_gone = errno == EPIPE;
            if (!a->reader_gone)
                snprintf(a->why, BL_ERR_BYTES, "cannot write: %s", strerror(errno));
            return false;
        }
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static bool exchange_copy(struct answer *a, int fd, size_t len)
{
    while (len > 0) {
        if (!exchange_refill(a))
            return false;
        size_t n = a->len - a->at < len ? a->len - a->at : len;
        if (!write_all(a, fd, a->buffer + a->at, n))
            return false;
        a->at += n;
        len -= n;
    }
    return true;
}

static int read_answer(struct answer *a)
{
    int stream;
    size_t number;

    while (read_header(a, &stream, &number)) {
        if (stream == 0)
            return (int)number;
        if (!exchange_copy(a, stream == 1 ? STDOUT_FILENO : STDERR_FILENO, number))
            break;
    }
    if (a->reader_gone)
        return BL_EXIT_OK;
    if (a->why[0] != '\0')
        return BL_EXIT_ERROR;
    snprintf(a->why, BL_ERR_BYTES, "the daemon left in the middle of its answer; its log says why");
    return BL_EXIT_UNREACHABLE;
}

int bl_exchange(const char *path, const char *request, size_t len, char why[BL_ERR_BYTES])
{
    static struct answer a; /* one exchange at a time; too large for a stack */

    why[0] = '\0';
    a = (struct answer){.why = why};
    int code = connect_to(path, &a.fd, why);
    if (code == BL_EXIT_OK) {
        /* A daemon that refuses answers before it has read everything. */
        (void)send_all(a.fd, request, len);
        code = read_answer(&a);
    }
    if (a.fd >= 0)
        close(a.fd);
    return code;
}
