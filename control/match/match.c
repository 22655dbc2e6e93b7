/* SPDX-License-Identifier: Apache-2.0 */
#include "control/match/match.h"

#include <errno.h>
#include <hs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/match/pattern.h"
#include "control/match/pieces.h"
#include "engine/base/array.h"

#define REGEXP_FLAGS (HS_FLAG_SINGLEMATCH | HS_FLAG_DOTALL | HS_FLAG_ALLOWEMPTY)

/* One pattern or regular expression of an entry. Of each entry those that
 * exclude come first, then those that include, in the order in which they
 * decide. */
struct expression {
    struct bl_pattern *pattern; /* NULL: the entry's regexp */
    uint32_t entry;
    bool exclude;
    bool exact; /* found is matched: nothing more to look at */
};

/* One thread's: what it looks with, and what it found of the name that it
 * is at. */
struct look {
    hs_scratch_t *scratch;
    uint64_t *found; /* bit per expression */
};

struct bl_view_match {
    struct bl_view_config *config;
    struct bl_views_entry *entry;
    uint32_t entry_count;
    struct expression *expression;
    uint32_t expression_count, capacity;
    hs_database_t *pieces, *regexps; /* NULL: nothing to look for */
    struct look control, api;
};

bool bl_view_regexp_is_good(const char *text, char why[BL_ERR_BYTES])
{
    hs_expr_info_t *info = NULL;
    hs_compile_error_t *error = NULL;
    bool good = hs_expression_info(text, REGEXP_FLAGS, &info, &error) == HS_SUCCESS;

    const char *message = error != NULL ? error->message : "out of memory";
    size_t len = strlen(message);
    while (len > 0 && message[len - 1] == '.')
        len--;
    if (!good)
        snprintf(why, BL_ERR_BYTES, "\"%.100s\": %.*s; write it in another way", text,
                 (int)(len < 150 ? len : 150), message);
    free(info);
    hs_free_compile_error(error);
    return good;
}

/* ---- making ------------------------------------------------------------------- */

static int match_add(struct bl_view_match *m, const char *glob, uint32_t entry, bool exclude)
{
    char why[BL_ERR_BYTES];

    struct expression *all = bl_array_room(m->expression, m->expression_count, &m->capacity, sizeof(*all));
    if (all == NULL)
        return -ENOMEM;
    m->expression = all;
    struct expression *x = &all[m->expression_count];
    *x = (struct expression){.entry = entry, .exclude = exclude, .exact = glob == NULL};
    if (glob != NULL && (x->pattern = bl_pattern_new(glob, why)) == NULL)
        return -ENOMEM; /* the config has seen that it is good */
    m->expression_count++;
    return 0;
}

static int add_entry(struct bl_view_match *m, uint32_t i)
{
    const struct bl_view_config *v = &m->config[i];
    int r = 0;

    m->entry[i] = (struct bl_views_entry){.name = bl_pattern_is_template(v->name) ? NULL : v->name,
                                          .notify = v->notify};
    for (unsigned k = 0; r == 0 && k < v->excludes.count; k++)
        r = match_add(m, v->excludes.item[k], i, true);
    for (unsigned k = 0; r == 0 && k < v->includes.count; k++)
        r = match_add(m, v->includes.item[k], i, false);
    if (r == 0 && v->pattern[0] != '\0')
        r = match_add(m, v->pattern, i, false);
    if (r == 0 && v->regexp[0] != '\0')
        r = match_add(m, NULL, i, false);
    return r;
}

/* What one compilation is given: arrays of the same length. */
struct source {
    const char **text;
    size_t *len; /* of literals */
    unsigned *flags, *id;
    unsigned count;
};

static void source_free(struct source *s)
{
    free(s->text);
    free(s->len);
    free(s->flags);
    free(s->id);
}

static bool source_new(struct source *s, size_t room)
{
    *s = (struct source){.text = calloc(room, sizeof(*s->text)),
                         .len = calloc(room, sizeof(*s->len)),
                         .flags = calloc(room, sizeof(*s->flags)),
                         .id = calloc(room, sizeof(*s->id))};
    return s->text != NULL && s->len != NULL && s->flags != NULL && s->id != NULL;
}

static void source_add(struct source *s, const char *text, size_t len, unsigned flags, uint32_t id)
{
    s->text[s->count] = text;
    s->len[s->count] = len;
    s->flags[s->count] = flags;
    s->id[s->count++] = id;
}

static int match_say(const struct bl_view_match *m, const struct source *s, hs_compile_error_t *e,
                     char err[BL_ERR_BYTES])
{
    unsigned at = e != NULL && e->expression >= 0 ? m->expression[s->id[e->expression]].entry : 0;
    snprintf(err, BL_ERR_BYTES, "views[%u]: cannot be compiled: %.300s; write it in another way", at,
             e != NULL ? e->message : "out of memory");
    hs_free_compile_error(e);
    return -EINVAL;
}

