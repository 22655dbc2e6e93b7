/* SPDX-License-Identifier: Apache-2.0 */
#include "control/alert/outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/counter.h"

static void outbox_count(uint64_t *counter, int64_t by)
{
    BL_ADD(*counter, (uint64_t)by);
}

static struct bl_delivery *delivery_new(struct bl_outbox *o, struct bl_notice *n)
{
    struct bl_delivery *d = n ? calloc(1, sizeof(*d)) : NULL;
    if (!d)
        return NULL;
    d->notice = n;
    n->users++;
    outbox_count(&o->counts.queued, 1);
    return d;
}

static void delivery_free(struct bl_outbox *o, struct bl_delivery *d)
{
    outbox_count(&o->counts.queued, -1);
    bl_notice_release(d->notice);
    free(d);
}

static struct bl_delivery_queue *queue_of(struct bl_outbox *o, const struct bl_delivery *d)
{
    return d->where == BL_DELIVERY_AGAIN ? &o->again : &o->fresh;
}

static void push_last(struct bl_outbox *o, struct bl_delivery *d, enum bl_delivery_where where)
{
    d->where = (uint8_t)where;
    struct bl_delivery_queue *q = queue_of(o, d);
    d->next = NULL;
    d->previous = q->last;
    if (q->last)
        q->last->next = d;
    else
        q->first = d;
    q->last = d;
}

static void push_first(struct bl_outbox *o, struct bl_delivery *d, enum bl_delivery_where where)
{
    d->where = (uint8_t)where;
    struct bl_delivery_queue *q = queue_of(o, d);
    d->next = q->first;
    d->previous = NULL;
    if (q->first)
        q->first->previous = d;
    else
        q->last = d;
    q->first = d;
}

static struct bl_delivery *outbox_pull(struct bl_outbox *o, struct bl_delivery *d)
{
    struct bl_delivery_queue *q = queue_of(o, d);
    if (d->previous)
        d->previous->next = d->next;
    else
        q->first = d->next;
    if (d->next)
        d->next->previous = d->previous;
    else
        q->last = d->previous;
    return d;
}

/* It ended as `counter` says; a newer one that waited for that is next. */
static void outbox_finish(struct bl_outbox *o, struct bl_delivery *d, uint64_t *counter)
{
    outbox_count(counter, 1);
    if (d->newer) {
        bl_delivery_index_replace(&o->about, d, d->newer);
        push_first(o, d->newer, BL_DELIVERY_FRESH);
    } else {
        bl_delivery_index_remove(&o->about, d);
    }
    delivery_free(o, d);
}

void bl_outbox_init(struct bl_outbox *o, const struct bl_key_secret *secret, uint32_t retries,
                    uint32_t retry_every_ms)
{
    memset(o, 0, sizeof(*o));
    o->about.secret = secret;
    o->retries = retries;
    o->retry_every_ms = retry_every_ms;
}

uint64_t bl_outbox_abandon(struct bl_outbox *o)
{
    uint64_t left = 0;
    for (; o->again.first; left++)
        outbox_finish(o, outbox_pull(o, o->again.first), &o->counts.given_up);
    for (; o->fresh.first; left++)
        outbox_finish(o, outbox_pull(o, o->fresh.first), &o->counts.given_up);
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

static void no_memory(struct bl_outbox *o)
{
    outbox_count(&o->counts.given_up, 1);
    snprintf(o->trouble, sizeof(o->trouble), "out of memory");
}

/* The older notice of a delivery gives way to a newer one. */
static void outbox_supersede(struct bl_outbox *o, struct bl_delivery *d, struct bl_notice *n)
{
    bl_notice_release(d->notice);
    d->notice = n;
    n->users++;
    d->tries = 0;
    outbox_count(&o->counts.superseded, 1);
}

/* `d` is about the same as `n`, and older. */
static void outbox_follow(struct bl_outbox *o, struct bl_delivery *d, struct bl_notice *n)
{
    if (d->where == BL_DELIVERY_IN_FLIGHT && !d->newer) {
        d->newer = delivery_new(o, n);
        if (!d->newer)
            no_memory(o);
        return;
    }
    outbox_supersede(o, d->newer ? d->newer : d, n);
    if (d->where == BL_DELIVERY_AGAIN)
        push_last(o, outbox_pull(o, d), BL_DELIVERY_FRESH);
}

void bl_outbox_add(struct bl_outbox *o, struct bl_notice *n)
{
    struct bl_delivery *older = n ? bl_delivery_index_find(&o->about, n) : NULL;
    if (older) {
        outbox_follow(o, older, n);
        return;
    }
    struct bl_delivery *d = delivery_new(o, n);
    if (d && bl_delivery_index_add(&o->about, d) == 0) {
        push_last(o, d, BL_DELIVERY_FRESH);
        return;
    }
    if (d)
        delivery_free(o, d);
    no_memory(o);
}

struct bl_delivery *bl_outbox_next(struct bl_outbox *o, uint64_t now_ms)
{
    struct bl_delivery *d =
        o->again.first && o->again.first->due_ms <= now_ms ? o->again.first : o->fresh.first;
    if (!d)
        return NULL;
    outbox_pull(o, d)->where = BL_DELIVERY_IN_FLIGHT;
    if (d->tries++ > 0)
        outbox_count(&o->counts.retried, 1);
    o->in_flight++;
    return d;
}

void bl_outbox_delivered(struct bl_outbox *o, struct bl_delivery *d)
{
    o->in_flight--;
    outbox_finish(o, d, &o->counts.delivered);
}

void bl_outbox_failed(struct bl_outbox *o, struct bl_delivery *d, const char *why, uint64_t now_ms)
{
    o->in_flight--;
    snprintf(o->trouble, sizeof(o->trouble), "%s", why);
    if (d->newer) {
        outbox_finish(o, d, &o->counts.superseded);
        return;
    }
    if (d->tries > o->retries) {
        outbox_finish(o, d, &o->counts.given_up);
        return;
    }
    d->due_ms = now_ms + o->retry_every_ms;
    push_last(o, d, BL_DELIVERY_AGAIN);
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
    out->queued = BL_READ(o->counts.queued);
    out->delivered = BL_READ(o->counts.delivered);
    out->retried = BL_READ(o->counts.retried);
    out->given_up = BL_READ(o->counts.given_up);
    out->superseded = BL_READ(o->counts.superseded);
}
