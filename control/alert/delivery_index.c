/* SPDX-License-Identifier: Apache-2.0 */
#include "control/alert/delivery_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/alert/outbox.h"

#define FIRST_CHAINS 64u

static uint64_t index_hash(const struct bl_delivery_index *x, const struct bl_notice *n)
{
    /* A key's low bit is always clear. */
    return bl_key_of_name(x->secret, n->name, (unsigned)strlen(n->name)) >> 1;
}

static struct bl_delivery **index_chain(const struct bl_delivery_index *x, uint64_t hash)
{
    return &x->chain[hash & (x->chains - 1)];
}

static void index_link(struct bl_delivery_index *x, struct bl_delivery *d)
{
    struct bl_delivery **chain = index_chain(x, d->hash);
    d->chained = *chain;
    *chain = d;
}

/* Twice as many chains; without memory the ones there are stay. */
static void index_grow(struct bl_delivery_index *x)
{
    struct bl_delivery_index larger = {.chains = x->chains ? x->chains * 2 : FIRST_CHAINS};
    larger.chain = larger.chains ? calloc(larger.chains, sizeof(struct bl_delivery *)) : NULL;
    if (!larger.chain)
        return;
    for (uint32_t i = 0; i < x->chains; i++)
        for (struct bl_delivery *d = x->chain[i], *next; d; d = next) {
            next = d->chained;
            index_link(&larger, d);
        }
    free(x->chain);
    x->chain = larger.chain;
    x->chains = larger.chains;
}

struct bl_delivery *bl_delivery_index_find(const struct bl_delivery_index *x, const struct bl_notice *n)
{
    if (x->count == 0)
        return NULL;
    uint64_t hash = index_hash(x, n);
    struct bl_delivery *d = *index_chain(x, hash);
    while (d && (d->hash != hash || !bl_notice_is_about_same(d->notice, n)))
        d = d->chained;
    return d;
}

int bl_delivery_index_add(struct bl_delivery_index *x, struct bl_delivery *d)
{
    if (x->count >= x->chains)
        index_grow(x);
    if (!x->chain)
        return -ENOMEM;
    d->hash = index_hash(x, d->notice);
    index_link(x, d);
    x->count++;
    return 0;
}

/* Where its chain points to `d`. */
static struct bl_delivery **index_place(const struct bl_delivery_index *x, const struct bl_delivery *d)
{
    struct bl_delivery **at = index_chain(x, d->hash);
    while (*at != d)
        at = &(*at)->chained;
    return at;
}

void bl_delivery_index_replace(struct bl_delivery_index *x, struct bl_delivery *d, struct bl_delivery *to)
{
    to->hash = d->hash;
    to->chained = d->chained;
    *index_place(x, d) = to;
}

void bl_delivery_index_remove(struct bl_delivery_index *x, struct bl_delivery *d)
{
    *index_place(x, d) = d->chained;
    if (--x->count > 0)
        return;
    free(x->chain);
    x->chain = NULL;
    x->chains = 0;
}
