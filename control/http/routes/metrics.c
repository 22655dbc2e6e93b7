/* SPDX-License-Identifier: Apache-2.0 */
/* GET /metrics: the daemon's own figures for Prometheus, as OpenMetrics
 * where the client asks for that, else in Prometheus' older text. Made
 * from the lists that make the CLI's figures; nothing is per node. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "control/alert/notifier.h"
#include "control/export/event_log.h"
#include "control/http/exchange.h"
#include "control/model/totals.h"
#include "control/store/store.h"
#include "engine/base/counter.h"

#define OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define PROMETHEUS  "text/plain; version=0.0.4; charset=utf-8"

struct page {
    struct bl_text *out;
    const struct bl_api *api;
    const struct bl_http *http;
    bool open; /* OpenMetrics */
};

enum type { COUNTER, GAUGE };

/* A family's head. Counters are named without _total here. */
static void metrics_head(const struct page *p, const char *name, enum type type, const char *help)
{
    const char *total = type == COUNTER && !p->open ? "_total" : "";

    bl_text_printf(p->out, "# TYPE beatline_%s%s %s\n# HELP beatline_%s%s %s\n", name, total,
                   type == COUNTER ? "counter" : "gauge", name, total, help);
}

static void metrics_sample(const struct page *p, const char *name, enum type type, const char *labels,
                           uint64_t value)
{
    bl_text_printf(p->out, "beatline_%s%s%s %" PRIu64 "\n", name, type == COUNTER ? "_total" : "", labels,
                   value);
}

static void sample_seconds(const struct page *p, const char *name, enum type type, const char *labels,
                           uint64_t ns)
{
    bl_text_printf(p->out, "beatline_%s%s%s %.9f\n", name, type == COUNTER ? "_total" : "", labels,
                   (double)ns / 1e9);
}

static void metrics_one(const struct page *p, const char *name, enum type type, const char *help,
                        uint64_t value)
{
    metrics_head(p, name, type, help);
    metrics_sample(p, name, type, "", value);
}

/* ---- workers --------------------------------------------------------------- */

#define LABELS_BYTES 512

/* A label's value, which may hold anything; returns the length of `out`. */
static size_t append_value(char out[LABELS_BYTES], size_t used, const char *value)
{
    for (const char *s = value; *s != '\0' && used < LABELS_BYTES - 100; s++) {
        if (*s == '"' || *s == '\\')
            out[used++] = '\\';
        out[used++] = *s;
    }
    return used;
}

/* {worker="0",port="socket:...",MORE} */
static const char *labels_of(unsigned i, const struct bl_worker *w, const char *more, char out[LABELS_BYTES])
{
    size_t used = (size_t)snprintf(out, LABELS_BYTES, "{worker=\"%u\",port=\"", i);

    used = append_value(out, used, bl_worker_port_text(w));
    snprintf(out + used, LABELS_BYTES - used, "\"%s}", more);
    return out;
}

/* {number="1",receiver="syslog local"}; two may have one name, as the path of a URL is not in it. */
static const char *receiver_label(unsigned i, const char *name, char out[LABELS_BYTES])
{
    size_t used = (size_t)snprintf(out, LABELS_BYTES, "{number=\"%u\",receiver=\"", i + 1);

    used = append_value(out, used, name);
    snprintf(out + used, LABELS_BYTES - used, "\"}");
    return out;
}

enum unit { UNIT_count, UNIT_ns, UNIT_longest_ns };

static void counters_of(const struct page *p, size_t offset, const char *name, enum unit unit,
                        const char *help)
{
    enum type type = unit == UNIT_longest_ns ? GAUGE : COUNTER;
    char labels[LABELS_BYTES], family[64];
    size_t len = strlen(name) - (unit == UNIT_count ? 0 : strlen("_ns"));

    snprintf(family, sizeof(family), "worker_%.*s%s", (int)len, name, unit == UNIT_count ? "" : "_seconds");
    metrics_head(p, family, type, help);
    for (unsigned i = 0; i < bl_core_worker_count(p->api->core); i++) {
        const struct bl_worker *w = bl_core_worker(p->api->core, i);
        uint64_t value = BL_READ(*((const uint64_t *)(const void *)((const char *)&w->counters + offset)));
        labels_of(i, w, "", labels);
        if (unit == UNIT_count)
            metrics_sample(p, family, type, labels, value);
        else
            sample_seconds(p, family, type, labels, value);
    }
}

