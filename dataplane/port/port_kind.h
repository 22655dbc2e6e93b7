/* SPDX-License-Identifier: Apache-2.0 */
/* port_kind: what port.c and the kinds of ports share. A kind is a file
 * port_KIND.c whose struct begins with a struct bl_port, with the
 * functions below, and a branch in each function at the end of port.c. The contract of
 * each function is port.h's; the thread is the one named there. */
#pragma once

#include "dataplane/port/port.h"
#include "engine/base/err.h"

struct bl_port {
    struct bl_port_spec spec;
    char note[BL_PORT_NOTE_BYTES]; /* main, while it opens */
};

/* Writes "port SPEC: WHAT" to err, cut where it does not fit. Returns
 * -code, for `return bl_port_fail(...)`. */
int bl_port_fail(char err[BL_ERR_BYTES], const char *spec, int code, const char *what, ...)
    __attribute__((format(printf, 4, 5)));

struct bl_port *bl_port_socket_open(const struct bl_port_spec *s, char err[BL_ERR_BYTES]);
void bl_port_socket_close(struct bl_port *p);
unsigned bl_port_socket_receive(struct bl_port *p, unsigned queue, struct bl_burst *burst,
                                struct bl_counters *c) BL_ON_WORKER;
void bl_port_socket_wait(struct bl_port *p, unsigned queue, int timeout_ms) BL_ON_WORKER;
bool bl_port_socket_link_up(struct bl_port *p) BL_ON_PORT_WATCH;
uint64_t bl_port_socket_missed(struct bl_port *p) BL_ON_PORT_WATCH;

struct bl_port *bl_port_dpdk_open(const struct bl_port_spec *s, uint16_t udp_port, char err[BL_ERR_BYTES]);
void bl_port_dpdk_close(struct bl_port *p);
unsigned bl_port_dpdk_receive(struct bl_port *p, unsigned queue, struct bl_burst *burst,
                              struct bl_counters *c) BL_ON_WORKER;
void bl_port_dpdk_release(struct bl_burst *burst) BL_ON_WORKER;
bool bl_port_dpdk_link_up(struct bl_port *p) BL_ON_PORT_WATCH;
uint64_t bl_port_dpdk_missed(struct bl_port *p) BL_ON_PORT_WATCH;
