/* SPDX-License-Identifier: Apache-2.0 */
/* veth: two cables in a network namespace of our own, from a kernel
 * socket's end to one that a port takes frames off. Needs root and `ip`.
 *
 * The namespace has no name: it, and the cables in it, are gone with the
 * last process that is in it or has it open, whichever way that ends.
 *
 * The receiving ends have no address, so that the kernel itself answers
 * nothing; what it gets besides us it drops. Main thread. */
#pragma once

#include <stdbool.h>

#include "dataplane/port/port.h"
#include "engine/base/err.h"

#define BL_VETH_CABLES 2u

struct bl_veth {
    int netns; /* the namespace, open; -1: none */
};

/* False with err. */
bool bl_veth_open(struct bl_veth *v, char err[BL_ERR_BYTES]);
void bl_veth_close(struct bl_veth *v);

/* Of cable 0 or 1: the interface to receive on, and the address to send
 * to, which is behind it. */
const char *bl_veth_interface(unsigned cable);
const char *bl_veth_address(unsigned cable);

/* The calling thread's sockets are of the namespace until leave; -1: does
 * nothing. enter returns what leave wants. */
int bl_netns_enter(int netns);
void bl_netns_leave(int home);
