/* SPDX-License-Identifier: Apache-2.0 */
/* request: one HTTP request, as a handler sees it: what was asked, and
 * how to answer.
 *
 * Before a handler runs, the request has a route (404, 405), a Host that
 * is ours (421), for what changes state an Origin that is ours (403), a
 * token of the route's role (401, 403), and a body that is whole, within
 * its limit (413), and of a type we read (415): a form or JSON, whose
 * fields are parameters, as those of the query are.
 *
 * A handler answers once, with one of
 *
 *   bl_http_reply     what it has written into r->out
 *   bl_http_problem   what is wrong and what to do (RFC 9457)
 *   bl_http_stream    pieces, made as the client takes them
 *   bl_http_asset     constant bytes: a page, a script
 *
 * or it asks control (bl_http_ask) and returns; the function that it
 * named is called with the answer and may answer the client, or ask on.
 *
 * What must be remembered from call to call stands in r->state,
 * ops->state_bytes zeroed bytes. No pointer of the registry or the config
 * is kept over a return: the thread is RCU-quiescent between two calls
 * (bl_api_yield). A call should take at most some milliseconds.
 *
 * Threads: the api thread alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/cli/server/cli_request.h"
#include "control/http/fields.h"
#include "control/http/routes.h"
#include "control/model/node_view.h"
#include "engine/views/views.h"

/* The longest body, unless the ops say otherwise: forms and JSON of one
 * node are some hundred bytes. */
#define BL_HTTP_BODY_MAX 65536u

struct bl_http_request;

struct bl_http_ops {
    void (*run)(struct bl_http_request *r);
    /* Takes the body in pieces as they come in, before `run`; then there
     * are no parameters of it, and any type is fine. Returns how much of
     * it was taken: less than `len` means that it has asked control and
     * wants the rest after the answers (bl_http_ask). A piece that has
     * answered (a problem) gets no more. NULL: the body is read as said
     * above. */
    size_t (*piece)(struct bl_http_request *r, const char *data, size_t len);
    void (*end)(struct bl_http_request *r); /* frees what state holds. NULL: nothing */
    size_t state_bytes;
    uint64_t body_max; /* 0: BL_HTTP_BODY_MAX */
    bool any_type;     /* a body of a type we do not read is no 415, but has no parameters */
};

#define BL_HTTP_ROUTE_OPS(id, method, path, role) extern const struct bl_http_ops bl_http_##id;
BL_HTTP_ROUTES(BL_HTTP_ROUTE_OPS)
#undef BL_HTTP_ROUTE_OPS

struct bl_http_request {
    struct bl_api *api; /* registry, history, config, times; see cli_request.h */
    struct bl_text out; /* what the handler writes */
    void *state;
    enum bl_http_role role;          /* the client's */
    struct bl_http_exchange *within; /* the server's own (exchange.h) */
};

/* ---- what was asked --------------------------------------------------- */

/* What {name} of the route's path stands for, decoded; "" if the route
 * has no such name. */
const char *bl_http_path(const struct bl_http_request *r, const char *name);

/* The value of a parameter, NULL: not given. The body's come before the
 * query's. A JSON number is its text, true and false are words, null is
 * "none". Also: the next value of that name; start with *at 0. */
const char *bl_http_param(const struct bl_http_request *r, const char *name);
const char *bl_http_param_next(const struct bl_http_request *r, const char *name, unsigned *at);

/* False: there is a parameter that is none of `names` (which end with
 * NULL), or one of JSON that is a list or an object; said so (422). */
bool bl_http_params_are(struct bl_http_request *r, const char *const *names);

/* A parameter's value, if it is given: *given says so. False: it is no
 * whole number up to max, no duration ("2s", "1.5m", "none"), neither
 * true nor false; said so (422). */
bool bl_http_number(struct bl_http_request *r, const char *name, uint64_t max, uint64_t *value, bool *given);
bool bl_http_duration(struct bl_http_request *r, const char *name, uint32_t *ms, bool *given);
bool bl_http_flag(struct bl_http_request *r, const char *name, bool *value);

