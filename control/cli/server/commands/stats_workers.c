/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "control/cli/server/commands.h"
#include "control/model/totals.h"
#include "control/text/human.h"
#include "engine/base/counter.h"

static const struct {
    const char *name;
    size_t offset;
} fields[] = {
#define FIELD(name, unit, sentence) {#name, offsetof(struct bl_counters, name)},
    BL_COUNTERS(FIELD)
#undef FIELD
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static uint64_t value_of(const struct bl_counters *c, size_t field)
{
    return *(const uint64_t *)(const void *)((const char *)c + fields[field].offset);
}

/* ---- cycles and bursts ------------------------------------------------- */

static double per_beat(const struct bl_cycle_profile *s, uint64_t cycles)
{
    return s->beats > 0 ? (double)cycles / (double)s->beats : 0;
}

static uint64_t cycles_of(const struct bl_cycle_profile *s)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < BL_STAGE_COUNT; i++)
        sum += s->cycles[i];
    return sum;
}

/* "1", "2-3", ... "512-1023", "1024": packets of a burst. */
static const char *size_text(unsigned i, char out[BL_HUMAN_TEXT])
{
    unsigned from = 1u << i, to = 2 * from - 1 < BL_STAGES_PACKETS_MAX ? 2 * from - 1 : BL_STAGES_PACKETS_MAX;
    snprintf(out, BL_HUMAN_TEXT, from == to ? "%u" : "%u-%u", from, to);
    return out;
}

static void json_stages(struct bl_json *j, const struct bl_cycle_profile *s)
{
    char text[BL_HUMAN_TEXT];
    bl_json_object(j, "watched");
    bl_json_uint(j, "bursts", s->bursts);
    bl_json_uint(j, "packets", s->packets);
    bl_json_uint(j, "beats", s->beats);
    bl_json_object_end(j);
    bl_json_object(j, "cycles_per_beat");
    bl_json_double(j, "all", per_beat(s, cycles_of(s)));
    for (unsigned i = 0; i < BL_STAGE_COUNT; i++)
        bl_json_double(j, bl_stage_name((enum bl_stage)i), per_beat(s, s->cycles[i]));
    bl_json_object_end(j);
    bl_json_object(j, "bursts");
    for (unsigned i = 0; i < BL_STAGES_SIZES; i++)
        bl_json_uint(j, size_text(i, text), s->size[i]);
    bl_json_object_end(j);
}

/* "12.3  45 %  receive: taking packets from ..." */
static void human_stages(struct bl_text *out, const struct bl_cycle_profile *s)
{
    uint64_t all = cycles_of(s);
    if (s->beats == 0)
        return;
    bl_text_printf(out, "    cycles per beat, of one burst in %u\n", BL_STAGES_EVERY);
    for (unsigned i = 0; i < BL_STAGE_COUNT; i++)
        bl_text_printf(out, "      %8.1f %3.0f %%  %s: %s\n", per_beat(s, s->cycles[i]),
                       all > 0 ? 100.0 * (double)s->cycles[i] / (double)all : 0,
                       bl_stage_name((enum bl_stage)i), bl_stage_sentence((enum bl_stage)i));
    bl_text_printf(out, "      %8.1f        all of it\n", per_beat(s, all));
}

static void human_bursts(struct bl_text *out, const struct bl_cycle_profile *s)
{
    static const struct bl_columns columns = {.indent = 6, .label = 13, .figure = 20};
    char label[BL_HUMAN_TEXT];
    bool titled = false;
    for (unsigned i = 0; i < BL_STAGES_SIZES; i++) {
        if (s->size[i] == 0)
            continue;
        if (!titled)
            bl_text_printf(out, "    bursts, by packets\n");
        titled = true;
        bl_human_count_row(out, &columns, size_text(i, label), s->size[i]);
    }
}

/* ---- a worker ------------------------------------------------------------ */

static void stats_workers_json(struct bl_cli_request *call, unsigned i, const struct bl_worker *w,
                               const struct bl_counters *c)
{
    char why[BL_FREEZE_TEXT];
    struct bl_json j;

    bl_json_line_begin(&j, &call->out);
    bl_json_uint(&j, "worker", i);
    bl_json_string(&j, "port", bl_worker_port_text(w));
    bl_json_uint(&j, "queue", w->queue);
    bl_json_string(&j, "frozen", bl_freeze_text(BL_READ(w->clock.frozen), why));
    bl_json_uint(&j, "freezes_total", BL_READ(w->clock.freezes));
    bl_json_uint(&j, "frozen_ms_total", BL_READ(w->clock.frozen_ns) / 1000000);
    bl_json_uint(&j, "nodes", bl_table_used(&w->table));
    bl_json_uint(&j, "slots", bl_table_slot_count(&w->table));
    for (size_t f = 0; f < FIELDS; f++)
        bl_json_uint(&j, fields[f].name, value_of(c, f));
    bl_totals_json_drops(&j, c);
    json_stages(&j, &c->stages);
    bl_json_line_end(&j);
}

static void stats_workers_human(struct bl_cli_request *call, unsigned i, const struct bl_worker *w,
                                const struct bl_counters *c)
{
    static const struct bl_columns columns = {.indent = 4, .label = 15, .figure = 20};
    struct bl_text *out = &call->out;

    bl_text_printf(out, "  worker %u  %s, queue %u\n", i, bl_worker_port_text(w), w->queue);
    bl_human_count_row(out, &columns, "nodes", bl_table_used(&w->table));
    bl_human_count_row(out, &columns, "freezes", BL_READ(w->clock.freezes));
    for (size_t f = 0; f < FIELDS; f++)
        bl_human_count_row(out, &columns, fields[f].name, value_of(c, f));
    if (c->busy_ns + c->idle_ns > 0)
        bl_text_printf(out, "    busy %.1f %% of the time\n",
                       100.0 * (double)c->busy_ns / (double)(c->busy_ns + c->idle_ns));
    human_stages(out, &c->stages);
    human_bursts(out, &c->stages);
}

static enum bl_step stats_workers_run(struct bl_cli_request *call)
{
    if (!bl_args_none(call))
        return BL_STEP_DONE;
    for (unsigned i = 0; i < bl_core_worker_count(call->api->core); i++) {
        const struct bl_worker *w = bl_core_worker(call->api->core, i);
        struct bl_counters c;
        memset(&c, 0, sizeof(c));
        bl_counters_add(&c, &w->counters);
        bl_cycle_profile_read(&c.stages, &w->counters.stages);
        if (call->json)
            stats_workers_json(call, i, w, &c);
        else
            stats_workers_human(call, i, w, &c);
    }
    return BL_STEP_DONE;
}

const struct bl_cli_ops bl_cli_stats_workers = {.run = stats_workers_run};
