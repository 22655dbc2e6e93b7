/* SPDX-License-Identifier: Apache-2.0 */
/* webhook: notices as JSON POSTs, one request each, up to IN_FLIGHT at a
 * time over kept connections.
 *
 *   {"event":"transition","node":"n","from":"ok","to":"failed",
 *    "time":"2026-11-21T09:19:10.123Z","last_beat":RFC 3339 or null,
 *    "incident":1,"reason":"timeout","number":17}
 *   {"event":"freeze","port":"dpdk:...","time":...,"workers":4,"workers_frozen":4,
 *    "reason":"link_down","number":18}, and a "thaw" with "lasted_ms" instead
 *
 * 2xx is success; everything else, redirects too, is tried again. The
 * header Idempotency-Key (time and event number) is the same in every
 * try: a receiver that answered too late can tell a repetition.
 *
 * curl's sockets sit in one epoll set of ours, which is the one file
 * descriptor that the notifier's loop waits for. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "control/alert/ops.h"
#include "control/net/webhook_target.h"
#include "control/text/url_text.h"

/* At 10 ms a request: 1,600 a second. */
#define IN_FLIGHT 16u
/* Of a response, read and thrown away; past it the connection is closed. */
#define RESPONSE_MAX_BYTES 65536u
#define EVENTS_PER_TURN    32

struct webhook;

struct request {
    struct webhook *webhook;
    CURL *easy;
    struct curl_slist *headers;
    struct bl_text body;
    struct bl_delivery *delivery; /* NULL: free */
    size_t response_bytes;
};

struct webhook {
    struct bl_outbox *outbox;
    CURLM *multi;
    int epoll_fd;
    uint64_t now_ms;   /* of the turn, for curl's callbacks */
    uint64_t timer_ms; /* when curl wants to be called */
    unsigned busy;
    char *header; /* one more, NULL: none */
    struct request request[IN_FLIGHT];
};

/* ---- curl's callbacks ---------------------------------------------------- */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *self, void *unused)
{
    (void)easy, (void)unused;
    struct webhook *w = self;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    struct epoll_event e = {.data.fd = fd};
    if (what & CURL_POLL_IN)
        e.events |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        e.events |= EPOLLOUT;
    if (epoll_ctl(w->epoll_fd, EPOLL_CTL_MOD, fd, &e) != 0)
        return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &e);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *self)
{
    (void)multi;
    struct webhook *w = self;
    w->timer_ms = timeout_ms < 0 ? BL_NEVER_MS : w->now_ms + (uint64_t)timeout_ms;
    return 0;
}

static size_t on_response(char *data, size_t size, size_t count, void *self)
{
    (void)data;
    struct request *r = self;
    r->response_bytes += size * count;
    return r->response_bytes > RESPONSE_MAX_BYTES ? 0 : size * count;
}

/* ---- one request --------------------------------------------------------- */

static void write_change(struct bl_json *j, const struct bl_notice *n)
{
    bl_json_string(j, "from", bl_state_name(n->from));
    bl_json_string(j, "to", bl_state_name(n->to));
    bl_json_time(j, "time", n->time_unix_ms);
    bl_json_time(j, "last_beat", n->last_beat_unix_ms);
    bl_json_uint(j, "incident", n->incident);
}

static void write_freeze(struct bl_json *j, const struct bl_notice *n)
{
    bl_json_time(j, "time", n->time_unix_ms);
    bl_json_uint(j, "workers", n->workers);
    if (n->kind == BL_EVENT_FREEZE)
        bl_json_uint(j, "workers_frozen", n->workers_frozen);
    else
        bl_json_uint(j, "lasted_ms", n->lasted_ms);
}

static void write_body(struct bl_text *out, const struct bl_notice *n)
{
    struct bl_json j;
    bl_json_begin(&j, out);
    bl_json_object(&j, NULL);
    bl_json_string(&j, "event", bl_event_kind_name(n->kind));
    bl_json_string(&j, bl_notice_subject(n), n->name);
    if (n->kind == BL_EVENT_FREEZE || n->kind == BL_EVENT_THAW)
        write_freeze(&j, n);
    else
        write_change(&j, n);
    bl_json_string(&j, "reason", n->reason);
    bl_json_uint(&j, "number", n->number);
    bl_json_object_end(&j);
}

static bool add_header(struct request *r, const char *header)
{
    struct curl_slist *longer = curl_slist_append(r->headers, header);
    if (longer)
        r->headers = longer;
    return longer != NULL;
}

