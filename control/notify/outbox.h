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
 * Threads: the notifier's; bl_outbox_counts: any. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/notify/notice.h"

/* Between two log lines about given-up deliveries of one notifier. */
#define BL_COMPLAIN_EVERY_MS UINT64_C(60000)

#define BL_NEVER_MS UINT64_MAX

struct bl_delivery {
    struct bl_notice *notice;
    struct bl_delivery *next; /* the outbox's, while it waits */
    uint64_t due_ms;
    uint32_t tries; /* begun */
};

struct bl_delivery_queue {
    struct bl_delivery *first, *last;
};

struct bl_outbox_counts {
    uint64_t queued; /* fresh, in flight and again */
    uint64_t delivered, retried, given_up;
};

struct bl_outbox {
    struct bl_delivery_queue fresh, again;
    uint32_t in_flight;
    uint32_t retries, retry_every_ms;
    struct bl_outbox_counts counts; /* stored whole (relaxed) for other threads */
    /* for the line that tells of given-up deliveries */
    uint64_t told_given_up, told_ms;
    bool told;
    char trouble[160]; /* of the last failed try */
};

void bl_outbox_init(struct bl_outbox *o, uint32_t retries, uint32_t retry_every_ms);
/* Gives up what waits and counts it; nothing may be in flight. Returns
 * how many that were. */
uint64_t bl_outbox_abandon(struct bl_outbox *o);

/* Another schedule (reload): a shorter one also brings forward what
 * waits. O(waiting). */
void bl_outbox_reschedule(struct bl_outbox *o, uint32_t retries, uint32_t retry_every_ms, uint64_t now_ms);

/* Queues a notice and holds it. Out of memory, here or already for the
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

/* Any thread; each count is whole, the four may be of two moments. */
void bl_outbox_counts_of(const struct bl_outbox *o, struct bl_outbox_counts *out);
