/* SPDX-License-Identifier: Apache-2.0 */
#include "control/text/duration.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    uint64_t ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
#define UNITS (sizeof(units) / sizeof(units[0]))

/* Whole parts are held at 10^10 (317 years in seconds) and fractions
 * below 10^9, so that times a day's 86400000 ms nothing overflows. */
#define WHOLE_LIMIT     UINT64_C(10000000000)
#define FRACTION_DIGITS 9u

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static uint64_t unit_ms(const char *name)
{
    for (size_t i = 0; i < UNITS; i++) {
        if (strcmp(name, units[i].name) == 0)
            return units[i].ms;
    }
    return 0;
}

struct number {
    uint64_t whole, fraction, scale; /* whole + fraction / scale */
};

/* Reads digits [. digits]; returns where it stopped, NULL: no number. */
static const char *read_number(const char *s, struct number *n)
{
    *n = (struct number){.scale = 1};
    if (!is_digit(*s))
        return NULL;
    for (; is_digit(*s); s++) {
        n->whole = n->whole * 10 + (uint64_t)(*s - '0');
        if (n->whole >= WHOLE_LIMIT)
            n->whole = WHOLE_LIMIT;
    }
    if (*s != '.')
        return s;
    s++;
    if (!is_digit(*s))
        return NULL;
    for (unsigned digits = 0; is_digit(*s); s++, digits++) {
        if (digits >= FRACTION_DIGITS)
            return NULL;
        n->fraction = n->fraction * 10 + (uint64_t)(*s - '0');
        n->scale *= 10;
    }
    return s;
}

int bl_duration_parse(const char *text, uint32_t max_ms, uint32_t *ms)
{
    if (strcmp(text, "none") == 0) {
        *ms = 0;
        return 0;
    }
    bool negative = *text == '-';
    struct number n;
    const char *rest = read_number(text + negative, &n);
    uint64_t unit = rest == NULL ? 0 : unit_ms(rest);
    if (unit == 0 || n.fraction * unit % n.scale != 0)
        return -EINVAL;
    uint64_t value = n.whole * unit + n.fraction * unit / n.scale;
    if (negative || value > max_ms)
        return -ERANGE;
    *ms = (uint32_t)value;
    return 0;
}

const char *bl_duration_text(uint32_t ms, char out[BL_DURATION_TEXT])
{
    if (ms == 0) {
        snprintf(out, BL_DURATION_TEXT, "none");
        return out;
    }
    size_t unit = UNITS - 1;
    while (ms % units[unit].ms != 0)
        unit--;
    /* "90s" reads better than "1.5m", "36h" than "1.5d"; both are exact. */
    snprintf(out, BL_DURATION_TEXT, "%u%s", (unsigned)(ms / units[unit].ms), units[unit].name);
    return out;
}

const char *bl_duration_error(const char *text, int error, uint32_t max_ms, char out[BL_ERR_BYTES])
{
    char most[BL_DURATION_TEXT];
    struct number n;
    const char *rest = read_number(text, &n);

    if (error == -ERANGE && *text == '-')
        snprintf(out, BL_ERR_BYTES, "\"%.40s\" is negative; write none to have no limit", text);
    else if (error == -ERANGE)
        snprintf(out, BL_ERR_BYTES, "\"%.40s\" is too long; at most %s", text,
                 bl_duration_text(max_ms, most));
    else if (rest != NULL && *rest == '\0')
        snprintf(out, BL_ERR_BYTES, "\"%.40s\" has no unit; write %.40ss or %.40sms", text, text, text);
    else if (rest != NULL && unit_ms(rest) != 0)
        snprintf(out, BL_ERR_BYTES, "\"%.40s\" is no whole number of milliseconds; round it", text);
    else
        snprintf(out, BL_ERR_BYTES, "\"%.40s\" is no duration; write 500ms, 2s, 1.5m, 2h, 3d or none", text);
    return out;
}