static bool write_headers(struct request *r, const struct bl_notice *n)
{
    char key[80];
    snprintf(key, sizeof(key), "Idempotency-Key: %lld-%llu", (long long)n->time_unix_ms,
             (unsigned long long)n->number);
    /* "Expect:" with nothing: a body this short needs no permission first. */
    return add_header(r, "Content-Type: application/json") && add_header(r, key) &&
           add_header(r, "Expect:") && (!r->webhook->header || add_header(r, r->webhook->header));
}

static void end_request(struct request *r, bool delivered, const char *why)
{
    struct webhook *w = r->webhook;
    curl_slist_free_all(r->headers);
    r->headers = NULL;
    if (delivered)
        bl_outbox_delivered(w->outbox, r->delivery);
    else
        bl_outbox_failed(w->outbox, r->delivery, why, w->now_ms);
    r->delivery = NULL;
    w->busy--;
}

static void begin_request(struct request *r, struct bl_delivery *d)
{
    r->delivery = d;
    r->webhook->busy++;
    r->response_bytes = 0;
    r->body.len = 0;
    write_body(&r->body, d->notice);
    if (r->body.failed || !write_headers(r, d->notice)) {
        bl_text_free(&r->body);
        end_request(r, false, "out of memory");
        return;
    }
    curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, r->body.data);
    curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE, (long)r->body.len);
    curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
    CURLMcode error = curl_multi_add_handle(r->webhook->multi, r->easy);
    if (error)
        end_request(r, false, curl_multi_strerror(error));
}

/* curl is through with it. A response that was cut off at our bound has
 * its status all the same. */
static void finish_request(struct request *r, CURLcode result)
{
    long status = 0;
    char why[64];
    curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(r->webhook->multi, r->easy);
    bool answered = result == CURLE_OK || (result == CURLE_WRITE_ERROR && status > 0);
    if (answered)
        snprintf(why, sizeof(why), "answered with status %ld", status);
    else
        snprintf(why, sizeof(why), "%s", curl_easy_strerror(result));
    end_request(r, answered && status >= 200 && status < 300, why);
}

/* ---- the notifier's calls ----------------------------------------------- */

