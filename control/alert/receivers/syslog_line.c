/* SPDX-License-Identifier: Apache-2.0 */
#include "control/alert/receivers/syslog_line.h"

#include <string.h>
#include <time.h>

#include "control/text/timestamp.h"

/* RFC 5424, table 2. */
enum { SEVERITY_ERR = 3, SEVERITY_WARNING = 4, SEVERITY_NOTICE = 5, SEVERITY_INFO = 6 };

static unsigned syslog_line_priority(const struct bl_syslog_identity *who, const struct bl_notice *n)
{
    if (n->kind == BL_EVENT_FREEZE || n->kind == BL_EVENT_THAW)
        return who->facility * 8 + (n->kind == BL_EVENT_FREEZE ? SEVERITY_ERR : SEVERITY_NOTICE);
    unsigned severity = n->to == BL_STATE_FAILED    ? SEVERITY_ERR
                        : n->to == BL_STATE_WARNING ? SEVERITY_WARNING
                        : n->to == BL_STATE_OK      ? SEVERITY_NOTICE
                                                    : SEVERITY_INFO;
    return who->facility * 8 + severity;
}

/* RFC 5424, 6.3.3: a backslash before '"', '\' and ']' in a value. */
static void append_param(struct bl_text *out, const char *key, const char *value)
{
    bl_text_printf(out, " %s=\"", key);
    for (const char *p = value; *p; p++) {
        if (*p == '"' || *p == '\\' || *p == ']')
            bl_text_append(out, "\\", 1);
        bl_text_append(out, p, 1);
    }
    bl_text_append(out, "\"", 1);
}

/* RFC 5424, MSGID. */
static const char *message_id(const struct bl_notice *n)
{
    switch (n->kind) {
    case BL_EVENT_FREEZE:
        return "FREEZE";
    case BL_EVENT_THAW:
        return "THAW";
    case BL_EVENT_VIEW:
        return "VIEW";
    default:
        return "TRANSITION";
    }
}

static void append_facts(struct bl_text *out, const struct bl_notice *n)
{
    append_param(out, bl_notice_subject(n), n->name);
    if (n->kind == BL_EVENT_FREEZE || n->kind == BL_EVENT_THAW) {
        append_param(out, "reason", n->reason);
        if (n->kind == BL_EVENT_THAW)
            bl_text_printf(out, " lasted_ms=\"%u\"", n->lasted_ms);
        return;
    }
    append_param(out, "from", bl_state_name(n->from));
    append_param(out, "to", bl_state_name(n->to));
    bl_text_printf(out, " incident=\"%u\"", n->incident);
    append_param(out, "reason", n->reason);
}

void bl_syslog_5424(struct bl_text *out, const struct bl_syslog_identity *who, const struct bl_notice *n)
{
    char time[BL_TIMESTAMP_TEXT];
    bl_text_printf(out, "<%u>1 %s %s beatline %d %s [beatline@32473", syslog_line_priority(who, n),
                   bl_timestamp_text(n->time_unix_ms, time), who->host[0] ? who->host : "-", (int)who->pid,
                   message_id(n));
    append_facts(out, n);
    bl_text_printf(out, " number=\"%llu\"] ", (unsigned long long)n->number);
    bl_notice_sentence(out, n);
}

void bl_syslog_3164(struct bl_text *out, const struct bl_syslog_identity *who, const struct bl_notice *n,
                    bool with_host)
{
    /* Not strftime's %b: RFC 3164 wants English whatever the locale. */
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(n->time_unix_ms / 1000);
    struct tm local = {0};
    localtime_r(&seconds, &local);
    bl_text_printf(out, "<%u>%s %2d %02d:%02d:%02d ", syslog_line_priority(who, n), months[local.tm_mon % 12],
                   local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec);
    if (with_host)
        bl_text_printf(out, "%s ", who->host[0] ? who->host : "-");
    bl_text_printf(out, "beatline[%d]: ", (int)who->pid);
    bl_notice_sentence(out, n);
}
