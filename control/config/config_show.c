/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/config_items.h"

/* What a key reads in the file: numbers, durations and fixed words
 * plain, text in quotes (JSON's are YAML's). */
static void show_value(struct bl_text *out, const struct bl_config_key *k, const void *base)
{
    struct bl_text value = {0};
    struct bl_json j;

    bl_config_value_text(k, base, &value);
    bl_json_begin(&j, out);
    if (bl_config_shape(k) == BL_SHAPE_QUOTED)
        bl_json_string_n(&j, NULL, value.data != NULL ? value.data : "", value.len);
    else
        bl_text_append(out, value.data, value.len);
    bl_text_free(&value);
}

static void show_names(struct bl_text *out, const struct bl_config_key *k, const void *base)
{
    struct bl_json j;
    const char *name;
    bl_json_begin(&j, out);
    bl_json_array(&j, NULL);
    for (unsigned i = 0; (name = bl_config_name_of(k, base, i)) != NULL; i++) {
        if (name[0] != '\0')
            bl_json_string(&j, NULL, name);
    }
    bl_json_array_end(&j);
}

/* A key's value, whatever its kind, as the file has it. */
static void show_any(struct bl_text *out, const struct bl_config_key *k, const void *base)
{
    if (bl_config_is_list(k))
        show_names(out, k, base);
    else
        show_value(out, k, base);
}

/* The keys of list `k`'s items: the rows below "PATH[].". */
static bool is_item_key(const struct bl_config_key *row, const struct bl_config_key *k)
{
    size_t len = strlen(k->path);
    return strncmp(row->path, k->path, len) == 0 && row->path[len] == '[';
}

static const char *last_word(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot != NULL ? dot + 1 : path;
}

/* ---- YAML ------------------------------------------------------------ */

static void config_show_indent(struct bl_text *out, unsigned levels)
{
    bl_text_printf(out, "%*s", (int)levels * 2, "");
}

/* Opens the sections of `path` that `before` was not in; returns the
 * level of its last word. */
static unsigned open_sections(struct bl_text *out, const char *path, const char *before)
{
    unsigned level = 0;
    bool same = true;
    for (const char *s = path, *dot; (dot = strchr(s, '.')) != NULL; s = dot + 1, level++) {
        size_t end = (size_t)(dot - path) + 1;
        same = same && strncmp(path, before, end) == 0;
        if (same)
            continue;
        if (level == 0)
            bl_text_append(out, "\n", 1);
        config_show_indent(out, level);
        bl_text_printf(out, "%.*s:\n", (int)(dot - s), s);
    }
    return level;
}

static void show_item(struct bl_text *out, const struct bl_config_key *k, const void *item, unsigned level,
                      bool explain)
{
    bool first = true;
    for (size_t i = 0; i < bl_config_key_count; i++) {
        const struct bl_config_key *row = &bl_config_keys[i];
        if (!is_item_key(row, k))
            continue;
        config_show_indent(out, level);
        bl_text_printf(out, "%s%s: ", first ? "- " : "  ", last_word(row->path));
        show_any(out, row, item);
        if (explain)
            bl_text_printf(out, "  # %s", row->sentence);
        bl_text_append(out, "\n", 1);
        first = false;
    }
}

static void show_items(struct bl_text *out, const struct bl_config_key *k, const struct bl_config *c,
                       unsigned level)
{
    const void *item;
    unsigned i = 0;

    for (; (item = bl_config_item(c, k, i)) != NULL; i++) {
        if (i == 0)
            bl_text_append(out, "\n", 1);
        show_item(out, k, item, level + 1, i == 0);
    }
    if (i == 0)
        bl_text_append(out, " []\n", 4);
}

