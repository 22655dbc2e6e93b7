/* SPDX-License-Identifier: Apache-2.0 */
#include "control/config/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "control/config/config_items.h"
#include "control/text/duration.h"
#include "engine/table/table.h"

#define ERRORS_MAX 10u
#define FILE_MAX   ((size_t)1024 * 1024) /* a config is some KiB; this is a mistake */
#define PATH_BYTES 160

/* Where one file is read into one config. */
struct reader {
    const char *file;
    yaml_document_t doc;
    struct bl_config *config;
    char *err;
    size_t err_len;
    unsigned errors;
};

/* A mapping's place: as people write it ("notify.webhook[0]"), as the
 * schema writes it ("notify.webhook[]"), and where its values go. */
struct place {
    char path[PATH_BYTES], schema[PATH_BYTES];
    void *base;
};

/* Adds one error line; lines that do not fit are left out whole. */
static void config_fail(struct reader *r, const yaml_mark_t *at, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void config_fail(struct reader *r, const yaml_mark_t *at, const char *path, const char *format, ...)
{
    char line[BL_ERR_BYTES], why[BL_ERR_BYTES / 2];
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    int len = snprintf(line, sizeof(line), "%s%s:%zu:%zu: %s: %s", r->err_len > 0 ? "\n" : "", r->file,
                       at->line + 1, at->column + 1, path, why);
    if (r->errors++ >= ERRORS_MAX || len < 0)
        return;
    size_t bytes = (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1;
    if (r->err_len > 0 && r->err_len + bytes >= BL_ERR_BYTES)
        return;
    memcpy(r->err + r->err_len, line, bytes + 1);
    r->err_len += bytes;
}

static bool is_full(const struct reader *r)
{
    return r->errors >= ERRORS_MAX;
}

static const char *kind_of(const yaml_node_t *n)
{
    return n->type == YAML_SEQUENCE_NODE  ? "a list"
           : n->type == YAML_MAPPING_NODE ? "a mapping"
                                          : "one value";
}

static bool is_null(const yaml_node_t *n)
{
    const char *v = (const char *)n->data.scalar.value;
    return n->type == YAML_SCALAR_NODE && n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (v[0] == '\0' || strcmp(v, "~") == 0 || strcmp(v, "null") == 0);
}

/* ---- values ---------------------------------------------------------- */

static void read_mapping(struct reader *r, const yaml_node_t *node, const struct place *at);

static void read_scalar(struct reader *r, const yaml_node_t *node, const char *path,
                        const struct bl_config_key *k, void *base)
{
    char why[BL_ERR_BYTES];

    if (node->type != YAML_SCALAR_NODE) {
        config_fail(r, &node->start_mark, path, "expected one value, got %s; write %s: VALUE", kind_of(node),
                    strrchr(path, '.') != NULL ? strrchr(path, '.') + 1 : path);
        return;
    }
    const char *text = (const char *)node->data.scalar.value;
    if (is_null(node))
        config_fail(r, &node->start_mark, path,
                    "has no value; give one, or leave the key out for the default");
    else if (strlen(text) != node->data.scalar.length)
        config_fail(r, &node->start_mark, path, "has a NUL byte in it; remove it");
    else if (bl_config_set(k, base, text, why) != 0)
        config_fail(r, &node->start_mark, path, "%s", why);
}

/* A list in the file replaces the default's items. `base`: of its row. */
static void clear_list(struct bl_config *c, const struct bl_config_key *k, void *base)
{
    if (bl_config_is_items(k))
        bl_config_clear_items(c, k);
    else
        bl_config_free_value(k, base);
}

/* An item of a list of mappings: its keys, and those it must have. */
static void read_item(struct reader *r, const yaml_node_t *node, const char *path,
                      const struct bl_config_key *k)
{
    char why[BL_ERR_BYTES];
    struct place at;

    if (node->type != YAML_MAPPING_NODE) {
        config_fail(r, &node->start_mark, path, "expected a mapping, got %s; write {%s}", kind_of(node),
                    bl_config_item_example(k));
        return;
    }
    at.base = bl_config_add_item(r->config, k, why);
    if (at.base == NULL) {
        config_fail(r, &node->start_mark, path, "%s", why);
        return;
    }
    snprintf(at.path, sizeof(at.path), "%s", path);
    snprintf(at.schema, sizeof(at.schema), "%s[]", k->path);
    unsigned before = r->errors;
    read_mapping(r, node, &at);
    const char *lack = r->errors == before ? bl_config_item_lacks(r->config, k, at.base, why) : NULL;
    if (lack != NULL)
        config_fail(r, &node->start_mark, path, "%s", lack);
}

static void read_list(struct reader *r, const yaml_node_t *node, const char *path,
                      const struct bl_config_key *k, void *base)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        const char *name = strrchr(path, '.') != NULL ? strrchr(path, '.') + 1 : path;
        config_fail(r, &node->start_mark, path, "expected a list, got %s; write %s: [...]",
                    is_null(node) ? "nothing" : kind_of(node), name);
        return;
    }
    clear_list(r->config, k, base);
    unsigned i = 0;
    for (const yaml_node_item_t *item = node->data.sequence.items.start;
         item < node->data.sequence.items.top && !is_full(r); item++, i++) {
        char item_path[PATH_BYTES];
        snprintf(item_path, sizeof(item_path), "%.140s[%u]", path, i);
        const yaml_node_t *value = yaml_document_get_node(&r->doc, *item);
        if (bl_config_is_items(k))
            read_item(r, value, item_path, k);
        else
            read_scalar(r, value, item_path, k, base);
    }
}

