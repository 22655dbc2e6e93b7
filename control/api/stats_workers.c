/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>

#include "control/api/commands.h"
#include "control/api/human.h"
#include "control/api/totals.h"

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

static void json(struct bl_call *call, unsigned i, const struct bl_worker *w, const struct bl_counters *c)
{
    char why[BL_FREEZE_TEXT];
    struct bl_json j;

    bl_json_line_begin(&j, &call->out);
    bl_json_uint(&j, "worker", i);
    bl_json_string(&j, "port", bl_worker_port_text(w));
    bl_json_uint(&j, "queue", w->queue);
    bl_json_string(&j, "frozen", bl_freeze_text(__atomic_load_n(&w->clock.frozen, __ATOMIC_RELAXED), why));
    bl_json_uint(&j, "nodes", bl_table_used(&w->table));
    bl_json_uint(&j, "slots", bl_table_slot_count(&w->table));
    for (size_t f = 0; f < FIELDS; f++)
        bl_json_uint(&j, fields[f].name, value_of(c, f));
    bl_totals_json_drops(&j, c);
    bl_json_line_end(&j);
}

static void human(struct bl_call *call, unsigned i, const struct bl_worker *w, const struct bl_counters *c)
{
    static const struct bl_columns columns = {.indent = 4, .label = 15, .figure = 20};
    struct bl_text *out = &call->out;
    char n[BL_HUMAN_TEXT];

    bl_text_printf(out, "  worker %u  %s, queue %u\n", i, bl_worker_port_text(w), w->queue);
    bl_human_row(out, &columns, "nodes", bl_human_count(bl_table_used(&w->table), n));
    for (size_t f = 0; f < FIELDS; f++)
        bl_human_row(out, &columns, fields[f].name, bl_human_count(value_of(c, f), n));
}

static enum bl_step run(struct bl_call *call)
{
    if (!bl_args_none(call))
        return BL_STEP_DONE;
    for (unsigned i = 0; i < bl_core_worker_count(call->api->core); i++) {
        const struct bl_worker *w = bl_core_worker(call->api->core, i);
        struct bl_counters c;
        memset(&c, 0, sizeof(c));
        bl_counters_add(&c, &w->counters);
        if (call->json)
            json(call, i, w, &c);
        else
            human(call, i, w, &c);
    }
    return BL_STEP_DONE;
}

const struct bl_cli_ops bl_cli_stats_workers = {.run = run};
