/* SPDX-License-Identifier: Apache-2.0 */
/* port_dpdk: an ethdev, between the files that make it a port:
 *   port_dpdk.c         opens, closes, link and missed
 *   port_dpdk_rx.c      the hot path: receive, release
 *   port_dpdk_kernel.c  what a vdev on a kernel interface (af_packet,
 *                       af_xdp) has that DPDK does not show */
#pragma once

#include <net/if.h>

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "dataplane/port/port_kind.h"

/* The kernel's side of a vdev with iface=: link and drops. */
struct bl_kernel_side {
    char iface[IFNAMSIZ];           /* "": none */
    int if_index;                   /* what the driver's sockets are bound to, whatever its name is now */
    int ask_fd;                     /* for ioctls about iface */
    int socket[BL_PORT_QUEUES_MAX]; /* the driver's packet sockets: its own, not ours to close */
    uint16_t sockets;
    uint64_t missed BL_OWNED_BY(bl_role_port_watch);
};

struct port_dpdk {
    struct bl_port base;
    uint16_t port_id; /* RTE_MAX_ETHPORTS: not yet */
    bool started;
    char name[RTE_DEV_NAME_MAX_LEN];
    struct rte_device *device;
    struct rte_mempool *pool;
    struct bl_kernel_side kernel;
};

/* Main: the iface= of the devargs, if any, and the sockets that the
 * driver has opened on it (after start). */
void bl_kernel_side_open(struct bl_kernel_side *k, const char *devargs);
void bl_kernel_side_find_sockets(struct bl_kernel_side *k);
void bl_kernel_side_close(struct bl_kernel_side *k);

/* The port's watch. Up if there is no iface. An interface that was renamed is the
 * same one; one that was deleted stays down, also when another gets its
 * name: the driver's sockets are not on that. */
bool bl_kernel_side_up(const struct bl_kernel_side *k) BL_ON_PORT_WATCH;
/* Packets that the kernel dropped for want of room in the sockets'
 * rings, as far as the driver does not count them itself. */
uint64_t bl_kernel_side_missed(struct bl_kernel_side *k) BL_ON_PORT_WATCH;
