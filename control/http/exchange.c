/* SPDX-License-Identifier: Apache-2.0 */
#include "control/http/exchange.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---- life --------------------------------------------------------------- */

void *bl_http_on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
    struct bl_http *h = cls;
    struct bl_http_link *l =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    struct bl_http_exchange *e = l != NULL ? calloc(1, sizeof(*e)) : NULL;

    if (e == NULL || (e->target = strdup(target)) == NULL) {
        free(e);
        return NULL;
    }
    e->r.api = h->api;
    e->r.within = e;
    e->http = h;
    e->connection = connection;
    e->link = l;
    l->exchange = e;
    e->query = strchr(e->target, '?');
    if (e->query != NULL)
        *e->query++ = '\0';
    return e;
}

static void leave_waiting(struct bl_http_exchange *e)
{
    if (!e->for_event)
        return;
    if (e->before_waiting != NULL)
        e->before_waiting->next_waiting = e->next_waiting;
    else
        e->http->waiting = e->next_waiting;
    if (e->next_waiting != NULL)
        e->next_waiting->before_waiting = e->before_waiting;
    e->next_waiting = e->before_waiting = NULL;
    e->for_event = false;
    e->woken = true;
}

static void free_exchange(struct bl_http_exchange *e)
{
    leave_waiting(e);
    bl_pending_commands_forget(e->r.api->asks, e);
    if (e->r.state != NULL && e->route->ops->end != NULL)
        e->route->ops->end(&e->r);
    free(e->r.state);
    if (e->response != NULL)
        MHD_destroy_response(e->response);
    for (unsigned i = 0; i < e->header_count; i++)
        free(e->header[i].value);
    json_decref(e->json);
    free(e->words);
    free(e->captured);
    free(e->target);
    bl_text_free(&e->body);
    bl_text_free(&e->r.out);
    free(e);
}

void bl_http_on_completed(void *cls, struct MHD_Connection *connection, void **exchange,
                          enum MHD_RequestTerminationCode why)
{
    struct bl_http_exchange *e = *exchange;
    (void)cls, (void)connection, (void)why;

    if (e == NULL)
        return;
    e->link->exchange = NULL;
    e->link->busy = e->link->has_headers = false;
    e->link->since_ns = e->r.api->now_ns;
    free_exchange(e);
    *exchange = NULL;
}

/* ---- waiting -------------------------------------------------------------- */

static void exchange_suspend(struct bl_http_exchange *e)
{
    MHD_suspend_connection(e->connection);
    e->suspended = true;
}

void bl_http_resume(struct bl_http_exchange *e)
{
    leave_waiting(e);
    if (e->suspended)
        MHD_resume_connection(e->connection);
    e->suspended = false;
}

bool bl_http_has_news(const struct bl_http_exchange *e)
{
    const struct bl_api *api = e->r.api;
    return e->event_seen != api->history.next || api->now_ns - e->idle_since_ns >= BL_HTTP_IDLE_NS;
}

bool bl_http_wait_for_event(struct bl_http_exchange *e)
{
    if (e->woken || e->event_seen != e->r.api->history.next) {
        e->woken = false;
        return false;
    }
    exchange_suspend(e);
    e->idle_since_ns = e->r.api->now_ns;
    e->for_event = true;
    e->next_waiting = e->http->waiting;
    if (e->next_waiting != NULL)
        e->next_waiting->before_waiting = e;
    e->http->waiting = e;
    return true;
}

/* ---- control --------------------------------------------------------------- */

static void exchange_answered(void *ctx, struct bl_command *answer)
{
    struct bl_http_exchange *e = ctx;

    e->asks--;
    if (e->response == NULL)
        e->then(&e->r, answer);
    if (e->asks == 0 || e->response != NULL)
        bl_http_resume(e);
}

