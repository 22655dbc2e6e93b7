/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: made here, queued by exchange.c. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/http/exchange.h"
#include "control/ingest/feed.h"

#define PROBLEM_BYTES 2048

/* What every answer carries: nothing is guessed, framed, cached or
 * loaded from it. */
static const char *const common[][2] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Server", "beatline"},
};

static const char api_policy[] = "default-src 'none'; frame-ancestors 'none'";
static const char page_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/* One answer to a request: a handler that answers twice is wrong. */
static void reply_answer(struct bl_http_exchange *e, unsigned status, struct MHD_Response *response,
                         const char *type)
{
    if (e->response != NULL)
        MHD_destroy_response(e->response);
    e->response = response;
    e->status = status;
    if (response == NULL)
        return; /* out of memory: exchange.c ends the connection */
    if (type != NULL)
        MHD_add_response_header(response, "Content-Type", type);
    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
        MHD_add_response_header(response, common[i][0], common[i][1]);
    for (unsigned i = 0; i < e->header_count; i++)
        MHD_add_response_header(response, e->header[i].name, e->header[i].value);
}

static void not_kept(struct MHD_Response *response)
{
    if (response == NULL)
        return;
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "Content-Security-Policy", api_policy);
}

void bl_http_header(struct bl_http_request *r, const char *name, const char *value)
{
    struct bl_http_exchange *e = bl_http_exchange_of(r);
    char *copy = e->header_count < BL_HTTP_HEADERS_MAX ? strdup(value) : NULL;

    if (copy == NULL)
        return;
    snprintf(e->header[e->header_count].name, sizeof(e->header[0].name), "%s", name);
    e->header[e->header_count++].value = copy;
}

void bl_http_reply(struct bl_http_request *r, unsigned status, const char *type)
{
    if (r->out.failed) {
        bl_text_free(&r->out);
        bl_http_problem(r, 503, "out of memory; try again later");
        return;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(r->out.len, r->out.data, MHD_RESPMEM_PERSISTENT);
    reply_answer(bl_http_exchange_of(r), status, response, type);
    not_kept(response);
}

static const char *title_of(unsigned status)
{
    const char *title = MHD_get_reason_phrase_for(status);
    return status == 422 ? "Unprocessable Content" : title != NULL ? title : "Error";
}

void bl_http_problem_json(struct bl_json *j, unsigned status, const char *detail)
{
    bl_json_string(j, "type", "about:blank");
    bl_json_string(j, "title", title_of(status));
    bl_json_uint(j, "status", status);
    bl_json_string(j, "detail", detail);
}

void bl_http_problem(struct bl_http_request *r, unsigned status, const char *format, ...)
{
    char detail[PROBLEM_BYTES];
    struct bl_json j;
    va_list args;

    va_start(args, format);
    vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);
    bl_text_free(&r->out);
    bl_json_line_begin(&j, &r->out);
    bl_http_problem_json(&j, status, detail);
    bl_json_line_end(&j);
    if (r->out.failed) {
        reply_answer(bl_http_exchange_of(r), status, NULL, NULL);
        return;
    }
    bl_http_reply(r, status, BL_HTTP_PROBLEM);
}

/* ---- streams ------------------------------------------------------------ */

/* Lets the handler write its next piece. */
static ssize_t make_piece(struct bl_http_exchange *e)
{
    struct bl_http *h = e->http;

    if (e->step == BL_STEP_DONE)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (e->r.api->now_ns > h->work_until_ns)
        return 0; /* in the next turn: others wait */
    e->r.out.len = e->sent = 0;
    e->event_seen = e->r.api->history.next;
    e->step = e->next(&e->r);
    if (e->r.out.failed)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (e->r.out.len == 0 && e->step == BL_STEP_DONE)
        return MHD_CONTENT_READER_END_OF_STREAM;
    return 0;
}

/* libmicrohttpd has room for `max` bytes to send. */
static ssize_t read_stream(void *cls, uint64_t at, char *buffer, size_t max)
{
    struct bl_http_exchange *e = cls;
    (void)at;

    bl_role_assume_api();
    bl_api_yield(e->r.api);
    if (e->sent == e->r.out.len) {
        if (e->step == BL_STEP_EVENT && bl_http_wait_for_event(e))
            return 0;
        ssize_t end = make_piece(e);
        if (end != 0)
            return end;
    }
    size_t left = e->r.out.len - e->sent, n = left < max ? left : max;
    if (n == 0)
        return 0; /* a piece with nothing in it: still at work */
    memcpy(buffer, e->r.out.data + e->sent, n);
    e->sent += n;
    return (ssize_t)n;
}

void bl_http_stream(struct bl_http_request *r, const char *type,
                    enum bl_step (*next)(struct bl_http_request *r))
{
    struct bl_http_exchange *e = bl_http_exchange_of(r);

    e->next = next;
    e->step = BL_STEP_MORE;
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BL_PIECE_BYTES, read_stream, e, NULL);
    reply_answer(e, 200, response, type);
    not_kept(response);
}

/* ---- assets ------------------------------------------------------------- */

/* Whether a header's list ("gzip, br;q=0.5") has this word. */
static bool reply_lists(const char *header, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = header; at != NULL && *at != '\0'; at += strcspn(at, ","), at += *at == ',') {
        at += strspn(at, " \t");
        if (strncmp(at, word, len) == 0 && strchr(",; \t", at[len]) != NULL)
            return strncmp(at + len, ";q=0", 4) != 0 || at[len + 4] == '.';
    }
    return false;
}

void bl_http_asset(struct bl_http_request *r, const struct bl_http_asset *asset)
{
    struct bl_http_exchange *e = bl_http_exchange_of(r);
    const char *seen = bl_http_header_of(r, "If-None-Match");
    bool has_it = reply_lists(seen, asset->etag) || reply_lists(seen, "*");
    bool gzip = asset->gzip_len > 0 && reply_lists(bl_http_header_of(r, "Accept-Encoding"), "gzip");
    const unsigned char *data = gzip ? asset->gzip : asset->data;
    size_t len = has_it ? 0 : gzip ? asset->gzip_len : asset->len;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, (void *)(uintptr_t)data, MHD_RESPMEM_PERSISTENT);

    reply_answer(e, has_it ? 304 : 200, response, asset->type);
    if (response == NULL)
        return;
    MHD_add_response_header(response, "ETag", asset->etag);
    MHD_add_response_header(response, "Cache-Control", "no-cache");
    MHD_add_response_header(response, "Vary", "Accept-Encoding");
    MHD_add_response_header(response, "Content-Security-Policy", page_policy);
    if (gzip && !has_it)
        MHD_add_response_header(response, "Content-Encoding", "gzip");
}

/* ---- control ------------------------------------------------------------- */

bool bl_http_beat(struct bl_http_request *r, const char *name)
{
    char why[BL_ERR_BYTES];
    int rc = bl_api_beat(r->api, name, why);

    if (rc != 0)
        bl_http_problem(r, rc == -ENOENT ? 404 : 422, "beat: %s", why);
    return rc == 0;
}

bool bl_http_refused(struct bl_http_request *r, const struct bl_command *answer)
{
    unsigned status = answer->result == -ENOENT   ? 404
                      : answer->result == -EINVAL ? 422
                      : answer->result == -EEXIST ? 409
                      : answer->result == -EAGAIN ? 429
                      : answer->result == -ENOSPC ? 507
                                                  : 500;
    if (answer->result == 0)
        return false;
    bl_http_problem(r, status, "node %s", answer->text);
    return true;
}
