/* SPDX-License-Identifier: Apache-2.0 */
#include "control/net/socket_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void bl_socket_path_default(char out[BL_SOCKET_PATH_BYTES])
{
    const char *given = getenv("BEATLINE_SOCKET");
    const char *runtime = getenv("XDG_RUNTIME_DIR");

    if (given != NULL && given[0] != '\0')
        snprintf(out, BL_SOCKET_PATH_BYTES, "%s", given);
    else if (geteuid() == 0)
        snprintf(out, BL_SOCKET_PATH_BYTES, "/run/beatline/beatline.sock");
    else if (runtime != NULL && runtime[0] == '/')
        snprintf(out, BL_SOCKET_PATH_BYTES, "%s/beatline.sock", runtime);
    else
        snprintf(out, BL_SOCKET_PATH_BYTES, "/tmp/beatline-%u/beatline.sock", (unsigned)geteuid());
}