static void worker_counters(const struct page *p)
{
#define FAMILY(name, unit, sentence)                                                                         \
    counters_of(p, offsetof(struct bl_counters, name), #name, UNIT_##unit, sentence);
    BL_COUNTERS(FAMILY)
#undef FAMILY
}

static void drops_of(const struct page *p, const char *family, const char *help, unsigned from, unsigned to)
{
    char labels[LABELS_BYTES], reason[64];

    metrics_head(p, family, COUNTER, help);
    for (unsigned i = 0; i < bl_core_worker_count(p->api->core); i++) {
        const struct bl_worker *w = bl_core_worker(p->api->core, i);
        for (unsigned d = from; d < to; d++) {
            uint64_t n = BL_READ(w->counters.drop[d]);
            if (d == BL_DROP_missed)
                n += bl_core_missed(p->api->core, i);
            snprintf(reason, sizeof(reason), ",reason=\"%s\"", bl_drop_name((enum bl_drop)d));
            metrics_sample(p, family, COUNTER, labels_of(i, w, reason, labels), n);
        }
    }
}

static void metrics_drops(const struct page *p)
{
    drops_of(p, "packets_dropped", "packets that were not taken, by reason", 0, BL_DROP_FIRST_RECORD);
    drops_of(p, "records_dropped", "lines, beats and settings that were not taken, by reason",
             BL_DROP_FIRST_RECORD, BL_DROP_COUNT);
}

static void worker_gauges(const struct page *p)
{
    static const struct {
        const char *name, *help;
    } gauges[] = {{"worker_frozen", "1: the ingest clock stands still, and with it every timeout"},
                  {"worker_link_up", "1: the port has link"},
                  {"table_nodes", "records in the worker's table"},
                  {"table_slots", "slots of the worker's table"}};
    char labels[LABELS_BYTES];

    for (unsigned g = 0; g < sizeof(gauges) / sizeof(gauges[0]); g++) {
        metrics_head(p, gauges[g].name, GAUGE, gauges[g].help);
        for (unsigned i = 0; i < bl_core_worker_count(p->api->core); i++) {
            const struct bl_worker *w = bl_core_worker(p->api->core, i);
            const uint64_t values[] = {BL_READ(w->clock.frozen) != 0, bl_core_link_up(p->api->core, i),
                                       bl_table_used(&w->table), bl_table_slot_count(&w->table)};
            metrics_sample(p, gauges[g].name, GAUGE, labels_of(i, w, "", labels), values[g]);
        }
    }
}

/* Also those too short to be told of. */
static void worker_freezes(const struct page *p)
{
    char labels[LABELS_BYTES];

    metrics_head(p, "worker_freezes", COUNTER, "times that the ingest clock stopped");
    for (unsigned i = 0; i < bl_core_worker_count(p->api->core); i++) {
        const struct bl_worker *w = bl_core_worker(p->api->core, i);
        metrics_sample(p, "worker_freezes", COUNTER, labels_of(i, w, "", labels), BL_READ(w->clock.freezes));
    }
    metrics_head(p, "worker_frozen_seconds", COUNTER, "time that the ingest clock did not count");
    for (unsigned i = 0; i < bl_core_worker_count(p->api->core); i++) {
        const struct bl_worker *w = bl_core_worker(p->api->core, i);
        sample_seconds(p, "worker_frozen_seconds", COUNTER, labels_of(i, w, "", labels),
                       BL_READ(w->clock.frozen_ns));
    }
}

/* ---- fleet and control ------------------------------------------------------- */

static void metrics_nodes(const struct page *p)
{
    const struct bl_registry *r = bl_fleet_registry(bl_core_fleet(p->api->core));
    char labels[64];

    metrics_head(p, "nodes", GAUGE, "nodes known, by state");
    for (unsigned s = 0; s < BL_STATE_COUNT; s++) {
        snprintf(labels, sizeof(labels), "{state=\"%s\"}", bl_state_name((enum bl_state)s));
        metrics_sample(p, "nodes", GAUGE, labels, bl_registry_count(r, (enum bl_state)s));
    }
}

static uint64_t metrics_word(const uint64_t *at)
{
    return BL_READ(*at);
}

static void metrics_fleet(const struct page *p)
{
    const struct bl_fleet_stats *f = bl_fleet_stats_of(bl_core_fleet(p->api->core));

    metrics_one(p, "strangers_registered", COUNTER, "unknown nodes registered", metrics_word(&f->registered));
    metrics_head(p, "strangers_refused", COUNTER, "unknown nodes refused, by reason");
    metrics_sample(p, "strangers_refused", COUNTER, "{reason=\"max_nodes\"}",
                   metrics_word(&f->refused_max_nodes));
    metrics_sample(p, "strangers_refused", COUNTER, "{reason=\"rate\"}", metrics_word(&f->refused_rate));
    metrics_sample(p, "strangers_refused", COUNTER, "{reason=\"unknown\"}",
                   metrics_word(&f->refused_unknown));
    metrics_one(p, "stale_records_retired", COUNTER, "records whose node beats in another table now",
                metrics_word(&f->retired_stale));
    metrics_one(p, "nodes_in_no_table", COUNTER, "nodes ok or in warning that were found in no table",
                metrics_word(&f->in_no_table));
    metrics_one(p, "nodeless_records_retired", COUNTER, "records of one beat whose report met a full ring",
                metrics_word(&f->retired_nodeless));
    metrics_one(p, "name_conflicts", COUNTER, "names that two nodes claim", metrics_word(&f->name_conflicts));
}

/* How late silence was noticed: the promise of the whole thing. */
static void metrics_lateness(const struct page *p)
{
    static const struct {
        const char *label;
        unsigned per_mille;
    } quantiles[] = {{"0.5", 500}, {"0.9", 900}, {"0.99", 990}, {"0.999", 999}, {"1", 1000}};
    const struct bl_histogram *h = &bl_fleet_stats_of(bl_core_fleet(p->api->core))->lateness_ms;

    bl_text_printf(p->out, "# TYPE beatline_detection_lateness_seconds summary\n"
                           "# HELP beatline_detection_lateness_seconds how long after its threshold a silent "
                           "node was noticed\n");
    for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
        bl_text_printf(p->out, "beatline_detection_lateness_seconds{quantile=\"%s\"} %.3f\n",
                       quantiles[i].label, bl_histogram_quantile(h, quantiles[i].per_mille) / 1000.0);
    bl_text_printf(p->out, "beatline_detection_lateness_seconds_count %" PRIu64 "\n",
                   metrics_word(&h->total));
}

static void metrics_core(const struct page *p)
{
    struct bl_core_stats s;

    bl_core_stats(p->api->core, &s);
    metrics_one(p, "sweep_rounds", COUNTER, "rounds of the sweep", s.sweep_rounds);
    metrics_one(p, "control_turns", COUNTER, "turns of the control core's loop", s.turns);
    metrics_head(p, "control_busy_seconds", COUNTER, "time the control core was busy");
    sample_seconds(p, "control_busy_seconds", COUNTER, "", s.busy_ns);
    metrics_head(p, "control_longest_turn_seconds", GAUGE, "the control core's longest turn");
    sample_seconds(p, "control_longest_turn_seconds", GAUGE, "", s.longest_turn_ns);
    metrics_one(p, "events", COUNTER, "changes of state and other events told", s.events);
    metrics_one(p, "events_waiting", GAUGE, "events not yet handed to those who tell them", s.events_waiting);
    metrics_one(p, "events_lost", COUNTER, "events that found no memory on their way", s.events_lost);
    metrics_one(p, "commands", COUNTER, "commands of clients executed", s.commands);
    metrics_one(p, "table_growths", COUNTER, "tables grown", s.growths);
}

/* Each receiver's deliveries. */
static void metrics_deliveries(const struct page *p)
{
    static const struct {
        const char *name, *help;
        enum type type;
        size_t offset;
    } families_of[] = {
#define DELIVERIES(name, type, field, help) {name, help, type, offsetof(struct bl_notifier_stats, field)}
        DELIVERIES("deliveries_waiting", GAUGE, queued, "notices not yet delivered to a receiver"),
        DELIVERIES("deliveries", COUNTER, delivered, "notices delivered to a receiver"),
        DELIVERIES("delivery_retries", COUNTER, retried, "tries after the first of a notice"),
        DELIVERIES("deliveries_given_up", COUNTER, given_up, "notices that a receiver was not told"),
        DELIVERIES("deliveries_superseded", COUNTER, superseded,
                   "notices dropped for a newer one of the same node or view"),
#undef DELIVERIES
    };
    struct bl_notifier_stats receiver[BL_NOTIFIERS_MAX];
    unsigned receivers =
        p->api->notifier ? bl_notifier_stats(p->api->notifier, receiver, BL_NOTIFIERS_MAX) : 0;
    char labels[LABELS_BYTES];

    for (size_t i = 0; receivers && i < sizeof(families_of) / sizeof(families_of[0]); i++) {
        metrics_head(p, families_of[i].name, families_of[i].type, families_of[i].help);
        for (unsigned k = 0; k < receivers; k++) {
            const char *value = (const char *)&receiver[k] + families_of[i].offset;
            metrics_sample(p, families_of[i].name, families_of[i].type,
                           receiver_label(k, receiver[k].name, labels),
                           *(const uint64_t *)(const void *)value);
        }
    }
}

static void event_log(const struct page *p)
{
    struct bl_event_log_stats s = {0};

    if (p->api->event_log != NULL)
        bl_event_log_stats(p->api->event_log, &s);
    metrics_one(p, "event_log_lines", COUNTER, "lines of the event log", s.lines);
    metrics_one(p, "event_log_errors", COUNTER, "writes to the event log that failed", s.errors);
    metrics_one(p, "event_log_waiting", GAUGE, "events that wait for the event log", s.waiting);
    metrics_one(p, "event_log_lost", COUNTER, "events that the event log lacks", s.lost);
}

static void daemon_itself(const struct page *p)
{
    const char *name = p->open ? "build" : "build_info";
    bl_text_printf(p->out, "# TYPE beatline_%s %s\n# HELP beatline_%s the version that runs\n", name,
                   p->open ? "info" : "gauge", name);
    bl_text_printf(p->out, "beatline_build_info{version=\"%s\"} 1\n", BL_VERSION);
    metrics_head(p, "start_time_seconds", GAUGE, "when the daemon was started, Unix time");
    bl_text_printf(p->out, "beatline_start_time_seconds %.3f\n", (double)p->api->start_unix_ms / 1000);
}

static void metrics_http(const struct page *p)
{
    metrics_one(p, "http_connections", GAUGE, "HTTP connections open", p->http->link_count);
#define FAMILY(name, sentence) metrics_one(p, "http_" #name, COUNTER, sentence, p->http->counters.name);
    BL_HTTP_COUNTERS(FAMILY)
#undef FAMILY
}

/* ---- the page ------------------------------------------------------------------- */

static void (*const families[])(const struct page *p) = {
    daemon_itself, metrics_nodes,  metrics_fleet, metrics_lateness,   worker_counters, metrics_drops,
    worker_gauges, worker_freezes, metrics_core,  metrics_deliveries, event_log,       metrics_http};
#define FAMILIES (sizeof(families) / sizeof(families[0]))

struct metrics {
    bool open;
    size_t next;
};

static enum bl_step metrics_next(struct bl_http_request *r)
{
    struct metrics *m = r->state;
    struct page p = {.out = &r->out, .api = r->api, .http = bl_http_exchange_of(r)->http, .open = m->open};

    families[m->next++](&p);
    if (m->next < FAMILIES)
        return BL_STEP_MORE;
    if (m->open)
        bl_text_printf(&r->out, "# EOF\n");
    return BL_STEP_DONE;
}

static void metrics_run(struct bl_http_request *r)
{
    static const char *const names[] = {NULL};
    struct metrics *m = r->state;

    m->open = bl_http_prefers(r, "application/openmetrics-text", "text/plain");
    if (bl_http_params_are(r, names))
        bl_http_stream(r, m->open ? OPENMETRICS : PROMETHEUS, metrics_next);
}

const struct bl_http_ops bl_http_metrics = {.run = metrics_run, .state_bytes = sizeof(struct metrics)};
