/* SPDX-License-Identifier: Apache-2.0 */
/* port_watch: a thread for each port that asks whoever knows, a DPDK
 * driver or the kernel, whether the port has link and what it dropped.
 * Such a call usually takes microseconds, but a card that died can hold
 * it for a minute, a virtual function waits for its host, and the kernel
 * for the lock that some other driver holds. Neither control nor another
 * port's watch nor a grace period waits for it.
 *
 * Control asks for a look and reads the answer some turns later; how long
 * it has been waiting it knows itself.
 *
 * Threads: its own, which no other call into the port meets but its
 * workers'; new, end and free are main's, ask and answer control's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/port/port.h"

struct bl_port_watch;

struct bl_port_look {
    bool link_up;
    uint64_t missed; /* packets that the port itself had to drop since it was opened */
};

/* How a port is looked at: on the watch's thread, and it may block. */
typedef void bl_port_look_at(struct bl_port *port, struct bl_port_look *look);
/* With bl_port_link_up and bl_port_missed. */
bl_port_look_at bl_port_look_at_driver;

/* Starts the thread. NULL: no memory, or no thread. */
struct bl_port_watch *bl_port_watch_new(struct bl_port *port, bl_port_look_at *look_at);

/* Asks for one look; the one before was answered. */
void bl_port_watch_ask(struct bl_port_watch *w) BL_ON_CONTROL;
/* The last look, link up before the first. Returns whether what was asked
 * is answered; always so while nothing was. */
bool bl_port_watch_answer(const struct bl_port_watch *w, struct bl_port_look *look) BL_ON_CONTROL;

/* Tells the thread to end. */
void bl_port_watch_end(struct bl_port_watch *w);
/* Whether it has, waiting `wait_ms` for it at most: false while it is in
 * a call that does not return. */
bool bl_port_watch_has_ended(struct bl_port_watch *w, unsigned wait_ms);
/* Ends it, waits for that without limit, and frees it. NULL is fine. */
void bl_port_watch_free(struct bl_port_watch *w);
