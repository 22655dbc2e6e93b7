/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/nodes/{name}: one node: look, set, mute, delete, beat. The same
 * under /api/v1/node?name=, for the two names that no client can write
 * into a path: "." and "..", escaped or not, are steps in it to browsers,
 * curl and proxies. */
#include <string.h>

#include "control/http/request.h"
#include "control/model/event_view.h"
#include "control/text/timestamp.h"

/* State changes shown if nobody says, at the most, and among how many
 * events, the newest, they are looked for: 5 ms. */
#define HISTORY_DEFAULT 20u
#define HISTORY_MOST    1000u
#define EVENTS_SEARCHED 65536u

bool bl_http_find_node(struct bl_http_request *r, const char *name, struct bl_node_view *v)
{
    const struct bl_registry *registry = bl_fleet_registry(bl_core_fleet(r->api->core));
    size_t len = strlen(name);
    uint32_t node = len <= BL_NAME_MAX ? bl_registry_find_name(registry, name, (unsigned)len) : BL_NODE_NONE;

    if (node != BL_NODE_NONE && bl_node_look(v, r->api, node))
        return true;
    bl_http_problem(r, 404, "node %.200s: not known; GET /api/v1/nodes?match=GLOB finds those there are",
                    name);
    return false;
}

static bool is_named_by_path(const struct bl_http_request *r)
{
    return bl_http_path(r, "name")[0] != '\0';
}

static const char *name_of(const struct bl_http_request *r)
{
    const char *name = is_named_by_path(r) ? bl_http_path(r, "name") : bl_http_param(r, "name");
    return name != NULL ? name : "";
}

/* `names` begin with "name", which is a parameter where the path has none. */
static bool params_are(struct bl_http_request *r, const char *const *names)
{
    if (!bl_http_params_are(r, names + is_named_by_path(r)))
        return false;
    if (name_of(r)[0] == '\0')
        bl_http_problem(r, 422, "name: missing; say which node with ?name=");
    return name_of(r)[0] != '\0';
}

/* ---- answers --------------------------------------------------------------- */

/* The node's changes of state, newest first. */
static void json_history(struct bl_json *j, const struct bl_api *api, const char *name, uint64_t most)
{
    const struct bl_history *h = &api->history;
    uint64_t last = h->next - h->first > EVENTS_SEARCHED ? h->next - EVENTS_SEARCHED : h->first;

    bl_json_array(j, "history");
    for (uint64_t n = h->next; most > 0 && n > last; n--) {
        const struct bl_event *e = bl_history_get(h, n - 1);
        if (e == NULL || e->kind != BL_EVENT_TRANSITION || strcmp(e->name, name) != 0)
            continue;
        bl_json_object(j, NULL);
        bl_event_json(j, e);
        bl_json_object_end(j);
        most--;
    }
    bl_json_array_end(j);
}

static void answer_node(struct bl_http_request *r, unsigned status, uint64_t history)
{
    struct bl_node_view v;
    struct bl_json j;

    if (!bl_http_find_node(r, name_of(r), &v))
        return;
    bl_json_line_begin(&j, &r->out);
    bl_node_json(&j, &v);
    bl_node_json_more(&j, &v);
    json_history(&j, r->api, v.name, history);
    bl_json_line_end(&j);
    bl_http_reply(r, status, BL_HTTP_JSON);
}

static void node_get(struct bl_http_request *r)
{
    static const char *const names[] = {"name", "history", NULL};
    uint64_t history = HISTORY_DEFAULT;
    bool given;

    if (params_are(r, names) && bl_http_number(r, "history", HISTORY_MOST, &history, &given))
        answer_node(r, 200, history);
}

/* ---- changes ---------------------------------------------------------------- */

static void node_changed(struct bl_http_request *r, struct bl_command *answer)
{
    if (!bl_http_refused(r, answer))
        answer_node(r, 200, HISTORY_DEFAULT);
}

static void node_created(struct bl_http_request *r, struct bl_command *answer)
{
    if (!bl_http_refused(r, answer))
        answer_node(r, 201, HISTORY_DEFAULT);
}

