/* SPDX-License-Identifier: Apache-2.0 */
#include "control/config/views_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/config.h"
#include "control/match/pattern.h"

bool bl_view_configs_are_same(const struct bl_config *a, const struct bl_config *b)
{
    bool same = a->view_count == b->view_count;
    for (unsigned i = 0; same && i < a->view_count; i++)
        same = bl_view_config_is_same(&a->views[i], &b->views[i]);
    return same;
}

struct bl_view_config *bl_view_config_add(struct bl_config *c)
{
    bool full = (c->view_count & (c->view_count - 1)) == 0; /* grown at powers of two */
    if (c->view_count == BL_VIEWS_MAX)
        return NULL;
    if (full) {
        unsigned room = c->view_count > 0 ? c->view_count * 2 : 1;
        struct bl_view_config *grown = realloc(c->views, room * sizeof(*grown));
        if (grown == NULL)
            return NULL;
        c->views = grown;
    }
    c->views[c->view_count] = (struct bl_view_config){0};
    return &c->views[c->view_count++];
}

void bl_view_configs_clear(struct bl_config *c)
{
    for (unsigned i = 0; i < c->view_count; i++)
        bl_view_config_clear(&c->views[i]);
    free(c->views);
    c->views = NULL;
    c->view_count = 0;
}

/* ---- what fits together ---------------------------------------------------------- */

/* Whether each pattern that may decide catches what the name needs. */
static bool catches_all(const struct bl_view_config *v, const char *text, char *why, unsigned bytes)
{
    char missing[BL_PATTERN_MAX + 1], reason[BL_ERR_BYTES];
    struct bl_pattern *p = bl_pattern_new(text, reason);
    bool good = p != NULL && bl_pattern_has_all(p, v->name, missing);

    if (p == NULL)
        snprintf(why, bytes, "%s", reason);
    else if (!good)
        snprintf(why, bytes, "the name needs $%.40s, which the pattern \"%.100s\" has not; add it there",
                 missing, text);
    bl_pattern_free(p);
    return good;
}

static bool has_right_variables(const struct bl_view_config *v, char *why, unsigned bytes)
{
    bool good = true;

    if (!bl_pattern_is_template(v->name))
        return true;
    if (v->regexp[0] != '\0') {
        snprintf(why, bytes, "the name has variables, which a regexp cannot catch; use pattern");
        return false;
    }
    for (unsigned i = 0; good && i < v->includes.count; i++)
        good = catches_all(v, v->includes.item[i], why, bytes);
    return good && (v->pattern[0] == '\0' || catches_all(v, v->pattern, why, bytes));
}

bool bl_view_config_is_good(const struct bl_config *c, const struct bl_view_config *v, char *why,
                            unsigned bytes)
{
    bool globs = v->pattern[0] != '\0' || v->includes.count > 0;

    if (v->name == NULL) {
        snprintf(why, bytes, "has no name; add name: NAME");
        return false;
    }
    if (strcmp(v->name, "all") == 0) {
        snprintf(why, bytes, "all is there without being listed; give this one another name");
        return false;
    }
    if (globs == (v->regexp[0] != '\0')) {
        snprintf(why, bytes,
                 globs ? "has both a regexp and patterns; make it two views"
                       : "says of no node that it is in it; add pattern: GLOB, includes: [GLOB, ...] or "
                         "regexp: REGEXP");
        return false;
    }
    for (const struct bl_view_config *other = c->views; other < v; other++)
        if (other->name != NULL && strcmp(other->name, v->name) == 0) {
            snprintf(why, bytes, "the name %.60s is views[%u]'s; give each its own, or use includes", v->name,
                     (unsigned)(other - c->views));
            return false;
        }
    return has_right_variables(v, why, bytes);
}
