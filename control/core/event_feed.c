/* SPDX-License-Identifier: Apache-2.0 */
#include "control/core/event_feed.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/base/counter.h"

#define PIECE_BYTES (1u << 20)

struct bl_feed_piece {
    struct bl_feed_piece *next;
    uint32_t head, tail; /* bytes read, bytes written */
    uint8_t data[PIECE_BYTES];
};

int bl_event_feed_init(struct bl_event_feed *f)
{
    *f = (struct bl_event_feed){.fd = -1};
    f->ring = bl_ring_new(BL_FEED_RING, sizeof(struct bl_event));
    if (!f->ring)
        return -ENOMEM;
    f->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return f->fd < 0 ? -errno : 0;
}

static void drop_first(struct bl_event_feed *f)
{
    struct bl_feed_piece *p = f->first;
    f->first = p->next;
    if (!f->first)
        f->last = NULL;
    free(p);
}

void bl_event_feed_fini(struct bl_event_feed *f)
{
    while (f->first)
        drop_first(f);
    bl_ring_free(f->ring);
    if (f->fd >= 0)
        close(f->fd);
    *f = (struct bl_event_feed){.fd = -1};
}

/* Bytes of an event up to the end of its text, kept 8-aligned. */
static uint32_t packed_bytes(const struct bl_event *e)
{
    size_t n = offsetof(struct bl_event, name) + strnlen(e->name, sizeof(e->name) - 1) + 1;
    return (uint32_t)((n + 7) & ~(size_t)7);
}

static bool list_add(struct bl_event_feed *f, const struct bl_event *e)
{
    uint32_t bytes = packed_bytes(e);

    if (f->limit && f->waiting >= f->limit)
        return false;
    if (!f->last || PIECE_BYTES - f->last->tail < bytes) {
        struct bl_feed_piece *p = malloc(sizeof(*p));
        if (!p)
            return false;
        p->next = NULL;
        p->head = p->tail = 0;
        if (f->last)
            f->last->next = p;
        else
            f->first = p;
        f->last = p;
    }
    memcpy(f->last->data + f->last->tail, e, bytes);
    f->last->tail += bytes;
    BL_ADD(f->waiting, 1);
    return true;
}

void bl_event_feed_push(struct bl_event_feed *f, const struct bl_event *e)
{
    f->wake = true;
    if (f->waiting == 0 && bl_ring_push(f->ring, e))
        return;
    if (!list_add(f, e))
        BL_ADD(f->lost, 1);
}

/* Moves the oldest waiting event into the ring; false: none, or no room. */
static bool move_one(struct bl_event_feed *f)
{
    struct bl_feed_piece *p = f->first;
    struct bl_event e;

    if (f->waiting == 0)
        return false;
    if (p->head == p->tail) {
        drop_first(f);
        p = f->first;
    }
    memset(&e, 0, sizeof(e));
    uint32_t left = p->tail - p->head;
    memcpy(&e, p->data + p->head, left < sizeof(e) ? left : sizeof(e));
    uint32_t bytes = packed_bytes(&e);
    memset((uint8_t *)&e + bytes, 0, sizeof(e) - bytes);
    if (!bl_ring_push(f->ring, &e))
        return false;
    p->head += bytes;
    BL_WRITE(f->waiting, f->waiting - 1);
    f->wake = true;
    return true;
}

void bl_event_feed_flush(struct bl_event_feed *f)
{
    while (move_one(f))
        ;
    if (!f->wake)
        return;
    f->wake = false;
    uint64_t one = 1;
    /* Cannot fail but for a counter near 2^64, which is as good. */
    ssize_t written = write(f->fd, &one, sizeof(one));
    (void)written;
}

unsigned bl_event_feed_pop(struct bl_event_feed *f, struct bl_event *events, unsigned max)
{
    return bl_ring_pop(f->ring, events, max);
}
