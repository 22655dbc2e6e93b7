/* SPDX-License-Identifier: Apache-2.0 */
#include "control/model/view_json.h"

#include <stdio.h>
#include <string.h>

#include "control/match/match.h"
#include "engine/base/counter.h"

void bl_view_json(struct bl_json *j, const struct bl_view *view)
{
    bl_json_string(j, "name", view->name);
    bl_json_string(j, "state", bl_state_name((enum bl_state)BL_READ(view->state)));
    bl_json_uint(j, "total", bl_view_total(view));
    for (enum bl_state s = 0; s < BL_STATE_COUNT; s++)
        bl_json_uint(j, bl_state_name(s), bl_view_count(view, s));
    bl_json_uint(j, "incident", BL_READ(view->incident));
    bl_json_time(j, "state_since", BL_READ(view->since_unix_ms));
}

/* What is known of one that is not in the log: no memory for it, or it
 * has only just begun. */
static struct bl_incident as_it_is(const struct bl_view *view)
{
    return (struct bl_incident){.number = BL_READ(view->incident),
                                .worst = BL_READ(view->state),
                                .since_unix_ms = BL_READ(view->since_unix_ms),
                                .failed_most = bl_view_count(view, BL_STATE_FAILED),
                                .warning_most = bl_view_count(view, BL_STATE_WARNING),
                                .unknown_most = bl_view_count(view, BL_STATE_UNKNOWN)};
}

void bl_incident_json(struct bl_json *j, const struct bl_view *view, const struct bl_incident *known,
                      int64_t now_unix_ms)
{
    struct bl_incident i = known != NULL ? *known : as_it_is(view);
    enum bl_state state = (enum bl_state)BL_READ(view->state);
    bool open = state != BL_STATE_OK && i.until_unix_ms == 0 && i.number == BL_READ(view->incident);
    int64_t end = i.until_unix_ms != 0 ? i.until_unix_ms : now_unix_ms;
    char id[BL_VIEW_NAME_MAX + 16];

    snprintf(id, sizeof(id), "%s/%u", view->name, i.number);
    bl_json_string(j, "id", id);
    bl_json_string(j, "view", view->name);
    bl_json_uint(j, "number", i.number);
    bl_json_bool(j, "open", open);
    bl_json_string(j, "state", bl_state_name(open ? state : BL_STATE_OK));
    bl_json_string(j, "worst", bl_state_name((enum bl_state)i.worst));
    bl_json_time(j, "since", i.since_unix_ms);
    bl_json_time(j, "until", i.until_unix_ms);
    bl_json_uint(j, "duration_ms", end > i.since_unix_ms ? (uint64_t)(end - i.since_unix_ms) : 0);
    bl_json_uint(j, "failed_most", i.failed_most);
    bl_json_uint(j, "warning_most", i.warning_most);
    bl_json_uint(j, "unknown_most", i.unknown_most);
    if (!open)
        return;
    bl_json_uint(j, "total", bl_view_total(view));
    bl_json_uint(j, "failed", bl_view_count(view, BL_STATE_FAILED));
    bl_json_uint(j, "warning", bl_view_count(view, BL_STATE_WARNING));
    bl_json_uint(j, "unknown", bl_view_count(view, BL_STATE_UNKNOWN));
}

static const struct bl_view_config *rules_of(const struct bl_views_generation *g, const struct bl_view *view)
{
    return bl_view_match_entry(bl_views_plan_of(g), BL_READ(view->entry));
}

static void view_json_append(struct bl_text *out, const char *before, const char *what, const char *text)
{
    if (text[0] != '\0')
        bl_text_printf(out, "%s%s%s", out->len > 0 ? before : "", what, text);
}

static void append_list(struct bl_text *out, const char *what, const struct bl_text_list *l)
{
    for (unsigned i = 0; i < l->count; i++)
        view_json_append(out, ", ", i == 0 ? what : "", l->item[i]);
}

void bl_view_rules_text(struct bl_text *out, const struct bl_views_generation *g, const struct bl_view *view)
{
    const struct bl_view_config *c = rules_of(g, view);
    struct bl_text text = {0};

    if (c == NULL) {
        bl_text_printf(out, "all nodes");
        return;
    }
    view_json_append(&text, ", ", "regexp ", c->regexp);
    view_json_append(&text, ", ", "pattern ", c->pattern);
    append_list(&text, "includes ", &c->includes);
    append_list(&text, "excludes ", &c->excludes);
    bl_text_append(out, text.data, text.len);
    bl_text_free(&text);
}

static void json_list(struct bl_json *j, const char *key, const struct bl_text_list *l)
{
    if (l->count == 0)
        return;
    bl_json_array(j, key);
    for (unsigned i = 0; i < l->count; i++)
        bl_json_string(j, NULL, l->item[i]);
    bl_json_array_end(j);
}

void bl_view_json_rules(struct bl_json *j, const struct bl_views_generation *g, const struct bl_view *view)
{
    const struct bl_view_config *c = rules_of(g, view);

    if (c == NULL)
        return;
    if (c->regexp[0] != '\0')
        bl_json_string(j, "regexp", c->regexp);
    if (c->pattern[0] != '\0')
        bl_json_string(j, "pattern", c->pattern);
    json_list(j, "includes", &c->includes);
    json_list(j, "excludes", &c->excludes);
}
