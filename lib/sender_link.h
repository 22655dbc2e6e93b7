/* SPDX-License-Identifier: Apache-2.0 */
/* sender_link: a sender's way to the daemon: a connected UDP socket that
 * is opened anew, its host looked up again, when it only gives errors.
 *
 * Threads: the sender's. bl_sender_link_send may block in a name lookup
 * when the link is not open, never else. Time is an argument. */
#pragma once

#include <stdint.h>

/* A host that could not be looked up or reached is tried again after
 * this; a link that gives errors only is opened anew, at most this often
 * too. */
#define BL_SENDER_REOPEN_MS UINT64_C(10000)

struct bl_sender_link {
    char host[256];
    char port[6];
    int fd;             /* -1: not open */
    int why;            /* errno, while it is not open */
    uint64_t opened_ms; /* the last attempt; 0: none */
    unsigned errors;    /* in a row */
    unsigned addresses; /* of the host */
    unsigned turn;      /* which of them is tried first */
    uint64_t lookups;   /* any thread reads it, relaxed */
};

/* `now_ms` > 0. 0, or a negative errno: the datagram was not sent
 * (-ECONNREFUSED: it was, but it or an earlier one met a closed port). */
int bl_sender_link_send(struct bl_sender_link *l, const void *data, uint32_t len, uint64_t now_ms);
void bl_sender_link_close(struct bl_sender_link *l);
