/* SPDX-License-Identifier: Apache-2.0 */
/* listen: the TCP addresses that a server takes connections on, and a
 * socket listening on one. An address is ADDR:PORT: ADDR an IPv4 address
 * or an [IPv6] address, no host name; PORT 0: any free one. [::] takes
 * IPv4, too, unless the list has an IPv4 address with the same PORT. Main
 * opens; who accepts is the opener's choice. */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

#include "dataplane/port/port.h"
#include "engine/base/err.h"

#define BL_LISTEN_MAX  16u /* addresses of a server */
#define BL_LISTEN_TEXT 64  /* "[IPv6]:PORT" */

/* As the config has it; the texts are its own. */
struct bl_listen_list {
    char *at[BL_LISTEN_MAX];
    unsigned count;
};

/* Frees the texts; the list is empty then. */
void bl_listen_clear(struct bl_listen_list *l);
/* Gives `to` copies of the `count` texts instead of its own; false: out
 * of memory. */
bool bl_listen_replace(struct bl_listen_list *to, const char *const *text, unsigned count);

/* Parses ADDR:PORT; false: it is none. `to` NULL: only checks. */
bool bl_listen_parse(const char *text, struct sockaddr_storage *to, socklen_t *len);

/* Whether it is an address that only this machine reaches. */
bool bl_listen_is_loopback(const char *text);

/* A non-blocking socket that listens on address `i` of the list, or
 * negative errno and `SCHEME ADDR:PORT: why; what to do` in err. `bound`:
 * the address it got, which differs from the list's where that has port
 * 0. `scheme` ("tcp", "http") is for the texts. Logs where [::] takes
 * IPv6 alone. */
int bl_listen_open(const char *scheme, const struct bl_listen_list *l, unsigned i, char bound[BL_LISTEN_TEXT],
                   char err[BL_ERR_BYTES]);
