/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/events: what happens, as server-sent events, or what has
 * happened, as JSON.
 *
 * An id is RUN-NUMBER: a daemon that was started anew counts from 1
 * again, and says so. Who comes back with the id of the last event that
 * it saw gets those that followed; where some of them are not kept any
 * more (events.keep), or the run is another, an event "reset" comes
 * first: what was known before has to be read again. Each stream begins
 * with an event "hello", which has an id and says nothing else.
 *
 * `last` counts events that are wanted: they are looked for from the
 * newest back, in pieces, as far as the history goes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/http/request.h"
#include "control/match/glob.h"
#include "control/model/event_view.h"

#define LIST_DEFAULT 50u
/* Events looked at for one piece: a filter may let few of them through. */
#define EVENTS_PER_PIECE 8000u

struct feed {
    const char *match, *kind; /* NULL: all */
    uint64_t next;            /* number of the next event to look at */
    uint64_t wanted;          /* past events still to be found before `next` */
    uint64_t end;             /* number of the first event that a list leaves out */
    uint64_t wrote_ns;        /* when something was last sent */
    uint64_t listed;
    const char *reset; /* why what was known before is void; NULL: it is not */
    bool begun;
};

/* ---- what was asked ---------------------------------------------------------- */

/* Goes on behind the event `id`, if that is one of this run. */
static void resume_behind(const struct bl_http_request *r, struct feed *f, const char *id)
{
    const struct bl_history *h = &r->api->history;
    char *end = NULL;
    uint64_t run = strtoull(id, &end, 16);
    uint64_t number = *end == '-' ? strtoull(end + 1, &end, 10) : 0;

    if (*end != '\0' || run != (uint64_t)r->api->start_unix_ms || number >= h->next) {
        f->next = h->first;
        f->reset = "restarted";
    } else {
        f->next = number + 1;
    }
}

static bool is_kind(const char *word)
{
    for (uint32_t kind = BL_EVENT_TRANSITION; kind <= BL_EVENT_VIEW; kind++) {
        if (strcmp(bl_event_kind_name(kind), word) == 0)
            return true;
    }
    return false;
}

static bool read_params(struct bl_http_request *r, struct feed *f, uint64_t last)
{
    static const char *const names[] = {"last", "match", "kind", "last_event_id", NULL};
    const struct bl_history *h = &r->api->history;
    const char *id = bl_http_header_of(r, "Last-Event-ID");
    bool given;

    f->match = bl_http_param(r, "match");
    f->kind = bl_http_param(r, "kind");
    if (!bl_http_params_are(r, names) || !bl_http_number(r, "last", UINT64_MAX, &last, &given))
        return false;
    if (f->kind != NULL && !is_kind(f->kind)) {
        bl_http_problem(r, 422, "kind: \"%.40s\" is none; there are transition, view, freeze, thaw, daemon",
                        f->kind);
        return false;
    }
    f->next = f->end = h->next;
    if (id == NULL)
        id = bl_http_param(r, "last_event_id");
    if (id != NULL && id[0] != '\0')
        resume_behind(r, f, id);
    else
        f->wanted = last;
    return true;
}

static bool is_wanted(const struct feed *f, const struct bl_event *e)
{
    bool named = e->kind == BL_EVENT_TRANSITION || e->kind == BL_EVENT_VIEW;
    return (f->kind == NULL || strcmp(f->kind, bl_event_kind_name(e->kind)) == 0) &&
           (f->match == NULL || (named && bl_glob_match(f->match, e->name)));
}

/* Goes back to the first of the last events that are wanted; false: not
 * there yet. */
static bool go_back(const struct bl_http_request *r, struct feed *f)
{
    const struct bl_history *h = &r->api->history;

    if (f->wanted == 0)
        return true;
    for (unsigned looked = 0; f->wanted > 0 && f->next > h->first; looked++) {
        if (looked == EVENTS_PER_PIECE)
            return false;
        if (is_wanted(f, bl_history_get(h, --f->next)))
            f->wanted--;
    }
    if (f->next < h->first) /* forgotten between two pieces */
        f->next = h->first;
    f->wanted = 0;
    return true;
}

/* ---- server-sent events --------------------------------------------------------- */

/* The first: an id to come back with, before anything has happened. */
static void write_hello(struct bl_http_request *r, const struct feed *f)
{
    bl_text_printf(&r->out,
                   "retry: 1000\nid: %" PRIx64 "-%" PRIu64 "\nevent: hello\ndata: {\"version\":\"%s\"}\n\n",
                   (uint64_t)r->api->start_unix_ms, f->next - 1, BL_VERSION);
}

