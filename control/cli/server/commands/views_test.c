/* SPDX-License-Identifier: Apache-2.0 */
/* Which views a name is in, or would be if it beat: for who writes
 * patterns, so no node of that name needs to exist. */
#include <string.h>

#include "control/cli/server/commands.h"
#include "control/match/match.h"
#include "control/text/human.h"

struct test {
    bool started;
    int next; /* in argv */
};

struct answer {
    struct bl_cli_request *call;
    const char *name;
};

static void views_test_found(void *ctx, const char *view, unsigned len)
{
    const struct answer *a = ctx;
    char text[BL_VIEW_NAME_MAX + 1], clean[BL_VIEW_NAME_MAX + 8];
    struct bl_json j;

    memcpy(text, view, len);
    text[len] = '\0';
    if (!a->call->json) {
        bl_human_name(text, clean, sizeof(clean));
        bl_text_printf(&a->call->out, "%s\n", clean);
        return;
    }
    bl_json_line_begin(&j, &a->call->out);
    bl_json_string(&j, "name", a->name);
    bl_json_string(&j, "view", text);
    bl_json_line_end(&j);
}

static void views_test_test(struct bl_cli_request *call, const char *name)
{
    struct answer a = {.call = call, .name = name};
    char clean[BL_NAME_MAX + 8];

    if (!bl_name_is_valid(name, strlen(name))) {
        bl_cli_fail(call, BL_EXIT_USAGE,
                    "%.200s: not a name a node can have: 1 to %u bytes, no space, ':' or '|'", name,
                    BL_NAME_MAX);
        return;
    }
    if (!call->json && call->argc > 1) {
        bl_human_name(name, clean, sizeof(clean));
        bl_text_printf(&call->out, "%s:\n", clean);
    }
    bl_role_assume_api();
    views_test_found(&a, "all", 3);
    bl_view_match_test(bl_views_plan_of(bl_views_now(bl_core_views(call->api->core))), name, views_test_found,
                       &a);
}

static enum bl_step views_test_run(struct bl_cli_request *call)
{
    struct test *t = call->state;

    if (!t->started && !bl_args_names(call))
        return BL_STEP_DONE;
    t->started = true;
    for (; t->next < call->argc; t->next++) {
        if (call->out.len >= BL_PIECE_BYTES)
            return BL_STEP_MORE;
        views_test_test(call, call->argv[t->next]);
    }
    return BL_STEP_DONE;
}

const struct bl_cli_ops bl_cli_views_test = {.run = views_test_run, .state_bytes = sizeof(struct test)};
