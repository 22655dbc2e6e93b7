/* SPDX-License-Identifier: Apache-2.0 */
/* statsd: the daemon's own figures, sent to a statsd server every
 * interval: gauges of the fleet's and of each view's states, counters of
 * what came in since the last time. Lines of UDP datagrams that fit an
 * Ethernet frame; NAME below is PREFIX.NAME.
 *
 *   nodes.total:7|g  nodes.ok:5|g ...      a gauge per state
 *   view.VIEW.ok:5|g ...                   the same of each view
 *   alarm.state.VIEW:2|g                   lovebeat's name and numbers
 *   service.state.NODE:2|g                 of each transition, as lovebeat
 *                                          does, if statsd.nodes is true
 *   ingest.packets:31|c  .beats .settings .dropped.REASON
 *   ingest.frozen_workers:0|g
 *
 * States as numbers: lovebeat 1.0's new 0, ok 1, error 2, muted 3; and
 * warning 4, unknown 5. Bytes of names that mean something to statsd
 * (space : | @ # and control bytes) become "_".
 *
 * A round is sent in steps, so that a thousand views neither hold anybody
 * up nor run over the receiver's buffer. UDP: what is lost is lost, and
 * nobody waits for a name server (resolve.h). A name with more than one
 * address: where one refuses, the next is taken.
 *
 * Threads: the api thread alone. */
#pragma once

#include "control/model/context.h"

/* Ethernet's 1500 less IP's and UDP's headers, IPv6 too. */
#define BL_STATSD_DATAGRAM 1432u
/* Datagrams of a round sent in a turn. */
#define BL_STATSD_TURN 32u

struct bl_statsd;

/* NULL: out of memory. */
struct bl_statsd *bl_statsd_new(void);
void bl_statsd_free(struct bl_statsd *s);

/* Does what is due at api->now_ns, as the config in force says. */
void bl_statsd_turn(struct bl_statsd *s, const struct bl_api *api) BL_ON_API;

/* Something happened; goes out with the next turn. */
void bl_statsd_event(struct bl_statsd *s, const struct bl_api *api, const struct bl_event *e) BL_ON_API;
