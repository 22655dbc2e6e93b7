/* SPDX-License-Identifier: Apache-2.0 */
#include "control/model/totals.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/counter.h"

uint64_t bl_totals_packet_drops(const struct bl_counters *c)
{
    uint64_t sum = 0;
    for (unsigned d = 0; d < BL_DROP_FIRST_RECORD; d++)
        sum += c->drop[d];
    return sum;
}

void bl_totals_json_drops(struct bl_json *j, const struct bl_counters *c)
{
    bl_json_object(j, "dropped");
    for (unsigned d = 0; d < BL_DROP_COUNT; d++)
        bl_json_uint(j, bl_drop_name((enum bl_drop)d), c->drop[d]);
    bl_json_object_end(j);
}

void bl_totals_read(const struct bl_api *api, struct bl_totals *out)
{
    memset(out, 0, sizeof(*out));
    for (unsigned i = 0; i < bl_core_worker_count(api->core); i++) {
        const struct bl_worker *w = bl_core_worker(api->core, i);
        bl_counters_add(&out->counters, &w->counters);
        out->counters.drop[BL_DROP_missed] += bl_core_missed(api->core, i);
        out->frozen_workers += BL_READ(w->clock.frozen) != 0;
    }
    out->packets = out->counters.packets_parsed + bl_totals_packet_drops(&out->counters);
    for (unsigned d = 0; d < BL_DROP_COUNT; d++)
        out->dropped += out->counters.drop[d];
}

const char *bl_freeze_text(uint32_t reasons, char out[BL_FREEZE_TEXT])
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {{BL_FREEZE_LINK_DOWN, "link_down"},
                 {BL_FREEZE_POLL_GAP, "poll_gap"},
                 {BL_FREEZE_OWN_GAP, "own_gap"},
                 {BL_FREEZE_NO_ANSWER, "no_answer"}};
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if ((reasons & names[i].bit) != 0)
            used += (size_t)snprintf(out + used, BL_FREEZE_TEXT - used, "%s%s", used > 0 ? ", " : "",
                                     names[i].name);
    }
    return out;
}

const char *bl_worker_port_text(const struct bl_worker *w)
{
    return w->port != NULL ? bl_port_spec_of(w->port)->text : "connections";
}
