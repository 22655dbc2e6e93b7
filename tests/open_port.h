/* SPDX-License-Identifier: Apache-2.0 */
/* open_port: ports from the text of `--port`, as the daemon opens them.
 * Control's thread; the caller closes. */
#pragma once

#include "dataplane/port/port.h"
#include "engine/base/err.h"

/* `udp_port`: where beats go on a port that takes frames. NULL, with a
 * reason, where the text or the device is refused. */
struct bl_port *open_port(const char *text, uint16_t udp_port, char err[BL_ERR_BYTES]);

/* The same, where being refused fails the test. */
struct bl_port *must_open_port(const char *text, uint16_t udp_port);

/* A socket connected to this socket port on 127.0.0.1. */
int sender_to_port(const struct bl_port *port);

/* For the end of a group that started DPDK. */
int stop_dpdk(void **state);
