/* SPDX-License-Identifier: Apache-2.0 */
/* For those who start and watch us: is it up, is it doing its work. */
#include "control/http/request.h"

static void health_healthy(struct bl_http_request *r)
{
    bl_text_printf(&r->out, "ok\n");
    bl_http_reply(r, 200, BL_HTTP_TEXT);
}

/* Ready: the control core takes turns and no worker's ingest stands still. */
static void health_ready(struct bl_http_request *r)
{
    struct bl_core_stats stats;

    bl_core_stats(r->api->core, &stats);
    if (stats.turns == 0)
        bl_http_problem(r, 503, "the control core has not begun yet; ask again in a second");
    else if (stats.frozen_workers > 0)
        bl_http_problem(r, 503, "ingest of %u workers stands still; beatline status says why",
                        stats.frozen_workers);
    else {
        bl_text_printf(&r->out, "ready\n");
        bl_http_reply(r, 200, BL_HTTP_TEXT);
    }
}

const struct bl_http_ops bl_http_healthy = {.run = health_healthy};
const struct bl_http_ops bl_http_ready = {.run = health_ready};
