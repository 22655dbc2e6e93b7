/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "control/cli/server/commands.h"
#include "control/cli/server/commands/status_check.h"
#include "control/model/totals.h"
#include "control/text/human.h"
#include "engine/base/counter.h"

/* The order people read states in: what is well, then what is not. */
static const enum bl_state shown[] = {BL_STATE_OK,     BL_STATE_WARNING, BL_STATE_FAILED,
                                      BL_STATE_PAUSED, BL_STATE_UNKNOWN, BL_STATE_NEW};
#define SHOWN (sizeof(shown) / sizeof(shown[0]))

/* Whose nodes are counted: the view's, or NULL for the fleet's. */
struct counted {
    const char *name;
    const struct bl_view *view;
    const struct bl_registry *registry;
};

static uint32_t total_of(const struct counted *c)
{
    return c->view != NULL ? bl_view_total(c->view) : bl_registry_total(c->registry);
}

static uint32_t count_of(const struct counted *c, enum bl_state state)
{
    return c->view != NULL ? bl_view_count(c->view, state) : bl_registry_count(c->registry, state);
}

/* False: there is no view of that name, said so. */
static bool status_choose(struct bl_cli_request *call, const char *name, struct counted *c)
{
    const struct bl_views_generation *g = bl_views_now(bl_core_views(call->api->core));

    *c = (struct counted){.name = name, .registry = bl_fleet_registry(bl_core_fleet(call->api->core))};
    if (name == NULL)
        return true;
    uint32_t id = bl_cli_find_view(call, g, name);
    c->view = id != BL_VIEW_NONE ? bl_view_at(g, id) : NULL;
    return c->view != NULL;
}

static uint64_t uptime_ms(const struct bl_api *api)
{
    return api->now_ns > api->start_ns ? (api->now_ns - api->start_ns) / 1000000 : 0;
}

static void json_ingest(struct bl_json *j, const struct bl_totals *t)
{
    bl_json_object(j, "ingest");
    bl_json_uint(j, "packets_total", t->packets);
    bl_json_uint(j, "packets_parsed_total", t->counters.packets_parsed);
    bl_json_uint(j, "records_total", t->counters.records);
    bl_json_uint(j, "beats_total", t->counters.beats);
    bl_json_uint(j, "settings_total", t->counters.settings);
    bl_json_uint(j, "dropped_total", t->dropped);
    bl_totals_json_drops(j, &t->counters);
    bl_json_bool(j, "frozen", t->frozen_workers > 0);
    bl_json_uint(j, "frozen_workers", t->frozen_workers);
    bl_json_object_end(j);
}

static void status_json(struct bl_cli_request *call, const struct counted *c, const struct bl_totals *t)
{
    struct bl_json j;

    bl_json_line_begin(&j, &call->out);
    bl_json_string(&j, "version", BL_VERSION);
    bl_json_double(&j, "uptime_s", (double)uptime_ms(call->api) / 1000);
    bl_json_int(&j, "pid", getpid());
    if (c->name != NULL)
        bl_json_string(&j, "view", c->name);
    bl_json_object(&j, "nodes");
    bl_json_uint(&j, "total", total_of(c));
    for (unsigned i = 0; i < SHOWN; i++)
        bl_json_uint(&j, bl_state_name(shown[i]), count_of(c, shown[i]));
    bl_json_object_end(&j);
    json_ingest(&j, t);
    bl_json_uint(&j, "workers", bl_core_worker_count(call->api->core));
    bl_json_line_end(&j);
}

/* Why ages stand still, one line per worker: the first thing to know. */
static void status_freezes(struct bl_cli_request *call)
{
    char why[BL_FREEZE_TEXT];
    for (unsigned i = 0; i < bl_core_worker_count(call->api->core); i++) {
        const struct bl_worker *w = bl_core_worker(call->api->core, i);
        uint32_t reasons = BL_READ(w->clock.frozen);
        if (reasons != 0)
            bl_text_printf(&call->out, "INGEST FROZEN: worker %u, %s: %s; its nodes' timeouts stand still\n",
                           i, bl_worker_port_text(w), bl_freeze_text(reasons, why));
    }
}

static void status_row(struct bl_text *out, const char *label, uint64_t n)
{
    bl_human_count_row(out, &(struct bl_columns){2, 10, 15}, label, n);
}

