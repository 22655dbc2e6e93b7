/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/config.h"

void bl_config_default_socket(char out[108])
{
    const char *given = getenv("BEATLINE_SOCKET");
    const char *runtime = getenv("XDG_RUNTIME_DIR");

    if (given != NULL && given[0] != '\0')
        snprintf(out, 108, "%s", given);
    else if (geteuid() == 0)
        snprintf(out, 108, "/run/beatline/beatline.sock");
    else if (runtime != NULL && runtime[0] == '/')
        snprintf(out, 108, "%s/beatline.sock", runtime);
    else
        snprintf(out, 108, "/tmp/beatline-%u/beatline.sock", (unsigned)geteuid());
}
