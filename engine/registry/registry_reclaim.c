/* SPDX-License-Identifier: Apache-2.0 */
/* What readers may still hold: removed records, replaced names, outgrown
 * arrays; back into use after a grace period. */
#include "engine/registry/registry_internal.h"

void bl_registry_retire(struct bl_registry *r, struct bl_registry_retired *note, void *memory, bool is_name)
{
    *note = (struct bl_registry_retired){.next = r->retired, .memory = memory, .is_name = is_name};
    r->retired = note;
    r->waiting++;
}

uint32_t bl_registry_removed(const struct bl_registry *r)
{
    return r->waiting + r->index.retired_count;
}

void bl_registry_reclaim_begin(struct bl_registry *r)
{
    r->leaving = (struct bl_registry_leaving){.removed = r->removed, .retired = r->retired};
    r->removed = BL_NODE_NONE;
    r->retired = NULL;
    bl_registry_index_reclaim_begin(&r->index);
}

BL_ON_CONTROL static void take_back_record(struct bl_registry *r)
{
    uint32_t index = r->leaving.removed;
    struct bl_node *n = bl_registry_record(r, index);
    bl_name_pool_give(&r->names, (char *)(uintptr_t)n->name, n->flags & BL_NODE_BINARY);
    r->leaving.removed = n->next_unused;
    n->next_unused = r->unused;
    r->unused = index;
}

BL_ON_CONTROL static void take_back_retired(struct bl_registry *r)
{
    struct bl_registry_retired *note = r->leaving.retired;
    r->leaving.retired = note->next;
    if (note->is_name)
        bl_name_pool_give(&r->names, note->memory, true);
    else
        bl_registry_give(r, note->memory);
    bl_registry_give(r, note);
}

bool bl_registry_reclaim_end(struct bl_registry *r, uint32_t max)
{
    for (; r->leaving.removed != BL_NODE_NONE || r->leaving.retired; max--, r->waiting--) {
        if (max == 0)
            return false;
        if (r->leaving.removed != BL_NODE_NONE)
            take_back_record(r);
        else
            take_back_retired(r);
    }
    bl_registry_index_reclaim_end(&r->index);
    return true;
}

void bl_registry_reclaim(struct bl_registry *r)
{
    bl_registry_reclaim_end(r, UINT32_MAX);
    bl_registry_reclaim_begin(r);
    bl_registry_reclaim_end(r, UINT32_MAX);
}