static int compile_regexps(struct bl_view_match *m, struct source *s, char err[BL_ERR_BYTES])
{
    hs_compile_error_t *e = NULL;

    for (uint32_t i = 0; i < m->expression_count; i++)
        if (m->expression[i].pattern == NULL)
            source_add(s, m->config[m->expression[i].entry].regexp, 0, REGEXP_FLAGS, i);
    if (s->count == 0 || hs_compile_multi(s->text, s->flags, s->id, s->count, HS_MODE_BLOCK, NULL,
                                          &m->regexps, &e) == HS_SUCCESS)
        return 0;
    return match_say(m, s, e, err);
}

static int compile_pieces(struct bl_view_match *m, struct source *s, struct bl_pieces *pieces,
                          char err[BL_ERR_BYTES])
{
    hs_compile_error_t *e = NULL;

    for (uint32_t i = 0; i < m->expression_count; i++) {
        struct expression *x = &m->expression[i];
        const char *text;
        size_t len;
        if (x->pattern == NULL)
            continue;
        text = bl_pieces_rarest(pieces, i, &len);
        source_add(s, text, len, HS_FLAG_SINGLEMATCH, i);
        bool template = m->entry[x->entry].name == NULL && !x->exclude;
        x->exact = !template && bl_pattern_is_plain(x->pattern);
    }
    if (s->count == 0 || hs_compile_lit_multi(s->text, s->flags, s->id, s->len, s->count, HS_MODE_BLOCK, NULL,
                                              &m->pieces, &e) == HS_SUCCESS)
        return 0;
    return match_say(m, s, e, err);
}

static int match_compile(struct bl_view_match *m, char err[BL_ERR_BYTES])
{
    struct source regexps = {0}, literals = {0};
    struct bl_pieces *pieces = bl_pieces_new();
    int r = -ENOMEM;

    if (pieces == NULL || !source_new(&regexps, m->expression_count) ||
        !source_new(&literals, m->expression_count))
        goto out;
    for (uint32_t i = 0; i < m->expression_count; i++)
        if (m->expression[i].pattern != NULL && bl_pieces_add(pieces, i, m->expression[i].pattern) != 0)
            goto out;
    bl_pieces_count(pieces);
    r = compile_regexps(m, &regexps, err);
    if (r == 0)
        r = compile_pieces(m, &literals, pieces, err);
out:
    source_free(&regexps);
    source_free(&literals);
    bl_pieces_free(pieces);
    return r;
}

static int look_init(const struct bl_view_match *m, struct look *l)
{
    l->found = calloc(m->expression_count / 64 + 1, sizeof(*l->found));
    if (l->found == NULL || (m->pieces != NULL && hs_alloc_scratch(m->pieces, &l->scratch) != HS_SUCCESS) ||
        (m->regexps != NULL && hs_alloc_scratch(m->regexps, &l->scratch) != HS_SUCCESS))
        return -ENOMEM;
    return 0;
}

static int match_make(struct bl_view_match *m, const struct bl_view_config *views, unsigned count,
                      char err[BL_ERR_BYTES])
{
    int r = 0;

    m->config = calloc(count + 1u, sizeof(*m->config));
    m->entry = calloc(count + 1u, sizeof(*m->entry));
    if (m->config == NULL || m->entry == NULL)
        return -ENOMEM;
    for (unsigned i = 0; r == 0 && i < count; i++) {
        r = bl_view_config_copy(&m->config[i], &views[i]);
        if (r == 0) {
            m->entry_count++;
            r = add_entry(m, i);
        }
    }
    if (r == 0 && m->expression_count > 0)
        r = match_compile(m, err);
    if (r == 0)
        r = look_init(m, &m->control);
    return r == 0 ? look_init(m, &m->api) : r;
}

struct bl_view_match *bl_view_match_new(const struct bl_view_config *views, unsigned count,
                                        char err[BL_ERR_BYTES])
{
    struct bl_view_match *m = calloc(1, sizeof(*m));

    snprintf(err, BL_ERR_BYTES, "views: out of memory");
    if (m != NULL && match_make(m, views, count, err) == 0) {
        err[0] = '\0';
        return m;
    }
    bl_view_match_free(m);
    return NULL;
}

