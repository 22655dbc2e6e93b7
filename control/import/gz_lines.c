/* SPDX-License-Identifier: Apache-2.0 */
#include "control/import/gz_lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define BLOCK_BYTES 65536u

int bl_gz_lines_open(struct bl_gz_lines *l, const char *path, char why[BL_ERR_BYTES])
{
    *l = (struct bl_gz_lines){.block = malloc(BLOCK_BYTES)};
    errno = ENOMEM;
    if (l->block)
        l->file = gzopen(path, "rbe");
    if (l->file)
        return 0;
    int error = errno ? errno : ENOMEM;
    snprintf(why, BL_ERR_BYTES, "%s", strerror(error));
    bl_gz_lines_close(l);
    return -error;
}

void bl_gz_lines_close(struct bl_gz_lines *l)
{
    if (l->file)
        gzclose_r(l->file);
    free(l->block);
    bl_text_free(&l->line);
    *l = (struct bl_gz_lines){0};
}

/* What zlib has to say of the end of a file: nothing, where it is one. */
static int end_of_file(struct bl_gz_lines *l, char why[BL_ERR_BYTES])
{
    int error = Z_OK;
    const char *text = gzerror(l->file, &error);

    if (error == Z_OK || error == Z_STREAM_END)
        return 0;
    if (error == Z_ERRNO) {
        int result = errno;
        snprintf(why, BL_ERR_BYTES, "%s", strerror(result));
        return -result;
    }
    const char *what = strrchr(text, ':'); /* "PATH: what" */
    snprintf(why, BL_ERR_BYTES, "after line %llu the gzip data is damaged: %.150s",
             (unsigned long long)l->number, what ? what + 2 : text);
    return -EBADMSG;
}

/* 1: there are bytes; 0: there are none any more. */
static int read_block(struct bl_gz_lines *l, char why[BL_ERR_BYTES])
{
    int n = l->at < l->len ? 1 : gzread(l->file, l->block, BLOCK_BYTES);

    if (l->at < l->len)
        return 1;
    if (n <= 0)
        return end_of_file(l, why);
    l->at = 0;
    l->len = (unsigned)n;
    return 1;
}

static int take_bytes(struct bl_gz_lines *l, unsigned n, char why[BL_ERR_BYTES])
{
    if (n > BL_GZ_LINE_MAX - l->line.len) {
        snprintf(why, BL_ERR_BYTES, "line %llu: over %u bytes long", (unsigned long long)l->number + 1,
                 BL_GZ_LINE_MAX);
        return -EMSGSIZE;
    }
    bl_text_append(&l->line, (const char *)l->block + l->at, n);
    l->at += n;
    if (!l->line.failed)
        return 0;
    snprintf(why, BL_ERR_BYTES, "out of memory");
    return -ENOMEM;
}

int bl_gz_lines_next(struct bl_gz_lines *l, char why[BL_ERR_BYTES])
{
    int r;

    l->line.len = 0;
    while ((r = read_block(l, why)) > 0) {
        const uint8_t *from = l->block + l->at, *end = memchr(from, '\n', l->len - l->at);
        r = take_bytes(l, end ? (unsigned)(end - from) : l->len - l->at, why);
        if (r)
            return r;
        if (end) {
            l->at++; /* the line feed */
            l->number++;
            return 1;
        }
    }
    if (r < 0 || l->line.len == 0)
        return r;
    l->number++;
    return 1;
}
