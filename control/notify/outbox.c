/* SPDX-License-Identifier: Apache-2.0 */
#include "control/notify/outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void count(uint64_t *counter, int64_t by)
{
    __atomic_store_n(counter, *counter + (uint64_t)by, __ATOMIC_RELAXED);
}

static void push(struct bl_delivery_queue *q, struct bl_delivery *d)
{
    d->next = NULL;
    if (q->last)
        q->last->next = d;
    else
        q->first = d;
    q->last = d;
}

static struct bl_delivery *pop(struct bl_delivery_queue *q)
{
    struct bl_delivery *d = q->first;
    q->first = d->next;
    if (!q->first)
        q->last = NULL;
    return d;
}

static void finish(struct bl_outbox *o, struct bl_delivery *d, uint64_t *counter)
{
    count(counter, 1);
    count(&o->counts.queued, -1);
    bl_notice_release(d->notice);
    free(d);
}

void bl_outbox_init(struct bl_outbox *o, uint32_t retries, uint32_t retry_every_ms)
{
    memset(o, 0, sizeof(*o));
    o->retries = retries;
    o->retry_every_ms = retry_every_ms;
}

uint64_t bl_outbox_abandon(struct bl_outbox *o)
{
    uint64_t left = 0;
    for (; o->again.first; left++)
        finish(o, pop(&o->again), &o->counts.given_up);
    for (; o->fresh.first; left++)
        finish(o, pop(&o->fresh), &o->counts.given_up);
    return left;
}

void bl_outbox_reschedule(struct bl_outbox *o, uint32_t retries, uint32_t retry_every_ms, uint64_t now_ms)
{
    o->retries = retries;
    o->retry_every_ms = retry_every_ms;
    uint64_t latest_ms = now_ms + retry_every_ms;
    for (struct bl_delivery *d = o->again.first; d; d = d->next)
        if (d->due_ms > latest_ms)
            d->due_ms = latest_ms;
}

void bl_outbox_add(struct bl_outbox *o, struct bl_notice *n)
{
    struct bl_delivery *d = n ? calloc(1, sizeof(*d)) : NULL;
    if (!d) {
        count(&o->counts.given_up, 1);
        snprintf(o->trouble, sizeof(o->trouble), "out of memory");
        return;
    }
    d->notice = n;
    n->users++;
    push(&o->fresh, d);
    count(&o->counts.queued, 1);
}

struct bl_delivery *bl_outbox_next(struct bl_outbox *o, uint64_t now_ms)
{
    struct bl_delivery *d;
    if (o->again.first && o->again.first->due_ms <= now_ms)
        d = pop(&o->again);
    else if (o->fresh.first)
        d = pop(&o->fresh);
    else
        return NULL;
    if (d->tries++ > 0)
        count(&o->counts.retried, 1);
    o->in_flight++;
    return d;
}

void bl_outbox_delivered(struct bl_outbox *o, struct bl_delivery *d)
{
    o->in_flight--;
    finish(o, d, &o->counts.delivered);
}

void bl_outbox_failed(struct bl_outbox *o, struct bl_delivery *d, const char *why, uint64_t now_ms)
{
    o->in_flight--;
    snprintf(o->trouble, sizeof(o->trouble), "%s", why);
    if (d->tries > o->retries) {
        finish(o, d, &o->counts.given_up);
        return;
    }
    d->due_ms = now_ms + o->retry_every_ms;
    push(&o->again, d);
}

uint64_t bl_outbox_due_ms(const struct bl_outbox *o)
{
    if (o->fresh.first)
        return 0;
    return o->again.first ? o->again.first->due_ms : BL_NEVER_MS;
}

uint64_t bl_outbox_complains_ms(const struct bl_outbox *o)
{
    if (o->counts.given_up == o->told_given_up)
        return BL_NEVER_MS;
    return o->told ? o->told_ms + BL_COMPLAIN_EVERY_MS : 0;
}

bool bl_outbox_complains(struct bl_outbox *o, uint64_t now_ms, uint64_t *since_then)
{
    uint64_t due_ms = bl_outbox_complains_ms(o);
    if (due_ms == BL_NEVER_MS || now_ms < due_ms)
        return false;
    *since_then = o->counts.given_up - o->told_given_up;
    o->told_given_up = o->counts.given_up;
    o->told_ms = now_ms;
    o->told = true;
    return true;
}

void bl_outbox_counts_of(const struct bl_outbox *o, struct bl_outbox_counts *out)
{
    out->queued = __atomic_load_n(&o->counts.queued, __ATOMIC_RELAXED);
    out->delivered = __atomic_load_n(&o->counts.delivered, __ATOMIC_RELAXED);
    out->retried = __atomic_load_n(&o->counts.retried, __ATOMIC_RELAXED);
    out->given_up = __atomic_load_n(&o->counts.given_up, __ATOMIC_RELAXED);
}
