/* SPDX-License-Identifier: Apache-2.0 */
/* messages: what worker and control tell each other over their two
 * rings. Plain values, copied; no pointer into a packet survives. */
#pragma once

#include <stdint.h>

#include "engine/base/beat.h"
#include "engine/fleet/fleet.h"
#include "engine/table/table.h"

/* worker -> control */
enum bl_report_kind {
    BL_REPORT_SEEN = 1, /* a key came into the table: by name or id */
    BL_REPORT_SET,      /* a text setting, or a hello's policy */
    BL_REPORT_HELLO,    /* id, name (may be empty), policy */
    BL_REPORT_BYE,
    BL_REPORT_GROWN, /* `old` is no longer published; free it after a grace period */
};

enum bl_report_flags {
    /* An autobeat's setting: the line is counted as its beat, so this
     * is counted by nobody, also when the ring refuses it. */
    BL_REPORT_OF_AUTOBEAT = 1,
};

/* Reports go over their ring in pieces of so many bytes, see reports.h. */
#define BL_REPORT_PIECE      16u
#define BL_REPORT_NAME_BYTES ((BL_NAME_MAX + BL_REPORT_PIECE - 1) / BL_REPORT_PIECE * BL_REPORT_PIECE)

struct bl_report {
    uint8_t kind;                    /* bl_report_kind */
    uint8_t name_len;                /* 0: by id */
    uint16_t flags;                  /* bl_report_flags */
    uint32_t interval_ms;            /* promised; 0: none */
    uint64_t id;                     /* by name: its key, where the worker knows it; else 0 */
    char name[BL_REPORT_NAME_BYTES]; /* name_len bytes, the rest of whose last piece is copied, too */
    struct bl_policy_patch patch;    /* SET, HELLO */
    struct bl_slots *old;            /* GROWN */
};

/* control -> worker */
enum bl_order_kind {
    BL_ORDER_DELETE = 1, /* key */
    BL_ORDER_GROW,       /* take `next` over */
    BL_ORDER_MEASURE,    /* key; on: or end it */
};

struct bl_order {
    uint32_t kind; /* bl_order_kind */
    uint32_t on;   /* BL_ORDER_MEASURE */
    uint64_t key;
    struct bl_slots *next;
};

/* Ring sizes (2^n - 1, see ring.h). Reports, in pieces of 16 bytes (see
 * reports.h): 170 ms of a million new nodes a second with names of 24. */
#define BL_REPORT_RING 524287u
/* Orders, in messages. */
#define BL_ORDER_RING 8191u
