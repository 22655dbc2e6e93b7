/* SPDX-License-Identifier: Apache-2.0 */
/* Counts, and the version: lines of text, or JSON by Accept. */
#include "control/http/lovebeat/lovebeat.h"

struct counts {
    uint32_t ok, warning, error;
};

/* Muted and new ones are ok, as they are to lovebeat: nothing is wrong. */
static struct counts lovebeat_status_count(const struct bl_view *view)
{
    uint32_t warning = bl_view_count(view, BL_STATE_WARNING) + bl_view_count(view, BL_STATE_UNKNOWN);
    return (struct counts){
        .ok = bl_view_count(view, BL_STATE_OK) + bl_view_count(view, BL_STATE_NEW) +
              bl_view_count(view, BL_STATE_PAUSED),
        .warning = warning,
        .error = bl_view_count(view, BL_STATE_FAILED),
    };
}

static const char *lovebeat_status_truth(bool b)
{
    return b ? "true" : "false";
}

static void lovebeat_status_text(struct bl_text *out, const struct counts *c)
{
    bl_text_printf(out, "num_ok %u\nnum_warning %u\nnum_error %u\n", c->ok, c->warning, c->error);
    bl_text_printf(out, "has_warning %s\nhas_error %s\ngood %s\n", lovebeat_status_truth(c->warning > 0),
                   lovebeat_status_truth(c->error > 0), lovebeat_status_truth(c->warning + c->error == 0));
}

static void lovebeat_status_json(struct bl_text *out, const struct counts *c)
{
    bl_text_printf(out, "{\n  \"num_ok\": %u,\n  \"num_warning\": %u,\n  \"num_error\": %u,\n", c->ok,
                   c->warning, c->error);
    bl_text_printf(out, "  \"has_warning\": %s,\n  \"has_error\": %s,\n  \"good\": %s\n}\n",
                   lovebeat_status_truth(c->warning > 0), lovebeat_status_truth(c->error > 0),
                   lovebeat_status_truth(c->warning + c->error == 0));
}

static void status_of(struct bl_http_request *r, const char *view)
{
    uint32_t id = bl_lovebeat_find_view(r, view);
    if (id == BL_VIEW_NONE)
        return;
    struct counts c = lovebeat_status_count(bl_view_at(bl_lovebeat_views(r->api), id));
    bool as_json = bl_http_prefers(r, BL_HTTP_JSON, BL_HTTP_TEXT);
    if (as_json)
        lovebeat_status_json(&r->out, &c);
    else
        lovebeat_status_text(&r->out, &c);
    bl_http_reply(r, 200, as_json ? BL_HTTP_JSON : BL_HTTP_TEXT);
}

/* /status?view= and /api/status */
static void lovebeat_status_status(struct bl_http_request *r)
{
    const char *view = bl_http_param(r, "view");
    status_of(r, view != NULL ? view : "all");
}

static void alarm_status(struct bl_http_request *r)
{
    status_of(r, bl_http_path(r, "name"));
}

static void lovebeat_status_version(struct bl_http_request *r)
{
    bool as_json = bl_http_prefers(r, BL_HTTP_JSON, BL_HTTP_TEXT);
    bl_text_printf(&r->out, as_json ? "{\n  \"version\": \"%s\"\n}\n" : "%s\n", BL_VERSION);
    bl_http_reply(r, 200, as_json ? BL_HTTP_JSON : BL_HTTP_TEXT);
}

const struct bl_http_ops bl_http_lovebeat_old_status = {.run = lovebeat_status_status};
const struct bl_http_ops bl_http_lovebeat_old_status_api = {.run = lovebeat_status_status};
const struct bl_http_ops bl_http_lovebeat_alarm_status = {.run = alarm_status};
const struct bl_http_ops bl_http_version = {.run = lovebeat_status_version};
