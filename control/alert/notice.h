/* SPDX-License-Identifier: Apache-2.0 */
/* notice: a transition, or a freeze of ingest, as its receivers are told
 * of it: the part of an event that goes out, shared by the deliveries of all notifiers. About
 * 80 bytes and the name, so that a million of them may wait.
 *
 * Threads: the notifier's. The use count is plain, not atomic. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/core/event.h"
#include "control/text/json.h"

struct bl_notice {
    uint64_t number; /* of the event */
    int64_t time_unix_ms;
    int64_t last_beat_unix_ms; /* 0: never */
    uint32_t users;            /* deliveries that hold it, and its maker */
    uint8_t kind;              /* bl_event_kind: a transition, of a view, a freeze or a thaw */
    union {
        struct {
            uint8_t from, to;
        };
        struct {
            uint8_t workers_frozen, workers; /* of a freeze or thaw */
        };
    };
    uint32_t incident;  /* of a node or view */
    uint32_t lasted_ms; /* of a thaw */
    char reason[16];    /* terminated */
    char name[];        /* terminated; UTF-8 without control bytes */
};

/* Whether people are told of `e`. A freeze that lasts, and its thaw, are
 * for every receiver whatever `states` has, unless that is empty: nothing
 * can fail meanwhile, so silence would be taken for health. Else: a
 * transition (of a node, or of a view whose config says notify) to one of
 * `states` (bit 1 << bl_state). Of `ok` only the way back from warning, failed or
 * unknown: a first beat, or the end of a pause, is no news to a person,
 * and a fleet that starts would send one message per node. From unknown
 * only where `states` has that, too. The notifier asks bl_owed_wants. */
bool bl_notice_wanted(const struct bl_event *e, uint32_t states);

/* A copy with one user, the caller. A name may be any bytes; what is not
 * UTF-8, as syslog and JSON want it, becomes U+FFFD. NULL: out of
 * memory. */
struct bl_notice *bl_notice_new(const struct bl_event *e);
void bl_notice_release(struct bl_notice *n);

/* "node", "view" or "port": what `name` is the name of. */
const char *bl_notice_subject(const struct bl_notice *n);
/* Whether both are about one node, one view or one port. */
bool bl_notice_is_about_same(const struct bl_notice *a, const struct bl_notice *b);

/* Appends "node invoice.mailer failed: no beat for 2.0 s (was ok,
 * incident 1)", "view web-ams failed (was ok, incident 3)", or what
 * bl_event_sentence says of a freeze. Always one line. */
void bl_notice_sentence(struct bl_text *out, const struct bl_notice *n);
