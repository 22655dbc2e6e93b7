/* SPDX-License-Identifier: Apache-2.0 */
#include "control/cli/server/commands.h"
#include "control/model/node_view.h"
#include "control/model/view_json.h"
#include "control/text/human.h"

/* Nodes looked at in one run: 5 ms at 250 ns each; a filter that lets
 * nobody through must not hold up the thread. */
#define NODES_PER_RUN 20000u
/* Nodes whose names decide how wide the first column is. */
#define NODES_MEASURED   2000u
#define NAME_WIDTH_LEAST 12u
#define NAME_WIDTH_MOST  60u

enum { BL_OPTIONS_NODES_LIST(BL_OPTION_ID) };

struct list {
    bool started;
    uint32_t next; /* index to look at */
    uint64_t listed, limit;
    struct bl_node_filter filter;
    const char *view;    /* NULL: all nodes */
    uint64_t generation; /* of which view_id is */
    uint32_t view_id;
    unsigned name_width;
};

static bool take_state(struct bl_cli_request *call, struct list *l, const char *word)
{
    enum bl_state s = bl_state_of_name(word);
    if (s == BL_STATE_COUNT) {
        bl_cli_fail(
            call, BL_EXIT_USAGE,
            "nodes list: --state %.40s: no state; there are new, ok, warning, failed, paused, unknown", word);
        return false;
    }
    l->filter.states |= 1u << s;
    return true;
}

static bool nodes_list_parse(struct bl_cli_request *call, struct list *l)
{
    struct bl_args args = {.call = call};
    const char *value;
    int arg;
    bool good = true;

    l->limit = UINT64_MAX;
    while (good && (arg = bl_args_next(&args, &value)) != BL_ARG_END) {
        if (arg == STATE)
            good = take_state(call, l, value);
        else if (arg == VIEW)
            l->view = value;
        else if (arg == MATCH)
            l->filter.match = value;
        else if (arg == LIMIT)
            good = bl_args_number(call, "--limit", value, UINT64_MAX, &l->limit);
        else if (arg == BL_ARG_WORD) {
            bl_cli_fail(call, BL_EXIT_USAGE,
                        "nodes list: %.100s: not an option; nodes list --match '%.100s' or "
                        "nodes show %.100s",
                        value, value, value);
            good = false;
        } else {
            good = false;
        }
    }
    return good;
}

/* Looks the view up again after each new generation; false: it is gone. */
static bool find_view(struct bl_cli_request *call, struct list *l, const struct bl_views_generation *g)
{
    if (l->view == NULL)
        return true;
    if (l->generation != bl_views_number(g))
        l->view_id = bl_cli_find_view(call, g, l->view);
    l->generation = bl_views_number(g);
    return l->view_id != BL_VIEW_NONE;
}

static bool is_wanted(const struct list *l, const struct bl_views_generation *g, const struct bl_registry *r,
                      uint32_t node)
{
    return bl_node_is_wanted(&l->filter, bl_registry_get(r, node)) &&
           (l->view == NULL || bl_view_has(g, l->view_id, node));
}

static unsigned measure_names(const struct list *l, const struct bl_registry *r,
                              const struct bl_views_generation *g)
{
    char name[BL_NAME_MAX + 8];
    uint32_t end = bl_registry_end(r);
    unsigned most = NAME_WIDTH_LEAST;

    for (uint32_t i = 0, seen = 0; i < end && i < NODES_PER_RUN && seen < NODES_MEASURED; i++) {
        const struct bl_node *n = bl_registry_get(r, i);
        if (n == NULL || !is_wanted(l, g, r, i))
            continue;
        unsigned width = bl_human_name(n->name, name, sizeof(name));
        most = width > most ? width : most;
        seen++;
    }
    return most < NAME_WIDTH_MOST ? most : NAME_WIDTH_MOST;
}

static void nodes_list_header(struct bl_text *out, unsigned name_width)
{
    bl_human_column(out, "NAME", name_width + 2, BL_LEFT);
    bl_human_column(out, "STATE", 9, BL_LEFT);
    bl_human_column(out, "FOR", 8, BL_RIGHT);
    bl_human_column(out, "LAST BEAT", 11, BL_RIGHT);
    bl_text_append(out, "  POLICY\n", 9);
}

static void nodes_list_line(struct bl_cli_request *call, const struct list *l, const struct bl_node_view *v)
{
    char name[BL_NAME_MAX + 8], age[BL_HUMAN_TEXT], policy[BL_NODE_POLICY_TEXT];
    int64_t since = call->api->now_unix_ms - v->state_since_unix_ms;

    bl_human_name(v->name, name, sizeof(name));
    bl_human_column(&call->out, name, l->name_width, BL_LEFT);
    bl_text_append(&call->out, "  ", 2);
    bl_human_state(&call->out, v->state, 9, call->color);
    bl_human_column(&call->out, bl_human_age(since > 0 ? (uint64_t)since : 0, age), 8, BL_RIGHT);
    bl_human_column(&call->out, bl_node_age_text(v, age), 11, BL_RIGHT);
    bl_text_append(&call->out, "  ", 2);
    bl_human_column(&call->out, bl_node_policy_text(v, policy), 0, BL_LEFT);
    bl_human_line(&call->out);
}

static void write_node(struct bl_cli_request *call, const struct list *l, const struct bl_node_view *v)
{
    struct bl_json j;

    if (!call->json) {
        nodes_list_line(call, l, v);
        return;
    }
    bl_json_line_begin(&j, &call->out);
    bl_node_json(&j, v);
    bl_json_line_end(&j);
}

static enum bl_step nodes_list_finish(struct bl_cli_request *call, const struct list *l)
{
    if (l->listed == 0 && !call->json)
        bl_text_printf(&call->err, "%s\n",
                       l->filter.states != 0 || l->filter.match != NULL || l->view != NULL ? "no such nodes"
                                                                                           : "no nodes yet");
    return BL_STEP_DONE;
}

static enum bl_step nodes_list_run(struct bl_cli_request *call)
{
    struct list *l = call->state;
    const struct bl_registry *r = bl_fleet_registry(bl_core_fleet(call->api->core));

    bool fresh = !l->started;
    if (fresh && !nodes_list_parse(call, l))
        return BL_STEP_DONE;
    const struct bl_views_generation *g = bl_views_now(bl_core_views(call->api->core));
    if (!find_view(call, l, g))
        return BL_STEP_DONE;
    if (fresh) {
        l->started = true;
        l->name_width = measure_names(l, r, g);
        if (!call->json && bl_registry_total(r) > 0)
            nodes_list_header(&call->out, l->name_width);
    }
    uint32_t end = bl_registry_end(r);
    for (uint32_t looked = 0; l->next < end && l->listed < l->limit; l->next++, looked++) {
        struct bl_node_view v;
        if (looked == NODES_PER_RUN || call->out.len >= BL_PIECE_BYTES)
            return BL_STEP_MORE;
        if (!is_wanted(l, g, r, l->next) || !bl_node_look(&v, call->api, l->next))
            continue;
        write_node(call, l, &v);
        l->listed++;
    }
    return nodes_list_finish(call, l);
}

const struct bl_cli_ops bl_cli_nodes_list = {
    .run = nodes_list_run, .state_bytes = sizeof(struct list), .options = bl_options_nodes_list};