void bl_view_match_free(struct bl_view_match *m)
{
    if (m == NULL)
        return;
    for (uint32_t i = 0; i < m->expression_count; i++)
        bl_pattern_free(m->expression[i].pattern);
    for (uint32_t i = 0; i < m->entry_count; i++)
        bl_view_config_clear(&m->config[i]);
    hs_free_scratch(m->control.scratch);
    hs_free_scratch(m->api.scratch);
    hs_free_database(m->pieces);
    hs_free_database(m->regexps);
    free(m->control.found);
    free(m->api.found);
    free(m->expression);
    free(m->entry);
    free(m->config);
    free(m);
}

/* ---- matching ------------------------------------------------------------------- */

static int on_found(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
    uint64_t *found = ctx;
    (void)from;
    (void)to;
    (void)flags;
    found[id / 64] |= UINT64_C(1) << id % 64;
    return 0;
}

static void match_scan(const struct bl_view_match *m, const struct look *l, const char *name, unsigned len)
{
    char framed[BL_NAME_MAX + 2];

    if (m->pieces != NULL) {
        framed[0] = BL_PIECE_FIRST;
        memcpy(framed + 1, name, len);
        framed[len + 1] = BL_PIECE_LAST;
        hs_scan(m->pieces, framed, len + 2, 0, l->scratch, on_found, l->found);
    }
    if (m->regexps != NULL)
        hs_scan(m->regexps, name, len, 0, l->scratch, on_found, l->found);
}

/* Where a view that the name is in goes: `name` NULL: the entry's own. */
typedef void report(void *ctx, uint32_t entry, const char *name, unsigned len);

struct walk {
    const struct bl_view_match *m;
    const char *name;
    report *report;
    void *ctx;
    uint32_t decided; /* entry + 1 */
};

static void match_weigh(struct walk *w, uint32_t i)
{
    const struct expression *x = &w->m->expression[i];
    struct bl_capture captures[BL_PATTERN_VARIABLES];
    char made[BL_VIEW_NAME_MAX + 1];

    if (x->entry + 1 == w->decided || (!x->exact && !bl_pattern_match(x->pattern, w->name, captures)))
        return;
    w->decided = x->entry + 1;
    if (x->exclude)
        return;
    if (w->m->entry[x->entry].name != NULL) {
        w->report(w->ctx, x->entry, NULL, 0);
        return;
    }
    /* One that is too long is reported without a name, to be counted. */
    int len = bl_pattern_expand(x->pattern, w->m->config[x->entry].name, captures, made, sizeof(made));
    w->report(w->ctx, x->entry, made, len > 0 ? (unsigned)len : 0);
}

static void match(const struct bl_view_match *m, const struct look *l, const char *name, report *r, void *ctx)
{
    struct walk w = {.m = m, .name = name, .report = r, .ctx = ctx};
    size_t len = strlen(name);

    if (len > BL_NAME_MAX)
        return;
    match_scan(m, l, name, (unsigned)len);
    for (uint32_t word = 0; word <= m->expression_count / 64; word++)
        for (; l->found[word] != 0; l->found[word] &= l->found[word] - 1)
            match_weigh(&w, word * 64 + (uint32_t)__builtin_ctzll(l->found[word]));
}

static void report_found(void *ctx, uint32_t entry, const char *name, unsigned len)
{
    bl_role_assume_control(); /* the plan's function runs on control's thread */
    bl_views_found(ctx, entry, name, len);
}

static void plan_match(void *ctx, const char *name, unsigned len, struct bl_views_found *found)
{
    const struct bl_view_match *m = ctx;
    (void)len;
    match(m, &m->control, name, report_found, found);
}

static void plan_release(void *ctx)
{
    bl_view_match_free(ctx);
}

struct bl_views_plan bl_view_match_plan(struct bl_view_match *m)
{
    return (struct bl_views_plan){.entry = m->entry,
                                  .entry_count = m->entry_count,
                                  .ctx = m,
                                  .match = plan_match,
                                  .release = plan_release};
}

struct test {
    const struct bl_view_match *m;
    bl_view_match_found *found;
    void *ctx;
};

static void report_test(void *ctx, uint32_t entry, const char *name, unsigned len)
{
    const struct test *t = ctx;
    const char *own = t->m->entry[entry].name;
    if (name == NULL)
        t->found(t->ctx, own, (unsigned)strlen(own));
    else if (len > 0)
        t->found(t->ctx, name, len);
}

void bl_view_match_test(const struct bl_view_match *m, const char *name, bl_view_match_found *found,
                        void *ctx)
{
    struct test t = {.m = m, .found = found, .ctx = ctx};
    if (m != NULL)
        match(m, &m->api, name, report_test, &t);
}

const struct bl_view_config *bl_view_match_entry(const struct bl_view_match *m, uint32_t entry)
{
    return m != NULL && entry < m->entry_count ? &m->config[entry] : NULL;
}
