/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel interface: af_packet and af_xdp on the end of a veth pair,
 * into which another process sends with sendmmsg. The kernel's work for
 * a packet, all of it on the sender's CPU, is ten times the receiver's:
 * what is measured is that we are no slower, not how fast we are. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/cases/cases.h"
#include "bench/cases/receiver_compare.h"
#include "bench/sources/veth.h"

/* All of them beat within one phase. */
#define NODES UINT64_C(10000)

struct veth_case {
    const char *driver;
    enum bl_receiver_compared rival;
};

/* One load's command line and the words that it points to. */
struct words {
    char to[64], nodes[32];
};

static void load_to(const char *argv[], unsigned cable, uint64_t nodes, struct words *t)
{
    snprintf(t->to, sizeof(t->to), "socket:%s:8127", bl_veth_address(cable));
    snprintf(t->nodes, sizeof(t->nodes), "--nodes=%" PRIu64, nodes);
    const char *const words[] = {"beatline-load",   t->nodes, "--first-id=0", "--interval=0",
                                 "--format=binary", "--to",   t->to,          NULL};
    memcpy(argv, words, sizeof(words));
}

static void run_veth(struct bl_bench_state *state, const void *arg)
{
    const struct veth_case *c = arg;
    struct bl_veth veth = {.netns = -1};
    struct words words[BL_VETH_CABLES];
    char err[BL_ERR_BYTES] = "";
    struct bl_way way = {.nodes = NODES / bl_bench_plan_of(state)->scale, .lossy = true};
    if (bl_veth_open(&veth, err)) {
        way.netns = veth.netns;
        snprintf(way.port, sizeof(way.port), "dpdk:%s0,iface=%s", c->driver, bl_veth_interface(0));
        snprintf(way.vdev, sizeof(way.vdev), "%s1,iface=%s", c->driver, bl_veth_interface(1));
        for (unsigned i = 0; i < BL_VETH_CABLES; i++)
            load_to(way.load[i], i, way.nodes, &words[i]);
        bl_receiver_compare_run(state, &way, c->rival);
    } else {
        bl_bench_skip(state, err);
    }
    bl_veth_close(&veth);
}

#define LEAST(must_, hope_) .goal = BL_GOAL_AT_LEAST, .must = (must_), .hope = (hope_)
#define OF(...)                                                                                              \
    .run = run_veth, .arg = &(const struct veth_case)                                                        \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }

static const struct bl_bench_case veth_cases[] = {
    {.name = "af_packet/testpmd",
     .measure = "over af_packet on veth, binary, 10 k nodes / dpdk-testpmd rxonly",
     LEAST(0.95, 0.99),
     OF(.driver = "net_af_packet", .rival = BL_DUEL_TESTPMD)},
    {.name = "af_packet/alone",
     .measure = "the same / receiving alone, in this process",
     .slow = true,
     OF(.driver = "net_af_packet", .rival = BL_DUEL_ALONE)},
    {.name = "af_xdp/testpmd",
     .measure = "over af_xdp on veth, binary, 10 k nodes / dpdk-testpmd rxonly",
     LEAST(0.95, 0.99),
     OF(.driver = "net_af_xdp", .rival = BL_DUEL_TESTPMD)},
    {.name = "af_xdp/alone",
     .measure = "the same / receiving alone, in this process",
     .slow = true,
     OF(.driver = "net_af_xdp", .rival = BL_DUEL_ALONE)},
};

void bl_bench_veth_cases(void)
{
    for (unsigned i = 0; i < sizeof(veth_cases) / sizeof(veth_cases[0]); i++)
        bl_bench_register(&veth_cases[i]);
}
