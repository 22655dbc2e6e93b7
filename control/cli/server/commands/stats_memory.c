/* SPDX-License-Identifier: Apache-2.0 */
#include "control/cli/server/commands.h"
#include "control/core/memory.h"
#include "control/text/human.h"
#include "engine/base/rcu.h"

/* A worker's table: the generation in use and, while it grows, the next. */
struct table_memory {
    uint64_t bytes;
    uint32_t slots, nodes;
    bool huge, growing;
};

static struct table_memory table_memory(const struct bl_worker *w)
{
    const struct bl_slots *now = bl_rcu_read(&w->table.slots), *next = bl_rcu_read(&w->table.next);
    struct table_memory m = {.nodes = bl_table_used(&w->table)};

    if (now != NULL)
        m = (struct table_memory){now->bytes, now->slot_count, m.nodes, now->huge, false};
    if (next != NULL && next != now) {
        m.bytes += next->bytes;
        m.growing = true;
    }
    return m;
}

struct memory {
    struct bl_memory_stats process;
    uint64_t tables;
    uint32_t nodes;
};

static uint64_t per_node(uint64_t bytes, uint32_t nodes)
{
    return nodes > 0 ? (bytes + nodes / 2) / nodes : 0;
}

static void json_table(struct bl_cli_request *call, unsigned i, const struct table_memory *t)
{
    struct bl_json j;
    bl_json_line_begin(&j, &call->out);
    bl_json_uint(&j, "worker", i);
    bl_json_uint(&j, "table_bytes", t->bytes);
    bl_json_uint(&j, "slots", t->slots);
    bl_json_uint(&j, "nodes", t->nodes);
    bl_json_bool(&j, "hugepages", t->huge);
    bl_json_bool(&j, "growing", t->growing);
    bl_json_line_end(&j);
}

static void json_process(struct bl_cli_request *call, const struct memory *m)
{
    const struct bl_memory_stats *p = &m->process;
    struct bl_json j;

    bl_json_line_begin(&j, &call->out);
    bl_json_uint(&j, "rss_bytes", p->rss_bytes);
    bl_json_uint(&j, "tables_bytes", m->tables);
    bl_json_string(&j, "allocator", p->jemalloc ? "jemalloc" : "libc");
    if (p->jemalloc) {
        bl_json_uint(&j, "allocated_bytes", p->allocated);
        bl_json_uint(&j, "resident_bytes", p->resident);
        bl_json_uint(&j, "registry_bytes", p->registry);
        bl_json_uint(&j, "registry_resident_bytes", p->registry_held);
        bl_json_uint(&j, "registry_bytes_per_node", per_node(p->registry, m->nodes));
    }
    bl_json_uint(&j, "nodes", m->nodes);
    bl_json_uint(&j, "rss_bytes_per_node", per_node(p->rss_bytes, m->nodes));
    bl_json_line_end(&j);
}

static void stats_memory_row(struct bl_text *out, const char *label, const char *figure)
{
    bl_human_row(out, &(struct bl_columns){2, 18, 12}, label, figure);
}

static void human_process(struct bl_cli_request *call, const struct memory *m)
{
    const struct bl_memory_stats *p = &m->process;
    struct bl_text *out = &call->out;
    char text[BL_HUMAN_TEXT];

    stats_memory_row(out, "process, resident", bl_human_bytes(p->rss_bytes, text));
    stats_memory_row(out, "tables, reserved", bl_human_bytes(m->tables, text));
    if (p->jemalloc) {
        stats_memory_row(out, "allocated", bl_human_bytes(p->allocated, text));
        stats_memory_row(out, "  registry", bl_human_bytes(p->registry, text));
        stats_memory_row(out, "  its pages", bl_human_bytes(p->registry_held, text));
    }
    if (m->nodes == 0)
        return;
    stats_memory_row(out, "nodes", bl_human_count(m->nodes, text));
    if (p->jemalloc)
        bl_text_printf(out, "  a node costs %llu B in the registry, %llu B of all that is resident\n",
                       (unsigned long long)per_node(p->registry, m->nodes),
                       (unsigned long long)per_node(p->rss_bytes, m->nodes));
}

static void human_table(struct bl_cli_request *call, unsigned i, const struct table_memory *t)
{
    char text[BL_HUMAN_TEXT];
    struct bl_text *out = &call->out;

    bl_text_printf(out, "  worker %u: %s", i, bl_human_bytes(t->bytes, text));
    bl_text_printf(out, ", %s slots", bl_human_count(t->slots, text));
    bl_text_printf(out, ", %s nodes, %s%s\n", bl_human_count(t->nodes, text),
                   t->huge ? "huge pages" : "no huge pages", t->growing ? ", growing" : "");
}

static enum bl_step stats_memory_run(struct bl_cli_request *call)
{
    struct bl_core *core = call->api->core;
    struct memory m = {.nodes = bl_registry_total(bl_fleet_registry(bl_core_fleet(core)))};

    if (!bl_args_none(call))
        return BL_STEP_DONE;
    bl_memory_stats(call->api->memory, &m.process);
    for (unsigned i = 0; i < bl_core_worker_count(core); i++)
        m.tables += table_memory(bl_core_worker(core, i)).bytes;
    if (call->json)
        json_process(call, &m);
    else
        human_process(call, &m);
    for (unsigned i = 0; i < bl_core_worker_count(core); i++) {
        struct table_memory t = table_memory(bl_core_worker(core, i));
        if (call->json)
            json_table(call, i, &t);
        else
            human_table(call, i, &t);
    }
    return BL_STEP_DONE;
}

const struct bl_cli_ops bl_cli_stats_memory = {.run = stats_memory_run};
