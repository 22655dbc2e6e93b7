/* SPDX-License-Identifier: Apache-2.0 */
#include "control/cli/server/commands.h"
#include "control/model/view_json.h"
#include "control/text/human.h"
#include "engine/base/counter.h"

#define NAME_WIDTH_LEAST 12u
#define NAME_WIDTH_MOST  60u
/* Views looked at in one run. */
#define VIEWS_PER_RUN 20000u

struct list {
    bool started;
    uint32_t next; /* id to look at */
    uint64_t generation;
    unsigned name_width;
};

static unsigned measure_names(const struct bl_views_generation *g)
{
    char name[BL_VIEW_NAME_MAX + 8];
    unsigned most = NAME_WIDTH_LEAST;

    for (uint32_t id = 0; id < bl_views_end(g) && id < VIEWS_PER_RUN; id++) {
        const struct bl_view *view = bl_view_at(g, id);
        unsigned width = view != NULL ? bl_human_name(view->name, name, sizeof(name)) : 0;
        most = width > most ? width : most;
    }
    return most < NAME_WIDTH_MOST ? most : NAME_WIDTH_MOST;
}

static void views_list_header(struct bl_text *out, unsigned name_width)
{
    bl_human_column(out, "VIEW", name_width + 2, BL_LEFT);
    bl_human_column(out, "STATE", 9, BL_LEFT);
    bl_human_column(out, "FOR", 8, BL_RIGHT);
    bl_human_column(out, "NODES", 11, BL_RIGHT);
    bl_human_column(out, "FAILED", 10, BL_RIGHT);
    bl_human_column(out, "WARNING", 10, BL_RIGHT);
    bl_human_column(out, "INCIDENT", 10, BL_RIGHT);
    bl_text_append(out, "\n", 1);
}

static void views_list_line(struct bl_cli_request *call, const struct list *l, const struct bl_view *view)
{
    struct bl_text *out = &call->out;
    char name[BL_VIEW_NAME_MAX + 8], text[BL_HUMAN_TEXT];
    int64_t age = call->api->now_unix_ms - BL_READ(view->since_unix_ms);

    bl_human_name(view->name, name, sizeof(name));
    bl_human_column(out, name, l->name_width, BL_LEFT);
    bl_text_append(out, "  ", 2);
    bl_human_state(out, BL_READ(view->state), 9, call->color);
    bl_human_column(out, bl_human_age(age > 0 ? (uint64_t)age : 0, text), 8, BL_RIGHT);
    bl_human_column(out, bl_human_count(bl_view_total(view), text), 11, BL_RIGHT);
    bl_human_column(out, bl_human_count(bl_view_count(view, BL_STATE_FAILED), text), 10, BL_RIGHT);
    bl_human_column(out, bl_human_count(bl_view_count(view, BL_STATE_WARNING), text), 10, BL_RIGHT);
    bl_human_column(out, bl_human_count(BL_READ(view->incident), text), 10, BL_RIGHT);
    bl_human_line(out);
}

static void write_view(struct bl_cli_request *call, const struct list *l, const struct bl_view *view)
{
    struct bl_json j;

    if (!call->json) {
        views_list_line(call, l, view);
        return;
    }
    bl_json_line_begin(&j, &call->out);
    bl_view_json(&j, view);
    bl_json_line_end(&j);
}

/* The ids of one generation say nothing about the next one's. */
static bool is_overtaken(struct bl_cli_request *call, struct list *l, const struct bl_views_generation *g)
{
    bool overtaken = l->started && l->generation != bl_views_number(g);
    l->generation = bl_views_number(g);
    if (overtaken)
        bl_cli_fail(call, BL_EXIT_ERROR, "views list: the views changed meanwhile; ask again");
    return overtaken;
}

static enum bl_step views_list_run(struct bl_cli_request *call)
{
    struct list *l = call->state;
    const struct bl_views_generation *g = bl_views_now(bl_core_views(call->api->core));

    if (is_overtaken(call, l, g))
        return BL_STEP_DONE;
    if (!l->started) {
        if (!bl_args_none(call))
            return BL_STEP_DONE;
        l->started = true;
        l->name_width = measure_names(g);
        if (!call->json)
            views_list_header(&call->out, l->name_width);
    }
    for (uint32_t looked = 0; l->next < bl_views_end(g); l->next++, looked++) {
        const struct bl_view *view = bl_view_at(g, l->next);
        if (looked == VIEWS_PER_RUN || call->out.len >= BL_PIECE_BYTES)
            return BL_STEP_MORE;
        if (view != NULL)
            write_view(call, l, view);
    }
    return BL_STEP_DONE;
}

const struct bl_cli_ops bl_cli_views_list = {.run = views_list_run, .state_bytes = sizeof(struct list)};