/* What lists of nodes and of views share. The states given with `state`,
 * once or more, as bits 1 << bl_state (0: none given); and `fields`, some
 * of the names in `all` ("name,state,..."), NULL: not given. False: one is
 * none; said so (422). */
bool bl_http_states(struct bl_http_request *r, unsigned *states);
bool bl_http_only(struct bl_http_request *r, const char *all, const char **only);

/* All of them, for readers that know nothing of HTTP (fields.h). */
const struct bl_fields *bl_http_fields(const struct bl_http_request *r);

/* The node of this name, as it is now. False: not known; said so (404). */
bool bl_http_find_node(struct bl_http_request *r, const char *name, struct bl_node_view *v);

/* The view of this name, as it is now (view_json.h). NULL: not known;
 * said so (404). */
const struct bl_view *bl_http_find_view(struct bl_http_request *r, const char *name);

/* A header of the request, NULL: not there. */
const char *bl_http_header_of(const struct bl_http_request *r, const char *name);

/* Whether the client's Accept has `type` before `other`, which it gets
 * if it does not say. */
bool bl_http_prefers(const struct bl_http_request *r, const char *type, const char *other);

/* ---- the answer -------------------------------------------------------- */

#define BL_HTTP_JSON    "application/json"
#define BL_HTTP_NDJSON  "application/x-ndjson"
#define BL_HTTP_TEXT    "text/plain; charset=utf-8"
#define BL_HTTP_SSE     "text/event-stream"
#define BL_HTTP_PROBLEM "application/problem+json"

/* One more header of the answer; before it. Texts are copied. */
void bl_http_header(struct bl_http_request *r, const char *name, const char *value);

/* r->out, as `type`. */
void bl_http_reply(struct bl_http_request *r, unsigned status, const char *type);

/* Says what is wrong: an application/problem+json of type, title, status
 * and detail; `format` makes "what: why; what to do". What r->out holds
 * is dropped. */
void bl_http_problem(struct bl_http_request *r, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The members of a problem, inside an open object: for one that has more
 * to say and is answered with bl_http_reply(r, status, BL_HTTP_PROBLEM). */
void bl_http_problem_json(struct bl_json *j, unsigned status, const char *detail);

/* Status 200 and pieces: `next` is called when the client has taken what
 * was in r->out, to write at most about BL_PIECE_BYTES more. It returns
 * DONE, MORE, or EVENT: call again when there is a new event, or after
 * BL_HTTP_IDLE_NS without one. */
#define BL_HTTP_IDLE_NS UINT64_C(15000000000)
void bl_http_stream(struct bl_http_request *r, const char *type,
                    enum bl_step (*next)(struct bl_http_request *r));

/* Bytes that do not change while the daemon runs. Served with ETag (304
 * to who has them), gzip to who takes it, and the headers of a page that
 * loads nothing from elsewhere (CSP). */
struct bl_http_asset {
    const char *type, *etag; /* etag with its quotes */
    const unsigned char *data, *gzip;
    size_t len, gzip_len; /* gzip_len 0: not compressed */
};
void bl_http_asset(struct bl_http_request *r, const struct bl_http_asset *asset);

/* ---- control ----------------------------------------------------------- */

/* Gets control's answer, good for the call only: answer the client, or
 * ask on. With several under way it is called for each. */
typedef void bl_http_then(struct bl_http_request *r, struct bl_command *answer);

/* A beat of a node, into the thread's own worker, at once. False: it was
 * not taken; said so (422, or 404 where unknown nodes are refused). */
bool bl_http_beat(struct bl_http_request *r, const char *name);

/* A command for control, to be filled in (patch, create) before the
 * return. NULL: refused, said so (a name no node can have is 404). */
struct bl_command *bl_http_ask(struct bl_http_request *r, enum bl_command_kind kind, const char *name,
                               bl_http_then *then);

/* Answers with the problem that control's answer tells of: 404, 422, 429,
 * 507 or 500. False: there is none. */
bool bl_http_refused(struct bl_http_request *r, const struct bl_command *answer);