struct bl_command *bl_http_ask(struct bl_http_request *r, enum bl_command_kind kind, const char *name,
                               bl_http_then *then)
{
    struct bl_http_exchange *e = bl_http_exchange_of(r);
    size_t len = strlen(name);

    bl_role_assume_api();
    if (len > BL_NAME_MAX) {
        bl_http_problem(r, 404, "node %.20s...: no node's name has %zu bytes; at most %u are taken", name,
                        len, BL_NAME_MAX);
        return NULL;
    }
    struct bl_command *c = bl_pending_commands_add(r->api->asks, kind, name, len, exchange_answered, e);
    if (c == NULL) {
        bl_http_problem(r, 503, "node %s: out of memory; try again later", name);
        return NULL;
    }
    e->then = then;
    e->asks++;
    return c;
}

/* ---- headers ---------------------------------------------------------------- */

const char *bl_http_header_of(const struct bl_http_request *r, const char *name)
{
    return MHD_lookup_connection_value(bl_http_exchange_of(r)->connection, MHD_HEADER_KIND, name);
}

static bool find_route(struct bl_http_exchange *e, const char *method)
{
    char allow[BL_HTTP_ALLOW_BYTES];

    e->route = bl_http_route_of(method, e->target, &e->captures, allow);
    if (e->route != NULL)
        return true;
    if (allow[0] == '\0') {
        bl_http_problem(&e->r, 404, "%.200s: no such page; /api/v1/openapi.json lists them", e->target);
        return false;
    }
    bl_http_header(&e->r, "Allow", allow);
    bl_http_problem(&e->r, 405, "%.200s: no %.20s there; use %s", e->target, method, allow);
    return false;
}

/* The captures as texts of their own, decoded. */
static bool decode_captures(struct bl_http_exchange *e)
{
    char *to = malloc(strlen(e->target) + BL_URI_CAPTURES + 1);

    e->captured = to;
    for (unsigned i = 0; to != NULL && i < e->captures.count; i++) {
        struct bl_capture *c = &e->captures.item[i];
        memcpy(to, c->text, c->len);
        to[c->len] = '\0';
        c->text = to;
        int len = bl_uri_decode(to, false);
        if (len < 0) {
            bl_http_problem(&e->r, 400,
                            "path: a %% needs two hex digits behind it, not 00; write %%25 for a %%");
            return false;
        }
        to += len + 1;
    }
    if (to == NULL)
        bl_http_problem(&e->r, 503, "out of memory; try again later");
    return to != NULL;
}

const char *bl_http_path(const struct bl_http_request *r, const char *name)
{
    const struct bl_captures *c = &bl_http_exchange_of(r)->captures;

    for (unsigned i = 0; i < c->count; i++) {
        if (strlen(name) == c->item[i].name_len && memcmp(c->item[i].name, name, c->item[i].name_len) == 0)
            return c->item[i].text;
    }
    return "";
}

static uint64_t body_max(const struct bl_http_exchange *e)
{
    return e->route->ops->body_max > 0 ? e->route->ops->body_max : BL_HTTP_BODY_MAX;
}

/* How long the body will be: 0 none, UINT64_MAX nobody knows. */
static uint64_t body_length(const struct bl_http_exchange *e)
{
    const char *length = bl_http_header_of(&e->r, "Content-Length");

    if (bl_http_header_of(&e->r, "Transfer-Encoding") != NULL)
        return UINT64_MAX;
    return length != NULL ? strtoull(length, NULL, 10) : 0; /* libmicrohttpd has checked it */
}

static void too_long(struct bl_http_exchange *e)
{
    bl_http_problem(&e->r, 413, "body: over %llu bytes; send less, or in parts",
                    (unsigned long long)body_max(e));
}

static bool body_is_welcome(struct bl_http_exchange *e)
{
    const struct bl_http_ops *ops = e->route->ops;
    const char *type = bl_http_header_of(&e->r, "Content-Type");
    uint64_t length = body_length(e);

    if (length == 0)
        return true;
    if (length != UINT64_MAX && length > body_max(e)) {
        too_long(e);
        return false;
    }
    if (ops->piece != NULL || ops->any_type ||
        (type != NULL && (bl_http_is_form(type) || bl_http_is_json(type))))
        return true;
    bl_http_problem(&e->r, 415,
                    "Content-Type %.60s: not read here; send application/json or "
                    "application/x-www-form-urlencoded",
                    type != NULL ? type : "is missing");
    return false;
}

