/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/library_thread.h"

#include <signal.h>

static unsigned forks;
static pthread_once_t forks_once = PTHREAD_ONCE_INIT;

static void on_fork_child(void)
{
    forks++;
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, on_fork_child);
}

unsigned bl_library_thread_forks(void)
{
    pthread_once(&forks_once, watch_forks);
    return forks;
}

int bl_library_thread_start(pthread_t *thread, const char *name, size_t stack_bytes, void *(*run)(void *arg),
                            void *arg)
{
    pthread_attr_t attr;
    sigset_t all, before;
    int error = pthread_attr_init(&attr);
    if (error)
        return error;
    if (stack_bytes)
        pthread_attr_setstacksize(&attr, stack_bytes);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(thread, &attr, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (!error)
        pthread_setname_np(*thread, name);
    return error;
}