static void let_curl_work(struct webhook *w)
{
    struct epoll_event ready[EVENTS_PER_TURN];
    int n = epoll_wait(w->epoll_fd, ready, EVENTS_PER_TURN, 0), running;
    for (int i = 0; i < n; i++) {
        int what = (ready[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                   (ready[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (ready[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
        curl_multi_socket_action(w->multi, ready[i].data.fd, what, &running);
    }
    if (w->timer_ms <= w->now_ms) {
        w->timer_ms = BL_NEVER_MS;
        curl_multi_socket_action(w->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
}

static void finish_requests(struct webhook *w)
{
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(w->multi, &left))) {
        struct request *r = NULL;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&r);
        finish_request(r, m->data.result);
    }
}

static void begin_requests(struct webhook *w)
{
    for (unsigned i = 0; i < IN_FLIGHT; i++) {
        if (w->request[i].delivery)
            continue;
        struct bl_delivery *d = bl_outbox_next(w->outbox, w->now_ms);
        if (!d)
            return;
        begin_request(&w->request[i], d);
    }
}

static void webhook_turn(void *self, uint64_t now_ms)
{
    struct webhook *w = self;
    w->now_ms = now_ms;
    let_curl_work(w);
    finish_requests(w);
    begin_requests(w);
}

static struct pollfd webhook_pollfd(const void *self)
{
    const struct webhook *w = self;
    return (struct pollfd){.fd = w->epoll_fd, .events = POLLIN};
}

static uint64_t webhook_next_wakeup_ms(const void *self)
{
    const struct webhook *w = self;
    uint64_t outbox_ms = w->busy < IN_FLIGHT ? bl_outbox_due_ms(w->outbox) : BL_NEVER_MS;
    return w->timer_ms < outbox_ms ? w->timer_ms : outbox_ms;
}

static void webhook_set_timeout(void *self, uint32_t timeout_ms)
{
    struct webhook *w = self;
    for (unsigned i = 0; i < IN_FLIGHT; i++)
        curl_easy_setopt(w->request[i].easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
}

static void webhook_close(void *self, uint64_t now_ms)
{
    struct webhook *w = self;
    w->now_ms = now_ms;
    for (unsigned i = 0; i < IN_FLIGHT; i++) {
        struct request *r = &w->request[i];
        if (r->delivery) {
            curl_multi_remove_handle(w->multi, r->easy);
            end_request(r, false, "stopped");
        }
        if (r->easy)
            curl_easy_cleanup(r->easy);
        bl_text_free(&r->body);
    }
    if (w->multi)
        curl_multi_cleanup(w->multi);
    if (w->epoll_fd >= 0)
        close(w->epoll_fd);
    free(w->header);
    free(w);
    curl_global_cleanup();
}

/* ---- opening ------------------------------------------------------------- */

/* Checks the URL and names the webhook by scheme and host only: path and
 * user often are a secret. */
static bool check_url(const char *url, char name[BL_NOTIFIER_NAME], char err[BL_ERR_BYTES])
{
    struct bl_webhook_target t;
    char shown[BL_URL_TEXT];

    if (!bl_webhook_target_parse(&t, url)) {
        snprintf(err, BL_ERR_BYTES, "webhook %s: no web address; write https://HOST/PATH or http://HOST/PATH",
                 bl_url_text(url, shown));
        return false;
    }
    snprintf(name, BL_NOTIFIER_NAME, "webhook %s://%.36s%s%.5s", t.scheme, t.host,
             t.port[0] != '\0' ? ":" : "", t.port);
    return true;
}

static bool set_up_request(struct webhook *w, struct request *r, const struct bl_notifier_config *c)
{
    r->webhook = w;
    r->easy = curl_easy_init();
    return r->easy && !curl_easy_setopt(r->easy, CURLOPT_URL, c->target) &&
           !curl_easy_setopt(r->easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
           !curl_easy_setopt(r->easy, CURLOPT_POST, 1L) &&
           !curl_easy_setopt(r->easy, CURLOPT_FOLLOWLOCATION, 0L) &&
           !curl_easy_setopt(r->easy, CURLOPT_TIMEOUT_MS, (long)c->timeout_ms) &&
           !curl_easy_setopt(r->easy, CURLOPT_USERAGENT, "beatline/" BL_VERSION) &&
           !curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, on_response) &&
           !curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r) &&
           !curl_easy_setopt(r->easy, CURLOPT_PRIVATE, r) &&
           /* No SIGALRM in our threads; and no waiting for a name lookup at the end. */
           !curl_easy_setopt(r->easy, CURLOPT_NOSIGNAL, 1L) &&
           !curl_easy_setopt(r->easy, CURLOPT_QUICK_EXIT, 1L);
}

static bool set_up(struct webhook *w, const struct bl_notifier_config *c)
{
    bool ok = w->epoll_fd >= 0 && w->multi &&
              !curl_multi_setopt(w->multi, CURLMOPT_SOCKETFUNCTION, on_socket) &&
              !curl_multi_setopt(w->multi, CURLMOPT_SOCKETDATA, w) &&
              !curl_multi_setopt(w->multi, CURLMOPT_TIMERFUNCTION, on_timer) &&
              !curl_multi_setopt(w->multi, CURLMOPT_TIMERDATA, w) &&
              !curl_multi_setopt(w->multi, CURLMOPT_MAXCONNECTS, (long)IN_FLIGHT);
    for (unsigned i = 0; ok && i < IN_FLIGHT; i++)
        ok = set_up_request(w, &w->request[i], c);
    if (ok && c->header && c->header[0])
        ok = (w->header = strdup(c->header)) != NULL;
    return ok;
}

static bool check_header(const char *header, char err[BL_ERR_BYTES])
{
    if (!header || bl_webhook_header_is_good(header))
        return true;
    snprintf(err, BL_ERR_BYTES, "webhook header: not one line of the form NAME: VALUE; write it so, or \"\"");
    return false;
}

static void *webhook_open(const struct bl_notifier_config *c, struct bl_outbox *outbox,
                          char name[BL_NOTIFIER_NAME], char err[BL_ERR_BYTES])
{
    if (!check_url(c->target, name, err) || !check_header(c->header, err))
        return NULL;
    struct webhook *w = calloc(1, sizeof(*w));
    if (!w || curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
        free(w);
        snprintf(err, BL_ERR_BYTES, "webhook: libcurl does not start; is memory short?");
        return NULL;
    }
    w->outbox = outbox;
    w->timer_ms = BL_NEVER_MS;
    w->multi = curl_multi_init();
    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!set_up(w, c)) {
        webhook_close(w, 0);
        snprintf(err, BL_ERR_BYTES, "webhook: libcurl refuses its settings; is it older than 7.87?");
        return NULL;
    }
    return w;
}

const struct bl_notifier_ops bl_webhook_ops = {
    .open = webhook_open,
    .set_timeout = webhook_set_timeout,
    .turn = webhook_turn,
    .pollfd = webhook_pollfd,
    .next_wakeup_ms = webhook_next_wakeup_ms,
    .close = webhook_close,
};
