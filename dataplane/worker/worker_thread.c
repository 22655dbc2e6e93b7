/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's life around its loop (worker.c): main's part. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_launch.h>

#include "dataplane/worker/worker.h"
#include "engine/base/counter.h"

/* ---- built and freed ----------------------------------------------------- */

static int build_table(struct bl_worker *w, const struct bl_worker_config *c, char err[BL_ERR_BYTES])
{
    struct bl_slots *slots = bl_slots_new(c->first_slots);
    int made = -errno;
    if (slots)
        while ((made = bl_slots_prefault(slots, slots->bytes)) == 0)
            ;
    if (made < 0) {
        int code = -made;
        bl_slots_free(slots);
        snprintf(err, BL_ERR_BYTES,
                 "worker %u: no memory for a table of %u slots: %s; lower nodes.first_slots", w->index,
                 c->first_slots, strerror(code));
        return -code;
    }
    bl_table_init(&w->table, slots, c->max_nodes);
    return 0;
}

static int build_rings(struct bl_worker *w, char err[BL_ERR_BYTES])
{
    w->reports = bl_worker_events_new();
    w->orders = bl_ring_new(BL_WORKER_COMMAND_RING, sizeof(struct bl_worker_command));
    if (w->reports && w->orders)
        return 0;
    snprintf(err, BL_ERR_BYTES, "worker %u: no memory for its rings", w->index);
    return -ENOMEM;
}

struct bl_worker *bl_worker_new(const struct bl_worker_config *c, unsigned index, char err[BL_ERR_BYTES])
{
    struct bl_worker *w = aligned_alloc(_Alignof(struct bl_worker), sizeof(*w));
    if (!w) {
        snprintf(err, BL_ERR_BYTES, "worker %u: out of memory", index);
        return NULL;
    }
    memset(w, 0, sizeof(*w));
    w->port = c->port;
    w->queue = c->queue;
    w->index = index;
    w->cpu = c->cpu;
    w->lcore = c->lcore;
    w->wire = c->wire;
    if (build_table(w, c, err) == 0 && build_rings(w, err) == 0)
        return w;
    bl_worker_free(w);
    return NULL;
}

/* Whoever would have taken the last messages is gone: what they hand
 * over is freed here. */
static void free_rings(struct bl_worker *w)
{
    struct bl_worker_event report;
    while (w->reports && bl_worker_events_pop(w->reports, &report, 1) == 1)
        if (report.kind == BL_WORKER_EVENT_GROWN)
            bl_slots_free(report.old);
    struct bl_worker_command order;
    while (w->orders && bl_ring_pop(w->orders, &order, 1) == 1)
        if (order.kind == BL_WORKER_COMMAND_GROW)
            bl_slots_free(order.next);
    bl_ring_free(w->reports);
    bl_ring_free(w->orders);
}

void bl_worker_free(struct bl_worker *w)
{
    if (!w)
        return;
    bl_role_assume_worker(); /* its thread has ended */
    free_rings(w);
    bl_slots_free(w->retired);
    bl_table_fini(&w->table);
    free(w);
}

/* ---- started and stopped --------------------------------------------------- */

/* The entry of its thread or lcore. */
static int worker_thread_live(struct bl_worker *w)
{
    bl_role_assume_worker();
    char name[16];
    snprintf(name, sizeof(name), "bl-worker-%u", w->index);
    (void)pthread_setname_np(pthread_self(), name);
    int rc = bl_worker_run(w);
    __atomic_store_n(&w->running, 0, __ATOMIC_RELEASE);
    return rc;
}

static int live_on_lcore(void *w)
{
    return worker_thread_live(w);
}

static void *live_on_thread(void *w)
{
    (void)worker_thread_live(w);
    return NULL;
}

/* All signals blocked, on its CPU where one is named. */
static int create_thread(struct bl_worker *w)
{
    pthread_attr_t attr;
    int rc = pthread_attr_init(&attr);
    if (rc != 0)
        return rc;
    sigset_t all;
    sigfillset(&all);
    rc = pthread_attr_setsigmask_np(&attr, &all);
    if (rc == 0 && w->cpu >= 0) {
        cpu_set_t cpus;
        CPU_ZERO(&cpus);
        CPU_SET((size_t)w->cpu, &cpus);
        rc = pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus);
    }
    if (rc == 0)
        rc = pthread_create(&w->thread, &attr, live_on_thread, w);
    pthread_attr_destroy(&attr);
    return rc;
}

int bl_worker_start(struct bl_worker *w, char err[BL_ERR_BYTES])
{
    BL_WRITE(w->stop, 0);
    BL_WRITE(w->running, 1);
    int rc = w->lcore >= 0 ? -rte_eal_remote_launch(live_on_lcore, w, (unsigned)w->lcore) : create_thread(w);
    w->started = rc == 0;
    if (rc == 0)
        return 0;
    BL_WRITE(w->running, 0);
    if (w->lcore >= 0)
        snprintf(err, BL_ERR_BYTES, "worker %u: lcore %d: %s", w->index, w->lcore, strerror(rc));
    else
        snprintf(err, BL_ERR_BYTES, "worker %u: no thread%s: %s", w->index,
                 w->cpu >= 0 ? " on its CPU (taskset -cp shows which are allowed)" : "", strerror(rc));
    return -rc;
}

void bl_worker_ask_to_end(struct bl_worker *w)
{
    __atomic_store_n(&w->stop, 1, __ATOMIC_RELEASE);
}

static void worker_thread_join(struct bl_worker *w)
{
    if (w->lcore >= 0)
        (void)rte_eal_wait_lcore((unsigned)w->lcore);
    else
        (void)pthread_join(w->thread, NULL);
    w->started = false;
}

bool bl_worker_has_ended(struct bl_worker *w, unsigned wait_ms)
{
    while (w->started && __atomic_load_n(&w->running, __ATOMIC_ACQUIRE) && wait_ms-- > 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    if (w->started && !__atomic_load_n(&w->running, __ATOMIC_ACQUIRE))
        worker_thread_join(w);
    return !w->started;
}

void bl_worker_stop(struct bl_worker *w)
{
    if (!w->started)
        return;
    bl_worker_ask_to_end(w);
    worker_thread_join(w);
}
