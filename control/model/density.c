/* SPDX-License-Identifier: Apache-2.0 */
#include "control/model/density.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "control/model/groups.h"
#include "engine/base/counter.h"

#define NO_GROUP 0xffffu /* of an index without a node */

/* Blocks, not crumbs: as many groups as people tell apart, and each with
 * some nodes. */
#define AUTO_GROUPS_LEAST 4u
#define AUTO_GROUPS_MOST  1024u
#define AUTO_GROUP_NODES  4u

enum phase { IDLE, GROUPING, PLACING, READING };

/* Which cell is which node. */
struct layout {
    uint32_t number;
    uint32_t cells;
    uint32_t *node; /* of each cell */
    struct bl_text head;
};

struct bl_density {
    struct bl_density_by by;
    struct bl_groups *groups;
    struct layout shown, made;
    struct bl_density_picture *picture; /* NULL: none yet; of what `seen` says */
    uint32_t layouts;                   /* numbers given out */
    struct seen {
        struct bl_registry_changes registry;
        uint64_t groups;
    } seen, begun;
    /* being made */
    enum phase phase;
    uint32_t at; /* next index, or next cell */
    uint32_t end;
    unsigned depth;
    uint16_t *group; /* of each index below `end` */
    uint32_t *cursor;
    struct bl_text next;
    unsigned run_state;
    uint32_t run;
};

struct bl_density *bl_density_new(const struct bl_density_by *by, uint64_t seed)
{
    struct bl_density *d = calloc(1, sizeof(*d));
    struct bl_groups *groups = bl_groups_new(seed);
    if (d == NULL || groups == NULL) {
        free(d);
        free(groups);
        return NULL;
    }
    d->by = *by;
    d->groups = groups;
    return d;
}

static void drop_layout(struct layout *l)
{
    free(l->node);
    bl_text_free(&l->head);
    *l = (struct layout){0};
}

/* What is needed only while a picture is being made, and what has become
 * of it. */
static void drop_work(struct bl_density *d)
{
    drop_layout(&d->made);
    free(d->group);
    free(d->cursor);
    d->group = NULL;
    d->cursor = NULL;
    bl_text_free(&d->next);
    d->phase = IDLE;
}

void bl_density_free(struct bl_density *d)
{
    if (d == NULL)
        return;
    drop_work(d);
    drop_layout(&d->shown);
    bl_density_release(d->picture);
    free(d->groups);
    free(d);
}

/* ---- bytes -------------------------------------------------------------- */

static void put_u32(struct bl_text *t, uint32_t v)
{
    char b[4] = {(char)v, (char)(v >> 8), (char)(v >> 16), (char)(v >> 24)};
    bl_text_append(t, b, sizeof(b));
}

static void put_byte(struct bl_text *t, unsigned v)
{
    char b = (char)v;
    bl_text_append(t, &b, 1);
}

static void put_run(struct bl_text *t, unsigned state, uint32_t length)
{
    if (length == 0)
        return;
    if (length < 32) {
        put_byte(t, state << 5 | (length - 1));
        return;
    }
    put_byte(t, state << 5 | 31);
    for (length -= 32; length >= 128; length >>= 7)
        put_byte(t, (length & 127) | 128);
    put_byte(t, length);
}

/* ---- a layout: each index its group ------------------------------------- */

static void begin_grouping(struct bl_density *d)
{
    bl_groups_clear(d->groups);
    d->phase = GROUPING;
    d->at = 0;
}

static void begin_layout(struct bl_density *d, const struct bl_registry *r)
{
    d->end = bl_registry_end(r);
    d->depth = d->by.depth == BL_DENSITY_DEPTH_AUTO ? BL_DENSITY_DEPTH_MAX : d->by.depth;
    d->group = malloc(d->end * sizeof(d->group[0]) + 1);
    if (d->group == NULL)
        drop_work(d);
    else
        begin_grouping(d);
}

/* More groups than make a picture, and less deep ones may be tried. */
static bool too_deep(const struct bl_density *d)
{
    uint32_t most = d->end / AUTO_GROUP_NODES;

    if (d->by.group != NULL || d->by.depth != BL_DENSITY_DEPTH_AUTO || d->depth == 0)
        return false;
    most = most < AUTO_GROUPS_LEAST ? AUTO_GROUPS_LEAST : most > AUTO_GROUPS_MOST ? AUTO_GROUPS_MOST : most;
    return d->groups->count > most;
}

static uint16_t group_of(struct bl_density *d, uint32_t index, const struct bl_node *n)
{
    const char *name;
    unsigned len;

    if (d->by.group != NULL) {
        name = d->by.group(d->by.ctx, index, &len);
    } else {
        name = bl_node_name(n);
        len = bl_group_of_name(name, (unsigned)strlen(name), d->depth);
    }
    return bl_groups_find(d->groups, name, len);
}

/* The picture's head, and where the cells of each group begin. */
static void write_head(struct bl_density *d, struct layout *l, uint32_t groups)
{
    uint32_t cell = 0;

    bl_text_append(&l->head, "BLD1", 4);
    put_u32(&l->head, l->number);
    put_u32(&l->head, 0); /* the version, see stamp() */
    put_u32(&l->head, 0);
    put_u32(&l->head, l->cells);
    put_u32(&l->head, groups);
    put_u32(&l->head, d->depth);
    for (uint32_t i = 0; i < groups; i++) {
        const struct bl_group *g = &d->groups->group[d->groups->sorted[i]];
        put_u32(&l->head, g->cells);
        put_byte(&l->head, g->name_len);
        bl_text_append(&l->head, g->name, g->name_len);
        d->cursor[d->groups->sorted[i]] = cell;
        cell += g->cells;
    }
}

