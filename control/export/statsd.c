/* SPDX-License-Identifier: Apache-2.0 */
#include "control/export/statsd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/model/totals.h"
#include "control/net/resolve.h"
#include "control/net/syslog_target.h"
#include "control/text/log.h"
#include "engine/base/counter.h"
#include "engine/base/rcu.h"

/* A name's addresses are looked up again this often. */
#define LOOKUP_NS UINT64_C(60000000000)
/* A name of a node or a view, terminated. */
#define NAME_BYTES ((size_t)BL_NAME_MAX + 1)

struct bl_statsd {
    char *to; /* what the below is of; NULL: nothing */
    struct bl_syslog_target target;
    struct bl_addresses addresses;
    struct bl_resolve *lookup;
    uint64_t lookup_ns;
    bool silent;           /* that there is no address was said */
    int fd;                /* connected to one of the addresses; -1: to none */
    unsigned address;      /* the one to try next, modulo their count */
    uint64_t next_ns;      /* the next round */
    struct bl_totals last; /* counters as of the last round */
    uint32_t view;         /* the round's next; BL_VIEW_NONE: it is through */
    char datagram[BL_STATSD_DATAGRAM];
    size_t len;
    const char *prefix; /* of the turn */
    unsigned sent;      /* datagrams in this turn */
};

/* ---- where to ----------------------------------------------------------- */