/* "defaults" + "timeout" -> "defaults.timeout". */
static void config_join(char out[PATH_BYTES], const char *prefix, const char *key)
{
    snprintf(out, PATH_BYTES, "%.100s%s%.50s", prefix, prefix[0] != '\0' ? "." : "", key);
}

/* What only shows in all of the defaults. */
static void check_defaults(struct reader *r, const yaml_node_t *defaults)
{
    struct bl_thresholds t = bl_policy_thresholds(&r->config->defaults, 0);
    char warning[BL_DURATION_TEXT], failed[BL_DURATION_TEXT];

    if (t.warning_ticks == BL_THRESHOLD_NEVER || t.warning_ticks <= t.failed_ticks)
        return;
    config_fail(r, &defaults->start_mark, "defaults",
                "a warning after %s would come after failed (after %s), so that nobody saw it; "
                "lower warn, or raise err or timeout",
                bl_duration_text(t.warning_ticks, warning), bl_duration_text(t.failed_ticks, failed));
}

static void read_pair(struct reader *r, const struct place *in, const yaml_node_t *key,
                      const yaml_node_t *value)
{
    struct place at = {.base = in->base};
    const char *name = (const char *)key->data.scalar.value;

    config_join(at.path, in->path, name);
    config_join(at.schema, in->schema, name);
    const struct bl_config_key *k = bl_config_find_key(at.schema);
    if (k != NULL && bl_config_is_list(k)) {
        read_list(r, value, at.path, k, in->base);
    } else if (k != NULL) {
        read_scalar(r, value, at.path, k, in->base);
    } else if (!bl_config_is_section(at.schema)) {
        char what_to_do[200];
        bl_config_key_hint(name, in->schema, what_to_do, sizeof(what_to_do));
        config_fail(r, &key->start_mark, at.path, "unknown key; %s", what_to_do);
    } else if (value->type == YAML_MAPPING_NODE) {
        unsigned before = r->errors;
        read_mapping(r, value, &at);
        if (r->errors == before && strcmp(at.schema, "defaults") == 0)
            check_defaults(r, value);
    } else if (!is_null(value)) {
        /* An empty section is one whose keys are all commented out. */
        config_fail(r, &value->start_mark, at.path,
                    "expected keys with values, got %s; write %s: {KEY: VALUE}", kind_of(value), name);
    }
}

/* The line that gave the same key before `pair`, 0: none. */
static size_t given_before(struct reader *r, const yaml_node_t *mapping, const yaml_node_pair_t *pair,
                           const char *name)
{
    for (const yaml_node_pair_t *p = mapping->data.mapping.pairs.start; p < pair; p++) {
        const yaml_node_t *key = yaml_document_get_node(&r->doc, p->key);
        if (key->type == YAML_SCALAR_NODE && strcmp((const char *)key->data.scalar.value, name) == 0)
            return key->start_mark.line + 1;
    }
    return 0;
}

static void read_mapping(struct reader *r, const yaml_node_t *node, const struct place *at)
{
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top && !is_full(r); p++) {
        const yaml_node_t *key = yaml_document_get_node(&r->doc, p->key);
        if (key->type != YAML_SCALAR_NODE) {
            config_fail(r, &key->start_mark, at->path[0] != '\0' ? at->path : "top level",
                        "a key must be a word, got %s; write KEY: VALUE", kind_of(key));
            continue;
        }
        const char *name = (const char *)key->data.scalar.value;
        size_t line = given_before(r, node, p, name);
        if (line != 0) {
            char path[PATH_BYTES];
            config_join(path, at->path, name);
            config_fail(r, &key->start_mark, path, "given twice, first on line %zu; remove one", line);
            continue;
        }
        read_pair(r, at, key, yaml_document_get_node(&r->doc, p->value));
    }
}

