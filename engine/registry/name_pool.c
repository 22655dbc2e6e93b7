/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/registry/name_pool.h"

#include "engine/registry/registry.h"

/* Blocks double up to this, so that a small registry is small. */
#define FIRST_BYTES ((size_t)1024)
#define MOST_BYTES  ((size_t)1 << 18)

struct bl_name_block {
    struct bl_name_block *older;
    char names[];
};

void bl_name_pool_init(struct bl_name_pool *p, const struct bl_memory *m)
{
    *p = (struct bl_name_pool){.memory = m, .next_bytes = FIRST_BYTES};
}

void bl_name_pool_fini(struct bl_name_pool *p)
{
    while (p->block) {
        struct bl_name_block *b = p->block;
        p->block = b->older;
        p->memory->free(p->memory->ctx, b);
    }
}

/* With its end; a place can hold a pointer once it is returned. */
static size_t place_bytes(size_t len)
{
    return len + 1 < sizeof(char *) ? sizeof(char *) : len + 1;
}

static bool add_block(struct bl_name_pool *p)
{
    struct bl_name_block *b = p->memory->alloc(p->memory->ctx, p->next_bytes);
    if (!b)
        return false;
    b->older = p->block;
    p->block = b;
    p->at = b->names;
    p->left = p->next_bytes - sizeof(*b);
    if (p->next_bytes < MOST_BYTES)
        p->next_bytes *= 2;
    return true;
}

/* A returned place's list; nothing is aligned here. */
static char *next_of(const void *place)
{
    char *next;
    memcpy(&next, place, sizeof(next));
    return next;
}

static void set_next(void *place, char *next)
{
    memcpy(place, &next, sizeof(next));
}

static char *name_pool_take(struct bl_name_pool *p, size_t bytes)
{
    char *place = p->unused[bytes];
    if (place) {
        p->unused[bytes] = next_of(place);
        return place;
    }
    if (p->left < bytes && !add_block(p))
        return NULL;
    place = p->at;
    p->at += bytes;
    p->left -= bytes;
    return place;
}

char *bl_name_pool_copy(struct bl_name_pool *p, const uint64_t *id, const char *name, unsigned len)
{
    size_t before = id ? sizeof(*id) : 0;
    char *own = name_pool_take(p, place_bytes(before + len));
    if (!own)
        return NULL;
    if (id)
        memcpy(own, id, sizeof(*id));
    memcpy(own + before, name, len);
    own[before + len] = '\0';
    return own + before;
}

void bl_name_pool_give(struct bl_name_pool *p, char *name, bool has_id)
{
    size_t before = has_id ? sizeof(uint64_t) : 0, bytes = place_bytes(before + strlen(name));
    char *place = name - before;
    set_next(place, p->unused[bytes]);
    p->unused[bytes] = place;
}
