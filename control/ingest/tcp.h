/* SPDX-License-Identifier: Apache-2.0 */
/* tcp: lines of text over connections, as lovebeat takes them: the same
 * grammar as a datagram of text (wire/text.h), LF or CRLF, the last line
 * with or without. A line over 64 KiB ends its connection. Never a reply.
 *
 * The beats go into the api thread's own worker. What a datagram cannot
 * have, a connection has: where the worker's table or its ring to control
 * has no room for all that the next piece may hold, it is left in the
 * socket until they have, BL_TCP_WAIT_NS at the longest. So a fleet that
 * registers itself over a connection loses no node and no setting.
 *
 * Fairness: a turn takes at most BL_LINES_READ bytes of a connection and
 * BL_TCP_TURN connections, those that waited longest first; everybody
 * else's work is done between two turns.
 *
 * Threads: main opens and frees; the api thread does the rest. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/net/listen.h"
#include "dataplane/worker/worker.h"
#include "engine/base/err.h"

#define BL_TCP_TURN    32u                  /* connections served in a turn: 0.5 MiB, some 2 ms */
#define BL_TCP_WAIT_NS UINT64_C(1000000000) /* for room; then the worker drops, and counts */

struct bl_tcp;

/* What has become of an address's connections so far. */
struct bl_tcp_stats {
    char address[BL_LISTEN_TEXT]; /* as bound */
    uint32_t connections;         /* open now */
    uint64_t accepted, refused;   /* refused: beyond the limit, or no file or memory left */
    uint64_t idle, too_long;      /* closed by us: silent for too long; a line over 64 KiB */
    uint64_t reset;               /* broken off by the client; a line without its end is lost */
    uint64_t bytes, beats, settings;
};

/* Listens on each of the addresses; NULL with err. An empty list is fine:
 * then it never has anything to do. */
struct bl_tcp *bl_tcp_new(const struct bl_listen_list *listen, struct bl_worker *worker,
                          char err[BL_ERR_BYTES]);
/* Closes all of it. NULL is fine. */
void bl_tcp_free(struct bl_tcp *t);

/* To sleep on: an edge says that a turn has work. */
int bl_tcp_fd(const struct bl_tcp *t);

enum bl_tcp_next { BL_TCP_SLEEP, BL_TCP_SOON, BL_TCP_NOW };

/* A turn: new connections, bytes, the end of silent ones. The limits are
 * the config's, and may change. When to call again: when the fd says so,
 * in a millisecond, at once. */
enum bl_tcp_next bl_tcp_turn(struct bl_tcp *t, uint32_t connections, uint32_t idle_ms, uint64_t now_ns)
    BL_ON_WORKER;

/* Of the i-th address; false: there are fewer. The api thread. */
bool bl_tcp_stats(const struct bl_tcp *t, unsigned i, struct bl_tcp_stats *out);
