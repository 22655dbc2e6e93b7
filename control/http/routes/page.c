/* SPDX-License-Identifier: Apache-2.0 */
/* The page and its files, as control/http/web/embed put them into the program. */
#include <string.h>

#include "control/http/request.h"
#include "control/http/web/files.h"

static void page_serve(struct bl_http_request *r, const char *name)
{
    for (const struct bl_web_file *f = bl_web_files; f->name != NULL; f++) {
        if (strcmp(f->name, name) == 0) {
            bl_http_asset(r, &f->asset);
            return;
        }
    }
    bl_http_problem(r, 404, "/ui/%.100s: no such file; the page is at /", name);
}

static void page(struct bl_http_request *r)
{
    page_serve(r, "index.html");
}

static void page_file(struct bl_http_request *r)
{
    page_serve(r, bl_http_path(r, "file"));
}

/* What of all this there is, for programs. */
static void page_openapi(struct bl_http_request *r)
{
    page_serve(r, "openapi.json");
}

const struct bl_http_ops bl_http_openapi = {.run = page_openapi};
const struct bl_http_ops bl_http_page = {.run = page};
const struct bl_http_ops bl_http_page_file = {.run = page_file};
