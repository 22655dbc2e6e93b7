/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lines_reference.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/ingest/lines.h"

#define BINARY_FIRST 0xbe

#define MUST(holds)                                                                                          \
    do {                                                                                                     \
        if (!(holds)) {                                                                                      \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #holds);                                      \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* Lines one after the other, each with a line feed. */
struct gathered {
    uint8_t *byte;
    size_t len;
};

/* Adds the lines of `data` that are more than carriage returns. */
static void gather_lines(struct gathered *g, const uint8_t *data, size_t len)
{
    for (size_t i = 0, end; i < len; i = end + 1) {
        bool empty = true;
        for (end = i; end < len && data[end] != '\n'; end++)
            empty = empty && data[end] == '\r';
        if (empty)
            continue;
        memcpy(g->byte + g->len, data + i, end - i);
        g->len += end - i;
        g->byte[g->len++] = '\n';
    }
}

/* Where the lines end that count: before the first that is too long. */
static size_t good_bytes(const uint8_t *stream, size_t len, bool *too_long)
{
    for (size_t i = 0, end; i < len; i = end + 1) {
        for (end = i; end < len && stream[end] != '\n'; end++) {
        }
        *too_long = end - i > BL_LINE_MAX;
        if (*too_long)
            return i;
    }
    return len;
}

static void take_piece(struct gathered *g, const struct bl_lines_piece *p, bool last)
{
    if (p->len == 0)
        return;
    MUST(p->len <= 1 + BL_LINE_MAX + BL_LINES_READ);
    MUST(p->data[0] != BINARY_FIRST);
    MUST(p->data[p->len - 1] == '\n' || last);
    gather_lines(g, p->data, p->len);
}

void lines_reference_check(const uint8_t *stream, size_t len, uint32_t (*chunk)(void *ctx), void *ctx)
{
    struct bl_lines_room *room = malloc(sizeof(*room));
    struct gathered is = {.byte = malloc(2 * len + 2)}, should = {.byte = malloc(2 * len + 2)};
    struct bl_lines lines = {0};
    struct bl_lines_piece piece;
    bool too_long = false;
    int rc = 0;

    for (size_t at = 0; at < len && rc == 0;) {
        uint32_t n = chunk(ctx);
        n = n < 1 ? 1 : n > BL_LINES_READ ? BL_LINES_READ : n;
        n = n > len - at ? (uint32_t)(len - at) : n;
        memcpy(bl_lines_begin(&lines, room), stream + at, n);
        rc = bl_lines_end(&lines, room, n, &piece);
        take_piece(&is, &piece, false);
        at += n;
    }
    bl_lines_close(&lines, room, &piece);
    take_piece(&is, &piece, true);
    MUST(lines.left == NULL && lines.left_len == 0);

    gather_lines(&should, stream, good_bytes(stream, len, &too_long));
    MUST(rc == (too_long ? -EMSGSIZE : 0));
    MUST(is.len == should.len && memcmp(is.byte, should.byte, is.len) == 0);
    free(is.byte);
    free(should.byte);
    free(room);
}
