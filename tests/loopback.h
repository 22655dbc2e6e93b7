/* SPDX-License-Identifier: Apache-2.0 */
/* loopback: the other end of what is tested, on this machine: receivers
 * on 127.0.0.1 and on Unix sockets, and a sender to a UDP port. A socket
 * that cannot be had fails the test. The caller closes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nothing here takes this long; it ends a test that hangs. */
#define LOOPBACK_PATIENCE_MS 20000

/* A UDP socket on 127.0.0.1; *port 0: any, filled in. Its receive buffer
 * is as large as there may be. */
int loopback_udp(uint16_t *port);
/* The same, listening for TCP connections. */
int loopback_tcp(uint16_t *port);
/* A datagram socket at `path`, which is unlinked first. */
int loopback_unix(const char *path);

/* A UDP socket that sends to 127.0.0.1:`port`. */
int loopback_sender(uint16_t port);

/* Something comes within `wait_ms`: a datagram, bytes, a connection. */
bool loopback_readable(int fd, int wait_ms);

/* Waits for the next datagram, writes it to `out` with a 0 behind it and
 * returns its length, at most `bytes` - 1. */
size_t loopback_receive(int fd, void *out, size_t bytes);
