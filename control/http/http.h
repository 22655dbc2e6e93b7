/* SPDX-License-Identifier: Apache-2.0 */
/* http: the HTTP server, libmicrohttpd inside the api thread's own loop:
 * it starts no thread and sleeps nowhere. The server nests bl_http_fd
 * into its epoll and calls bl_http_turn each turn.
 *
 * routes.h lists what is served, request.h is the handlers' manual,
 * exchange.h is what stands between them and libmicrohttpd.
 *
 * A slow client costs its own buffers (32 KiB, and a piece of what it is
 * being sent) and nobody's time: answers are made as they are taken. Who
 * takes too long to send a request is put out; connections are limited
 * in all and per address, bodies and headers in size.
 *
 * Threads: main creates, the api thread turns, main frees after that
 * thread has ended. */
#pragma once

#include "control/config/config.h"
#include "control/model/context.h"
#include "engine/base/err.h"

struct bl_http;

/* Binds every address of config->http_listen. NULL: with err; with none
 * configured too, and err is "". `api` outlives it. */
struct bl_http *bl_http_new(struct bl_api *api, const struct bl_config *config, char err[BL_ERR_BYTES]);
void bl_http_free(struct bl_http *h);

/* Readable when there is something to do. */
int bl_http_fd(const struct bl_http *h);

/* Does what there is to do, in at most some 10 ms. */
void bl_http_turn(struct bl_http *h) BL_ON_API;

/* How long the loop may sleep, at most `most_ms`. */
int bl_http_sleep_ms(const struct bl_http *h, int most_ms);
