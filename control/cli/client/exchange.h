/* SPDX-License-Identifier: Apache-2.0 */
/* exchange: one request to the daemon and the copying of its answer
 * (frames of api/server.h) to stdout and stderr. Blocks. */
#pragma once

#include <stddef.h>

#include "engine/base/err.h"

#define BL_SOCKET_PATH 108

/* Returns the exit code. why is "" or says what went wrong on the way,
 * for the caller to tell. A stdout that nobody reads any more ends it
 * with code 0. */
int bl_exchange(const char *path, const char *request, size_t len, char why[BL_ERR_BYTES]);
