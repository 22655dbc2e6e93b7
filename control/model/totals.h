/* SPDX-License-Identifier: Apache-2.0 */
/* totals: counters summed over all workers, with what the ports
 * themselves had to drop, so that the conservation law holds:
 * packets = packets_parsed + packet drops. The api thread. */
#pragma once

#include "control/model/context.h"
#include "dataplane/base/counters.h"

struct bl_totals {
    struct bl_counters counters; /* .drop[BL_DROP_missed] holds the ports' */
    uint64_t packets;            /* parsed + packet drops, missed included */
    uint64_t dropped;            /* all reasons, packets and records */
    uint32_t frozen_workers;
};

void bl_totals_read(const struct bl_api *api, struct bl_totals *out);

/* Sum of the packet reasons. */
uint64_t bl_totals_packet_drops(const struct bl_counters *c);

/* The member "dropped": a count per reason, zeros too. */
void bl_totals_json_drops(struct bl_json *j, const struct bl_counters *c);

/* "link_down, poll_gap" for the reasons (bl_freeze) that stop a clock. */
#define BL_FREEZE_TEXT 48
const char *bl_freeze_text(uint32_t reasons, char out[BL_FREEZE_TEXT]);

/* A worker's port as people know it; "connections" for the api thread's. */
const char *bl_worker_port_text(const struct bl_worker *w);
