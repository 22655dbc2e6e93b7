/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a pattern, a view's name, then names of nodes, a line each. A
 * pattern without variables is a glob; what a pattern says of a name that
 * matches holds for it. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "control/match/glob.h"
#include "control/match/pattern.h"
#include "engine/base/beat.h"
#include "tests/fuzz/fuzz.h"

static void check_captures(const struct bl_pattern *p, const char *name, const struct bl_capture *captures)
{
    for (unsigned i = 0; i < bl_pattern_variables(p); i++) {
        const struct bl_capture *c = &captures[i];
        assert(c->len > 0 && c->at >= name && c->at + c->len <= name + strlen(name));
        assert(memchr(c->at, '.', c->len) == NULL);
    }
}

/* Where it belongs. */
static bool has_piece(const char *name, const struct bl_pattern_piece *piece)
{
    size_t len = strlen(name);

    if (len < piece->len || (piece->first && piece->last && len > piece->len))
        return false;
    if (piece->first)
        return memcmp(name, piece->at, piece->len) == 0;
    if (piece->last)
        return memcmp(name + len - piece->len, piece->at, piece->len) == 0;
    return piece->len == 0 || memmem(name, len, piece->at, piece->len) != NULL;
}

static void check_pieces(const struct bl_pattern *p, const char *name, bool is_match)
{
    struct bl_pattern_piece piece;
    bool has_all = true;

    for (unsigned i = 0; bl_pattern_piece(p, i, &piece); i++) {
        has_all = has_all && has_piece(name, &piece);
    }
    assert(!is_match || has_all);
    assert(is_match || !bl_pattern_is_plain(p) || !has_all);
}

static void check_view(const struct bl_pattern *p, const char *view, const struct bl_capture *captures)
{
    char missing[BL_PATTERN_MAX + 1], out[BL_NAME_MAX + 1] = "";

    if (!bl_pattern_has_all(p, view, missing))
        return;
    int len = bl_pattern_expand(p, view, captures, out, sizeof(out));
    if (len < 0)
        return;
    assert(len > 0 && strlen(out) == (size_t)len);
    assert(bl_pattern_is_template(view) || strcmp(view, out) == 0);
}

static void check_name(const struct bl_pattern *p, const char *pattern, const char *view, const char *name)
{
    struct bl_capture captures[BL_PATTERN_VARIABLES];
    bool is_match = bl_pattern_match(p, name, captures);

    assert(bl_pattern_match(p, name, NULL) == is_match);
    if (bl_pattern_variables(p) == 0)
        assert(bl_glob_match(pattern, name) == is_match);
    check_pieces(p, name, is_match);
    if (!is_match)
        return;
    check_captures(p, name, captures);
    check_view(p, view, captures);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *rest = text, why[BL_ERR_BYTES] = "", *name;
    memcpy(text, data, size);
    text[size] = '\0';

    const char *pattern = strsep(&rest, "\n"), *view = strsep(&rest, "\n");
    struct bl_pattern *p = bl_pattern_new(pattern, why);
    assert((p == NULL) == (why[0] != '\0') && strnlen(why, sizeof(why)) < sizeof(why));
    while (p != NULL && (name = strsep(&rest, "\n")) != NULL) {
        if (strlen(name) <= BL_NAME_MAX)
            check_name(p, pattern, view, name);
    }
    bl_pattern_free(p);
    free(text);
    return 0;
}
