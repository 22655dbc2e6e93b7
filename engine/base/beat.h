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

/* In the place of an age at which something happens: never. */
#define BL_THRESHOLD_NEVER UINT32_MAX

/* Age in ticks of something stamped `then`, seen at `now`. */
static inline uint32_t bl_age_ticks(uint32_t now, uint32_t then)
{
    uint32_t age = now - then;
    return age > BL_AGE_MAX ? 0 : age;
}

/* Packets that a poll may hold at a time, and beats that one call of
 * bl_table_beat takes: a burst. */
#define BL_BURST 256u

/* Longest node name in bytes; the wire, the CLI and the API share it. */
#define BL_NAME_MAX 200u

enum bl_beat_flags {
    BL_BEAT_HAS_SEQUENCE = 1, /* binary formats; text beats have none */
};

/* When a node beat last and with which sequence, in one word, so that a
 * beat is one comparison and one store: the ingest tick of its table's
 * worker in the lower half, the sequence in the upper. */
static inline uint64_t bl_stamp(uint32_t tick, uint32_t sequence)
{
    return (uint64_t)sequence << 32 | tick;
}

static inline uint32_t bl_stamp_tick(uint64_t stamp)
{
    return (uint32_t)stamp;
}

static inline uint32_t bl_stamp_sequence(uint64_t stamp)
{
    return (uint32_t)(stamp >> 32);
}

struct bl_beat {
    uint64_t key;   /* bl_key_of_name / bl_key_of_id */
    uint64_t stamp; /* bl_stamp: now less the beat's age (a relay's), BL_TIMEOUT_MAX_MS at
                     * most; its sequence, 0 without BL_BEAT_HAS_SEQUENCE */
    union {
        uint64_t id;      /* binary: the node's */
        const char *name; /* text: the node's, in its packet; name_len bytes */
    };
    uint32_t interval_ms; /* promised; 0: none */
    uint32_t incarnation; /* the sender's; 0: none */
    union {
        struct {
            uint8_t flags;    /* bl_beat_flags */
            uint8_t name_len; /* 0: it is `id` */
            uint8_t reserved[6];
        };
        uint64_t flags_word; /* all of it at once: flags alone, where there is no name */
    };
};
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "flags are the lowest byte of their word");
