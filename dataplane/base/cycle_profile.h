/* SPDX-License-Identifier: Apache-2.0 */
/* cycle_profile: where a worker's cycles go, and how long its bursts are.
 *
 * One burst in BL_STAGES_EVERY is watched: the TSC is read where one
 * stage of it ends and the next begins, so that the shares are known and
 * the other bursts pay one predicted branch per stage. In a watched
 * burst each reading costs some 20 cycles, two readings for 128 beats.
 * Machines without a TSC show zeros.
 *
 * Threads: the worker writes, relaxed, whole words; anyone reads with
 * bl_cycle_profile_read. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/base/clock.h"
#include "engine/base/role.h"

/* X(name, sentence), in the order in which a burst meets them. */
#define BL_STAGES(X)                                                                                         \
    X(receive, "taking packets from the driver or the kernel")                                               \
    X(decode, "headers, down to the UDP payload")                                                            \
    X(parse, "payloads, into beats and settings; the key of each")                                           \
    X(table, "the beats' places in the table")                                                               \
    X(odd, "unknown nodes, sequence numbers out of order, nodes to look at; settings")                       \
    X(release, "giving the packets' buffers back")                                                           \
    X(housekeeping, "time, orders from control, growth")

enum bl_stage {
#define BL_STAGE_ENUM(name, sentence) BL_STAGE_##name,
    BL_STAGES(BL_STAGE_ENUM) BL_STAGE_COUNT
#undef BL_STAGE_ENUM
};

/* A prime, lest the bursts that are watched be of one kind. */
#define BL_STAGES_EVERY 61u

/* Packets that one poll takes at most: the longest burst. */
#define BL_STAGES_PACKETS_MAX 1024u
/* Bursts of 1, 2 to 3, 4 to 7, ... 512 to 1023 and 1024 packets. */
#define BL_STAGES_SIZES 11u

struct bl_cycle_profile {
    uint64_t size[BL_STAGES_SIZES]; /* bursts */
    /* sums over the watched bursts; cycles are the TSC's */
    uint64_t cycles[BL_STAGE_COUNT];
    uint64_t bursts, packets, beats;
    /* the worker's own */
    uint32_t until_watch; /* bursts */
    bool watching;
    uint64_t last_tsc;
    uint64_t spent[BL_STAGE_COUNT]; /* of this burst */
};

/* "receive", ...; and its sentence. Any thread. */
const char *bl_stage_name(enum bl_stage s);
const char *bl_stage_sentence(enum bl_stage s);

/* Sums, all but the worker's own. Any thread. */
void bl_cycle_profile_read(struct bl_cycle_profile *out, const struct bl_cycle_profile *s);

/* A poll begins. */
void bl_cycle_profile_begin(struct bl_cycle_profile *s) BL_ON_WORKER;
/* It ends: it brought `packets`, and so many beats. An empty one is not
 * a burst and leaves no trace. */
void bl_cycle_profile_end(struct bl_cycle_profile *s, unsigned packets, uint64_t beats) BL_ON_WORKER;

/* bl_stage_ends in a watched burst. Out of line, so that it takes neither
 * registers nor room where no burst is watched. */
void bl_cycle_profile_note(struct bl_cycle_profile *s, enum bl_stage stage) BL_ON_WORKER
    __attribute__((cold));

/* What ran since the last of these calls was `stage`. A stage may come
 * many times in a burst; it is the sum that counts. */
BL_ON_WORKER static inline void bl_stage_ends(struct bl_cycle_profile *s, enum bl_stage stage)
{
    if (__builtin_expect(s->watching, 0))
        bl_cycle_profile_note(s, stage);
}