static bool make_state(struct bl_http_exchange *e)
{
    if (e->route->ops->state_bytes == 0)
        return true;
    e->r.state = calloc(1, e->route->ops->state_bytes);
    if (e->r.state == NULL)
        bl_http_problem(&e->r, 503, "out of memory; try again later");
    return e->r.state != NULL;
}

/* ---- body -------------------------------------------------------------------- */

static void keep_piece(struct bl_http_exchange *e, const char *data, size_t *len)
{
    bl_text_append(&e->body, data, *len);
    *len = 0;
    if (e->body.failed)
        bl_http_problem(&e->r, 503, "out of memory; try again later");
}

static void hand_piece(struct bl_http_exchange *e, const char *data, size_t *len)
{
    size_t taken = e->route->ops->piece(&e->r, data, *len);

    e->body_seen -= *len - taken; /* they come again */
    *len -= taken;
    if (e->response == NULL && *len > 0 && e->asks > 0)
        exchange_suspend(e);
}

static enum MHD_Result take_body(struct bl_http_exchange *e, const char *data, size_t *len)
{
    e->body_seen += *len;
    if (e->phase == BL_HTTP_DISCARD || e->response != NULL) {
        *len = 0;
        return e->body_seen <= BL_HTTP_SWALLOW_MAX ? MHD_YES : MHD_NO;
    }
    if (e->body_seen > body_max(e)) {
        too_long(e);
        *len = 0;
    } else if (e->route->ops->piece != NULL) {
        hand_piece(e, data, len);
    } else {
        keep_piece(e, data, len);
    }
    return MHD_YES;
}

/* ---- the three calls ---------------------------------------------------------- */

static enum MHD_Result exchange_queue(struct bl_http_exchange *e)
{
    e->phase = BL_HTTP_SENDING;
    if (e->response == NULL)
        return MHD_NO; /* no memory for an answer: the connection ends */
    e->http->counters.requests++;
    e->http->counters.client_errors += e->status / 100 == 4;
    e->http->counters.server_errors += e->status / 100 == 5;
    enum MHD_Result r = MHD_queue_response(e->connection, e->status, e->response);
    MHD_destroy_response(e->response);
    e->response = NULL;
    return r;
}

/* The first call: the headers are in. */
static enum MHD_Result exchange_begin(struct bl_http_exchange *e, const char *method)
{
    uint64_t length = body_length(e);

    e->phase = BL_HTTP_BODY;
    e->link->has_headers = true;
    if (find_route(e, method) && bl_http_check_access(e, method) && decode_captures(e) &&
        bl_http_read_query(e) && body_is_welcome(e) && make_state(e))
        return MHD_YES;
    e->phase = BL_HTTP_DISCARD;
    /* Who waits for a word before it sends its body need not send it. */
    bool comes = bl_http_header_of(&e->r, "Expect") == NULL && length <= BL_HTTP_SWALLOW_MAX;
    return comes ? MHD_YES : exchange_queue(e);
}

/* The last call, and each after a suspension: the request is whole. */
static enum MHD_Result go_on(struct bl_http_exchange *e)
{
    e->link->busy = true;
    if (e->phase == BL_HTTP_BODY && e->response == NULL && e->asks == 0) {
        e->phase = BL_HTTP_RUN;
        if (e->route->ops->piece != NULL || bl_http_read_body(e))
            e->route->ops->run(&e->r);
        if (e->response == NULL && e->asks == 0)
            bl_http_problem(&e->r, 500, "%s: gave no answer; this is a bug, tell us", e->route->path);
    }
    if (e->response != NULL || e->asks == 0)
        return exchange_queue(e);
    exchange_suspend(e);
    return MHD_YES;
}

enum MHD_Result bl_http_on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *upload_data,
                                   size_t *upload_data_size, void **exchange)
{
    struct bl_http_exchange *e = *exchange;
    (void)cls, (void)connection, (void)url, (void)version;

    bl_role_assume_api();
    if (e == NULL)
        return MHD_NO; /* no memory */
    bl_api_yield(e->r.api);
    if (e->phase == BL_HTTP_HEADERS)
        return exchange_begin(e, method);
    if (*upload_data_size > 0)
        return take_body(e, upload_data, upload_data_size);
    return go_on(e);
}
