/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/load_fleet.h"

#include <errno.h>
#include <stdlib.h>

#define NOBODY UINT32_MAX

struct bl_load_node {
    uint32_t sequence; /* of the last beat; 0: none yet */
    uint32_t held;     /* sequence of a beat held back; 0: none */
    uint32_t restarts : 30;
    uint32_t silent : 1;
    uint32_t chosen : 1;
};

/* SplitMix64: 64 random bits per step, any seed will do.
 * Source: Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators", OOPSLA 2014. */
static uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint32_t random_below(uint64_t *state, uint32_t limit)
{
    return (uint32_t)(((random_next(state) >> 32) * limit) >> 32);
}

static bool happens(struct bl_load_fleet *f, uint32_t share)
{
    return share != 0 && (random_next(&f->random) >> 32) < share;
}

/* Draws until it meets a node that was not drawn before; quick as long
 * as half of the nodes are left, so the larger half is drawn by leaving
 * the others out. */
static void choose(struct bl_load_fleet *f)
{
    uint32_t nodes = f->config.nodes, want = f->config.kill + f->config.restart;
    bool leave_out = want > nodes / 2;
    for (uint32_t drawn = 0; drawn < (leave_out ? nodes - want : want);) {
        uint32_t node = random_below(&f->random, nodes);
        if (f->node[node].chosen)
            continue;
        f->node[node].chosen = 1;
        if (!leave_out)
            f->chosen[drawn] = node;
        drawn++;
    }
    for (uint32_t node = 0, n = 0; leave_out && node < nodes; node++) {
        if (!f->node[node].chosen)
            f->chosen[n++] = node;
    }
    /* Left over from a scan they are in order of phase: shuffle, so that
     * the killed are not the first ones. */
    for (uint32_t i = want; leave_out && i > 1; i--) {
        uint32_t j = random_below(&f->random, i), other = f->chosen[j];
        f->chosen[j] = f->chosen[i - 1];
        f->chosen[i - 1] = other;
    }
}

static uint64_t interval_ns(const struct bl_load_fleet_config *c)
{
    if (c->beats_den_ns == 0)
        return 0;
    return (uint64_t)((unsigned __int128)c->nodes * c->beats_den_ns / c->beats_num);
}

static int init_jitter(struct bl_load_fleet *f)
{
    uint64_t interval = interval_ns(&f->config);
    if (f->config.jitter_percent > 50 || interval < 4 * BL_LOAD_TICK_NS)
        return -EINVAL;
    f->jitter_ticks = (uint32_t)(interval / 100 * f->config.jitter_percent / BL_LOAD_TICK_NS);
    f->ticks = 2;
    while (f->ticks < f->jitter_ticks + 2)
        f->ticks *= 2;
    f->waiting = malloc(f->config.nodes * sizeof *f->waiting);
    f->tick_head = malloc(f->ticks * sizeof *f->tick_head);
    if (!f->waiting || !f->tick_head)
        return -ENOMEM;
    for (uint32_t i = 0; i < f->ticks; i++)
        f->tick_head[i] = NOBODY;
    return 0;
}

int bl_load_fleet_init(struct bl_load_fleet *f, const struct bl_load_fleet_config *c)
{
    *f = (struct bl_load_fleet){.config = *c, .random = c->seed};
    if (c->nodes == 0 || (uint64_t)c->kill + c->restart > c->nodes)
        return -EINVAL;
    int rc = c->jitter_percent ? init_jitter(f) : 0;
    f->node = calloc(c->nodes, sizeof *f->node);
    f->chosen = calloc((size_t)c->kill + c->restart + 1, sizeof *f->chosen);
    if (rc == 0 && (!f->node || !f->chosen))
        rc = -ENOMEM;
    if (rc) {
        bl_load_fleet_free(f);
        return rc;
    }
    choose(f);
    return 0;
}

void bl_load_fleet_free(struct bl_load_fleet *f)
{
    free(f->node);
    free(f->chosen);
    free(f->waiting);
    free(f->tick_head);
    *f = (struct bl_load_fleet){0};
}

/* How many beats of the schedule are due at `now_ns`: the first at 0. */
static uint64_t due_count(const struct bl_load_fleet *f, uint64_t now_ns)
{
    if (f->config.beats_den_ns == 0)
        return UINT64_MAX;
    return (uint64_t)((unsigned __int128)now_ns * f->config.beats_num / f->config.beats_den_ns) + 1;
}

uint64_t bl_load_fleet_next_ns(const struct bl_load_fleet *f)
{
    const struct bl_load_fleet_config *c = &f->config;
    if (f->jitter_ticks)
        return f->tick * BL_LOAD_TICK_NS;
    if (c->beats_den_ns == 0)
        return 0;
    return (uint64_t)(((unsigned __int128)f->next * c->beats_den_ns + c->beats_num - 1) / c->beats_num);
}

