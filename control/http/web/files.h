/* SPDX-License-Identifier: Apache-2.0 */
/* files: the web page in the program itself. The sources beside this
 * file are the page; `embed` turns them into the array when beatline is
 * built, each as it is and compressed. Constant; any thread. */
#pragma once

#include "control/http/request.h"

struct bl_web_file {
    const char *name; /* "index.html"; NULL ends the list */
    struct bl_http_asset asset;
};

extern const struct bl_web_file bl_web_files[];