static void human_nodes(struct bl_cli_request *call, const struct counted *c)
{
    struct bl_text *out = &call->out;
    char count[BL_HUMAN_TEXT];

    if (c->name != NULL)
        bl_text_printf(out, "  view %s\n", c->name);
    status_row(out, "nodes", total_of(c));
    for (unsigned i = 0; i < SHOWN; i++) {
        uint32_t n = count_of(c, shown[i]);
        if (n == 0 && shown[i] != BL_STATE_OK && shown[i] != BL_STATE_FAILED)
            continue;
        bl_text_append(out, "    ", 4);
        bl_human_state(out, shown[i], 8, call->color && n > 0);
        bl_human_column(out, bl_human_count(n, count), 15, BL_RIGHT);
        bl_text_append(out, "\n", 1);
    }
}

static void human_ingest(struct bl_text *out, const struct bl_totals *t)
{
    status_row(out, "packets", t->packets);
    status_row(out, "beats", t->counters.beats);
    if (t->counters.settings > 0)
        status_row(out, "settings", t->counters.settings);
    status_row(out, "dropped", t->dropped);
    for (unsigned d = 0; d < BL_DROP_COUNT; d++) {
        char count[BL_HUMAN_TEXT];
        if (t->counters.drop[d] == 0)
            continue;
        bl_text_append(out, "  ", 2);
        bl_human_column(out, bl_human_count(t->counters.drop[d], count), 25, BL_RIGHT);
        bl_text_printf(out, "  %s: %s\n", bl_drop_name((enum bl_drop)d), bl_drop_sentence((enum bl_drop)d));
    }
}

enum { BL_OPTIONS_STATUS(BL_OPTION_ID) };

static bool take_limit(struct bl_cli_request *call, const char *option, const char *text,
                       struct bl_check_limit *limit)
{
    if (bl_check_limit_parse(text, limit))
        return true;
    bl_cli_fail(call, BL_EXIT_USAGE,
                "status: %s %.40s: neither a number of nodes nor a share; write 3 or 5%%", option, text);
    return false;
}

/* Known before the options are read: a mistake in them is UNKNOWN then. */
static bool is_check(const struct bl_cli_request *call)
{
    for (int i = 0; i < call->argc; i++)
        if (strcmp(call->argv[i], "--check") == 0)
            return true;
    return false;
}

static bool status_parse(struct bl_cli_request *call, struct bl_check *check)
{
    struct bl_args args = {.call = call};
    bool good = true, limits = false;
    const char *value;
    int arg;

    while (good && (arg = bl_args_next(&args, &value)) != BL_ARG_END) {
        if (arg == VIEW)
            check->view = value;
        else if (arg == WARNING)
            good = take_limit(call, "--warning", value, &check->warning);
        else if (arg == CRITICAL)
            good = take_limit(call, "--critical", value, &check->critical);
        else if (arg == BL_ARG_WORD)
            good = bl_args_refuse(call, value);
        else
            good = arg == CHECK;
        limits |= arg == WARNING || arg == CRITICAL;
    }
    if (good && limits && !is_check(call)) {
        bl_cli_fail(call, BL_EXIT_USAGE, "status: --warning and --critical go with --check; add it");
        return false;
    }
    return good;
}

static enum bl_step status_run(struct bl_cli_request *call)
{
    struct bl_check check = {.warning = {.count = 1}, .critical = {.count = 1}};
    struct counted counted;
    struct bl_totals totals;
    char age[BL_HUMAN_TEXT];

    if (is_check(call)) {
        if (status_parse(call, &check))
            bl_check_run(call, &check);
        else
            bl_check_unknown(call);
        return BL_STEP_DONE;
    }
    if (!status_parse(call, &check) || !status_choose(call, check.view, &counted))
        return BL_STEP_DONE;
    bl_totals_read(call->api, &totals);
    if (call->json) {
        status_json(call, &counted, &totals);
        return BL_STEP_DONE;
    }
    status_freezes(call);
    bl_text_printf(&call->out, "beatlined %s, up %s, pid %d\n\n", BL_VERSION,
                   bl_human_age(uptime_ms(call->api), age), (int)getpid());
    human_nodes(call, &counted);
    bl_text_append(&call->out, "\n", 1);
    human_ingest(&call->out, &totals);
    return BL_STEP_DONE;
}

const struct bl_cli_ops bl_cli_status = {.run = status_run, .options = bl_options_status};