uint64_t bl_load_fleet_late_ns(const struct bl_load_fleet *f, uint64_t now_ns)
{
    uint64_t next = bl_load_fleet_next_ns(f);
    return f->config.beats_den_ns == 0 || next > now_ns ? 0 : now_ns - next;
}

static uint32_t take_place(struct bl_load_fleet *f)
{
    uint32_t node = f->next_node;
    f->next++;
    f->next_node = node + 1 == f->config.nodes ? 0 : node + 1;
    return node;
}

static struct bl_load_beat beat_of(const struct bl_load_fleet *f, uint32_t node, uint32_t sequence,
                                   enum bl_load_beat_kind kind)
{
    return (struct bl_load_beat){.node = node,
                                 .sequence = sequence,
                                 .incarnation = f->config.incarnation + f->node[node].restarts,
                                 .kind = kind};
}

/* What a node puts on the wire when its time has come. */
static unsigned beat_node(struct bl_load_fleet *f, uint32_t index, struct bl_load_beat *out)
{
    struct bl_load_node *node = &f->node[index];
    if (node->silent)
        return 0;
    uint32_t sequence = ++node->sequence, held = node->held;
    if (happens(f, f->config.loss)) {
        f->lost++;
        return 0;
    }
    if (!held && happens(f, f->config.reorder)) {
        node->held = sequence;
        return 0;
    }
    unsigned n = 0;
    out[n++] = beat_of(f, index, sequence, BL_LOAD_BEAT_NORMAL);
    if (happens(f, f->config.duplicate))
        out[n++] = beat_of(f, index, sequence, BL_LOAD_BEAT_DUPLICATE);
    if (held) {
        out[n++] = beat_of(f, index, held, BL_LOAD_BEAT_LATE);
        node->held = 0;
    }
    return n;
}

/* Moves the beats that are nominally due within the open tick into the
 * lists of the ticks that jitter sends them to. */
static void scatter(struct bl_load_fleet *f, uint64_t until)
{
    while (f->next < until) {
        uint32_t delay = random_below(&f->random, f->jitter_ticks + 1);
        uint32_t node = take_place(f), list = (uint32_t)(f->tick + delay) & (f->ticks - 1);
        f->waiting[node] = f->tick_head[list];
        f->tick_head[list] = node;
    }
}

static unsigned due_with_jitter(struct bl_load_fleet *f, uint64_t now_ns, struct bl_load_beat *beats,
                                unsigned max)
{
    unsigned n = 0;
    for (; f->tick * BL_LOAD_TICK_NS <= now_ns; f->tick++) {
        scatter(f, due_count(f, f->tick * BL_LOAD_TICK_NS));
        uint32_t *head = &f->tick_head[f->tick & (f->ticks - 1)];
        while (*head != NOBODY) {
            if (n + BL_LOAD_BEATS_PER_PLACE > max)
                return n;
            uint32_t node = *head;
            *head = f->waiting[node];
            n += beat_node(f, node, beats + n);
        }
    }
    return n;
}

unsigned bl_load_fleet_due(struct bl_load_fleet *f, uint64_t now_ns, struct bl_load_beat *beats, unsigned max)
{
    if (f->jitter_ticks)
        return due_with_jitter(f, now_ns, beats, max);
    uint64_t due = due_count(f, now_ns);
    unsigned n = 0;
    /* A whole fleet of silent nodes at full speed must not hold us here. */
    for (uint32_t places = 0; places < f->config.nodes && f->next < due; places++) {
        if (n + BL_LOAD_BEATS_PER_PLACE > max)
            break;
        n += beat_node(f, take_place(f), beats + n);
    }
    return n;
}

void bl_load_fleet_kill(struct bl_load_fleet *f)
{
    for (uint32_t i = 0; i < f->config.kill; i++) {
        f->node[f->chosen[i]].silent = 1;
        f->node[f->chosen[i]].held = 0;
    }
    f->killed = true;
}

void bl_load_fleet_revive(struct bl_load_fleet *f)
{
    for (uint32_t i = 0; i < f->config.kill; i++)
        f->node[f->chosen[i]].silent = 0;
    f->killed = false;
}

void bl_load_fleet_restart(struct bl_load_fleet *f)
{
    for (uint32_t i = 0; i < f->config.restart; i++) {
        struct bl_load_node *node = &f->node[f->chosen[f->config.kill + i]];
        node->restarts++;
        node->sequence = 0;
        node->held = 0;
    }
}

bool bl_load_fleet_is_silent(const struct bl_load_fleet *f, uint32_t node)
{
    return f->node[node].silent;
}

struct bl_load_beat bl_load_fleet_last(const struct bl_load_fleet *f, uint32_t node)
{
    return beat_of(f, node, f->node[node].sequence, BL_LOAD_BEAT_NORMAL);
}
