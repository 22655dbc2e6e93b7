/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "control/api/commands.h"
#include "control/api/human.h"
#include "control/api/totals.h"

/* A port's workers, summed. */
struct port_sum {
    const char *spec;
    unsigned workers;
    bool link_up;
    struct bl_counters counters; /* .drop[BL_DROP_missed] holds the port's */
};

/* Sums the workers of the port of worker `first`; false: an earlier
 * worker has the same port, which has been shown. */
static bool sum(const struct bl_api *api, unsigned first, struct port_sum *p)
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
    p->link_up = bl_core_link_up(api->core, first);
    return true;
}

static void json(struct bl_call *call, const struct port_sum *p)
{
    const struct bl_counters *c = &p->counters;
    struct bl_json j;

    bl_json_line_begin(&j, &call->out);
    bl_json_string(&j, "port", p->spec);
    bl_json_string(&j, "link", p->link_up ? "up" : "down");
    bl_json_uint(&j, "workers", p->workers);
    bl_json_uint(&j, "packets_total", c->packets_parsed + bl_totals_packet_drops(c));
    bl_json_uint(&j, "bytes_total", c->bytes);
    bl_json_uint(&j, "beats_total", c->beats);
    bl_json_uint(&j, "missed_total", c->drop[BL_DROP_missed]);
    bl_totals_json_drops(&j, c);
    bl_json_line_end(&j);
}

static void human(struct bl_call *call, const struct port_sum *p)
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

static enum bl_step run(struct bl_call *call)
{
    struct port_sum p;

    if (!bl_args_none(call))
        return BL_STEP_DONE;
    for (unsigned i = 0; i < bl_core_worker_count(call->api->core); i++) {
        if (bl_core_worker(call->api->core, i)->port == NULL || !sum(call->api, i, &p))
            continue;
        if (call->json)
            json(call, &p);
        else
            human(call, &p);
    }
    return BL_STEP_DONE;
}

const struct bl_cli_ops bl_cli_stats_ports = {.run = run};
