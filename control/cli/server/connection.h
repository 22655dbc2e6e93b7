/* SPDX-License-Identifier: Apache-2.0 */
/* connection: one client: its request as it comes in, its call, and the
 * frames on their way out. Knows the socket, not the event loop.
 *
 *   reading   up to a newline, or the end of what it sends
 *   running   the command writes a piece when the last one is gone
 *   ending    the exit code is in the buffer; gone when that is
 *
 * Threads: the api thread alone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/cli/server/cli_request.h"

struct json_t;

enum bl_connection_phase { BL_CONNECTION_READING, BL_CONNECTION_RUNNING, BL_CONNECTION_ENDING };

/* A client that sends no whole request, or takes nothing of what waits
 * for it, for this long is gone. */
#define BL_REQUEST_NS UINT64_C(10000000000)
#define BL_STALL_NS   UINT64_C(60000000000)

struct bl_connection {
    int fd;
    enum bl_connection_phase phase;
    enum bl_step step;
    uint64_t progress_ns; /* when bytes last went in or out, or nothing had to */
    uint64_t event_seen;  /* history.next when the command last ran */
    struct bl_text request;
    struct json_t *words; /* jansson: holds the strings of argv */
    char **argv;
    struct bl_cli_request call;
    struct bl_text wire; /* frames */
    size_t sent;         /* of wire */
    bool writes;         /* the event loop waits until it can write */
    bool asking;         /* control has a command of ours */
};

/* NULL: out of memory; fd stays the caller's. */
struct bl_connection *bl_connection_new(int fd, struct bl_api *api);
/* Closes fd; a command in the middle is ended. */
void bl_connection_free(struct bl_connection *c);

/* There is something to read. False: the client is gone. */
bool bl_connection_read(struct bl_connection *c) BL_ON_API;

/* One turn: sends what waits, lets the command write its next piece,
 * sends that. False: all is said, or the client is gone: free it. */
bool bl_connection_turn(struct bl_connection *c) BL_ON_API;

/* Whether a turn would do something now. */
bool bl_connection_ready(const struct bl_connection *c);

static inline bool bl_connection_unsent(const struct bl_connection *c)
{
    return c->sent < c->wire.len;
}
