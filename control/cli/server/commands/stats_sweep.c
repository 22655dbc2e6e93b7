/* SPDX-License-Identifier: Apache-2.0 */
#include "control/cli/server/commands.h"
#include "control/text/human.h"
#include "engine/base/counter.h"

/* What is known of the sweep: rounds of control, blocks of all tables,
 * and how long after its threshold a silent node was noticed. */
struct figures {
    struct bl_core_stats core;
    struct bl_sweep_stats sweep; /* summed over tables */
    const struct bl_fleet_stats *fleet;
};

static void read_figures(const struct bl_api *api, struct figures *f)
{
    const struct bl_fleet *fleet = bl_core_fleet(api->core);

    *f = (struct figures){.fleet = bl_fleet_stats_of(fleet)};
    bl_core_stats(api->core, &f->core);
    for (uint32_t i = 0; i < bl_fleet_table_count(fleet); i++) {
        struct bl_sweep_stats s;
        bl_sweep_stats(bl_fleet_table_at(fleet, i)->sweep, &s);
        f->sweep.blocks_seen += s.blocks_seen;
        f->sweep.blocks_skipped += s.blocks_skipped;
        f->sweep.slots_seen += s.slots_seen;
        f->sweep.findings += s.findings;
        f->sweep.blocks += s.blocks;
        f->sweep.blocks_watched += s.blocks_watched;
    }
}

static uint64_t stats_sweep_word(const uint64_t *p)
{
    return BL_READ(*p);
}

static void stats_sweep_json(struct bl_cli_request *call, const struct figures *f)
{
    const struct bl_histogram *h = &f->fleet->lateness_ms;
    struct bl_json j;

    bl_json_line_begin(&j, &call->out);
    bl_json_uint(&j, "rounds", f->core.sweep_rounds);
    bl_json_uint(&j, "batch_slots", f->core.batch_slots);
    bl_json_uint(&j, "blocks", f->sweep.blocks);
    bl_json_uint(&j, "blocks_watched", f->sweep.blocks_watched);
    bl_json_uint(&j, "blocks_seen", f->sweep.blocks_seen);
    bl_json_uint(&j, "blocks_skipped", f->sweep.blocks_skipped);
    bl_json_uint(&j, "slots_seen", f->sweep.slots_seen);
    bl_json_uint(&j, "findings", f->sweep.findings);
    bl_json_uint(&j, "lateness_count", stats_sweep_word(&h->total));
    bl_json_uint(&j, "lateness_p50_ms", bl_histogram_quantile(h, 500));
    bl_json_uint(&j, "lateness_p99_ms", bl_histogram_quantile(h, 990));
    bl_json_uint(&j, "lateness_p999_ms", bl_histogram_quantile(h, 999));
    bl_json_uint(&j, "lateness_max_ms", BL_READ(h->max));
    bl_json_uint(&j, "turns", f->core.turns);
    bl_json_uint(&j, "turns_busy", f->core.turns_busy);
    bl_json_uint(&j, "longest_turn_ns", f->core.longest_turn_ns);
    bl_json_uint(&j, "busy_ns", f->core.busy_ns);
    bl_json_uint(&j, "growths", f->core.growths);
    bl_json_uint(&j, "registered", stats_sweep_word(&f->fleet->registered));
    bl_json_uint(&j, "retired_stale", stats_sweep_word(&f->fleet->retired_stale));
    bl_json_uint(&j, "in_no_table", stats_sweep_word(&f->fleet->in_no_table));
    bl_json_uint(&j, "retired_nodeless", stats_sweep_word(&f->fleet->retired_nodeless));
    bl_json_uint(&j, "refused_max_nodes", stats_sweep_word(&f->fleet->refused_max_nodes));
    bl_json_uint(&j, "refused_rate", stats_sweep_word(&f->fleet->refused_rate));
    bl_json_uint(&j, "refused_unknown", stats_sweep_word(&f->fleet->refused_unknown));
    bl_json_line_end(&j);
}

static void stats_sweep_row(struct bl_text *out, const char *label, uint64_t n)
{
    bl_human_count_row(out, &(struct bl_columns){2, 16, 18}, label, n);
}

static void stats_sweep_human(struct bl_cli_request *call, const struct figures *f)
{
    const struct bl_histogram *h = &f->fleet->lateness_ms;
    struct bl_text *out = &call->out;

    stats_sweep_row(out, "rounds", f->core.sweep_rounds);
    stats_sweep_row(out, "batch, slots", f->core.batch_slots);
    stats_sweep_row(out, "blocks", f->sweep.blocks);
    stats_sweep_row(out, "  watched", f->sweep.blocks_watched);
    stats_sweep_row(out, "  seen", f->sweep.blocks_seen);
    stats_sweep_row(out, "  skipped", f->sweep.blocks_skipped);
    stats_sweep_row(out, "findings", f->sweep.findings);
    stats_sweep_row(out, "in no table", stats_sweep_word(&f->fleet->in_no_table));
    bl_text_printf(out, "  %-16s p50 %u ms, p99 %u ms, p99.9 %u ms, max %u ms\n", "lateness",
                   bl_histogram_quantile(h, 500), bl_histogram_quantile(h, 990),
                   bl_histogram_quantile(h, 999), BL_READ(h->max));
    bl_text_printf(out, "  %-16s %.2f ms\n", "longest turn", (double)f->core.longest_turn_ns / 1e6);
}

static enum bl_step stats_sweep_run(struct bl_cli_request *call)
{
    struct figures f;

    if (!bl_args_none(call))
        return BL_STEP_DONE;
    read_figures(call->api, &f);
    if (call->json)
        stats_sweep_json(call, &f);
    else
        stats_sweep_human(call, &f);
    return BL_STEP_DONE;
}

const struct bl_cli_ops bl_cli_stats_sweep = {.run = stats_sweep_run};
