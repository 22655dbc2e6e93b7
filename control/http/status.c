/* SPDX-License-Identifier: Apache-2.0 */
/* What the CLI says with -j, as it says it. */
#include "control/api/commands.h"
#include "control/http/request.h"

/* Runs a command that answers at once and takes no words. */
static void command(struct bl_http_request *r, const struct bl_cli_ops *ops)
{
    struct bl_call call = {.api = r->api, .json = true};

    ops->run(&call);
    bl_text_free(&call.err);
    r->out = call.out;
    bl_http_reply(r, 200, BL_HTTP_JSON);
}

static void status(struct bl_http_request *r)
{
    command(r, &bl_cli_status);
}

const struct bl_http_ops bl_http_status = {.run = status};
