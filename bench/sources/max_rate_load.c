/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/sources/max_rate_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "bench/load/load_out.h"
#include "bench/sources/mbufs.h"

#define LINK_NS UINT64_C(20000000000)

static const char *value_of(int argc, char **argv, const char *option)
{
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], option, strlen(option)) == 0)
            return argv[i] + strlen(option);
    return NULL;
}

bool bl_max_rate_load_asked(int argc, char **argv)
{
    return value_of(argc, argv, "--blast=") != NULL;
}

static void send_forever(uint16_t port, struct rte_mempool *pool, const struct bl_traffic *t)
{
    struct bl_cursor cursor = {.pass = 1};
    struct rte_mbuf *m[BL_LOAD_BURST];
    for (;;) {
        if (!bl_mbufs_take(pool, t, &cursor, m, BL_LOAD_BURST))
            continue; /* all in the driver's hands */
        for (unsigned sent = 0; sent < BL_LOAD_BURST;)
            sent += rte_eth_tx_burst(port, 0, m + sent, (uint16_t)(BL_LOAD_BURST - sent));
    }
}

int bl_max_rate_load_main(int argc, char **argv)
{
    static struct bl_load_out out;
    static struct bl_traffic traffic;
    static const volatile int stop;
    char to[256], name[RTE_ETH_NAME_MAX_LEN];
    const char *device = value_of(argc, argv, "--blast="), *nodes = value_of(argc, argv, "--nodes=");
    uint64_t count = nodes ? strtoull(nodes, NULL, 10) : 1000000;
    uint16_t port;
    snprintf(to, sizeof(to), "dpdk:%s", device);
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(device, ","), device);
    const struct bl_load_wire wire = {.format = BL_LOAD_BINARY, .per_datagram = 1};
    const struct bl_load_out_config c = {
        .to = to, .flows = 1, .wait_ns = LINK_NS, .program = argv[0], .stop = &stop};
    if (bl_load_out_open(&out, &wire, &c) != 0) {
        fprintf(stderr, "beatline-bench: %s\n", out.err);
        return 1;
    }
    bool ready = rte_eth_dev_get_port_by_name(name, &port) == 0 &&
                 bl_traffic_init(&traffic, BL_SHAPE_BINARY, count, false);
    struct rte_mempool *pool = ready ? bl_mbufs_new("blast", &traffic) : NULL;
    if (!pool) {
        fprintf(stderr, "beatline-bench: --blast: no memory\n");
        return 1;
    }
    send_forever(port, pool, &traffic);
    return 0;
}
