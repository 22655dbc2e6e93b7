/* SPDX-License-Identifier: Apache-2.0 */
/* beat: one heartbeat of one node, whatever wire format brought it, and
 * the units that ages are told in. A plain value; any thread. */
#pragma once

#include <stdint.h>

/* Ingest ticks: 32-bit, 1 ms, wrapping after 49.7 days. Compare ages
 * within one table only; across tables compare ages, never ticks. */
#define BL_TICK_NS UINT64_C(1000000)

/* An age above this is not an age but a beat stamped a little after the
 * reader's `now` (reader and worker read the clock apart): it counts as
 * 0. 2^20 ticks are 17 minutes. */
#define BL_AGE_MAX (UINT32_MAX - (UINT32_C(1) << 20))

/* The longest timeout: below BL_AGE_MAX with room for a day between two
 * looks of the sweep. 45 days in ms. */
#define BL_TIMEOUT_MAX_MS UINT32_C(3888000000)

/* Age in ticks of something stamped `then`, seen at `now`. */
static inline uint32_t bl_age_ticks(uint32_t now, uint32_t then)
{
    uint32_t age = now - then;
    return age > BL_AGE_MAX ? 0 : age;
}

/* Packets that one poll takes, and beats that one call of the table
 * takes: a burst. Long, because the end of a burst waits for memory: the
 * table does a sixth more with 256 than with 64. */
#define BL_BURST 256u

/* Longest node name in bytes; the wire, the CLI and the API share it. */
#define BL_NAME_MAX 200u

enum bl_beat_flags {
    BL_BEAT_HAS_SEQUENCE = 1, /* binary formats; text beats have none */
};

struct bl_beat {
    uint64_t key;        /* bl_key_of_name / bl_key_of_id */
    const void *origin;  /* the record in its packet; opaque to engine/ */
    uint32_t sequence;   /* of this beat, if BL_BEAT_HAS_SEQUENCE */
    uint32_t age_ticks;  /* how old the beat was on arrival (a relay's); 0 */
    uint8_t flags;       /* bl_beat_flags */
    uint8_t origin_kind; /* the wire format's business */
    uint8_t origin_len;  /* the wire format's business: a name's length */
    uint8_t reserved[5];
};
