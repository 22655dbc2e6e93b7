/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/callback_queue.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/array.h"

/* A list that one storm has made larger than this is given back. */
#define KEPT_ROOM 4096u

/* FNV-1a, 32 bits. The queue is no secret: nodes of one queue only wait for
 * each other. */
#define FNV_BASIS UINT32_C(2166136261)
#define FNV_PRIME UINT32_C(16777619)

uint32_t bl_callback_queue_of(const char *name, uint32_t queues)
{
    uint32_t hash = FNV_BASIS;
    for (const char *at = name; *at; at++)
        hash = (hash ^ (uint8_t)*at) * FNV_PRIME;
    return hash % queues;
}

bool bl_callback_queue_add(struct bl_callback_queue *l, const struct bl_tracker_event *e)
{
    struct bl_emitter_events *list = &l->waiting;
    struct bl_tracker_event *events = bl_array_room(list->event, list->count, &list->room, sizeof(*events));
    if (!events)
        return false;
    list->event = events;
    char *name = strdup(e->name);
    if (!name)
        return false;
    list->event[list->count] = *e;
    list->event[list->count].name = name;
    list->count++;
    return true;
}

uint32_t bl_callback_queue_take(struct bl_callback_queue *l)
{
    struct bl_emitter_events taken = l->waiting;
    l->waiting = l->telling;
    l->telling = taken;
    return taken.count;
}

static void drop_name(struct bl_tracker_event *e)
{
    /* The list's own copy. */
    free((char *)(uintptr_t)e->name);
    e->name = NULL;
}

/* Leaves the failures of the n events, in order; returns how many. */
static uint32_t keep_failures(struct bl_tracker_event *event, uint32_t n)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (event[i].to != BL_TRACKER_FAILED) {
            drop_name(&event[i]);
            continue;
        }
        struct bl_tracker_event failure = event[i];
        event[i].name = NULL;
        event[kept++] = failure;
    }
    return kept;
}

static void tell_batch(struct bl_tracker_event *event, uint32_t n, const struct bl_emitter_callbacks *to)
{
    for (uint32_t i = 0; i < n; i++) {
        if (to->on_failure && event[i].to == BL_TRACKER_FAILED)
            to->on_failure(to->ctx, &event[i]);
        if (to->on_state_change)
            to->on_state_change(to->ctx, &event[i]);
    }
    uint32_t failures = keep_failures(event, n);
    if (to->on_failures && failures > 0)
        to->on_failures(to->ctx, event, failures);
    for (uint32_t i = 0; i < failures; i++)
        drop_name(&event[i]);
}

static void callback_queue_empty(struct bl_emitter_events *list)
{
    list->count = 0;
    if (list->room > KEPT_ROOM) {
        free(list->event);
        *list = (struct bl_emitter_events){0};
    }
}

void bl_callback_queue_tell(struct bl_callback_queue *l, const struct bl_emitter_callbacks *to,
                            uint32_t batch)
{
    struct bl_emitter_events *list = &l->telling;
    for (uint32_t at = 0; at < list->count; at += batch)
        tell_batch(&list->event[at], list->count - at < batch ? list->count - at : batch, to);
    callback_queue_empty(list);
}

static void free_events(struct bl_emitter_events *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        drop_name(&list->event[i]);
    free(list->event);
}

void bl_callback_queue_fini(struct bl_callback_queue *l)
{
    free_events(&l->waiting);
    free_events(&l->telling);
}