static void hang_up(struct bl_statsd *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

static void statsd_forget(struct bl_statsd *s)
{
    hang_up(s);
    bl_resolve_drop(s->lookup);
    s->lookup = NULL;
    s->addresses.count = 0;
    s->lookup_ns = 0;
    s->silent = false;
    s->len = 0;
    free(s->to);
    s->to = NULL;
}

/* Takes a new `to` over. */
static void statsd_aim(struct bl_statsd *s, const char *to, const struct bl_api *api)
{
    char err[BL_ERR_BYTES];
    bool same = s->to != NULL ? strcmp(s->to, to) == 0 : to[0] == '\0';

    if (same)
        return;
    statsd_forget(s);
    if (to[0] == '\0' || bl_statsd_target_parse(&s->target, to, err) != 0)
        return;
    s->to = strdup(to);
    s->next_ns = api->now_ns;
    s->view = BL_VIEW_NONE;
    bl_totals_read(api, &s->last);
    (void)bl_resolve_numeric(s->target.host, s->target.port, &s->addresses);
    s->lookup_ns = s->addresses.count > 0 ? UINT64_MAX : 0;
}

static void look_up(struct bl_statsd *s, uint64_t now_ns)
{
    struct bl_addresses found;
    const char *why = "no thread to be had";
    int rc = -EAGAIN;

    if (s->lookup == NULL && now_ns >= s->lookup_ns) {
        s->lookup_ns = now_ns + LOOKUP_NS;
        s->lookup = bl_resolve_start(s->target.host, s->target.port);
        rc = s->lookup == NULL ? -ENOMEM : -EAGAIN;
    }
    if (s->lookup != NULL)
        rc = bl_resolve_take(s->lookup, &found, &why);
    if (rc == -EAGAIN)
        return;
    bl_resolve_drop(s->lookup);
    s->lookup = NULL;
    if (rc == 0) {
        hang_up(s);
        s->addresses = found;
    } else if (!s->silent) {
        bl_log(BL_LOG_WARNING, "statsd %s: %s; figures are not sent until the name is known", s->to, why);
    }
    s->silent = rc != 0;
}

/* ---- datagrams ------------------------------------------------------------ */

static bool connect_to(struct bl_statsd *s, const struct bl_address *a)
{
    s->fd = socket(a->at.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd >= 0 && connect(s->fd, &a->at.any, a->len) != 0)
        hang_up(s);
    return s->fd >= 0;
}

/* Sends it. False: nobody takes it there. On the same machine that answer
 * is there at once; another one's is met by a later datagram. */
static bool statsd_deliver(struct bl_statsd *s)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (send(s->fd, s->datagram, s->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return errno != ECONNREFUSED && errno != EHOSTUNREACH && errno != ENETUNREACH;
    return getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error == 0;
}

/* To the address that took the last one; if it does not, each of the
 * others: "localhost" is two addresses, and statsd may listen on one. And
 * that one again: the refusal may have been the last datagram's. */
static void send_datagram(struct bl_statsd *s)
{
    const struct bl_addresses *all = &s->addresses;
    bool sent = s->len == 0 || all->count == 0;

    for (unsigned tries = 0; !sent && tries <= all->count; tries++) {
        sent = (s->fd >= 0 || connect_to(s, &all->address[s->address % all->count])) && statsd_deliver(s);
        if (!sent) {
            hang_up(s);
            s->address++;
        }
    }
    s->sent += s->len > 0;
    s->len = 0;
}

static const char *statsd_clean(const char *name, char out[NAME_BYTES])
{
    size_t i = 0;
    for (; name[i] != '\0' && i + 1 < NAME_BYTES; i++) {
        unsigned char c = (unsigned char)name[i];
        out[i] = c <= ' ' || c == 0x7f || strchr(":|@#", c) != NULL ? '_' : name[i];
    }
    out[i] = '\0';
    return out;
}

/* Adds "PREFIX.GROUP[.NAME].LEAF:VALUE|TYPE"; leaf NULL: none. */
static void statsd_put(struct bl_statsd *s, const char *group, const char *name, const char *leaf,
                       uint64_t value, char type)
{
    char line[BL_STATSD_DATAGRAM], cleaned[NAME_BYTES];
    int len = snprintf(line, sizeof(line), "%s.%s%s%s%s%s:%llu|%c\n", s->prefix, group,
                       name != NULL ? "." : "", name != NULL ? statsd_clean(name, cleaned) : "",
                       leaf != NULL ? "." : "", leaf != NULL ? leaf : "", (unsigned long long)value, type);
    if (len <= 0 || (size_t)len >= sizeof(line))
        return;
    if (s->len + (size_t)len > sizeof(s->datagram))
        send_datagram(s);
    memcpy(s->datagram + s->len, line, (size_t)len);
    s->len += (size_t)len;
}

/* ---- figures ---------------------------------------------------------------- */

static unsigned number_of(enum bl_state s)
{
    static const unsigned char number[BL_STATE_COUNT] = {
        [BL_STATE_NEW] = 0,    [BL_STATE_OK] = 1,      [BL_STATE_FAILED] = 2,
        [BL_STATE_PAUSED] = 3, [BL_STATE_WARNING] = 4, [BL_STATE_UNKNOWN] = 5,
    };
    return number[s];
}

static void put_nodes(struct bl_statsd *s, const struct bl_registry *r)
{
    statsd_put(s, "nodes", NULL, "total", bl_registry_total(r), 'g');
    for (unsigned state = 0; state < BL_STATE_COUNT; state++)
        statsd_put(s, "nodes", NULL, bl_state_name((enum bl_state)state),
                   bl_registry_count(r, (enum bl_state)state), 'g');
}

/* What has grown since the last round; statsd adds it up. */
static void put_ingest(struct bl_statsd *s, const struct bl_api *api)
{
    struct bl_totals now;
    bl_totals_read(api, &now);
    statsd_put(s, "ingest", NULL, "packets", now.packets - s->last.packets, 'c');
    statsd_put(s, "ingest", NULL, "beats", now.counters.beats - s->last.counters.beats, 'c');
    statsd_put(s, "ingest", NULL, "settings", now.counters.settings - s->last.counters.settings, 'c');
    for (unsigned d = 0; d < BL_DROP_COUNT; d++) {
        uint64_t grown = now.counters.drop[d] - s->last.counters.drop[d];
        if (grown > 0)
            statsd_put(s, "ingest.dropped", NULL, bl_drop_name((enum bl_drop)d), grown, 'c');
    }
    statsd_put(s, "ingest", NULL, "frozen_workers", now.frozen_workers, 'g');
    s->last = now;
}

static void put_view(struct bl_statsd *s, const struct bl_view *view)
{
    for (unsigned state = 0; state < BL_STATE_COUNT; state++)
        statsd_put(s, "view", view->name, bl_state_name((enum bl_state)state),
                   bl_view_count(view, (enum bl_state)state), 'g');
    statsd_put(s, "alarm.state", view->name, NULL, number_of((enum bl_state)BL_READ(view->state)), 'g');
}

/* On with the round's views, as far as this turn may. Ids are of one
 * generation: when that changes on the way, a view may be left out or come
 * twice, until the next round. */
static void put_views(struct bl_statsd *s, const struct bl_api *api)
{
    const struct bl_views_generation *g = bl_views_now(bl_core_views(api->core));

    for (; s->view < bl_views_end(g); s->view++) {
        const struct bl_view *view = bl_view_at(g, s->view);
        if (s->sent >= BL_STATSD_TURN)
            return;
        if (view != NULL)
            put_view(s, view);
    }
    s->view = BL_VIEW_NONE;
}

static void begin_round(struct bl_statsd *s, const struct bl_api *api, uint32_t interval_ms)
{
    uint64_t interval_ns = interval_ms * UINT64_C(1000000);
    s->next_ns += interval_ns;
    if (s->next_ns <= api->now_ns)
        s->next_ns = api->now_ns + interval_ns;
    put_nodes(s, bl_fleet_registry(bl_core_fleet(api->core)));
    put_ingest(s, api);
    s->view = 0;
}

void bl_statsd_event(struct bl_statsd *s, const struct bl_api *api, const struct bl_event *e)
{
    const struct bl_config *c = bl_rcu_read(&api->config);

    if (s->to == NULL || !c->statsd_nodes || e->kind != BL_EVENT_TRANSITION)
        return;
    s->prefix = c->statsd_prefix;
    statsd_put(s, "service.state", e->name, NULL, number_of((enum bl_state)e->to), 'g');
}

void bl_statsd_turn(struct bl_statsd *s, const struct bl_api *api)
{
    const struct bl_config *c = bl_rcu_read(&api->config);

    statsd_aim(s, c->statsd_to, api);
    if (s->to == NULL)
        return;
    s->prefix = c->statsd_prefix;
    s->sent = 0;
    look_up(s, api->now_ns);
    if (api->now_ns >= s->next_ns && s->view == BL_VIEW_NONE)
        begin_round(s, api, c->statsd_interval_ms);
    if (s->view != BL_VIEW_NONE)
        put_views(s, api);
    send_datagram(s);
}

/* ---- life ---------------------------------------------------------------------- */

struct bl_statsd *bl_statsd_new(void)
{
    struct bl_statsd *s = calloc(1, sizeof(*s));
    if (s != NULL)
        s->fd = -1;
    return s;
}

void bl_statsd_free(struct bl_statsd *s)
{
    if (s == NULL)
        return;
    statsd_forget(s);
    free(s);
}
