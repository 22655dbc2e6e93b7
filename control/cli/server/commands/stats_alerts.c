/* SPDX-License-Identifier: Apache-2.0 */
/* What became of events on their way to people: each receiver's
 * deliveries, the event log's lines, and what was lost on the way. */
#include "control/alert/notifier.h"
#include "control/cli/server/commands.h"
#include "control/export/event_log.h"
#include "control/text/human.h"

struct figures {
    struct bl_core_stats core;
    struct bl_event_log_stats log;
    struct bl_notifier_stats receiver[BL_NOTIFIERS_MAX];
    unsigned receivers;
};

static void read_figures(const struct bl_api *api, struct figures *f)
{
    *f = (struct figures){0};
    bl_core_stats(api->core, &f->core);
    if (api->event_log != NULL)
        bl_event_log_stats(api->event_log, &f->log);
    if (api->notifier != NULL)
        f->receivers = bl_notifier_stats(api->notifier, f->receiver, BL_NOTIFIERS_MAX);
}

static void json_receiver(struct bl_cli_request *call, const struct bl_notifier_stats *s)
{
    struct bl_json j;

    bl_json_line_begin(&j, &call->out);
    bl_json_string(&j, "receiver", s->name);
    bl_json_uint(&j, "queued", s->queued);
    bl_json_uint(&j, "delivered_total", s->delivered);
    bl_json_uint(&j, "retried_total", s->retried);
    bl_json_uint(&j, "given_up_total", s->given_up);
    bl_json_uint(&j, "superseded_total", s->superseded);
    bl_json_line_end(&j);
}

static void stats_alerts_json(struct bl_cli_request *call, const struct figures *f)
{
    struct bl_json j;

    for (unsigned i = 0; i < f->receivers; i++)
        json_receiver(call, &f->receiver[i]);
    bl_json_line_begin(&j, &call->out);
    bl_json_uint(&j, "events_total", f->core.events);
    bl_json_uint(&j, "events_waiting", f->core.events_waiting);
    bl_json_uint(&j, "events_lost_total", f->core.events_lost);
    bl_json_uint(&j, "log_lines_total", f->log.lines);
    bl_json_uint(&j, "log_bytes_total", f->log.bytes);
    bl_json_uint(&j, "log_errors_total", f->log.errors);
    bl_json_uint(&j, "log_reopened_total", f->log.reopened);
    bl_json_uint(&j, "log_waiting", f->log.waiting);
    bl_json_uint(&j, "log_lost_total", f->log.lost);
    bl_json_line_end(&j);
}

static void stats_alerts_row(struct bl_text *out, const char *label, uint64_t n)
{
    bl_human_count_row(out, &(struct bl_columns){2, 18, 18}, label, n);
}

static void stats_alerts_human(struct bl_cli_request *call, const struct figures *f)
{
    struct bl_text *out = &call->out;

    for (unsigned i = 0; i < f->receivers; i++) {
        const struct bl_notifier_stats *s = &f->receiver[i];
        bl_text_printf(out, "  %s\n", s->name);
        stats_alerts_row(out, "  queued", s->queued);
        stats_alerts_row(out, "  delivered", s->delivered);
        stats_alerts_row(out, "  retried", s->retried);
        stats_alerts_row(out, "  given up", s->given_up);
        stats_alerts_row(out, "  superseded", s->superseded);
    }
    stats_alerts_row(out, "events", f->core.events);
    stats_alerts_row(out, "  waiting", f->core.events_waiting);
    stats_alerts_row(out, "  lost", f->core.events_lost);
    if (f->log.lines + f->log.errors + f->log.lost == 0)
        return;
    stats_alerts_row(out, "event log, lines", f->log.lines);
    stats_alerts_row(out, "  failed writes", f->log.errors);
    stats_alerts_row(out, "  reopened", f->log.reopened);
    stats_alerts_row(out, "  waiting", f->log.waiting);
    stats_alerts_row(out, "  lost", f->log.lost);
}

static enum bl_step stats_alerts_run(struct bl_cli_request *call)
{
    struct figures f;

    if (!bl_args_none(call))
        return BL_STEP_DONE;
    read_figures(call->api, &f);
    if (call->json)
        stats_alerts_json(call, &f);
    else
        stats_alerts_human(call, &f);
    return BL_STEP_DONE;
}

const struct bl_cli_ops bl_cli_stats_alerts = {.run = stats_alerts_run};
