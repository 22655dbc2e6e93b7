/* SPDX-License-Identifier: Apache-2.0 */
#include "control/ingest/lines.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/wire/binary.h"

static_assert(BL_LINES_READ <= BL_LINE_MAX, "only the first line of a room can be too long");

uint8_t *bl_lines_begin(const struct bl_lines *l, struct bl_lines_room *room)
{
    room->byte[0] = '\n';
    if (l->left_len > 0)
        memcpy(room->byte + 1, l->left, l->left_len);
    return room->byte + 1 + l->left_len;
}

/* The room's first `len` bytes as a piece. */
static struct bl_lines_piece piece_of(const struct bl_lines_room *room, uint32_t len)
{
    const uint8_t *data = room->byte + 1;
    uint32_t i = 0;

    while (i < len && (data[i] == '\n' || data[i] == '\r'))
        i++;
    if (i == len)
        return (struct bl_lines_piece){.data = data, .len = 0};
    if (data[0] == BL_BINARY_MAGIC >> 8)
        return (struct bl_lines_piece){.data = data - 1, .len = len + 1};
    return (struct bl_lines_piece){.data = data, .len = len};
}

/* Keeps the room's bytes from `from` to `end`. */
static int lines_keep(struct bl_lines *l, const struct bl_lines_room *room, uint32_t from, uint32_t end)
{
    uint32_t len = end - from;
    if (len == 0) {
        free(l->left);
        *l = (struct bl_lines){0};
        return 0;
    }
    uint8_t *left = realloc(l->left, len);
    if (left == NULL)
        return -ENOMEM;
    memcpy(left, room->byte + 1 + from, len);
    *l = (struct bl_lines){.left = left, .left_len = len};
    return 0;
}

static int give_up(struct bl_lines *l, int why)
{
    free(l->left);
    *l = (struct bl_lines){0};
    return why;
}

int bl_lines_end(struct bl_lines *l, struct bl_lines_room *room, uint32_t n, struct bl_lines_piece *piece)
{
    const uint8_t *data = room->byte + 1;
    uint32_t len = l->left_len + n;
    const uint8_t *first = memchr(data + l->left_len, '\n', n);

    *piece = (struct bl_lines_piece){.data = data};
    if ((first != NULL ? (uint32_t)(first - data) : len) > BL_LINE_MAX)
        return give_up(l, -EMSGSIZE);
    const uint8_t *last = first != NULL ? memrchr(first, '\n', len - (uint32_t)(first - data)) : NULL;
    uint32_t whole = last != NULL ? (uint32_t)(last - data) + 1 : 0;
    *piece = piece_of(room, whole);
    int rc = lines_keep(l, room, whole, len);
    return rc != 0 ? give_up(l, rc) : 0;
}

void bl_lines_close(struct bl_lines *l, struct bl_lines_room *room, struct bl_lines_piece *piece)
{
    bl_lines_begin(l, room);
    *piece = piece_of(room, l->left_len);
    give_up(l, 0);
}
