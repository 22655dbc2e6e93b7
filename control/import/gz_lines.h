/* SPDX-License-Identifier: Apache-2.0 */
/* gz_lines: the lines of a gzip file, one after the other; of a plain text
 * file, too. What is damaged, cut short, or has a line that no sane file
 * has, is an error: the lines before it were told already. One thread. */
#pragma once

#include <stdint.h>

#include "control/text/json.h"
#include "engine/base/err.h"

#define BL_GZ_LINE_MAX (1u << 20)

struct bl_gz_lines {
    void *file;          /* zlib's */
    uint8_t *block;      /* what was read and not yet told */
    unsigned at, len;    /* of it */
    struct bl_text line; /* the last one told, without its line feed */
    uint64_t number;     /* of that line, from 1 on */
};

/* 0, or negative errno with why. */
int bl_gz_lines_open(struct bl_gz_lines *l, const char *path, char why[BL_ERR_BYTES]);
void bl_gz_lines_close(struct bl_gz_lines *l);

/* 1: l->line is the next one; 0: there is none; negative errno with why. A
 * last line without a line feed counts. */
int bl_gz_lines_next(struct bl_gz_lines *l, char why[BL_ERR_BYTES]);
