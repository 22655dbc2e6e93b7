/* SPDX-License-Identifier: Apache-2.0 */
#include "control/text/human.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/detect/state.h"

const char *bl_human_age(uint64_t ms, char out[BL_HUMAN_TEXT])
{
    uint64_t s = ms / 1000;
    if (s < 10)
        snprintf(out, BL_HUMAN_TEXT, "%" PRIu64 ".%" PRIu64 "s", s, ms / 100 % 10);
    else if (s < 60)
        snprintf(out, BL_HUMAN_TEXT, "%" PRIu64 "s", s);
    else if (s < 3600)
        snprintf(out, BL_HUMAN_TEXT, "%" PRIu64 "m%" PRIu64 "s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(out, BL_HUMAN_TEXT, "%" PRIu64 "h%" PRIu64 "m", s / 3600, s / 60 % 60);
    else
        snprintf(out, BL_HUMAN_TEXT, "%" PRIu64 "d%" PRIu64 "h", s / 86400, s / 3600 % 24);
    return out;
}

const char *bl_human_count(uint64_t n, char out[BL_HUMAN_TEXT])
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, n), at = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

const char *bl_human_bytes(uint64_t n, char out[BL_HUMAN_TEXT])
{
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)n;
    unsigned i = 0;
    for (; value >= 1024 && i < 4; i++)
        value /= 1024;
    snprintf(out, BL_HUMAN_TEXT, i == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, unit[i]);
    return out;
}

/* Characters, not bytes: continuation bytes have no width. */
static unsigned width_of(const char *text)
{
    unsigned width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void human_spaces(struct bl_text *out, unsigned n)
{
    for (; n > 0; n--)
        bl_text_append(out, " ", 1);
}

void bl_human_column(struct bl_text *out, const char *text, unsigned width, enum bl_align align)
{
    unsigned own = width_of(text), fill = own < width ? width - own : 0;
    if (align == BL_RIGHT)
        human_spaces(out, fill);
    bl_text_append(out, text, strlen(text));
    if (align == BL_LEFT)
        human_spaces(out, fill);
}

void bl_human_row(struct bl_text *out, const struct bl_columns *c, const char *label, const char *figure)
{
    human_spaces(out, c->indent);
    bl_human_column(out, label, c->label, BL_LEFT);
    bl_human_column(out, figure, c->figure, BL_RIGHT);
    bl_text_append(out, "\n", 1);
}

void bl_human_count_row(struct bl_text *out, const struct bl_columns *c, const char *label, uint64_t n)
{
    char count[BL_HUMAN_TEXT];
    bl_human_row(out, c, label, bl_human_count(n, count));
}

void bl_human_line(struct bl_text *out)
{
    while (out->len > 0 && out->data[out->len - 1] == ' ')
        out->len--;
    bl_text_append(out, "\n", 1);
}

unsigned bl_human_name(const char *name, char *out, unsigned bytes)
{
    size_t len = strlen(name);
    unsigned width = 0, at = 0;

    for (size_t i = 0; i < len; width++) {
        unsigned char c = (unsigned char)name[i];
        size_t n = bl_utf8_len((const unsigned char *)name + i, len - i);
        /* U+0080..U+009F (C2 80..9F) are terminal controls as well. */
        bool control = c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)name[i + 1] < 0xa0);
        if (at + 5 > bytes)
            break;
        if (n == 0 || control)
            out[at++] = '?';
        else
            memcpy(out + at, name + i, n);
        at += n == 0 || control ? 0 : (unsigned)n;
        i += n == 0 ? 1 : n;
    }
    out[at] = '\0';
    return width;
}

void bl_human_state(struct bl_text *out, unsigned state, unsigned width, bool color)
{
    static const char *const colors[BL_STATE_COUNT] = {
        [BL_STATE_NEW] = "2",      [BL_STATE_PAUSED] = "2",   [BL_STATE_OK] = "32",
        [BL_STATE_UNKNOWN] = "35", [BL_STATE_WARNING] = "33", [BL_STATE_FAILED] = "31",
    };
    const char *word = bl_state_name((enum bl_state)state);
    unsigned own = (unsigned)strlen(word);

    if (color && state < BL_STATE_COUNT)
        bl_text_printf(out, "\033[%sm%s\033[0m", colors[state], word);
    else
        bl_text_append(out, word, own);
    human_spaces(out, own < width ? width - own : 0);
}
