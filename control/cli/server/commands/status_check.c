/* SPDX-License-Identifier: Apache-2.0 */
#include "control/cli/server/commands/status_check.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "control/model/totals.h"

enum verdict { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN };

static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
static const char *const json_words[] = {"ok", "warning", "critical", "unknown"};

struct counts {
    uint32_t of[BL_STATE_COUNT], total;
};

bool bl_check_limit_parse(const char *text, struct bl_check_limit *limit)
{
    char *end = NULL;
    unsigned long value = text[0] >= '0' && text[0] <= '9' ? strtoul(text, &end, 10) : ULONG_MAX;

    if (value > BL_NODE_MAX)
        return false;
    limit->percent = strcmp(end, "%") == 0;
    limit->count = (uint32_t)value;
    return limit->percent ? value <= 100 : *end == '\0';
}

/* From how many nodes on it is reached; UINT32_MAX: never. A share of no
 * nodes is never reached. */
static uint32_t nodes_of(const struct bl_check_limit *l, uint32_t total)
{
    if (l->count == 0)
        return UINT32_MAX;
    if (!l->percent)
        return l->count;
    uint64_t nodes = ((uint64_t)total * l->count + 99) / 100;
    return nodes > 0 ? (uint32_t)nodes : UINT32_MAX;
}

/* False: there is no such view, said so. */
static bool status_check_count(struct bl_cli_request *call, const char *name, struct counts *c)
{
    const struct bl_views_generation *g = bl_views_now(bl_core_views(call->api->core));
    uint32_t id = name == NULL ? BL_VIEW_ALL : bl_cli_find_view(call, g, name);
    const struct bl_view *view = id != BL_VIEW_NONE ? bl_view_at(g, id) : NULL;
    if (view == NULL)
        return false;
    for (unsigned s = 0; s < BL_STATE_COUNT; s++)
        c->total += c->of[s] = bl_view_count(view, (enum bl_state)s);
    return true;
}

static enum verdict status_check_judge(const struct counts *c, uint32_t warning, uint32_t critical,
                                       bool frozen)
{
    uint32_t failed = c->of[BL_STATE_FAILED];
    uint32_t unwell = failed + c->of[BL_STATE_WARNING] + c->of[BL_STATE_UNKNOWN];

    if (failed >= critical)
        return CHECK_CRITICAL;
    if (frozen)
        return CHECK_UNKNOWN; /* who is silent now is not known */
    return unwell >= warning ? CHECK_WARNING : CHECK_OK;
}

static void status_check_perfdata(struct bl_text *out, const char *label, uint32_t n, uint32_t warning,
                                  uint32_t critical)
{
    bl_text_printf(out, " %s=%u;", label, n);
    if (warning != UINT32_MAX)
        bl_text_printf(out, "%u", warning);
    bl_text_append(out, ";", 1);
    if (critical != UINT32_MAX)
        bl_text_printf(out, "%u", critical);
    bl_text_append(out, ";0", 2);
}

static void status_check_human(struct bl_cli_request *call, const struct bl_check *check,
                               const struct counts *c, enum verdict v, bool frozen)
{
    struct bl_text *out = &call->out;
    uint32_t never = UINT32_MAX, warning = nodes_of(&check->warning, c->total);
    uint32_t critical = nodes_of(&check->critical, c->total);

    bl_text_printf(out, "%s - ", words[v]);
    if (check->view != NULL)
        bl_text_printf(out, "%s: ", check->view);
    if (frozen)
        bl_text_printf(out, "ingest is frozen, ages stand still; ");
    bl_text_printf(out, "ok: %u, warnings: %u, errors: %u", c->of[BL_STATE_OK], c->of[BL_STATE_WARNING],
                   c->of[BL_STATE_FAILED]);
    if (c->of[BL_STATE_UNKNOWN] > 0)
        bl_text_printf(out, ", unknown: %u", c->of[BL_STATE_UNKNOWN]);
    bl_text_printf(out, " of %u |", c->total);
    status_check_perfdata(out, "ok", c->of[BL_STATE_OK], never, never);
    status_check_perfdata(out, "warning", c->of[BL_STATE_WARNING], warning, never);
    status_check_perfdata(out, "failed", c->of[BL_STATE_FAILED], never, critical);
    status_check_perfdata(out, "unknown", c->of[BL_STATE_UNKNOWN], never, never);
    status_check_perfdata(out, "paused", c->of[BL_STATE_PAUSED], never, never);
    status_check_perfdata(out, "new", c->of[BL_STATE_NEW], never, never);
    bl_text_append(out, "\n", 1);
}

static void status_check_json(struct bl_cli_request *call, const struct bl_check *check,
                              const struct counts *c, enum verdict v, bool frozen)
{
    struct bl_json j;
    bl_json_line_begin(&j, &call->out);
    bl_json_string(&j, "check", json_words[v]);
    bl_json_uint(&j, "code", v);
    bl_json_string(&j, "view", check->view != NULL ? check->view : "all");
    bl_json_uint(&j, "total", c->total);
    for (unsigned s = 0; s < BL_STATE_COUNT; s++)
        bl_json_uint(&j, bl_state_name((enum bl_state)s), c->of[s]);
    bl_json_bool(&j, "frozen", frozen);
    bl_json_line_end(&j);
}

void bl_check_run(struct bl_cli_request *call, const struct bl_check *check)
{
    struct bl_totals totals;
    struct counts c = {0};

    if (!status_check_count(call, check->view, &c)) {
        bl_check_unknown(call);
        return;
    }
    bl_totals_read(call->api, &totals);
    bool frozen = totals.frozen_workers > 0;
    enum verdict v = status_check_judge(&c, nodes_of(&check->warning, c.total),
                                        nodes_of(&check->critical, c.total), frozen);
    if (call->json)
        status_check_json(call, check, &c, v, frozen);
    else
        status_check_human(call, check, &c, v, frozen);
    call->code = (int)v;
}

void bl_check_unknown(struct bl_cli_request *call)
{
    static const char program[] = "beatline: ";
    const char *why = call->err.data;
    size_t len = call->err.len;

    if (len > sizeof(program) && memcmp(why, program, sizeof(program) - 1) == 0) {
        why += sizeof(program) - 1;
        len -= sizeof(program) - 1;
    }
    if (len > 0) {
        bl_text_printf(&call->out, "%s - ", words[CHECK_UNKNOWN]);
        bl_text_append(&call->out, why, len);
    }
    call->err.len = 0;
    call->code = CHECK_UNKNOWN;
}
