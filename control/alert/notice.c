/* SPDX-License-Identifier: Apache-2.0 */
#include "control/alert/notice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool bl_notice_wanted(const struct bl_event *e, uint32_t states)
{
    bool freeze = e->kind == BL_EVENT_FREEZE || e->kind == BL_EVENT_THAW;
    if (freeze)
        return states && e->flags & BL_EVENT_NOTIFY;
    bool view = e->kind == BL_EVENT_VIEW && e->flags & BL_EVENT_NOTIFY;
    if ((e->kind != BL_EVENT_TRANSITION && !view) || e->to >= BL_STATE_COUNT || e->from >= BL_STATE_COUNT)
        return false;
    if (!(states & (1u << e->to)))
        return false;
    if (e->to == BL_STATE_OK && e->from == BL_STATE_UNKNOWN)
        return states & (1u << BL_STATE_UNKNOWN);
    return e->to != BL_STATE_OK || e->from == BL_STATE_WARNING || e->from == BL_STATE_FAILED;
}

/* Copies `len` bytes to `out`, which has room for 3 x len + 1. */
static void copy_clean(char *out, const char *name, size_t len)
{
    static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
    const unsigned char *s = (const unsigned char *)name;
    for (size_t i = 0; i < len;) {
        size_t bytes = s[i] < 0x20 || s[i] == 0x7f ? 0 : bl_utf8_len(s + i, len - i);
        size_t copied = bytes ? bytes : 3;
        memcpy(out, bytes ? name + i : replacement, copied);
        out += copied;
        i += bytes ? bytes : 1;
    }
    *out = 0;
}

struct bl_notice *bl_notice_new(const struct bl_event *e)
{
    char name[3 * sizeof(e->name)];
    copy_clean(name, e->name, strnlen(e->name, sizeof(e->name) - 1));
    size_t bytes = strlen(name) + 1;
    struct bl_notice *n = calloc(1, sizeof(*n) + bytes);
    if (!n)
        return NULL;
    n->number = e->number;
    n->time_unix_ms = e->time_unix_ms;
    n->last_beat_unix_ms = e->last_beat_unix_ms;
    n->incident = e->incident;
    n->users = 1;
    n->from = e->from;
    n->to = e->to;
    n->kind = (uint8_t)e->kind;
    n->lasted_ms = e->lasted_ms;
    memcpy(n->reason, e->reason, strnlen(e->reason, sizeof(n->reason) - 1));
    memcpy(n->name, name, bytes);
    return n;
}

void bl_notice_release(struct bl_notice *n)
{
    if (--n->users == 0)
        free(n);
}

const char *bl_notice_subject(const struct bl_notice *n)
{
    if (n->kind == BL_EVENT_FREEZE || n->kind == BL_EVENT_THAW)
        return "port";
    return n->kind == BL_EVENT_VIEW ? "view" : "node";
}

bool bl_notice_is_about_same(const struct bl_notice *a, const struct bl_notice *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(bl_notice_subject(a), bl_notice_subject(b)) == 0;
}

static void append_reason(struct bl_text *out, const struct bl_notice *n)
{
    if (strcmp(n->reason, "timeout") == 0 && n->last_beat_unix_ms > 0)
        bl_text_printf(out, "no beat for %.1f s", (double)(n->time_unix_ms - n->last_beat_unix_ms) / 1000.0);
    else if (strcmp(n->reason, "timeout") == 0)
        bl_text_printf(out, "never beat");
    else if (strcmp(n->reason, "beat") == 0)
        bl_text_printf(out, "beats again");
    else
        bl_text_printf(out, "%s", n->reason);
}

static void append_freeze(struct bl_text *out, const struct bl_notice *n)
{
    char sentence[BL_EVENT_SENTENCE];
    struct bl_event e = {.kind = n->kind,
                         .workers_frozen = n->workers_frozen,
                         .workers = n->workers,
                         .lasted_ms = n->lasted_ms};
    memcpy(e.reason, n->reason, sizeof(e.reason));
    snprintf(e.name, sizeof(e.name), "%s", n->name);
    bl_text_printf(out, "%s", bl_event_sentence(&e, sentence));
}

void bl_notice_sentence(struct bl_text *out, const struct bl_notice *n)
{
    if (n->kind == BL_EVENT_FREEZE || n->kind == BL_EVENT_THAW) {
        append_freeze(out, n);
        return;
    }
    bl_text_printf(out, "%s %s %s", bl_notice_subject(n), n->name, bl_state_name(n->to));
    if (n->kind == BL_EVENT_TRANSITION) {
        bl_text_append(out, ": ", 2);
        append_reason(out, n);
    }
    bl_text_printf(out, " (was %s, incident %u)", bl_state_name(n->from), n->incident);
}