static void write_reset(struct bl_http_request *r, struct feed *f, uint64_t lost)
{
    bl_text_printf(&r->out, "event: reset\ndata: {\"reason\":\"%s\",\"lost\":%" PRIu64 "}\n\n", f->reset,
                   lost);
    f->reset = NULL;
}

static void write_event(struct bl_http_request *r, const struct bl_event *e)
{
    struct bl_json j;

    bl_text_printf(&r->out, "id: %" PRIx64 "-%" PRIu64 "\nevent: %s\ndata: ", (uint64_t)r->api->start_unix_ms,
                   e->number, bl_event_kind_name(e->kind));
    bl_json_line_begin(&j, &r->out);
    bl_event_json(&j, e);
    bl_json_line_end(&j);
    bl_text_append(&r->out, "\n", 1);
}

/* The next events that are wanted; MORE: there may be others. */
static enum bl_step write_events(struct bl_http_request *r, struct feed *f)
{
    const struct bl_history *h = &r->api->history;
    const struct bl_event *e;

    for (unsigned looked = 0; (e = bl_history_get(h, f->next)) != NULL; f->next++, looked++) {
        if (looked == EVENTS_PER_PIECE || r->out.len >= BL_PIECE_BYTES)
            return BL_STEP_MORE;
        if (is_wanted(f, e))
            write_event(r, e);
    }
    return BL_STEP_EVENT;
}

static enum bl_step next_events(struct bl_http_request *r)
{
    struct feed *f = r->state;
    const struct bl_history *h = &r->api->history;

    if (!go_back(r, f))
        return BL_STEP_MORE;
    uint64_t lost = f->next < h->first ? h->first - f->next : 0;
    if (!f->begun)
        write_hello(r, f);
    f->begun = true;
    if (lost > 0) { /* came back too late, or reads too slowly */
        f->next = h->first;
        f->reset = "forgotten";
    }
    if (f->reset != NULL)
        write_reset(r, f, lost);
    enum bl_step step = write_events(r, f);
    /* Proxies and browsers give up what is silent for long; so do we, whom nobody hears. */
    if (r->out.len == 0 && r->api->now_ns - f->wrote_ns >= BL_HTTP_IDLE_NS)
        bl_text_printf(&r->out, ":\n\n");
    if (r->out.len > 0)
        f->wrote_ns = r->api->now_ns;
    return step;
}

/* ---- JSON -------------------------------------------------------------------------- */

static enum bl_step next_list(struct bl_http_request *r)
{
    struct feed *f = r->state;
    const struct bl_history *h = &r->api->history;
    const struct bl_event *e;
    struct bl_json j;

    if (!go_back(r, f))
        return BL_STEP_MORE;
    if (!f->begun)
        bl_text_printf(&r->out, "{\"events\":[\n");
    f->begun = true;
    if (f->next < h->first)
        f->next = h->first;
    for (unsigned looked = 0; f->next < f->end && (e = bl_history_get(h, f->next)) != NULL;
         f->next++, looked++) {
        if (looked == EVENTS_PER_PIECE || r->out.len >= BL_PIECE_BYTES)
            return BL_STEP_MORE;
        if (!is_wanted(f, e))
            continue;
        bl_text_printf(&r->out, "%s", f->listed++ > 0 ? ",\n" : "");
        bl_json_begin(&j, &r->out);
        bl_json_object(&j, NULL);
        bl_event_json(&j, e);
        bl_json_object_end(&j);
    }
    bl_text_printf(&r->out, "\n],\"last_event_id\":\"%" PRIx64 "-%" PRIu64 "\"}\n",
                   (uint64_t)r->api->start_unix_ms, f->next - 1);
    return BL_STEP_DONE;
}

static void events_run(struct bl_http_request *r)
{
    bool list = bl_http_prefers(r, BL_HTTP_JSON, BL_HTTP_SSE);

    if (!read_params(r, r->state, list ? LIST_DEFAULT : 0))
        return;
    if (list)
        bl_http_stream(r, BL_HTTP_JSON, next_list);
    else
        bl_http_stream(r, BL_HTTP_SSE, next_events);
}

const struct bl_http_ops bl_http_events = {.run = events_run, .state_bytes = sizeof(struct feed)};
