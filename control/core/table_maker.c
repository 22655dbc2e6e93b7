/* SPDX-License-Identifier: Apache-2.0 */
#include "control/core/table_maker.h"

#include <pthread.h>
#include <stdlib.h>

/* At a time: the kernel holds the lock on our address space meanwhile,
 * which a mapping of another thread waits for. */
#define STEP_BYTES ((size_t)1 << 20)

struct bl_table_maker {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    /* under the mutex */
    struct bl_table_order *asked; /* not looked at yet */
    bool stop;
    /* the thread's */
    struct bl_table_order *making;
};

/* Takes what was asked for since; waits for it if there is nothing else
 * to do. False: the end. */
static bool worker_take_commands(struct bl_table_maker *m)
{
    pthread_mutex_lock(&m->mutex);
    while (!m->asked && !m->making && !m->stop)
        pthread_cond_wait(&m->wake, &m->mutex);
    while (m->asked) {
        struct bl_table_order *o = m->asked;
        m->asked = o->next;
        o->next = m->making;
        m->making = o;
    }
    bool goes_on = !m->stop;
    pthread_mutex_unlock(&m->mutex);
    return goes_on;
}

/* Whether it is through, one way or the other. */
static bool step_order(struct bl_table_order *o)
{
    if (!o->made)
        o->made = bl_slots_new(o->slots);
    int r = o->made ? bl_slots_prefault(o->made, STEP_BYTES) : -1;
    if (r == 0)
        return false;
    if (r < 0) {
        bl_slots_free(o->made);
        o->made = NULL;
    }
    return true;
}

static void step_all(struct bl_table_maker *m)
{
    struct bl_table_order **at = &m->making;
    while (*at) {
        struct bl_table_order *o = *at;
        if (!step_order(o)) {
            at = &o->next;
            continue;
        }
        *at = o->next;
        __atomic_store_n(&o->is_made, true, __ATOMIC_RELEASE);
    }
}

static void *make_tables(void *ctx)
{
    struct bl_table_maker *m = ctx;
    while (worker_take_commands(m))
        step_all(m);
    for (struct bl_table_order *o = m->making; o; o = o->next) {
        bl_slots_free(o->made);
        o->made = NULL;
    }
    return NULL;
}

struct bl_table_maker *bl_table_maker_new(void)
{
    struct bl_table_maker *m = calloc(1, sizeof(*m));
    if (!m)
        return NULL;
    pthread_mutex_init(&m->mutex, NULL);
    pthread_cond_init(&m->wake, NULL);
    if (pthread_create(&m->thread, NULL, make_tables, m) == 0) {
        pthread_setname_np(m->thread, "bl-tables");
        return m;
    }
    pthread_cond_destroy(&m->wake);
    pthread_mutex_destroy(&m->mutex);
    free(m);
    return NULL;
}

void bl_table_maker_free(struct bl_table_maker *m)
{
    if (!m)
        return;
    pthread_mutex_lock(&m->mutex);
    m->stop = true;
    pthread_cond_signal(&m->wake);
    pthread_mutex_unlock(&m->mutex);
    pthread_join(m->thread, NULL);
    pthread_cond_destroy(&m->wake);
    pthread_mutex_destroy(&m->mutex);
    free(m);
}

void bl_table_maker_ask(struct bl_table_maker *m, struct bl_table_order *o, uint64_t slots)
{
    *o = (struct bl_table_order){.slots = slots};
    pthread_mutex_lock(&m->mutex);
    o->next = m->asked;
    m->asked = o;
    pthread_cond_signal(&m->wake);
    pthread_mutex_unlock(&m->mutex);
}

bool bl_table_order_is_made(const struct bl_table_order *o)
{
    return __atomic_load_n(&o->is_made, __ATOMIC_ACQUIRE);
}
