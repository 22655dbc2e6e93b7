/* SPDX-License-Identifier: Apache-2.0 */
#include "control/import/lovebeat.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "control/import/gz_lines.h"
#include "control/import/lovebeat_line.h"

_Static_assert(BL_ERR_BYTES >= BL_ERR_BYTES, "one buffer takes what either says");

/* ---- views, as the config has them --------------------------------------------- */

/* Of a view whose pattern lovebeat's config has, nothing but the name. */
static void add_comment(struct bl_text *comments, const struct bl_lovebeat_record *r)
{
    bool alarm = r->kind == BL_LOVEBEAT_ALARM;
    struct bl_json j;

    bl_text_printf(comments, alarm ? "# alarm " : "# view ");
    bl_json_begin(&j, comments); /* a name may hold anything */
    bl_json_string(&j, NULL, r->name);
    bl_text_printf(comments, ": its pattern is in lovebeat.cfg, [[%s]]\n", alarm ? "alarms" : "views");
}

/* A flow mapping: JSON is YAML. */
static void add_entry(struct bl_text *yaml, const struct bl_lovebeat_record *r)
{
    struct bl_json j;

    bl_text_printf(yaml, yaml->len == 0 ? "views:\n  - " : "  - ");
    bl_json_begin(&j, yaml);
    bl_json_object(&j, NULL);
    bl_json_string(&j, "name", r->name);
    bl_json_string(&j, "regexp", r->regexp);
    bl_json_object_end(&j);
    bl_text_printf(yaml, "\n");
}

/* ---- records ----------------------------------------------------------------------- */

BL_ON_CONTROL static int take_service(const struct bl_lovebeat_import *to, const struct bl_lovebeat_record *r,
                                      struct bl_lovebeat_imported *out)
{
    out->services++;
    out->muted += r->node.state == BL_STATE_PAUSED;
    out->bad += r->node.state == BL_STATE_WARNING || r->node.state == BL_STATE_FAILED;
    out->shortened += r->shortened;
    return bl_fleet_restore(to->fleet, &r->node);
}

BL_ON_CONTROL static int take_view(const struct bl_lovebeat_import *to, const struct bl_lovebeat_record *r,
                                   struct bl_lovebeat_imported *out)
{
    out->views++;
    if (!r->has_regexp)
        add_comment(&out->comments, r);
    else if (strcmp(r->name, "all") != 0) /* which is there without being asked for */
        add_entry(&out->yaml, r);
    return out->yaml.failed || out->comments.failed ? -ENOMEM : bl_views_remember(to->views, &r->view);
}

static const char *lovebeat_refusal(int error)
{
    return error == -ENOSPC   ? "nodes.max of the config is reached; raise it"
           : error == -EEXIST ? "a binary node has this name; remove that one first"
                              : strerror(-error);
}

/* 0 or negative errno with why. */
BL_ON_CONTROL static int take_line(const struct bl_lovebeat_import *to, const struct bl_text *line,
                                   struct bl_lovebeat_imported *out, char *why)
{
    struct bl_lovebeat_record r;
    int error = bl_lovebeat_line_parse(line->data ? line->data : "", line->len, to->now_unix_ms, &r, why);

    if (error)
        return error;
    error = r.kind == BL_LOVEBEAT_SERVICE ? take_service(to, &r, out) : take_view(to, &r, out);
    if (error)
        snprintf(why, BL_ERR_BYTES, "%.100s: %s", r.name, lovebeat_refusal(error));
    return error;
}

int bl_lovebeat_read(const struct bl_lovebeat_import *to, const char *file, struct bl_lovebeat_imported *out,
                     char err[BL_ERR_BYTES])
{
    char why[BL_ERR_BYTES];
    struct bl_gz_lines lines;

    *out = (struct bl_lovebeat_imported){0};
    int r = bl_gz_lines_open(&lines, file, why);
    if (r) {
        snprintf(err, BL_ERR_BYTES, "%.400s: %.500s; nothing is imported", file, why);
        return r;
    }
    while ((r = bl_gz_lines_next(&lines, why)) > 0) {
        r = take_line(to, &lines.line, out, why);
        if (r) {
            snprintf(err, BL_ERR_BYTES, "%.400s: line %" PRIu64 ": %.500s; nothing is imported", file,
                     lines.number, why);
            break;
        }
    }
    if (r && err[0] == '\0')
        snprintf(err, BL_ERR_BYTES, "%.400s: %.500s; nothing is imported", file, why);
    bl_gz_lines_close(&lines);
    return r;
}
