/* SPDX-License-Identifier: Apache-2.0 */
/* outbox: what one notifier still has to deliver, and when. Pure: no
 * I/O, time is an argument (any monotonic ms).
 *
 * A delivery is one notice for one receiver. It is
 *
 *   fresh       not tried yet                 oldest first
 *   in flight   bl_outbox_next gave it out; it comes back through
 *               bl_outbox_delivered or bl_outbox_failed
 *   again       tried, waiting for its next try
 *
 * and ends delivered, or given up after 1 + `retries` tries. Tries are
 * `retry_every_ms` apart, counted from the end of the failed one; as
 * that is the same for all, the second queue is sorted by itself. So
 * every call is O(1), whatever waits, but for reschedule, abandon.
 *
 * First tries start in the order of bl_outbox_add; a retry that is due
 * goes before them, being older.
 *
 * The last word of a receiver about a node (or a view) is the newest
 * notice of it: of each node one delivery at most waits or is in flight.
 * A newer notice takes the place of one that waits; if that was tried
 * before, it starts anew, as the last of the fresh ones. While one is in
 * flight the newer waits for its end, whatever that is, and is the first
 * of the fresh ones then; what failed is not tried again. A notice whose
 * place was taken, or that failed with a newer one waiting, counts as
 * superseded.
 *
 * Threads: the notifier's; bl_outbox_counts: any. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/alert/delivery_index.h"
#include "control/alert/notice.h"

/* Between two log lines about given-up deliveries of one notifier. */
#define BL_COMPLAIN_EVERY_MS UINT64_C(60000)

#define BL_NEVER_MS UINT64_MAX

struct bl_delivery {
    struct bl_notice *notice;
    uint32_t tries; /* begun */
    /* the outbox's */
    uint8_t where;                       /* bl_delivery_where */
    uint64_t due_ms;                     /* of its next try, if it was tried */
    struct bl_delivery *next, *previous; /* in its queue, while it waits */
    struct bl_delivery *newer;           /* in flight: one about the same, which waits for its end */
    struct bl_delivery *chained;         /* the index's */
    uint64_t hash;
};

enum bl_delivery_where {
    BL_DELIVERY_FRESH,
    BL_DELIVERY_IN_FLIGHT,
    BL_DELIVERY_AGAIN,
};

struct bl_delivery_queue {
    struct bl_delivery *first, *last;
};

struct bl_outbox_counts {
    uint64_t queued; /* fresh, in flight and again; each other notice ended in one way: */
    uint64_t delivered, given_up, superseded;
    uint64_t retried;
};

struct bl_outbox {
    struct bl_delivery_queue fresh, again;
    struct bl_delivery_index about; /* all of both, and what is in flight */
    uint32_t in_flight;
    uint32_t retries, retry_every_ms;
    struct bl_outbox_counts counts; /* stored whole (relaxed) for other threads */
    /* for the line that tells of given-up deliveries */
    uint64_t told_given_up, told_ms;
    bool told;
    char trouble[160]; /* of the last failed try */
};

/* `secret`: of the index of names; outlives the outbox. */
void bl_outbox_init(struct bl_outbox *o, const struct bl_key_secret *secret, uint32_t retries,
                    uint32_t retry_every_ms);
/* Gives up what waits and counts it; nothing may be in flight. Returns
 * how many that were. */
uint64_t bl_outbox_abandon(struct bl_outbox *o);

/* Another schedule (reload): a shorter one also brings forward what
 * waits. O(waiting). */
void bl_outbox_reschedule(struct bl_outbox *o, uint32_t retries, uint32_t retry_every_ms, uint64_t now_ms);

/* Queues a notice, newer than all before, and holds it. Out of memory, here or already for the
 * notice (NULL): counted as given up. */
void bl_outbox_add(struct bl_outbox *o, struct bl_notice *n);

/* The delivery to try now, NULL if none is due. */
struct bl_delivery *bl_outbox_next(struct bl_outbox *o, uint64_t now_ms);
/* How the try ended; `d` is gone. `why` is a few words. */
void bl_outbox_delivered(struct bl_outbox *o, struct bl_delivery *d);
void bl_outbox_failed(struct bl_outbox *o, struct bl_delivery *d, const char *why, uint64_t now_ms);

/* When bl_outbox_next has something; 0: now, BL_NEVER_MS: nothing waits. */
uint64_t bl_outbox_due_ms(const struct bl_outbox *o);

/* Whether it is time to say that deliveries were given up, how many
 * since the last time goes to *since_then: at once for the first, then
 * once per BL_COMPLAIN_EVERY_MS. */
bool bl_outbox_complains(struct bl_outbox *o, uint64_t now_ms, uint64_t *since_then);
/* When that will be; BL_NEVER_MS: there is nothing to say. */
uint64_t bl_outbox_complains_ms(const struct bl_outbox *o);

/* Any thread; each count is whole, two may be of two moments. */
void bl_outbox_counts_of(const struct bl_outbox *o, struct bl_outbox_counts *out);
