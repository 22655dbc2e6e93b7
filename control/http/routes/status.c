/* SPDX-License-Identifier: Apache-2.0 */
/* What the CLI says with -j, as it says it. */
#include "control/cli/server/commands.h"
#include "control/http/request.h"

/* Runs a command that answers at once, with these words behind its own,
 * which are good. */
static void status_command(struct bl_http_request *r, const struct bl_cli_command *c, char **argv, int argc)
{
    struct bl_cli_request call = {.api = r->api, .command = c, .json = true, .argv = argv, .argc = argc};

    c->ops->run(&call);
    bl_text_free(&call.err);
    r->out = call.out;
    bl_http_reply(r, 200, BL_HTTP_JSON);
}

static void status(struct bl_http_request *r)
{
    static const char *const names[] = {"view", NULL};
    static const struct bl_cli_command shown = {"status", "", "", &bl_cli_status};
    const char *view = bl_http_param(r, "view");
    char option[] = "--view", *argv[] = {option, (char *)view};

    if (!bl_http_params_are(r, names) || (view != NULL && bl_http_find_view(r, view) == NULL))
        return;
    status_command(r, &shown, argv, view != NULL ? 2 : 0);
}

const struct bl_http_ops bl_http_status = {.run = status};
