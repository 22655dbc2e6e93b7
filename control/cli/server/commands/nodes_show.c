/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "control/cli/server/commands.h"
#include "control/model/node_rhythm.h"
#include "control/text/human.h"
#include "control/text/timestamp.h"

struct show {
    bool started;
    int next; /* in argv */
};

static void nodes_show_json(struct bl_cli_request *call, const struct bl_node_view *v)
{
    struct bl_json j;

    bl_json_line_begin(&j, &call->out);
    bl_node_json(&j, v);
    bl_node_json_more(&j, v);
    bl_json_line_end(&j);
}

static void nodes_show_field(struct bl_text *out, const char *name, const char *value)
{
    bl_text_printf(out, "  %-12s %s\n", name, value);
}

static void nodes_show_sequence(struct bl_text *out, const struct bl_place *p)
{
    struct bl_anomaly a = bl_slots_anomaly(p->slots, p->slot);
    bl_text_printf(out, "  %-12s %u, incarnation %u\n", "sequence", bl_slots_sequence(p->slots, p->slot),
                   a.incarnation);
    bl_text_printf(out, "  %-12s %u lost, %u duplicate, %u reordered, %u restarts\n", "anomalies", a.lost,
                   a.duplicate, a.reordered, a.restarted);
}

static void nodes_show_human(struct bl_cli_request *call, const struct bl_node_view *v)
{
    struct bl_text *out = &call->out;
    char name[BL_NAME_MAX + 8], age[BL_HUMAN_TEXT], when[BL_TIMESTAMP_TEXT], policy[BL_NODE_POLICY_TEXT];
    char pause[BL_NODE_PAUSE_TEXT], rhythm[BL_NODE_RHYTHM_TEXT];

    bl_human_name(v->name, name, sizeof(name));
    bl_text_printf(out, "%s\n  %-12s ", name, "state");
    bl_human_state(out, v->state, 0, call->color);
    bl_text_printf(out, " since %s, incident %u\n", bl_timestamp_text(v->state_since_unix_ms, when),
                   v->incident);
    if (v->state == BL_STATE_PAUSED)
        nodes_show_field(out, "paused", bl_node_pause_text(v, pause));
    bl_text_printf(out, "  %-12s %s", "last beat", bl_node_age_text(v, age));
    if (v->beaten)
        bl_text_printf(out, " ago, %s", bl_timestamp_text(v->last_beat_unix_ms, when));
    bl_text_append(out, "\n", 1);
    nodes_show_field(out, "policy", bl_node_policy_text(v, policy));
    nodes_show_field(out, "detector", bl_node_rhythm_text(v, rhythm));
    if (v->interval_ms > 0)
        bl_text_printf(out, "  %-12s %u ms promised\n", "interval", v->interval_ms);
    if ((v->flags & BL_NODE_BINARY) != 0)
        bl_text_printf(out, "  %-12s %016llx\n", "id", (unsigned long long)bl_node_id(v->node));
    nodes_show_field(out, "first seen", bl_timestamp_text(v->first_seen_unix_ms, when));
    if (v->in_table && (v->flags & BL_NODE_BINARY) != 0)
        nodes_show_sequence(out, &v->latest.place);
    if (v->in_table)
        bl_text_printf(out, "  %-12s %u\n", "worker", v->latest.table);
}

static enum bl_step nodes_show_run(struct bl_cli_request *call)
{
    struct show *s = call->state;

    if (!s->started && !bl_args_names(call))
        return BL_STEP_DONE;
    s->started = true;
    for (; s->next < call->argc; s->next++) {
        struct bl_node_view v;
        if (call->out.len >= BL_PIECE_BYTES)
            return BL_STEP_MORE;
        uint32_t index = bl_cli_find_node(call, call->argv[s->next]);
        if (index == BL_NODE_NONE || !bl_node_look(&v, call->api, index))
            continue;
        if (call->json)
            nodes_show_json(call, &v);
        else
            nodes_show_human(call, &v);
    }
    return BL_STEP_DONE;
}

const struct bl_cli_ops bl_cli_nodes_show = {.run = nodes_show_run, .state_bytes = sizeof(struct show)};
