/* SPDX-License-Identifier: Apache-2.0 */
/* exchange: one request between libmicrohttpd and its handler, and what
 * the server knows of its connections. Handlers include request.h, not
 * this.
 *
 *   headers   the request line and headers are in: route, guards
 *   body      its pieces come in
 *   discard   refused already; the rest of a short body is swallowed, so
 *             that the client reads the answer before a reset
 *   run       the handler works; suspended while control has asks of it
 *   sending   the answer goes out; a stream's handler makes pieces
 *
 * Threads: the api thread alone. */
#pragma once

#include <microhttpd.h>

#include "control/http/http.h"
#include "control/http/request.h"
#include "control/http/uri.h"

/* Parameters a request may have, query and body together. */
#define BL_HTTP_PARAMS_MAX  64u
#define BL_HTTP_HEADERS_MAX 8u
/* Refused bodies up to this are swallowed; longer ones are cut off. */
#define BL_HTTP_SWALLOW_MAX (UINT64_C(1) << 20)

struct bl_http_route {
    const char *method, *path;
    enum bl_http_role role;
    const struct bl_http_ops *ops;
};

extern const struct bl_http_route bl_http_routes[];
extern const unsigned bl_http_route_count;

/* The first route that fits, its captures set; NULL: none, and `allow`
 * lists the methods of the path ("GET, HEAD, PUT"), "" if the path is not
 * known at all. */
#define BL_HTTP_ALLOW_BYTES 64
const struct bl_http_route *bl_http_route_of(const char *method, const char *path,
                                             struct bl_captures *captures, char allow[BL_HTTP_ALLOW_BYTES]);

/* A connection. */
struct bl_http_link {
    struct bl_http_link *next, *before;
    MHD_socket fd;
    struct sockaddr_storage peer;
    struct bl_http_exchange *exchange; /* the request under way, if any */
    uint64_t since_ns;                 /* waits for a whole request since then */
    bool has_headers;                  /* of it */
    bool busy;                         /* has it whole */
};

enum bl_http_phase {
    BL_HTTP_HEADERS,
    BL_HTTP_BODY,
    BL_HTTP_DISCARD,
    BL_HTTP_RUN,
    BL_HTTP_SENDING,
};

struct bl_http_exchange {
    struct bl_http_request r;
    struct bl_http *http;
    struct MHD_Connection *connection;
    struct bl_http_link *link;
    const struct bl_http_route *route;
    enum bl_http_phase phase;
    char *target; /* the request line's, taken apart in place */
    char *query;  /* NULL: none */
    struct bl_captures captures;
    char *captured; /* their texts decoded, one after the other, each terminated */
    struct bl_text body;
    uint64_t body_seen;
    struct json_t *json;
    char *words; /* texts of JSON's numbers */
    struct bl_param param[BL_HTTP_PARAMS_MAX];
    struct bl_fields fields; /* of param */
    struct {
        char name[32];
        char *value;
    } header[BL_HTTP_HEADERS_MAX];
    unsigned header_count;
    struct MHD_Response *response; /* made, not queued yet */
    unsigned status;
    enum bl_step (*next)(struct bl_http_request *r);
    enum bl_step step;
    size_t sent; /* of r.out */
    bl_http_then *then;
    unsigned asks; /* control's */
    bool suspended;
    bool for_event; /* suspended until an event: in the server's list */
    bool woken;     /* from that: it may go on */
    uint64_t event_seen, idle_since_ns;
    struct bl_http_exchange *next_waiting, *before_waiting;
};

struct bl_http_listener {
    int fd;
    char text[BL_LISTEN_TEXT]; /* "127.0.0.1:8080", the port as bound */
};

/* X(name, sentence): what the server has counted. */
#define BL_HTTP_COUNTERS(X)                                                                                  \
    X(accepted, "HTTP connections taken")                                                                    \
    X(refused, "HTTP connections refused: a limit is reached")                                               \
    X(too_slow, "HTTP connections ended: a request took too long to come in")                                \
    X(requests, "HTTP requests answered")                                                                    \
    X(client_errors, "of them, those answered with 4xx")                                                     \
    X(server_errors, "of them, those answered with 5xx")

struct bl_http_counters {
#define BL_HTTP_COUNTER(name, sentence) uint64_t name;
    BL_HTTP_COUNTERS(BL_HTTP_COUNTER)
#undef BL_HTTP_COUNTER
};

struct bl_http {
    struct bl_api *api;
    struct MHD_Daemon *mhd;
    int epoll_fd;
    struct bl_http_listener listener[BL_LISTEN_MAX];
    unsigned listener_count;
    uint32_t connections_max, per_address_max;
    uint64_t timeout_ns;
    struct bl_http_link *links;
    uint32_t link_count;
    struct bl_http_exchange *waiting; /* for an event */
    uint64_t look_ns;                 /* when to look at deadlines next */
    struct bl_http_counters counters;
    uint64_t work_until_ns; /* of this turn: pieces after it wait for the next */
};

static inline struct bl_http_exchange *bl_http_exchange_of(const struct bl_http_request *r)
{
    return r->within;
}

/* exchange.c: libmicrohttpd's callbacks; cls is the struct bl_http. */
void *bl_http_on_target(void *cls, const char *target, struct MHD_Connection *connection);
enum MHD_Result bl_http_on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *upload_data,
                                   size_t *upload_data_size, void **exchange);
void bl_http_on_completed(void *cls, struct MHD_Connection *connection, void **exchange,
                          enum MHD_RequestTerminationCode why);
/* Goes on with a suspended exchange. */
void bl_http_resume(struct bl_http_exchange *e);
/* Suspends a stream until there is news for it; false: there is some. */
bool bl_http_wait_for_event(struct bl_http_exchange *e);
/* Whether a waiting stream has news, or has waited for BL_HTTP_IDLE_NS. */
bool bl_http_has_news(const struct bl_http_exchange *e);

/* access_check.c: what must hold before a handler runs. False: refused, said so. */
bool bl_http_check_access(struct bl_http_exchange *e, const char *method);
/* Whether the host of "host:port" is ours: an address, localhost or
 * one of `hosts`; and whether an Origin is that of the Host, or of `hosts`. */
bool bl_http_host_is_ours(const char *host, const struct bl_listen_list *hosts);
bool bl_http_origin_is_ours(const char *origin, const char *host, const struct bl_listen_list *hosts);

/* params.c: query and body become parameters. False: said why not. */
bool bl_http_read_query(struct bl_http_exchange *e);
bool bl_http_read_body(struct bl_http_exchange *e);
/* Whether a body of this type becomes parameters. */
bool bl_http_is_form(const char *content_type);
bool bl_http_is_json(const char *content_type);
