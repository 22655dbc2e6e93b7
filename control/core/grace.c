/* SPDX-License-Identifier: Apache-2.0 */
#include "control/core/grace.h"

#include <pthread.h>
#include <stdlib.h>

#include "engine/base/counter.h"
#include "engine/base/rcu.h"

struct bl_grace {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    /* under the mutex */
    struct bl_grace_note *first; /* handed over, in no order */
    uint64_t asked;              /* the last number given */
    bool stop;
    /* the thread's; any thread reads */
    uint64_t over; /* the last number whose grace period is over */
};

/* Everything that was asked for until now; false: the end. */
static bool take_over(struct bl_grace *g, struct bl_grace_note **notes, uint64_t *number)
{
    pthread_mutex_lock(&g->mutex);
    while (!g->first && g->asked == g->over && !g->stop)
        pthread_cond_wait(&g->wake, &g->mutex);
    bool more = g->first || g->asked != g->over;
    *notes = g->first;
    *number = g->asked;
    g->first = NULL;
    pthread_mutex_unlock(&g->mutex);
    return more;
}

static void free_all(struct bl_grace_note *note)
{
    while (note) {
        struct bl_grace_note *next = note->next; /* the note is the caller's again with p = NULL, */
        void (*free_it)(void *p) = note->free;
        void *p = note->p;
        __atomic_store_n(&note->p, NULL, __ATOMIC_RELEASE); /* or lies in what is freed */
        free_it(p);
        note = next;
    }
}

static void *wait_and_free(void *ctx)
{
    struct bl_grace *g = ctx;
    struct bl_grace_note *notes;
    uint64_t number;

    while (take_over(g, &notes, &number)) {
        bl_rcu_wait();
        __atomic_store_n(&g->over, number, __ATOMIC_RELEASE);
        free_all(notes);
    }
    return NULL;
}

struct bl_grace *bl_grace_new(void)
{
    struct bl_grace *g = calloc(1, sizeof(*g));
    if (!g)
        return NULL;
    pthread_mutex_init(&g->mutex, NULL);
    pthread_cond_init(&g->wake, NULL);
    if (pthread_create(&g->thread, NULL, wait_and_free, g) == 0) {
        pthread_setname_np(g->thread, "bl-grace");
        return g;
    }
    pthread_cond_destroy(&g->wake);
    pthread_mutex_destroy(&g->mutex);
    free(g);
    return NULL;
}

void bl_grace_free(struct bl_grace *g)
{
    if (!g)
        return;
    pthread_mutex_lock(&g->mutex);
    g->stop = true;
    pthread_cond_signal(&g->wake);
    pthread_mutex_unlock(&g->mutex);
    bool reads = bl_rcu_is_online();
    if (reads)
        bl_rcu_offline();
    pthread_join(g->thread, NULL);
    if (reads)
        bl_rcu_online();
    pthread_cond_destroy(&g->wake);
    pthread_mutex_destroy(&g->mutex);
    free(g);
}

void bl_grace_later(struct bl_grace *g, struct bl_grace_note *note, void (*free)(void *p), void *p)
{
    note->free = free;
    BL_WRITE(note->p, p);
    pthread_mutex_lock(&g->mutex);
    note->next = g->first;
    g->first = note;
    pthread_cond_signal(&g->wake);
    pthread_mutex_unlock(&g->mutex);
}

bool bl_grace_note_is_free(const struct bl_grace_note *note)
{
    return __atomic_load_n(&note->p, __ATOMIC_ACQUIRE) == NULL;
}

uint64_t bl_grace_begin(struct bl_grace *g)
{
    pthread_mutex_lock(&g->mutex);
    uint64_t number = ++g->asked;
    pthread_cond_signal(&g->wake);
    pthread_mutex_unlock(&g->mutex);
    return number;
}

bool bl_grace_is_over(const struct bl_grace *g, uint64_t number)
{
    return __atomic_load_n(&g->over, __ATOMIC_ACQUIRE) >= number;
}
