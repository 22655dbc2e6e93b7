/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/counter.h"
#include "engine/base/interleave.h"
#include "engine/base/rcu.h"
#include "engine/table/table.h"
#include "engine/table/table_line.h"

void bl_table_grow_begin(struct bl_table *t, struct bl_slots *next)
{
    t->move_line = 0;
    t->next_gone = 0;
    bl_rcu_publish(&t->next, next);
}

BL_ON_WORKER static void copy_side(const struct bl_slots *from, uint32_t slot, struct bl_slots *to,
                                   uint32_t at)
{
    const struct bl_anomaly *a = &from->anomaly[slot];
    uint64_t policy = BL_READ(from->policy[slot]);
    BL_WRITE(to->policy[at], policy);
    to->slot_flags[at] = from->slot_flags[slot];
    /* `next` is blank: a store of zeros would only make pages of its own
     * of it. Nobody reads the slot before its key is there. */
    if ((a->incarnation | a->lost | a->duplicate | a->reordered | a->restarted) != 0)
        bl_slots_set_anomaly(to, at, a);
    if (from->slot_flags[slot] & BL_SLOT_STATS)
        bl_slots_set_stats(to, at, &from->stats[slot]);
}

/* Returns false if there is no room for it. */
BL_ON_WORKER static bool move_slot(struct bl_table *t, uint32_t slot)
{
    struct bl_line *l = &t->slots->line[slot / BL_LINE_SLOTS];
    unsigned place = slot % BL_LINE_SLOTS;
    uint64_t key = l->key[place];
    uint32_t at;
    if (!bl_slots_room(t->next, key, &at))
        return false;
    struct bl_line *to = &t->next->line[at / BL_LINE_SLOTS];
    unsigned to_place = at % BL_LINE_SLOTS;
    if (to->key[to_place] == BL_KEY_GONE)
        bl_line_count(&t->next_gone, -1);
    copy_side(t->slots, slot, t->next, at);
    bl_line_set_stamp(to, to_place, l->stamp[place]);
    /* First there, then no longer here: a reader finds it in one. */
    BL_INTERLEAVE("move: copied");
    bl_line_set_key(to, to_place, key);
    BL_INTERLEAVE("move: in both");
    bl_line_set_key(l, place, BL_KEY_GONE);
    return true;
}

/* Nobody was told of it, and nobody needs to be. Control may be giving it
 * a node this moment, from another table: that one is in no place here
 * then, as if it had been deleted. */
BL_ON_WORKER static void drop_slot(struct bl_table *t, uint32_t slot)
{
    bl_line_set_key(&t->slots->line[slot / BL_LINE_SLOTS], slot % BL_LINE_SLOTS, BL_KEY_GONE);
    bl_line_count(&t->used, -1);
    __atomic_store_n(&t->unreported, t->unreported - 1, __ATOMIC_RELEASE);
    bl_line_count(&t->dropped, 1);
}

static bool is_to_drop(const struct bl_slots *s, uint32_t slot, uint32_t now)
{
    return (s->slot_flags[slot] & BL_SLOT_UNREPORTED) && bl_slots_is_nodeless(s, slot, now);
}

BL_ON_WORKER static bool move_one_line(struct bl_table *t, uint32_t now)
{
    uint32_t slot = t->move_line * BL_LINE_SLOTS;
    for (unsigned place = 0; place < BL_LINE_SLOTS; place++) {
        uint64_t key = t->slots->line[t->move_line].key[place];
        if (key == BL_KEY_EMPTY || key == BL_KEY_GONE)
            continue;
        if (is_to_drop(t->slots, slot + place, now))
            drop_slot(t, slot + place);
        else if (!move_slot(t, slot + place))
            return false;
    }
    t->move_line++;
    return true;
}

BL_ON_WORKER static struct bl_slots *publish_next(struct bl_table *t)
{
    struct bl_slots *old = t->slots;
    t->move_line = 0;
    bl_line_count(&t->gone, (int32_t)(t->next_gone - t->gone));
    t->next_gone = 0;
    /* In this order: see bl_table_find. */
    bl_rcu_publish(&t->slots, t->next);
    BL_INTERLEAVE("grow: published");
    bl_rcu_publish(&t->next, (struct bl_slots *)NULL);
    return old;
}

struct bl_slots *bl_table_grow_step(struct bl_table *t, uint32_t now, unsigned lines)
{
    if (t->next == NULL)
        return NULL;
    for (; lines > 0 && t->move_line < t->slots->line_count; lines--)
        if (!move_one_line(t, now))
            return NULL;
    return t->move_line < t->slots->line_count ? NULL : publish_next(t);
}
