/* SPDX-License-Identifier: Apache-2.0 */
/* POST /api/v1/nodes: creates or sets up to 100,000 nodes. The list is
 * read as it comes in, each object becomes a command to control; while
 * many are under way the client's socket is not read. A bad object is
 * told, the others count. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "control/http/json_array_reader.h"
#include "control/http/request.h"

#define NODES_MOST   100000u
#define BODY_MOST    (UINT64_C(64) << 20)
#define ASKS_AT_ONCE BL_PENDING_COMMANDS_MAX
#define ERRORS_TOLD  100u
#define MEMBERS_MOST 16u

struct bulk {
    struct bl_json_array_reader items;
    uint64_t seen, set, failed, asked;
    struct bl_text errors; /* members of the list "errors" */
};

static void nodes_set_tell(struct bulk *b, const char *name, const char *why)
{
    struct bl_json j;

    if (b->failed++ >= ERRORS_TOLD)
        return;
    if (b->errors.len > 0)
        bl_text_append(&b->errors, ",", 1);
    bl_json_begin(&j, &b->errors);
    bl_json_object(&j, NULL);
    if (name != NULL)
        bl_json_string(&j, "name", name);
    else
        bl_json_null(&j, "name");
    bl_json_string(&j, "detail", why);
    bl_json_object_end(&j);
}

static void nodes_set_done(struct bl_http_request *r, struct bl_command *answer)
{
    struct bulk *b = r->state;

    b->asked--;
    if (answer->result != 0)
        nodes_set_tell(b, answer->name, answer->text);
    else
        b->set++;
}

/* False, and why: no name, or a policy that is none. */
static bool read_item(const struct bl_fields *f, struct bl_policy_patch *patch, bool *create,
                      char why[BL_ERR_BYTES])
{
    static const char *const names[] = {"name", "create", BL_POLICY_FIELDS, NULL};
    const char *name = bl_field(f, "name");

    if (!bl_fields_are(f, names, why) || !bl_field_flag(f, "create", create, why) ||
        !bl_policy_of_fields(f, patch, why))
        return false;
    if (name != NULL && bl_name_is_valid(name, strlen(name)))
        return true;
    snprintf(why, BL_ERR_BYTES, "%s",
             name == NULL ? "has no name; add \"name\""
                          : "not a name a node can have: 1 to 200 bytes, no space, ':' or '|'");
    return false;
}

static void take_object(struct bl_http_request *r, struct bulk *b, const json_t *object)
{
    struct bl_param params[MEMBERS_MOST];
    char words[MEMBERS_MOST * BL_FIELD_WORD], why[BL_ERR_BYTES];
    int n = bl_fields_of_json(object, params, MEMBERS_MOST, words);
    struct bl_policy_patch patch = {0};
    bool create = true;

    if (n < 0) {
        snprintf(why, sizeof(why), "has over %u members; send only fields that are known here", MEMBERS_MOST);
        nodes_set_tell(b, json_string_value(json_object_get(object, "name")), why);
        return;
    }
    struct bl_fields f = {.param = params, .count = (unsigned)n};
    if (!read_item(&f, &patch, &create, why)) {
        nodes_set_tell(b, bl_field(&f, "name"), why);
        return;
    }
    struct bl_command *c = bl_http_ask(r, BL_COMMAND_SET, bl_field(&f, "name"), nodes_set_done);
    if (c == NULL)
        return; /* out of memory, which is told */
    b->asked++;
    c->create = create;
    c->patch = patch;
}

static void take_item(struct bl_http_request *r, struct bulk *b)
{
    json_error_t error;
    json_t *object = json_loadb(b->items.text, b->items.len, JSON_REJECT_DUPLICATES, &error);
    char why[BL_ERR_BYTES];

    b->seen++;
    if (object != NULL) {
        take_object(r, b, object);
    } else {
        snprintf(why, sizeof(why), "object %" PRIu64 ": column %d: %s", b->seen, error.column, error.text);
        nodes_set_tell(b, NULL, why);
    }
    json_decref(object);
}

static void nodes_set_refuse(struct bl_http_request *r, const struct bulk *b, unsigned status,
                             const char *why)
{
    bl_http_problem(r, status, "%s; the %" PRIu64 " objects before were taken", why, b->seen);
}

static size_t nodes_set_piece(struct bl_http_request *r, const char *data, size_t len)
{
    struct bulk *b = r->state;
    size_t at = 0, used;

    while (at < len && b->asked < ASKS_AT_ONCE) {
        enum bl_json_array_reader_found found =
            bl_json_array_reader_read(&b->items, data + at, len - at, &used);
        at += used;
        if (found == BL_JSON_ARRAY_MORE)
            break;
        if (found == BL_JSON_ARRAY_BAD) {
            nodes_set_refuse(r, b, 400, b->items.why);
            return len;
        }
        if (b->seen == NODES_MOST) {
            nodes_set_refuse(r, b, 413, "over 100000 nodes; send them in parts");
            return len;
        }
        take_item(r, b);
    }
    return at;
}

static void nodes_set_run(struct bl_http_request *r)
{
    struct bulk *b = r->state;
    struct bl_json j;

    if (bl_json_array_reader_end(&b->items) == BL_JSON_ARRAY_BAD) {
        nodes_set_refuse(r, b, 400, b->items.why);
        return;
    }
    bl_json_line_begin(&j, &r->out);
    if (b->failed > 0) {
        char detail[128];
        snprintf(detail, sizeof(detail), "%" PRIu64 " of %" PRIu64 " nodes were not set; errors says why",
                 b->failed, b->seen);
        bl_http_problem_json(&j, 422, detail);
    }
    bl_json_uint(&j, "set", b->set);
    bl_json_uint(&j, "failed", b->failed);
    bl_json_array(&j, "errors");
    bl_text_append(&r->out, b->errors.data, b->errors.len);
    bl_json_array_end(&j);
    bl_json_line_end(&j);
    bl_http_reply(r, b->failed > 0 ? 422 : 200, b->failed > 0 ? BL_HTTP_PROBLEM : BL_HTTP_JSON);
}

static void nodes_set_end(struct bl_http_request *r)
{
    struct bulk *b = r->state;
    bl_text_free(&b->errors);
}

const struct bl_http_ops bl_http_nodes_set = {.run = nodes_set_run,
                                              .piece = nodes_set_piece,
                                              .end = nodes_set_end,
                                              .state_bytes = sizeof(struct bulk),
                                              .body_max = BODY_MOST};
