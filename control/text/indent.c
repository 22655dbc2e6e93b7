/* SPDX-License-Identifier: Apache-2.0 */
#include "control/text/indent.h"

#include <stdbool.h>
#include <string.h>

static void new_line(struct bl_text *out, unsigned level)
{
    bl_text_printf(out, "\n%*s", (int)(2 * level), "");
}

/* The length of the string, number or word that `json` begins with. */
static size_t word_len(const char *json, size_t len)
{
    size_t i = 1;
    if (json[0] != '"') {
        while (i < len && strchr("{}[],: \n\t\r", json[i]) == NULL)
            i++;
        return i;
    }
    for (; i < len && json[i] != '"'; i++)
        i += json[i] == '\\';
    return i < len ? i + 1 : len;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

void bl_json_indent(struct bl_text *out, const char *json, size_t len, unsigned level)
{
    bool empty = false; /* the object or array just begun has nothing yet */

    for (size_t i = 0, n; i < len; i += n) {
        char c = json[i];
        bool ends = c == '}' || c == ']', begins = c == '{' || c == '[';
        n = 1;
        if (is_space(c))
            continue;
        if (ends)
            level--;
        if (ends ? !empty : empty)
            new_line(out, level);
        if (!ends && !begins && c != ',' && c != ':')
            n = word_len(json + i, len - i);
        bl_text_append(out, json + i, n);
        empty = begins;
        if (begins)
            level++;
        else if (c == ',')
            new_line(out, level);
        else if (c == ':')
            bl_text_append(out, " ", 1);
    }
}