static bool read_policy(struct bl_http_request *r, struct bl_policy_patch *patch)
{
    static const char *const names[] = {"name", BL_POLICY_FIELDS, NULL};
    char why[BL_ERR_BYTES];

    if (!params_are(r, names))
        return false;
    if (bl_policy_of_fields(bl_http_fields(r), patch, why))
        return true;
    bl_http_problem(r, 422, "%s", why);
    return false;
}

/* The policy is what is given, and the defaults. */
static void node_put(struct bl_http_request *r)
{
    const struct bl_registry *registry = bl_fleet_registry(bl_core_fleet(r->api->core));
    const char *name = name_of(r);
    struct bl_policy_patch patch = {.set = BL_SET_CLEAR};
    size_t len = strlen(name);

    if (!read_policy(r, &patch))
        return;
    bool known = len <= BL_NAME_MAX && bl_registry_find_name(registry, name, (unsigned)len) != BL_NODE_NONE;
    struct bl_command *c = bl_http_ask(r, BL_COMMAND_SET, name, known ? node_changed : node_created);
    if (c == NULL)
        return;
    c->create = true;
    c->patch = patch;
}

/* What is given changes, the rest stays. */
static void patch_node(struct bl_http_request *r)
{
    struct bl_policy_patch patch = {0};

    if (!read_policy(r, &patch))
        return;
    if (patch.set == 0) {
        bl_http_problem(r, 422, "nothing to set; give timeout, warn, err, retries or detector");
        return;
    }
    struct bl_command *c = bl_http_ask(r, BL_COMMAND_SET, name_of(r), node_changed);
    if (c != NULL)
        c->patch = patch;
}

static void node_deleted(struct bl_http_request *r, struct bl_command *answer)
{
    if (!bl_http_refused(r, answer))
        bl_http_reply(r, 204, NULL);
}

static void delete_node(struct bl_http_request *r)
{
    static const char *const names[] = {"name", NULL};
    if (params_are(r, names))
        bl_http_ask(r, BL_COMMAND_REMOVE, name_of(r), node_deleted);
}

static void node_beat(struct bl_http_request *r)
{
    static const char *const names[] = {"name", NULL};
    if (params_are(r, names) && bl_http_beat(r, name_of(r)))
        bl_http_reply(r, 204, NULL);
}

/* "for" a duration or "until" a time, and "until_beat". */
static bool read_pause(struct bl_http_request *r, struct bl_pause *p)
{
    static const char *const names[] = {"name", "for", "until", "until_beat", NULL};
    const char *until = bl_http_param(r, "until");
    uint32_t ms = 0;
    bool given;

    if (!params_are(r, names) || !bl_http_duration(r, "for", &ms, &given) ||
        !bl_http_flag(r, "until_beat", &p->until_beat))
        return false;
    if (given && until != NULL)
        bl_http_problem(r, 422, "for and until: give one of them");
    else if (until != NULL && !bl_timestamp_parse(until, &p->end_unix_ms))
        bl_http_problem(r, 422, "until: \"%.60s\" is no time; write it as 2026-02-03T04:05Z", until);
    else if (until != NULL && p->end_unix_ms <= r->api->now_unix_ms)
        bl_http_problem(r, 422, "until: \"%.60s\" is over already", until);
    else {
        p->for_ms = ms;
        return true;
    }
    return false;
}

static void pause_node(struct bl_http_request *r)
{
    struct bl_pause pause = {0};

    if (!read_pause(r, &pause))
        return;
    struct bl_command *c = bl_http_ask(r, BL_COMMAND_PAUSE, name_of(r), node_changed);
    if (c != NULL)
        c->pause = pause;
}

static void node_resume(struct bl_http_request *r)
{
    static const char *const names[] = {"name", NULL};
    if (params_are(r, names))
        bl_http_ask(r, BL_COMMAND_RESUME, name_of(r), node_changed);
}

const struct bl_http_ops bl_http_node = {.run = node_get};
const struct bl_http_ops bl_http_node_put = {.run = node_put};
const struct bl_http_ops bl_http_node_patch = {.run = patch_node};
const struct bl_http_ops bl_http_node_delete = {.run = delete_node};
const struct bl_http_ops bl_http_node_beat = {.run = node_beat};
const struct bl_http_ops bl_http_node_pause = {.run = pause_node};
const struct bl_http_ops bl_http_node_resume = {.run = node_resume};
