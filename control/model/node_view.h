/* SPDX-License-Identifier: Apache-2.0 */
/* node_view: one node as it is now: the registry's record and the
 * latest beat of all tables. Read under RCU; holds good until the
 * thread's next quiescent state. The api thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/model/context.h"

struct bl_node_view {
    uint32_t index;
    const struct bl_node *node;
    const struct bl_fleet *fleet;
    struct bl_policy policy;   /* its own */
    enum bl_detector detector; /* in force */
    const char *name;
    uint8_t state, flags;
    uint32_t interval_ms, incident;
    int64_t state_since_unix_ms, first_seen_unix_ms;
    int64_t last_beat_unix_ms; /* 0: never */
    int64_t pause_end_unix_ms; /* of a paused node; 0: no end set */
    bool until_beat;           /* paused until the next beat */
    bool beaten;               /* age_ms holds */
    uint64_t age_ms;
    bool in_table; /* latest holds */
    struct bl_latest_beat latest;
};

/* False: no node has this index. Cost: a record and a table lookup. */
bool bl_node_look(struct bl_node_view *v, const struct bl_api *api, uint32_t index);

/* The fields that lists and `nodes show` share, inside an open object. */
void bl_node_json(struct bl_json *j, const struct bl_node_view *v);

/* What `nodes show` has beside them: first_seen and, of a node that is in
 * a table, where and what its sequence numbers told; what its detector
 * makes of it (node_rhythm.h). */
void bl_node_json_more(struct bl_json *j, const struct bl_node_view *v);

/* Which nodes a list is of. */
struct bl_node_filter {
    unsigned states;   /* bit 1 << bl_state; 0: all */
    const char *match; /* a glob over names (glob.h); NULL: all */
};

/* `n` NULL: no. Cost: reads the record alone, where a view looks the node
 * up in the tables. */
bool bl_node_is_wanted(const struct bl_node_filter *f, const struct bl_node *n);

/* "2s" "warn 1s, err 2s" "none", with retries and detector. */
#define BL_NODE_POLICY_TEXT 128
const char *bl_node_policy_text(const struct bl_node_view *v, char out[BL_NODE_POLICY_TEXT]);

/* Of a paused node: "until resumed", "until TIME", "until the next beat"
 * or both of these. */
#define BL_NODE_PAUSE_TEXT 96
const char *bl_node_pause_text(const struct bl_node_view *v, char out[BL_NODE_PAUSE_TEXT]);

/* "3.2s" or "never". */
const char *bl_node_age_text(const struct bl_node_view *v, char out[32]);