/* ---- the file -------------------------------------------------------- */

/* libyaml tells the byte of bad UTF-8, not its line. */
static yaml_mark_t mark_of_offset(const char *text, size_t offset)
{
    yaml_mark_t m = {.index = offset};
    for (size_t i = 0; i < offset; i++) {
        m.line += text[i] == '\n';
        m.column = text[i] == '\n' ? 0 : m.column + 1;
    }
    return m;
}

static void fail_syntax(struct reader *r, const yaml_parser_t *p, const char *text, size_t len)
{
    const char *problem = p->problem != NULL ? p->problem : "out of memory";
    yaml_mark_t at = p->problem_mark;
    const char *mend = "check indentation, colons and quotes here and on the line above";

    if (p->error == YAML_READER_ERROR) {
        at = mark_of_offset(text, p->problem_offset < len ? p->problem_offset : len);
        mend = "save the file as UTF-8";
    } else if (at.index < len && text[at.index] == '\t') {
        mend = "indent with spaces, not tabs";
    }
    config_fail(r, &at, "YAML", "%s; %s", problem, mend);
}

static void read_document(struct reader *r, yaml_parser_t *p, const char *text, size_t len)
{
    struct place top = {.base = r->config};

    if (!yaml_parser_load(p, &r->doc)) {
        fail_syntax(r, p, text, len);
        return;
    }
    const yaml_node_t *root = yaml_document_get_root_node(&r->doc);
    if (root != NULL && root->type == YAML_MAPPING_NODE)
        read_mapping(r, root, &top);
    else if (root != NULL && !is_null(root))
        config_fail(r, &root->start_mark, "top level", "expected keys with values, got %s; write KEY: VALUE",
                    kind_of(root));
    bool ended = root == NULL;
    yaml_document_delete(&r->doc);
    if (ended || is_full(r))
        return;
    if (!yaml_parser_load(p, &r->doc)) {
        fail_syntax(r, p, text, len);
        return;
    }
    root = yaml_document_get_root_node(&r->doc);
    if (root != NULL)
        config_fail(r, &root->start_mark, "top level", "a second document starts here; keep one");
    yaml_document_delete(&r->doc);
}

/* The file's bytes, NULL with err. */
static char *read_file(const char *file, size_t *len, char err[BL_ERR_BYTES])
{
    char *text = malloc(FILE_MAX + 1);
    FILE *f = fopen(file, "re");

    errno = f == NULL ? errno : 0;
    *len = f != NULL && text != NULL ? fread(text, 1, FILE_MAX + 1, f) : 0;
    if (text == NULL || f == NULL || ferror(f))
        snprintf(err, BL_ERR_BYTES, "%s: cannot be read: %s; give a readable file, or none for the defaults",
                 file, strerror(errno));
    else if (*len > FILE_MAX)
        snprintf(err, BL_ERR_BYTES, "%s: over 1 MiB; this is no config file", file);
    if (f != NULL)
        fclose(f);
    if (err[0] != '\0') {
        free(text);
        return NULL;
    }
    return text;
}

static unsigned read_config(struct bl_config *c, const char *text, size_t len, char err[BL_ERR_BYTES])
{
    struct reader r = {.file = c->file, .config = c, .err = err};
    yaml_parser_t parser;

    if (!yaml_parser_initialize(&parser)) {
        snprintf(err, BL_ERR_BYTES, "%s: out of memory", c->file);
        return 1;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    read_document(&r, &parser, text, len);
    yaml_parser_delete(&parser);
    return r.errors;
}

struct bl_config *bl_config_load(const char *file, char err[BL_ERR_BYTES])
{
    struct bl_config *c = calloc(1, sizeof(*c));
    size_t len = 0;

    err[0] = '\0';
    if (c == NULL || bl_config_set_defaults(c, "") != 0 ||
        (file != NULL && (c->file = strdup(file)) == NULL)) {
        snprintf(err, BL_ERR_BYTES, "config: out of memory");
        bl_config_free(c);
        return NULL;
    }
    if (file == NULL)
        return c;
    char *text = read_file(file, &len, err);
    if (text == NULL || read_config(c, text, len, err) != 0) {
        bl_config_free(c);
        c = NULL;
    }
    free(text);
    return c;
}

void bl_config_free(struct bl_config *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < bl_config_key_count; i++) {
        const struct bl_config_key *k = &bl_config_keys[i];
        if (bl_config_is_items(k))
            bl_config_clear_items(c, k);
        else if (strchr(k->path, '[') == NULL) /* else it is an item's */
            bl_config_free_value(k, c);
    }
    free(c->file);
    free(c);
}
