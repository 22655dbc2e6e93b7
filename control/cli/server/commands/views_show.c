/* SPDX-License-Identifier: Apache-2.0 */
#include "control/cli/server/commands.h"
#include "control/model/view_json.h"
#include "control/text/human.h"
#include "control/text/timestamp.h"
#include "engine/base/counter.h"

struct show {
    bool started;
    int next; /* in argv */
};

static void views_show_json(struct bl_cli_request *call, const struct bl_views_generation *g,
                            const struct bl_view *view)
{
    unsigned flags = BL_READ(view->flags);
    struct bl_json j;

    bl_json_line_begin(&j, &call->out);
    bl_view_json(&j, view);
    bl_json_bool(&j, "template", (flags & BL_VIEW_TEMPLATE) != 0);
    bl_json_bool(&j, "notify", (flags & BL_VIEW_NOTIFY) != 0);
    bl_view_json_rules(&j, g, view);
    bl_json_line_end(&j);
}

static void views_show_counts(struct bl_text *out, const struct bl_view *view)
{
    char text[BL_HUMAN_TEXT];

    bl_text_printf(out, "  %-10s %s", "nodes", bl_human_count(bl_view_total(view), text));
    for (unsigned s = BL_STATE_COUNT; s-- > 0;) {
        uint32_t count = bl_view_count(view, (enum bl_state)s);
        if (count > 0)
            bl_text_printf(out, ", %s %s", bl_human_count(count, text), bl_state_name((enum bl_state)s));
    }
    bl_text_append(out, "\n", 1);
}

static void views_show_human(struct bl_cli_request *call, const struct bl_views_generation *g,
                             const struct bl_view *view)
{
    struct bl_text *out = &call->out;
    char name[BL_VIEW_NAME_MAX + 8], when[BL_TIMESTAMP_TEXT];

    bl_human_name(view->name, name, sizeof(name));
    bl_text_printf(out, "%s\n  %-10s ", name, "state");
    bl_human_state(out, BL_READ(view->state), 0, call->color);
    bl_text_printf(out, " since %s, incident %u\n", bl_timestamp_text(BL_READ(view->since_unix_ms), when),
                   BL_READ(view->incident));
    views_show_counts(out, view);
    bl_text_printf(out, "  %-10s ", "has");
    bl_view_rules_text(out, g, view);
    bl_text_printf(out, "\n  %-10s %s\n", "notify",
                   BL_READ(view->flags) & BL_VIEW_NOTIFY ? "people are told" : "no");
}

static enum bl_step views_show_run(struct bl_cli_request *call)
{
    struct show *s = call->state;
    const struct bl_views_generation *g = bl_views_now(bl_core_views(call->api->core));

    if (!s->started && !bl_args_names(call))
        return BL_STEP_DONE;
    s->started = true;
    for (; s->next < call->argc; s->next++) {
        if (call->out.len >= BL_PIECE_BYTES)
            return BL_STEP_MORE;
        uint32_t id = bl_cli_find_view(call, g, call->argv[s->next]);
        const struct bl_view *view = id == BL_VIEW_NONE ? NULL : bl_view_at(g, id);
        if (view == NULL)
            continue;
        if (call->json)
            views_show_json(call, g, view);
        else
            views_show_human(call, g, view);
    }
    return BL_STEP_DONE;
}

const struct bl_cli_ops bl_cli_views_show = {.run = views_show_run, .state_bytes = sizeof(struct show)};
