/* SPDX-License-Identifier: Apache-2.0 */
/* load_fleet: which node of a made-up fleet beats when. Pure: time is an
 * argument (ns since the fleet's start), chance comes from a seed, so a
 * run can be repeated in virtual time to the beat.
 *
 * Beat number b (0, 1, ...) is due at b x interval / nodes and belongs to
 * node b mod nodes: phases are spread evenly, the beats of one tick are
 * neighbours in memory, and no rounding adds up over time. Jitter delays
 * each beat by up to its share of the interval: it waits in the list of
 * the tick it moved to, linked through its node, since a node has at
 * most one beat waiting.
 *
 *   lost        the sequence number goes on, nothing is sent
 *   duplicated  the beat is sent twice in a row
 *   reordered   the beat is held back and sent right after the node's next
 *   killed      the node is silent; its sequence stands still
 *   restarted   incarnation + 1, sequence from 1 again
 *
 * Memory: 12 bytes a node, 16 with jitter, allocated at the start. Cost:
 * some 10 ns a beat. One thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Jitter moves beats in steps of this. */
#define BL_LOAD_TICK_NS UINT64_C(1000000)

struct bl_load_fleet_config {
    uint32_t nodes;
    /* beats per time: nodes per interval, or a rate per second.
     * interval_ns 0: as fast as they are asked for */
    uint64_t beats_num;
    uint64_t beats_den_ns;
    uint64_t seed;
    uint32_t incarnation; /* of the first start */
    /* shares of 2^32 */
    uint32_t loss, duplicate, reorder;
    uint8_t jitter_percent; /* of a node's interval, 0..50 */
    uint32_t kill, restart; /* how many nodes of each, no node both */
};

enum bl_load_beat_kind { BL_LOAD_BEAT_NORMAL, BL_LOAD_BEAT_DUPLICATE, BL_LOAD_BEAT_LATE };

struct bl_load_beat {
    uint32_t node; /* 0-based */
    uint32_t sequence;
    uint32_t incarnation;
    uint32_t kind; /* bl_load_beat_kind */
};

/* Written by its functions; read anything. */
struct bl_load_fleet {
    struct bl_load_fleet_config config;
    struct bl_load_node *node;
    uint32_t *chosen;   /* the killed, then the restarted */
    uint64_t next;      /* number of the next beat on the schedule */
    uint32_t next_node; /* next mod nodes */
    uint64_t random;
    uint64_t lost; /* beats skipped on purpose */
    bool killed;   /* between kill and revive */
    /* jitter */
    uint32_t *waiting; /* per node: the one behind it in its tick's list */
    uint32_t *tick_head;
    uint32_t ticks; /* lists; a power of two */
    uint64_t tick;  /* whose list is being emptied */
    uint32_t jitter_ticks;
};

/* One place of the schedule gives at most this many beats: a held one,
 * the new one, and its duplicate. */
#define BL_LOAD_BEATS_PER_PLACE 3u

/* 0, -EINVAL (jitter needs an interval of 4 ticks, more chosen than
 * nodes) or -ENOMEM. */
int bl_load_fleet_init(struct bl_load_fleet *f, const struct bl_load_fleet_config *c);
void bl_load_fleet_free(struct bl_load_fleet *f);

/* Beats that are due at `now_ns`, at most `max` (at least
 * BL_LOAD_BEATS_PER_PLACE). Returns how many; 0: none are due, or a
 * whole round of nodes had nothing to send (bl_load_fleet_next_ns
 * tells which). */
unsigned bl_load_fleet_due(struct bl_load_fleet *f, uint64_t now_ns, struct bl_load_beat *beats,
                           unsigned max);

/* How far the schedule is behind `now_ns`: since when its next beat has
 * been due (0: it is not, or full speed). */
uint64_t bl_load_fleet_late_ns(const struct bl_load_fleet *f, uint64_t now_ns);

/* When the next place of the schedule is due, ns since the start; with
 * jitter: the next tick. */
uint64_t bl_load_fleet_next_ns(const struct bl_load_fleet *f);

/* The chosen fall silent, beat again, or restart. */
void bl_load_fleet_kill(struct bl_load_fleet *f);
void bl_load_fleet_revive(struct bl_load_fleet *f);
void bl_load_fleet_restart(struct bl_load_fleet *f);

/* The i-th killed node, i < config.kill. */
static inline uint32_t bl_load_fleet_killed(const struct bl_load_fleet *f, uint32_t i)
{
    return f->chosen[i];
}
bool bl_load_fleet_is_silent(const struct bl_load_fleet *f, uint32_t node);
/* Incarnation and last used sequence number, for a bye. */
struct bl_load_beat bl_load_fleet_last(const struct bl_load_fleet *f, uint32_t node);