static void begin_placing(struct bl_density *d)
{
    uint32_t groups = bl_groups_sort(d->groups);
    struct layout *l = &d->made;

    d->cursor = calloc(BL_GROUPS_MAX + 1, sizeof(d->cursor[0]));
    for (uint32_t i = 0; i < groups; i++)
        l->cells += d->groups->group[d->groups->sorted[i]].cells;
    l->node = malloc(l->cells * sizeof(l->node[0]) + 1);
    if (d->cursor != NULL && l->node != NULL) {
        l->number = ++d->layouts;
        write_head(d, l, groups);
    }
    if (d->cursor == NULL || l->node == NULL || l->head.failed)
        drop_work(d);
    else
        d->phase = PLACING;
    d->at = 0;
}

static void group_some(struct bl_density *d, const struct bl_registry *r, uint32_t to)
{
    for (; d->at < to; d->at++) {
        const struct bl_node *n = bl_registry_get(r, d->at);
        d->group[d->at] = NO_GROUP;
        if (n == NULL)
            continue;
        d->group[d->at] = group_of(d, d->at, n);
        d->groups->group[d->group[d->at]].cells++;
        if (too_deep(d)) {
            d->depth--;
            begin_grouping(d);
            return;
        }
    }
    if (d->at == d->end)
        begin_placing(d);
}

/* ---- and each group its cells ------------------------------------------- */

static void begin_reading(struct bl_density *d, const struct layout *l)
{
    bl_text_append(&d->next, l->head.data, l->head.len);
    d->phase = READING;
    d->at = 0;
    d->run = 0;
}

static void place_some(struct bl_density *d, uint32_t to)
{
    for (; d->at < to; d->at++) {
        if (d->group[d->at] != NO_GROUP)
            d->made.node[d->cursor[d->group[d->at]]++] = d->at;
    }
    if (d->at == d->end)
        begin_reading(d, &d->made);
}

/* ---- a reading: each cell its state ------------------------------------- */

#define VERSION_AT 8u

static uint64_t density_stamp(struct bl_text *bytes)
{
    uint64_t version = XXH3_64bits(bytes->data, bytes->len);
    for (unsigned i = 0; i < sizeof(version); i++)
        bytes->data[VERSION_AT + i] = (char)(version >> (8 * i));
    return version;
}

static void take_over(struct bl_density *d)
{
    struct bl_density_picture *p = malloc(sizeof(*p));

    if (p == NULL)
        return;
    if (d->made.node != NULL) {
        drop_layout(&d->shown);
        d->shown = d->made;
        d->made = (struct layout){0};
    }
    *p = (struct bl_density_picture){.holders = 1, .layout = d->shown.number, .cells = d->shown.cells};
    p->version = density_stamp(&d->next);
    p->bytes = d->next;
    d->next = (struct bl_text){0};
    bl_density_release(d->picture);
    d->picture = p;
    d->seen = d->begun;
}

static void finish_reading(struct bl_density *d)
{
    put_run(&d->next, d->run_state, d->run);
    if (!d->next.failed)
        take_over(d);
    drop_work(d);
}

static void read_some(struct bl_density *d, const struct bl_registry *r, const struct layout *l, uint32_t to)
{
    for (; d->at < to; d->at++) {
        const struct bl_node *n = bl_registry_get(r, l->node[d->at]);
        unsigned state = n != NULL ? BL_READ(n->state) : BL_DENSITY_GONE;
        if (state != d->run_state) {
            put_run(&d->next, d->run_state, d->run);
            d->run_state = state;
            d->run = 0;
        }
        d->run++;
    }
    if (d->at == l->cells)
        finish_reading(d);
}

/* ---- steps --------------------------------------------------------------- */

void bl_density_refresh(struct bl_density *d, const struct bl_registry *r)
{
    if (d->phase != IDLE)
        return;
    /* Before anything is read: what changes later is for the next one. */
    d->begun.registry = bl_registry_changes(r);
    d->begun.groups = d->by.changes != NULL ? d->by.changes(d->by.ctx) : 0;
    if (d->picture == NULL || d->begun.registry.nodes != d->seen.registry.nodes ||
        d->begun.groups != d->seen.groups)
        begin_layout(d, r);
    else if (d->begun.registry.states != d->seen.registry.states)
        begin_reading(d, &d->shown);
}

static uint32_t density_bound(uint32_t at, uint32_t nodes, uint32_t end)
{
    return end - at < nodes ? end : at + nodes;
}

bool bl_density_step(struct bl_density *d, const struct bl_registry *r, uint32_t nodes)
{
    const struct layout *l = d->made.node != NULL ? &d->made : &d->shown;

    switch (d->phase) {
    case IDLE:
        break;
    case GROUPING:
        group_some(d, r, density_bound(d->at, nodes, d->end));
        break;
    case PLACING:
        place_some(d, density_bound(d->at, nodes, d->end));
        break;
    case READING:
        read_some(d, r, l, density_bound(d->at, nodes, l->cells));
        break;
    }
    return d->phase != IDLE;
}

struct bl_density_picture *bl_density_picture(const struct bl_density *d)
{
    return d->picture;
}

void bl_density_hold(struct bl_density_picture *p)
{
    p->holders++;
}

void bl_density_release(struct bl_density_picture *p)
{
    if (p == NULL || --p->holders > 0)
        return;
    bl_text_free(&p->bytes);
    free(p);
}

uint32_t bl_density_at(const struct bl_density *d, uint32_t layout, uint32_t cell)
{
    return d->picture != NULL && layout == d->shown.number && cell < d->shown.cells ? d->shown.node[cell]
                                                                                    : BL_NODE_NONE;
}
