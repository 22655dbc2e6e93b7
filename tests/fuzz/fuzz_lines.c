/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a byte for the chunks, then what a connection brings; 0xfe in it
 * stands for half of the longest line. */
#include <stdlib.h>
#include <string.h>

#include "control/ingest/lines.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lines_reference.h"

#define LONG_BYTE 0xfe
#define LONG      (BL_LINE_MAX / 2)
#define LONGS_MAX 8

/* Chunks that grow, so that short and long ones meet each place. */
static uint32_t chunk(void *ctx)
{
    uint32_t *size = ctx;
    *size = *size * 5 % 65521 + 1;
    return *size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    uint8_t *stream = malloc(size + (size_t)LONGS_MAX * LONG);
    size_t len = 0, longs = 0;
    for (size_t i = 1; i < size; i++) {
        if (data[i] == LONG_BYTE && longs++ < LONGS_MAX) {
            memset(stream + len, 'x', LONG);
            len += LONG;
        } else {
            stream[len++] = data[i];
        }
    }
    uint32_t first = data[0];
    lines_reference_check(stream, len, chunk, &first);
    free(stream);
    return 0;
}
