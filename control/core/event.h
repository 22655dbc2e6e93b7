/* SPDX-License-Identifier: Apache-2.0 */
/* event: what happened, as control tells the api thread (history,
 * `events -f`) and the notifier thread. A plain value, copied through a
 * ring; it outlives the node it speaks of. */
#pragma once

#include <stdint.h>

#include "engine/base/beat.h"
#include "engine/detect/state.h"

enum bl_event_kind {
    BL_EVENT_TRANSITION = 1, /* a node changed state */
    BL_EVENT_FREEZE,         /* a port's ingest stands still: name is the port's, reason says why */
    BL_EVENT_THAW,           /* it runs again */
    BL_EVENT_DAEMON,         /* started, reloaded, stopping: detail */
    BL_EVENT_VIEW,           /* a view changed state: name, from, to, incident are the view's */
    /* For the event log alone, which has one for each node: no number. */
    BL_EVENT_REGISTERED, /* an unknown node was registered: name, reason */
    BL_EVENT_REMOVED,    /* a node was removed: name, and its state as `from` */
};

enum bl_event_flags {
    BL_EVENT_NOTIFY = 1, /* people are told of it: a view whose config says so, a freeze that lasts */
};

struct bl_event {
    uint64_t number; /* 1.. in the order control saw them, gapless; 0: it has none */
    uint32_t kind;   /* bl_event_kind */
    union {
        struct {
            uint8_t from, to; /* bl_state */
        };
        struct {
            uint8_t workers_frozen, workers; /* of a freeze's port: how many of how many */
        };
    };
    uint8_t name_len;
    uint8_t flags; /* bl_event_flags */
    int64_t time_unix_ms;
    int64_t last_beat_unix_ms;        /* 0: never */
    uint32_t incident;                /* the node's or view's incident number */
    uint32_t lasted_ms;               /* of a thaw: how long ages stood still */
    char reason[16];                  /* "timeout", "beat", ...; of a freeze "link_down", "no_answer", ... */
    union {                           /* terminated; last, so that a short one packs well */
        char name[BL_NAME_MAX + 8];   /* of a transition's node or view, or a freeze's port */
        char detail[BL_NAME_MAX + 8]; /* one sentence, for what is no transition */
    };
};

/* What a freeze, a thaw or the daemon says, one sentence: "ingest of
 * socket:0.0.0.0:8127 frozen: link down; its nodes' ages stand still, none
 * of them can fail". Returns `out`. */
#define BL_EVENT_SENTENCE 384
const char *bl_event_sentence(const struct bl_event *e, char out[BL_EVENT_SENTENCE]);

/* "transition" "freeze" "thaw" "daemon" "view" "registered" "removed". */
const char *bl_event_kind_name(uint32_t kind);
