/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/text_reference.h"

bool reference_next(const char **at, const char *end, const char **line, unsigned *len)
{
    while (*at < end) {
        const char *start = *at, *stop = start;
        while (stop < end && *stop != '\n')
            stop++;
        *at = stop < end ? stop + 1 : end;
        if (stop > start && stop[-1] == '\r')
            stop--;
        if (stop > start) {
            *line = start;
            *len = (unsigned)(stop - start);
            return true;
        }
    }
    return false;
}

/* Index of the first (or, from `len` down, the last) c; -1 if none. */
static int index_of(const char *s, int len, char c, bool last)
{
    int found = -1;
    for (int i = 0; i < len; i++)
        if (s[i] == c && (last || found < 0))
            found = i;
    return found;
}

static bool name_is_good(const char *s, int len)
{
    for (int i = 0; i < len; i++)
        if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f || s[i] == ':' || s[i] == '|')
            return false;
    return len >= 1 && len <= 200;
}

static bool number_is_good(const char *s, int len)
{
    int digits = 0, dots = 0;
    for (int i = 0; i < len; i++) {
        if (s[i] >= '0' && s[i] <= '9')
            digits++;
        else if (s[i] == '.' && dots == 0)
            dots++;
        else if (i != 0 || (s[i] != '+' && s[i] != '-'))
            return false;
    }
    return digits > 0;
}

static bool type_is_good(const char *s, int len)
{
    for (int i = 0; i < len; i++)
        if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z')))
            return false;
    return len > 0;
}

/* Seconds to ms: the decimal point moved by three places, as text. */
static void take_seconds(const char *s, int len, struct reference_line *l)
{
    char digits[32] = "";
    bool negative = s[0] == '-';
    int dot = index_of(s, len, '.', false), places = 0, n = 0;
    for (int i = 0; i < len; i++) {
        if (s[i] == '.' || s[i] == '+' || s[i] == '-')
            continue;
        if (dot >= 0 && i > dot && ++places > 3)
            continue;
        if (n == 0 && s[i] == '0')
            continue;
        if (n < 20)
            digits[n++] = s[i];
    }
    for (; places < 3 && n < 20; places++)
        if (n != 0)
            digits[n++] = '0';
    uint64_t ms = n > 15 ? UINT64_MAX : strtoull(digits, NULL, 10);
    l->clear = negative && ms == 1000;
    l->automatic = negative && ms == 2000;
    if (!l->clear && !l->automatic && (negative || ms < 1 || ms > 3888000000))
        l->fault = "bad_value";
    l->ms = l->fault || negative ? 0 : (uint32_t)ms;
}

static const char *action_of(const char *s, int len)
{
    static const char *const actions[] = {"beat", "autobeat", "timeout", "warn", "err"};
    for (unsigned i = 0; i < 5; i++)
        if ((size_t)len == strlen(actions[i]) && memcmp(s, actions[i], (size_t)len) == 0)
            return actions[i];
    return NULL;
}

struct reference_line reference_read(const char *line, unsigned length)
{
    struct reference_line l = {0};
    int len = (int)length;
    int colon = index_of(line, len, ':', false);
    int dot = colon < 0 ? -1 : index_of(line, colon, '.', true);
    if (dot < 0)
        return l.fault = "bad_line", l;
    if (!name_is_good(line, dot))
        return l.fault = "bad_name", l;
    l.name = line;
    l.name_len = (unsigned)dot;
    l.action = action_of(line + dot + 1, colon - dot - 1);
    if (!l.action)
        return l.fault = "bad_action", l;

    const char *value = line + colon + 1, *end = line + len;
    int value_len = index_of(value, (int)(end - value), '|', false);
    bool typed = value_len >= 0;
    if (!typed)
        value_len = (int)(end - value);
    if (!number_is_good(value, value_len))
        return l.fault = "bad_value", l;
    const char *type = value + value_len + 1;
    int type_len = typed ? index_of(type, (int)(end - type), '|', false) : 0;
    if (type_len < 0)
        type_len = (int)(end - type);
    if (!typed || !type_is_good(type, type_len))
        return l.fault = "bad_line", l;
    if (strcmp(l.action, "beat") != 0 && strcmp(l.action, "autobeat") != 0)
        take_seconds(value, value_len, &l);
    return l;
}

/* ---- the comparison ---------------------------------------------------- */

static enum bl_drop drop_of(const char *name)
{
    unsigned d = 0;
    while (strcmp(bl_drop_name((enum bl_drop)d), name) != 0) {
        d++;
        assert(d < BL_DROP_COUNT);
    }
    return (enum bl_drop)d;
}

static void compare_beat(const struct bl_beat *b, const struct reference_line *l)
{
    assert(b->name == l->name && b->name_len == l->name_len);
    assert(b->stamp == bl_stamp(GATHER_TICK, 0));
}

static void compare_setting(const struct bl_worker_event *r, const struct reference_line *l)
{
    const struct bl_policy *p = &r->patch.policy;
    bool autobeat = strcmp(l->action, "autobeat") == 0, automatic = autobeat || l->automatic;
    bool timeout = strcmp(l->action, "timeout") == 0, warn = strcmp(l->action, "warn") == 0;
    uint32_t field = timeout ? BL_SET_TIMEOUT : warn ? BL_SET_WARN : BL_SET_ERR;
    assert(r->name_len == l->name_len && memcmp(r->name, l->name, l->name_len) == 0);
    assert(r->flags == (autobeat ? BL_WORKER_EVENT_OF_AUTOBEAT : 0));
    assert(r->patch.set == (BL_SET_DETECTOR | (autobeat || (automatic && timeout) ? 0 : field)));
    assert(p->detector == (automatic ? BL_DETECTOR_AUTO : BL_DETECTOR_FIXED));
    assert(p->timeout_ms == (timeout ? l->ms : 0));
    assert(p->warn_ms == (warn ? l->ms : 0));
    assert(p->err_ms == (timeout || warn ? 0 : l->ms));
}

void reference_compare(const struct gather *g, const char *text, unsigned len)
{
    uint64_t drops[BL_DROP_COUNT] = {0};
    unsigned beats = 0, settings = 0, records = 0, n;
    const char *at = text, *line;
    while (reference_next(&at, text + len, &line, &n)) {
        struct reference_line l = reference_read(line, n);
        records++;
        if (l.fault) {
            drops[drop_of(l.fault)]++;
            continue;
        }
        if (strcmp(l.action, "beat") == 0 || strcmp(l.action, "autobeat") == 0) {
            assert(beats < g->beats);
            compare_beat(&g->beat[beats++], &l);
        }
        if (strcmp(l.action, "beat") != 0) {
            assert(settings < g->settings);
            compare_setting(&g->setting[settings++], &l);
        }
    }
    drops[BL_DROP_empty] = records == 0;
    assert(beats == g->beats && settings == g->settings && records == g->counters.records);
    assert(memcmp(drops, g->counters.drop, sizeof drops) == 0);
}
