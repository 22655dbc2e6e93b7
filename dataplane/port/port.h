/* SPDX-License-Identifier: Apache-2.0 */
/* port: where packets come from: a kernel UDP socket or a DPDK ethdev.
 * Both hand batches of UDP payloads to the same worker code.
 *
 *   socket:ADDR:PORT[,workers=N][,rcvbuf=BYTES]
 *        a kernel UDP socket per worker (SO_REUSEPORT), recvmmsg.
 *        ADDR is IPv4 or [IPv6], no host name; [::] takes IPv4, too,
 *        unless another port has an IPv4 address with the same PORT.
 *        PORT 0: any free one. rcvbuf: 8 MiB; beyond net.core.rmem_max
 *        only with CAP_NET_ADMIN. No privilege needed.
 *   dpdk:DEVARGS[,queues=N]
 *        any ethdev of DPDK: a PCI address, or a vdev such as
 *        net_af_packet0,iface=eth1; with its bus in front (vdev:net_null0)
 *        or in layers (bus=vdev,name=net_null0), as DPDK takes them.
 *        queues=N is ours: RX queues, one worker each; net_vhost and
 *        virtio_user, which have an option of that name, get it too. The
 *        rest goes to DPDK untouched.
 *
 * Threads: main opens and closes; each queue's receive and release are
 * its worker's alone; link and missed are one thread's that may wait for
 * a driver (control/core/port_watch.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/base/counters.h"
#include "dataplane/wire/decode.h"
#include "engine/base/beat.h"
#include "engine/base/err.h"
#include "engine/base/role.h"

enum bl_port_kind { BL_PORT_SOCKET, BL_PORT_DPDK };

#define BL_PORT_QUEUES_MAX   128u                /* BL_TABLES_MAX: a worker and a table each */
#define BL_PORT_RCVBUF_BYTES (UINT32_C(8) << 20) /* 40 ms of a million small datagrams a second */

/* A parsed port specification; plain value. */
struct bl_port_spec {
    char text[512]; /* as given, for messages */
    enum bl_port_kind kind;
    char device[480];  /* dpdk: devargs; socket: address */
    char name[64];     /* dpdk: the device's, without bus and arguments; a PCI address as given */
    uint16_t udp_port; /* socket: bound port; dpdk: the config's udp_port */
    uint16_t queues;   /* workers */
    uint32_t rcvbuf_bytes;
    bool ipv6_alone; /* socket on [::]: leaves IPv4 to another port */
};

/* 0, or -EINVAL with the reason and the mend in err. */
int bl_port_spec_parse(struct bl_port_spec *s, const char *text, char err[BL_ERR_BYTES]);

/* Of the `count` ports of one daemon: who takes IPv4 where [::] and an
 * IPv4 address have the same UDP port (ipv6_alone). */
void bl_port_specs_share(struct bl_port_spec *s, unsigned count);

struct bl_port;

/* Opens sockets or configures and starts the ethdev (bl_eal_start came
 * before). NULL: err says what failed, why, and what to do. */
struct bl_port *bl_port_open(const struct bl_port_spec *s, uint16_t udp_port, char err[BL_ERR_BYTES]);
void bl_port_close(struct bl_port *p);

/* As opened: udp_port and rcvbuf_bytes are what the kernel gave. */
const struct bl_port_spec *bl_port_spec_of(const struct bl_port *p);

#define BL_PORT_NOTE_BYTES 256
/* What its opener should tell people of a port that works, but not
 * wholly; "": nothing. */
const char *bl_port_note(const struct bl_port *p);

/* Packets asked of a driver, datagrams of a socket, in one call: a take. */
#define BL_PORT_TAKE 64u

/* Packets that a worker has of its port. */
struct bl_burst {
    struct bl_payload payload[BL_PORT_TAKE]; /* of the last take, to parse; data NULL: dropped and counted */
    uint16_t packets;                        /* to release, dropped ones included */
    void *buffer[BL_BURST];                  /* the port's own, of those */
};

/* Receives up to BL_PORT_TAKE packets of queue `queue`, decoded down to
 * UDP payloads; counts packets, bytes and what it drops. Does not wait.
 * Returns how many, whose payloads are from burst->payload[0] on; their
 * buffers come after those not released yet, of which there may be
 * BL_BURST - BL_PORT_TAKE, and none if the port sleeps. */
unsigned bl_port_receive(struct bl_port *p, unsigned queue, struct bl_burst *burst, struct bl_counters *c)
    BL_ON_WORKER;
/* Gives the burst's buffers back. */
void bl_port_release(struct bl_port *p, unsigned queue, struct bl_burst *burst) BL_ON_WORKER;

/* Sleeps until there is something to receive or `timeout_ms` are over;
 * returns at once on ports that are polled. Call RCU-offline. */
void bl_port_wait(struct bl_port *p, unsigned queue, int timeout_ms) BL_ON_WORKER;
/* Whether an idle worker should sleep in bl_port_wait (sockets). */
bool bl_port_sleeps(const struct bl_port *p);

/* Link state, and packets the port itself had to drop since it was
 * opened (NIC: imissed + rx_nombuf; socket: the kernel's count for it).
 * The link of a socket is up while packets from outside can reach its
 * address: link_watch.h says when. May take as long as the driver, or the
 * kernel, pleases. */
bool bl_port_link_up(struct bl_port *p) BL_ON_PORT_WATCH;
uint64_t bl_port_missed(struct bl_port *p) BL_ON_PORT_WATCH;
