/* SPDX-License-Identifier: Apache-2.0 */
#include "control/match/pieces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/match/pattern.h"
#include "engine/base/array.h"

struct piece {
    char *text;
    uint32_t len, id;
    uint32_t count; /* patterns that share it */
};

struct bl_pieces {
    struct piece *piece;
    uint32_t count, capacity;
    uint32_t next; /* the first piece of the next id to be asked */
};

struct bl_pieces *bl_pieces_new(void)
{
    return calloc(1, sizeof(struct bl_pieces));
}

void bl_pieces_free(struct bl_pieces *p)
{
    for (uint32_t i = 0; p != NULL && i < p->count; i++)
        free(p->piece[i].text);
    if (p != NULL)
        free(p->piece);
    free(p);
}

static int pieces_add(struct bl_pieces *p, uint32_t id, const struct bl_pattern_piece *from)
{
    struct piece *pieces = bl_array_room(p->piece, p->count, &p->capacity, sizeof(*pieces));
    if (pieces == NULL)
        return -ENOMEM;
    p->piece = pieces;
    uint32_t len = from->len + from->first + from->last;
    char *text = malloc(len);
    if (text == NULL)
        return -ENOMEM;
    text[0] = BL_PIECE_FIRST;
    memcpy(text + from->first, from->at, from->len);
    if (from->last)
        text[len - 1] = BL_PIECE_LAST;
    p->piece[p->count++] = (struct piece){.text = text, .len = len, .id = id};
    return 0;
}

int bl_pieces_add(struct bl_pieces *p, uint32_t id, const struct bl_pattern *pattern)
{
    struct bl_pattern_piece piece;
    unsigned i = 0;
    int r = 0;

    for (; r == 0 && bl_pattern_piece(pattern, i, &piece); i++)
        r = pieces_add(p, id, &piece);
    if (i == 0)
        r = pieces_add(p, id, &(struct bl_pattern_piece){.at = "", .first = true});
    return r;
}

static int by_text(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;
    int order = memcmp(x->text, y->text, x->len < y->len ? x->len : y->len);
    return order != 0 ? order : x->len < y->len ? -1 : x->len > y->len;
}

static int by_id(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

void bl_pieces_count(struct bl_pieces *p)
{
    if (p->count == 0)
        return;
    qsort(p->piece, p->count, sizeof(p->piece[0]), by_text);
    for (uint32_t i = 0, end; i < p->count; i = end) {
        for (end = i + 1; end < p->count && by_text(&p->piece[i], &p->piece[end]) == 0;)
            end++;
        for (uint32_t k = i; k < end; k++)
            p->piece[k].count = end - i;
    }
    qsort(p->piece, p->count, sizeof(p->piece[0]), by_id);
}

const char *bl_pieces_rarest(struct bl_pieces *p, uint32_t id, size_t *len)
{
    while (p->piece[p->next].id < id)
        p->next++;
    const struct piece *best = &p->piece[p->next++]; /* each pattern has one */
    for (; p->next < p->count && p->piece[p->next].id == id; p->next++) {
        const struct piece *at = &p->piece[p->next];
        if (at->count < best->count || (at->count == best->count && at->len > best->len))
            best = at;
    }
    *len = best->len;
    return best->text;
}
