/* SPDX-License-Identifier: Apache-2.0 */
/* The registry's readers, and what a name is. */
#include <string.h>

#include "engine/base/counter.h"
#include "engine/base/rcu.h"
#include "engine/registry/registry_internal.h"

/* ---- names ------------------------------------------------------------ */

bool bl_name_is_valid(const char *name, size_t len)
{
    if (len < 1 || len > BL_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char b = (unsigned char)name[i];
        if (b <= ' ' || b == 0x7f || b == ':' || b == '|')
            return false;
    }
    return true;
}

/* 16 if it is none. */
static unsigned hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c | 0x20 : c) : NULL;
    return at ? (unsigned)(at - digits) : 16;
}

/* The id that an "id:%016x" name tells. */
static bool id_of_name(const char *name, size_t len, uint64_t *id)
{
    if (len != BL_ID_NAME_LEN || memcmp(name, "id:", 3) != 0)
        return false;
    *id = 0;
    for (unsigned i = 3; i < BL_ID_NAME_LEN; i++) {
        unsigned digit = hex_digit(name[i]);
        if (digit == 16)
            return false;
        *id = *id << 4 | digit;
    }
    return true;
}

void bl_registry_name_of_id(uint64_t id, char name[BL_ID_NAME_LEN])
{
    memcpy(name, "id:", 3);
    for (unsigned i = BL_ID_NAME_LEN; i-- > 3; id >>= 4)
        name[i] = "0123456789abcdef"[id & 15];
}

bool bl_registry_is_named(const struct bl_node *n, const char *name, size_t len)
{
    const char *own = bl_node_name(n);
    return strncmp(own, name, len) == 0 && own[len] == '\0';
}

bool bl_registry_has_alias(const struct bl_node *n)
{
    return (n->flags & BL_NODE_BINARY) && strncmp(n->name, "id:", 3) != 0;
}

uint64_t bl_registry_name_key(const struct bl_registry *r, const struct bl_node *n)
{
    const char *name = bl_node_name(n);
    return bl_key_of_name(r->secret, name, (unsigned)strlen(name));
}

/* ---- readers ---------------------------------------------------------- */

const struct bl_node *bl_registry_get(const struct bl_registry *r, uint32_t index)
{
    if (index >= bl_registry_end(r))
        return NULL;
    const struct bl_registry_directory *d = bl_rcu_read(&r->directory);
    const struct bl_node *chunk = bl_rcu_read(&d->chunk[index / BL_REGISTRY_CHUNK_NODES]);
    const struct bl_node *n = &chunk[index % BL_REGISTRY_CHUNK_NODES];
    return __atomic_load_n(&n->flags, __ATOMIC_ACQUIRE) & BL_NODE_LIVE ? n : NULL;
}

bool bl_registry_same_node(const void *ctx, uint32_t node, bool alias, uint64_t key)
{
    const struct bl_registry *r = ctx;
    const struct bl_node *n = bl_registry_get(r, node);
    if (!n)
        return false;
    return alias ? bl_registry_name_key(r, n) == key : BL_READ(n->key) == key;
}

uint32_t bl_registry_find_key(const struct bl_registry *r, uint64_t key)
{
    return bl_registry_index_find(&r->index, key);
}

void bl_registry_prefetch(const struct bl_registry *r, uint64_t key)
{
    bl_registry_index_prefetch(&r->index, key);
}

uint32_t bl_registry_find_id(const struct bl_registry *r, uint64_t id)
{
    uint32_t index = bl_registry_find_key(r, bl_key_of_id(r->secret, id));
    const struct bl_node *n = index == BL_NODE_NONE ? NULL : bl_registry_get(r, index);
    bool same = n && (BL_READ(n->flags) & BL_NODE_BINARY) && bl_node_id(n) == id;
    return same ? index : BL_NODE_NONE;
}

uint32_t bl_registry_find_name(const struct bl_registry *r, const char *name, unsigned len)
{
    uint64_t id;
    if (id_of_name(name, len, &id))
        return bl_registry_find_id(r, id);
    if (!bl_name_is_valid(name, len))
        return BL_NODE_NONE;
    uint32_t index = bl_registry_find_key(r, bl_key_of_name(r->secret, name, len));
    const struct bl_node *n = index == BL_NODE_NONE ? NULL : bl_registry_get(r, index);
    return n && bl_registry_is_named(n, name, len) ? index : BL_NODE_NONE;
}

uint32_t bl_registry_end(const struct bl_registry *r)
{
    return __atomic_load_n(&r->end, __ATOMIC_ACQUIRE);
}

struct bl_registry_changes bl_registry_changes(const struct bl_registry *r)
{
    return (struct bl_registry_changes){
        .nodes = __atomic_load_n(&r->changes.nodes, __ATOMIC_ACQUIRE),
        .states = __atomic_load_n(&r->changes.states, __ATOMIC_ACQUIRE),
    };
}

uint32_t bl_registry_total(const struct bl_registry *r)
{
    return BL_READ(r->total);
}

uint32_t bl_registry_count(const struct bl_registry *r, enum bl_state s)
{
    return (unsigned)s < BL_STATE_COUNT ? BL_READ(r->count[s]) : 0;
}
