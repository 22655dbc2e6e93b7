/* SPDX-License-Identifier: Apache-2.0 */
/* socket_path: where the CLI finds the daemon. Any thread; pure but for
 * the environment. */
#pragma once

/* sun_path of a Unix socket's address. */
#define BL_SOCKET_PATH_BYTES 108

/* The socket's path if nobody names one: $BEATLINE_SOCKET; root:
 * /run/beatline/beatline.sock; else $XDG_RUNTIME_DIR/beatline.sock or
 * /tmp/beatline-UID/beatline.sock. Writes into out. */
void bl_socket_path_default(char out[BL_SOCKET_PATH_BYTES]);
