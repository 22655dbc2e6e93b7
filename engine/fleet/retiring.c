/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/fleet/retiring.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/array.h"

#define FIRST_ENTRIES 32u
/* A set this large is given back when it is empty, a smaller one kept. */
#define KEPT_ENTRIES 1024u

void bl_retiring_free(struct bl_retiring *r)
{
    free(r->entry);
    free(r->waiting);
    *r = (struct bl_retiring){0};
}

/* ---- the set --------------------------------------------------------------- */

/* Keys are hashes: any of their bits will do. */
static uint32_t retiring_home(uint64_t key, uint32_t capacity)
{
    return (uint32_t)(key >> 8) & (capacity - 1);
}

static void retiring_put(struct bl_retiring_entry *entry, uint32_t capacity, struct bl_retiring_entry e)
{
    uint32_t at = retiring_home(e.key, capacity);
    while (entry[at].number != 0)
        at = (at + 1) & (capacity - 1);
    entry[at] = e;
}

/* A set of what is still under way, at most a quarter full. */
static bool retiring_rebuild(struct bl_retiring *r, uint64_t done)
{
    uint32_t live = 0, capacity = FIRST_ENTRIES;
    for (uint32_t i = 0; i < r->capacity; i++)
        live += r->entry[i].number > done;
    while (capacity / 4 < live + 1)
        capacity *= 2;
    struct bl_retiring_entry *entry = calloc(capacity, sizeof(*entry));
    if (!entry)
        return false;
    for (uint32_t i = 0; i < r->capacity; i++)
        if (r->entry[i].number > done)
            retiring_put(entry, capacity, r->entry[i]);
    free(r->entry);
    r->entry = entry;
    r->capacity = capacity;
    r->used = live;
    return true;
}

uint64_t bl_retiring_number(const struct bl_retiring *r, uint64_t key)
{
    uint64_t number = 0;
    if (r->used == 0)
        return 0;
    /* A key that was deleted before has older entries, too. */
    for (uint32_t at = retiring_home(key, r->capacity); r->entry[at].number != 0;
         at = (at + 1) & (r->capacity - 1))
        if (r->entry[at].key == key && r->entry[at].number > number)
            number = r->entry[at].number;
    return number;
}

void bl_retiring_settle(struct bl_retiring *r, uint64_t done)
{
    if (r->used == 0 || done < r->asked)
        return;
    if (r->capacity > KEPT_ENTRIES) {
        free(r->entry);
        r->entry = NULL;
        r->capacity = 0;
    } else {
        memset(r->entry, 0, r->capacity * sizeof(*r->entry));
    }
    r->used = 0;
}

/* ---- the queue --------------------------------------------------------------- */

static bool retiring_reserve_place(struct bl_retiring *r)
{
    if (r->first > 0 && r->count == r->room && r->first >= r->room / 2) {
        r->count -= r->first;
        memmove(r->waiting, r->waiting + r->first, r->count * sizeof(*r->waiting));
        r->first = 0;
    }
    uint64_t *waiting = bl_array_room(r->waiting, r->count, &r->room, sizeof(*waiting));
    if (!waiting)
        return false;
    r->waiting = waiting;
    return true;
}

bool bl_retiring_reserve(struct bl_retiring *r, uint64_t done)
{
    if ((r->used + 1) * 2 > r->capacity && !retiring_rebuild(r, done))
        return false;
    return retiring_reserve_place(r);
}

void bl_retiring_add(struct bl_retiring *r, uint64_t key)
{
    r->asked++;
    retiring_put(r->entry, r->capacity, (struct bl_retiring_entry){.key = key, .number = r->asked});
    r->used++;
    r->waiting[r->count++] = key;
}

bool bl_retiring_next(const struct bl_retiring *r, uint64_t *key)
{
    if (r->first == r->count)
        return false;
    *key = r->waiting[r->first];
    return true;
}

void bl_retiring_sent(struct bl_retiring *r)
{
    r->sent++;
    if (++r->first == r->count)
        r->first = r->count = 0;
}
