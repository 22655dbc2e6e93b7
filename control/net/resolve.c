/* SPDX-License-Identifier: Apache-2.0 */
#include "control/net/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct bl_resolve {
    unsigned users; /* owner and thread; the last one frees (acquire / release) */
    int fd;         /* the thread writes after `addresses` and `error`: the owner reads them then */
    char *host, *port;
    struct bl_addresses addresses;
    int error; /* getaddrinfo's */
};

static int resolve_lookup(const char *host, const char *port, int flags, struct bl_addresses *out)
{
    /* One socket type, or each address comes once per type. */
    struct addrinfo hints = {.ai_flags = flags | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM}, *list;
    int error = getaddrinfo(host, port, &hints, &list);
    if (error)
        return error;
    out->count = 0;
    for (struct addrinfo *a = list; a && out->count < BL_ADDRESSES_MAX; a = a->ai_next) {
        struct bl_address *to = &out->address[out->count];
        if (a->ai_addrlen > sizeof(to->at))
            continue;
        memcpy(&to->at, a->ai_addr, a->ai_addrlen);
        to->len = a->ai_addrlen;
        out->count++;
    }
    freeaddrinfo(list);
    return out->count ? 0 : EAI_NONAME;
}

bool bl_resolve_numeric(const char *host, const char *port, struct bl_addresses *out)
{
    return resolve_lookup(host, port, AI_NUMERICHOST, out) == 0;
}

static void resolve_release(struct bl_resolve *r)
{
    if (__atomic_sub_fetch(&r->users, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    if (r->fd >= 0)
        close(r->fd);
    free(r->host);
    free(r->port);
    free(r);
}

static void *resolve_run(void *arg)
{
    struct bl_resolve *r = arg;
    r->error = resolve_lookup(r->host, r->port, 0, &r->addresses);
    uint64_t one = 1;
    ssize_t written = write(r->fd, &one, sizeof(one));
    (void)written; /* an eventfd at 0 takes it */
    resolve_release(r);
    return NULL;
}

static int resolve_spawn(struct bl_resolve *r)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, before;
    int error = pthread_attr_init(&attr);
    if (error)
        return error;
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, &attr, resolve_run, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return error;
}

struct bl_resolve *bl_resolve_start(const char *host, const char *port)
{
    struct bl_resolve *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->users = 2;
    r->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r->host = strdup(host);
    r->port = strdup(port);
    if (r->fd < 0 || !r->host || !r->port || resolve_spawn(r) != 0) {
        r->users = 1;
        resolve_release(r);
        return NULL;
    }
    return r;
}

int bl_resolve_fd(const struct bl_resolve *r)
{
    return r->fd;
}

int bl_resolve_take(struct bl_resolve *r, struct bl_addresses *out, const char **why)
{
    uint64_t done;
    if (read(r->fd, &done, sizeof(done)) != sizeof(done))
        return -EAGAIN;
    *why = r->error ? gai_strerror(r->error) : "";
    *out = r->addresses;
    return r->error ? -EHOSTUNREACH : 0;
}

void bl_resolve_drop(struct bl_resolve *r)
{
    if (r)
        resolve_release(r);
}
