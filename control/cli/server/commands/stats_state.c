/* SPDX-License-Identifier: Apache-2.0 */
#include "control/cli/server/commands.h"
#include "control/store/store.h"
#include "control/text/human.h"
#include "control/text/timestamp.h"
#include "engine/base/rcu.h"

static void stats_state_json(struct bl_cli_request *call, const struct bl_store_stats *s, const char *dir)
{
    struct bl_json j;

    bl_json_line_begin(&j, &call->out);
    bl_json_string(&j, "dir", dir);
    bl_json_uint(&j, "generation", s->generation);
    bl_json_time(&j, "snapshot_time", s->snapshot_unix_ms);
    bl_json_uint(&j, "snapshot_nodes", s->snapshot_nodes);
    bl_json_uint(&j, "snapshot_bytes", s->snapshot_bytes);
    bl_json_uint(&j, "snapshot_us", s->snapshot_us);
    bl_json_uint(&j, "snapshots_total", s->snapshots);
    bl_json_uint(&j, "snapshot_errors_total", s->snapshot_errors);
    bl_json_uint(&j, "journal_bytes", s->journal_bytes);
    bl_json_uint(&j, "journal_records_total", s->journal_records);
    bl_json_uint(&j, "journal_errors_total", s->journal_errors);
    bl_json_uint(&j, "journal_flushes_total", s->journal_flushes);
    bl_json_uint(&j, "overruns_total", s->overruns);
    bl_json_uint(&j, "damaged_files", s->damaged);
    bl_json_uint(&j, "restored_nodes", s->restored);
    bl_json_uint(&j, "refused_nodes", s->refused);
    bl_json_line_end(&j);
}

static void stats_state_row(struct bl_text *out, const char *label, const char *figure)
{
    bl_human_row(out, &(struct bl_columns){2, 18, 24}, label, figure);
}

static void stats_state_human(struct bl_cli_request *call, const struct bl_store_stats *s, const char *dir)
{
    struct bl_text *out = &call->out;
    char text[BL_HUMAN_TEXT], when[BL_TIMESTAMP_TEXT];

    bl_text_printf(out, "  kept in %s\n", dir);
    stats_state_row(out, "last snapshot",
                    s->snapshot_unix_ms ? bl_timestamp_text(s->snapshot_unix_ms, when) : "none yet");
    stats_state_row(out, "  nodes", bl_human_count(s->snapshot_nodes, text));
    stats_state_row(out, "  size", bl_human_bytes(s->snapshot_bytes, text));
    stats_state_row(out, "  took, us", bl_human_count(s->snapshot_us, text));
    stats_state_row(out, "journal since", bl_human_bytes(s->journal_bytes, text));
    stats_state_row(out, "restored nodes", bl_human_count(s->restored, text));
    if (s->refused > 0)
        stats_state_row(out, "not taken back", bl_human_count(s->refused, text));
    if (s->damaged > 0)
        stats_state_row(out, "damaged files", bl_human_count(s->damaged, text));
    if (s->snapshot_errors + s->journal_errors > 0)
        stats_state_row(out, "failed writes", bl_human_count(s->snapshot_errors + s->journal_errors, text));
}

static enum bl_step stats_state_run(struct bl_cli_request *call)
{
    const char *dir = bl_rcu_read(&call->api->config)->state_dir;
    struct bl_store_stats s;

    if (!bl_args_none(call))
        return BL_STEP_DONE;
    if (call->api->store == NULL) {
        if (!call->json)
            bl_text_printf(&call->out, "  nothing is kept: state.dir of the config is not set\n");
        return BL_STEP_DONE;
    }
    bl_store_stats(call->api->store, &s);
    if (call->json)
        stats_state_json(call, &s, dir);
    else
        stats_state_human(call, &s, dir);
    return BL_STEP_DONE;
}

const struct bl_cli_ops bl_cli_stats_state = {.run = stats_state_run};
