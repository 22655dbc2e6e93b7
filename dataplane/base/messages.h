/* SPDX-License-Identifier: Apache-2.0 */
/* messages: what worker and control tell each other over their two
 * rings. Plain values, copied; no pointer into a packet survives. */
#pragma once

#include <stdint.h>

#include "engine/base/beat.h"
#include "engine/fleet/fleet.h"
#include "engine/table/table.h"

/* worker -> control */
enum bl_worker_event_kind {
    BL_WORKER_EVENT_SEEN = 1, /* a key came into the table: by name or id */
    BL_WORKER_EVENT_SET,      /* a text setting, or a hello's policy */
    BL_WORKER_EVENT_HELLO,    /* id, name (may be empty), policy */
    BL_WORKER_EVENT_BYE,
    BL_WORKER_EVENT_GROWN, /* `old` is no longer published; free it after a grace period */
};

enum bl_worker_event_flags {
    /* An autobeat's setting: the line is counted as its beat, so this
     * is counted by nobody, also when the ring refuses it. */
    BL_WORKER_EVENT_OF_AUTOBEAT = 1,
};

/* Reports go over their ring in pieces of so many bytes, see worker_events.h. */
#define BL_WORKER_EVENT_PIECE 16u
#define BL_WORKER_EVENT_NAME_BYTES                                                                           \
    ((BL_NAME_MAX + BL_WORKER_EVENT_PIECE - 1) / BL_WORKER_EVENT_PIECE * BL_WORKER_EVENT_PIECE)

struct bl_worker_event {
    uint8_t kind;                          /* bl_worker_event_kind */
    uint8_t name_len;                      /* 0: by id */
    uint16_t flags;                        /* bl_worker_event_flags */
    uint32_t interval_ms;                  /* promised; 0: none */
    uint64_t id;                           /* by name: its key, where the worker knows it; else 0 */
    char name[BL_WORKER_EVENT_NAME_BYTES]; /* name_len bytes, the rest of whose last piece is copied, too */
    struct bl_policy_patch patch;          /* SET, HELLO */
    struct bl_slots *old;                  /* GROWN */
};

/* control -> worker */
enum bl_worker_command_kind {
    BL_WORKER_COMMAND_DELETE = 1, /* key */
    BL_WORKER_COMMAND_GROW,       /* take `next` over */
    BL_WORKER_COMMAND_MEASURE,    /* key; on: or end it */
};

struct bl_worker_command {
    uint32_t kind; /* bl_worker_command_kind */
    uint32_t on;   /* BL_WORKER_COMMAND_MEASURE */
    uint64_t key;
    struct bl_slots *next;
};

/* Ring sizes (2^n - 1, see ring.h). Reports, in pieces of 16 bytes (see
 * worker_events.h): 170 ms of a million new nodes a second with names of 24. */
#define BL_WORKER_EVENT_RING 524287u
/* Orders, in messages. */
#define BL_WORKER_COMMAND_RING 8191u
