/* SPDX-License-Identifier: Apache-2.0 */
#include "control/core/changes.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/base/ring.h"

struct bl_changes {
    struct bl_ring *nodes, *names;
    uint32_t lost; /* control sets, the store thread clears */
};

struct bl_changes *bl_changes_new(void)
{
    struct bl_changes *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->nodes = bl_ring_new(BL_CHANGES_NODES, sizeof(uint32_t));
    c->names = bl_ring_new(BL_CHANGES_NAMES, sizeof(struct bl_name_change));
    if (c->nodes && c->names)
        return c;
    bl_changes_free(c);
    return NULL;
}

void bl_changes_free(struct bl_changes *c)
{
    if (!c)
        return;
    bl_ring_free(c->nodes);
    bl_ring_free(c->names);
    free(c);
}

static void changes_note(struct bl_changes *c, bool fits)
{
    if (!fits)
        __atomic_store_n(&c->lost, 1, __ATOMIC_RELEASE);
}

void bl_changes_node(struct bl_changes *c, uint32_t node)
{
    if (c)
        changes_note(c, bl_ring_push(c->nodes, &node));
}

void bl_changes_removed(struct bl_changes *c, const struct bl_node *n)
{
    struct bl_name_change change = {.id = bl_node_id(n), .binary = (n->flags & BL_NODE_BINARY) != 0};

    if (!c)
        return;
    if (!change.binary) {
        change.name_len = n->name_len;
        memcpy(change.name, n->name, n->name_len);
    }
    changes_note(c, bl_ring_push(c->names, &change));
}

void bl_changes_view(struct bl_changes *c, const char *name, unsigned name_len)
{
    struct bl_name_change change = {.is_view = 1, .name_len = (uint8_t)name_len};

    if (!c || name_len > BL_NAME_MAX)
        return;
    memcpy(change.name, name, name_len);
    changes_note(c, bl_ring_push(c->names, &change));
}

unsigned bl_changes_take_nodes(struct bl_changes *c, uint32_t *nodes, unsigned max)
{
    return bl_ring_pop(c->nodes, nodes, max);
}

unsigned bl_changes_take_names(struct bl_changes *c, struct bl_name_change *names, unsigned max)
{
    return bl_ring_pop(c->names, names, max);
}

bool bl_changes_take_lost(struct bl_changes *c)
{
    return __atomic_exchange_n(&c->lost, 0, __ATOMIC_ACQ_REL) != 0;
}
