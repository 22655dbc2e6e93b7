/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "control/cli/server/commands.h"
#include "control/ingest/tcp.h"
#include "control/model/totals.h"
#include "control/text/human.h"

/* A port's workers, summed. */
struct port_sum {
    const char *spec;
    uint16_t udp_port; /* a kernel socket's, as bound; else 0 */
    unsigned workers;
    bool link_up;
    struct bl_counters counters; /* .drop[BL_DROP_missed] holds the port's */
};

/* Sums the workers of the port of worker `first`; false: an earlier
 * worker has the same port, which has been shown. */
static bool stats_ports_sum(const struct bl_api *api, unsigned first, struct port_sum *p)
{
    const struct bl_port *port = bl_core_worker(api->core, first)->port;

    memset(p, 0, sizeof(*p));
    for (unsigned i = 0; i < bl_core_worker_count(api->core); i++) {
        const struct bl_worker *w = bl_core_worker(api->core, i);
        if (w->port != port)
            continue;
        if (i < first)
            return false;
        bl_counters_add(&p->counters, &w->counters);
        p->counters.drop[BL_DROP_missed] += bl_core_missed(api->core, i);
        p->workers++;
    }
    p->spec = bl_worker_port_text(bl_core_worker(api->core, first));
    p->udp_port = bl_port_spec_of(port)->udp_port;
    p->link_up = bl_core_link_up(api->core, first);
    return true;
}

static void stats_ports_json(struct bl_cli_request *call, const struct port_sum *p)
{
    const struct bl_counters *c = &p->counters;
    struct bl_json j;

    bl_json_line_begin(&j, &call->out);
    bl_json_string(&j, "port", p->spec);
    if (p->udp_port != 0)
        bl_json_uint(&j, "udp_port", p->udp_port);
    bl_json_string(&j, "link", p->link_up ? "up" : "down");
    bl_json_uint(&j, "workers", p->workers);
    bl_json_uint(&j, "packets_total", c->packets_parsed + bl_totals_packet_drops(c));
    bl_json_uint(&j, "bytes_total", c->bytes);
    bl_json_uint(&j, "beats_total", c->beats);
    bl_json_uint(&j, "missed_total", c->drop[BL_DROP_missed]);
    bl_totals_json_drops(&j, c);
    bl_json_line_end(&j);
}

static void stats_ports_human(struct bl_cli_request *call, const struct port_sum *p)
{
    const struct bl_counters *c = &p->counters;
    struct bl_text *out = &call->out;
    char n[BL_HUMAN_TEXT];

    bl_text_printf(out, "  %s  link %s, %u worker%s\n", p->spec, p->link_up ? "up" : "down", p->workers,
                   p->workers == 1 ? "" : "s");
    bl_text_printf(out, "    packets %s", bl_human_count(c->packets_parsed + bl_totals_packet_drops(c), n));
    bl_text_printf(out, ", bytes %s", bl_human_bytes(c->bytes, n));
    bl_text_printf(out, ", beats %s", bl_human_count(c->beats, n));
    bl_text_printf(out, ", missed %s\n", bl_human_count(c->drop[BL_DROP_missed], n));
    for (unsigned d = 0; d < BL_DROP_COUNT; d++) {
        if (c->drop[d] > 0 && d != BL_DROP_missed)
            bl_text_printf(out, "    dropped %s: %s\n", bl_human_count(c->drop[d], n),
                           bl_drop_sentence((enum bl_drop)d));
    }
}

/* ---- connections with lines of text --------------------------------------- */

static void tcp_json(struct bl_cli_request *call, const struct bl_tcp_stats *t)
{
    char spec[BL_LISTEN_TEXT + 4];
    struct bl_json j;

    snprintf(spec, sizeof(spec), "tcp:%s", t->address);
    bl_json_line_begin(&j, &call->out);
    bl_json_string(&j, "port", spec);
    bl_json_uint(&j, "connections", t->connections);
    bl_json_uint(&j, "connections_total", t->accepted);
    bl_json_uint(&j, "refused_total", t->refused);
    bl_json_uint(&j, "idle_total", t->idle);
    bl_json_uint(&j, "too_long_total", t->too_long);
    bl_json_uint(&j, "reset_total", t->reset);
    bl_json_uint(&j, "bytes_total", t->bytes);
    bl_json_uint(&j, "beats_total", t->beats);
    bl_json_uint(&j, "settings_total", t->settings);
    bl_json_line_end(&j);
}

static void tcp_row(struct bl_text *out, uint64_t n, const char *what)
{
    char count[BL_HUMAN_TEXT];
    if (n > 0)
        bl_text_printf(out, "    %s %s\n", bl_human_count(n, count), what);
}

static void tcp_human(struct bl_cli_request *call, const struct bl_tcp_stats *t)
{
    struct bl_text *out = &call->out;
    char n[BL_HUMAN_TEXT];

    bl_text_printf(out, "  tcp:%s  %u connection%s\n", t->address, t->connections,
                   t->connections == 1 ? "" : "s");
    bl_text_printf(out, "    accepted %s", bl_human_count(t->accepted, n));
    bl_text_printf(out, ", bytes %s", bl_human_bytes(t->bytes, n));
    bl_text_printf(out, ", beats %s", bl_human_count(t->beats, n));
    bl_text_printf(out, ", settings %s\n", bl_human_count(t->settings, n));
    tcp_row(out, t->refused, "refused: more than tcp.connections, or no file or memory left");
    tcp_row(out, t->idle, "closed: brought nothing for tcp.idle");
    tcp_row(out, t->too_long, "closed: a line over 64 KiB");
    tcp_row(out, t->reset, "broken off by the client");
}

static void tcp_ports(struct bl_cli_request *call)
{
    struct bl_tcp_stats t;

    for (unsigned i = 0; call->api->tcp != NULL && bl_tcp_stats(call->api->tcp, i, &t); i++) {
        if (call->json)
            tcp_json(call, &t);
        else
            tcp_human(call, &t);
    }
}

static enum bl_step stats_ports_run(struct bl_cli_request *call)
{
    struct port_sum p;

    if (!bl_args_none(call))
        return BL_STEP_DONE;
    for (unsigned i = 0; i < bl_core_worker_count(call->api->core); i++) {
        if (bl_core_worker(call->api->core, i)->port == NULL || !stats_ports_sum(call->api, i, &p))
            continue;
        if (call->json)
            stats_ports_json(call, &p);
        else
            stats_ports_human(call, &p);
    }
    tcp_ports(call);
    return BL_STEP_DONE;
}

const struct bl_cli_ops bl_cli_stats_ports = {.run = stats_ports_run};
