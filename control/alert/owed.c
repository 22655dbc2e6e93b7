/* SPDX-License-Identifier: Apache-2.0 */
#include "control/alert/owed.h"

#include <stdlib.h>
#include <string.h>

#include "control/alert/notice.h"

#define FIRST_CAPACITY 64u

/* ---- the set ------------------------------------------------------------ */

static uint64_t owed_key(const struct bl_owed *o, const struct bl_event *e)
{
    /* A view and a node may share a name; a key's low bit is clear. */
    return bl_key_of_name(o->secret, e->name, (unsigned)strnlen(e->name, sizeof(e->name) - 1)) |
           (e->kind == BL_EVENT_VIEW);
}

static uint32_t owed_home(const struct bl_owed *o, uint64_t key)
{
    return (uint32_t)(key >> 1) & (o->capacity - 1);
}

/* Where the key is, or where its probe ends. */
static uint32_t owed_place(const struct bl_owed *o, uint64_t key)
{
    uint32_t i = owed_home(o, key);
    while (o->key[i] && o->key[i] != key)
        i = (i + 1) & (o->capacity - 1);
    return i;
}

/* At most half full, so that probes are short. */
static bool owed_room(struct bl_owed *o)
{
    if (o->count * 2 < o->capacity)
        return true;
    struct bl_owed larger = {.capacity = o->capacity ? o->capacity * 2 : FIRST_CAPACITY};
    larger.key = larger.capacity ? calloc(larger.capacity, sizeof(*larger.key)) : NULL;
    if (!larger.key)
        return false;
    for (uint32_t i = 0; i < o->capacity; i++)
        if (o->key[i])
            larger.key[owed_place(&larger, o->key[i])] = o->key[i];
    free(o->key);
    o->key = larger.key;
    o->capacity = larger.capacity;
    return true;
}

static void owed_add(struct bl_owed *o, uint64_t key)
{
    if (!owed_room(o)) {
        o->all = true;
        return;
    }
    uint32_t i = owed_place(o, key);
    o->count += o->key[i] == 0;
    o->key[i] = key;
}

/* Frees the place, and lets those behind it move up. */
static void owed_take_out(struct bl_owed *o, uint32_t hole)
{
    uint32_t mask = o->capacity - 1;
    for (uint32_t i = (hole + 1) & mask; o->key[i]; i = (i + 1) & mask)
        if (((i - owed_home(o, o->key[i])) & mask) >= ((i - hole) & mask)) {
            o->key[hole] = o->key[i];
            hole = i;
        }
    o->key[hole] = 0;
    o->count--;
}

static bool owed_remove(struct bl_owed *o, uint64_t key)
{
    uint32_t i = o->count ? owed_place(o, key) : 0;
    if (!o->count || !o->key[i])
        return o->all;
    owed_take_out(o, i);
    if (o->count == 0)
        bl_owed_free(o);
    return true;
}

/* ---- events --------------------------------------------------------------- */

bool bl_owed_wants(struct bl_owed *o, const struct bl_event *e, uint32_t states)
{
    bool wanted = bl_notice_wanted(e, states);
    bool change = e->kind == BL_EVENT_TRANSITION || (e->kind == BL_EVENT_VIEW && e->flags & BL_EVENT_NOTIFY);

    if (!change || states & (1u << BL_STATE_UNKNOWN))
        return wanted;
    bool trouble = e->from == BL_STATE_WARNING || e->from == BL_STATE_FAILED;
    if (e->to == BL_STATE_UNKNOWN && trouble && states & (1u << e->from))
        owed_add(o, owed_key(o, e));
    if (e->from == BL_STATE_UNKNOWN && owed_remove(o, owed_key(o, e)) && e->to == BL_STATE_OK)
        return states & (1u << BL_STATE_OK);
    return wanted;
}

void bl_owed_free(struct bl_owed *o)
{
    free(o->key);
    o->key = NULL;
    o->capacity = o->count = 0;
}