static void show_yaml(const struct bl_config *c, struct bl_text *out)
{
    const char *before = "";

    bl_text_printf(out, "# %s%s\n", c->file != NULL ? "in force, from " : "in force: the defaults, no file",
                   c->file != NULL ? c->file : "");
    for (size_t i = 0; i < bl_config_key_count; i++) {
        const struct bl_config_key *k = &bl_config_keys[i];
        if (strchr(k->path, '[') != NULL)
            continue;
        unsigned level = open_sections(out, k->path, before);
        if (level == 0)
            bl_text_append(out, "\n", 1);
        config_show_indent(out, level);
        bl_text_printf(out, "# %s\n", k->sentence);
        config_show_indent(out, level);
        bl_text_printf(out, "%s:", last_word(k->path));
        before = k->path;
        if (bl_config_is_items(k)) {
            show_items(out, k, c, level);
            continue;
        }
        bl_text_append(out, " ", 1);
        show_any(out, k, c);
        bl_text_append(out, "\n", 1);
    }
}

/* ---- JSON ------------------------------------------------------------ */

static void json_scalar(struct bl_json *j, const char *name, const struct bl_config_key *k, const void *base)
{
    struct bl_text value = {0};
    bl_config_value_text(k, base, &value);
    bl_text_append(&value, "", 1);
    if (value.failed)
        bl_json_null(j, name);
    else if (bl_config_shape(k) == BL_SHAPE_NUMBER)
        bl_json_int(j, name, strtoll(value.data, NULL, 10));
    else if (bl_config_shape(k) == BL_SHAPE_BOOL)
        bl_json_bool(j, name, strcmp(value.data, "true") == 0);
    else
        bl_json_string(j, name, value.data);
    bl_text_free(&value);
}

static void json_line(struct bl_text *out, const char *path, const struct bl_config_key *k, const void *base,
                      const void *defaults)
{
    struct bl_json j;
    bl_json_line_begin(&j, out);
    bl_json_string(&j, "key", path);
    json_scalar(&j, "value", k, base);
    if (defaults != NULL && k->otherwise != NULL)
        json_scalar(&j, "default", k, defaults);
    else
        bl_json_null(&j, "default");
    bl_json_line_end(&j);
}

/* The items of lists of names, as one line each of "ports[0]". */
static void json_names(struct bl_text *out, const char *list, const struct bl_config_key *k, const void *base)
{
    const char *name;
    for (unsigned i = 0, n = 0; (name = bl_config_name_of(k, base, i)) != NULL; i++) {
        if (name[0] == '\0')
            continue;
        char path[96];
        struct bl_json j;
        snprintf(path, sizeof(path), "%s[%u]", list, n++);
        bl_json_line_begin(&j, out);
        bl_json_string(&j, "key", path);
        bl_json_string(&j, "value", name);
        bl_json_null(&j, "default");
        bl_json_line_end(&j);
    }
}

static void json_items(struct bl_text *out, const struct bl_config_key *k, const struct bl_config *c)
{
    const void *item;

    for (unsigned i = 0; (item = bl_config_item(c, k, i)) != NULL; i++) {
        for (size_t n = 0; n < bl_config_key_count; n++) {
            const struct bl_config_key *row = &bl_config_keys[n];
            char path[80];
            if (!is_item_key(row, k))
                continue;
            snprintf(path, sizeof(path), "%.40s[%u].%.20s", k->path, i, last_word(row->path));
            if (bl_config_is_list(row))
                json_names(out, path, row, item);
            else
                json_line(out, path, row, item, NULL);
        }
    }
}

static void show_json(const struct bl_config *c, struct bl_text *out)
{
    char err[BL_ERR_BYTES];
    struct bl_config *defaults = bl_config_load(NULL, err);

    for (size_t i = 0; i < bl_config_key_count; i++) {
        const struct bl_config_key *k = &bl_config_keys[i];
        if (strchr(k->path, '[') != NULL)
            continue;
        if (bl_config_is_items(k))
            json_items(out, k, c);
        else if (bl_config_is_list(k))
            json_names(out, k->path, k, c);
        else
            json_line(out, k->path, k, c, defaults);
    }
    bl_config_free(defaults);
}

void bl_config_show(const struct bl_config *c, struct bl_text *out, bool json)
{
    if (json)
        show_json(c, out);
    else
        show_yaml(c, out);
}
