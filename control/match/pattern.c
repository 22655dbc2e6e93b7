/* SPDX-License-Identifier: Apache-2.0 */
#include "control/match/pattern.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/match/glob.h"
#include "control/text/json.h"
#include "engine/base/beat.h"

enum kind { LITERAL, STAR, VARIABLE, WILD };

struct element {
    uint8_t kind;
    uint8_t len;    /* LITERAL: bytes */
    uint16_t start; /* LITERAL: in bytes; WILD: in text; VARIABLE: which */
};

/* Where a variable's word stands in the text. */
struct word {
    uint16_t start, len;
};

struct bl_pattern {
    unsigned elements, variables;
    struct word variable[BL_PATTERN_VARIABLES];
    char text[BL_PATTERN_MAX + 1];
    char bytes[BL_PATTERN_MAX + 1]; /* of literals, without backslashes */
    struct element element[];
};

/* The places of a name from which the rest of a pattern matches. */
#define PLACES (BL_NAME_MAX + 1u)
#define WORDS  ((PLACES + 63) / 64)
struct places {
    uint64_t bit[WORDS];
};

/* ---- reading a pattern ------------------------------------------------------ */

/* The length of the variable's word at s ("$dc": 2), 0 if it is none. */
static unsigned word_at(const char *s)
{
    unsigned n = 0;
    while (s[0] == '$' && s[n + 1] >= 'a' && s[n + 1] <= 'z')
        n++;
    return n;
}

bool bl_pattern_is_template(const char *text)
{
    const char *s = text;
    while ((s = strchr(s, '$')) != NULL && word_at(s) == 0)
        s++;
    return s != NULL;
}

static int find_variable(const struct bl_pattern *p, const char *word, unsigned len)
{
    for (unsigned i = 0; i < p->variables; i++)
        if (p->variable[i].len == len && memcmp(p->text + p->variable[i].start, word, len) == 0)
            return (int)i;
    return -1;
}

static bool add_variable(struct bl_pattern *p, unsigned at, unsigned len, char why[BL_ERR_BYTES])
{
    if (find_variable(p, p->text + at + 1, len) >= 0) {
        snprintf(why, BL_ERR_BYTES, "$%.*s is in it twice; give the second one a name of its own",
                 (int)(len < 40 ? len : 40), p->text + at + 1);
        return false;
    }
    if (p->variables == BL_PATTERN_VARIABLES) {
        snprintf(why, BL_ERR_BYTES, "more than %u variables; use fewer", BL_PATTERN_VARIABLES);
        return false;
    }
    p->element[p->elements++] = (struct element){.kind = VARIABLE, .start = (uint16_t)p->variables};
    p->variable[p->variables++] = (struct word){.start = (uint16_t)(at + 1), .len = (uint16_t)len};
    return true;
}

static void add_literal(struct bl_pattern *p, unsigned *used, char c)
{
    struct element *last = p->elements > 0 ? &p->element[p->elements - 1] : NULL;
    p->bytes[*used] = c;
    if (last != NULL && last->kind == LITERAL)
        last->len++;
    else
        p->element[p->elements++] = (struct element){.kind = LITERAL, .len = 1, .start = (uint16_t)*used};
    ++*used;
}

static bool read_elements(struct bl_pattern *p, char why[BL_ERR_BYTES])
{
    unsigned used = 0;

    for (unsigned at = 0; p->text[at] != '\0';) {
        const char *s = p->text + at;
        bool wild = false;
        unsigned word = word_at(s);
        size_t len = word > 0 || *s == '*' ? word + 1u : bl_glob_element(s, &wild);
        if (*s == '*') {
            if (p->elements == 0 || p->element[p->elements - 1].kind != STAR)
                p->element[p->elements++] = (struct element){.kind = STAR};
        } else if (word > 0) {
            if (!add_variable(p, at, word, why))
                return false;
        } else if (wild) {
            p->element[p->elements++] = (struct element){.kind = WILD, .start = (uint16_t)at};
        } else {
            add_literal(p, &used, s[len - 1]);
        }
        at += (unsigned)len;
    }
    return true;
}

static bool has_control_byte(const char *text)
{
    bool has = false;
    for (const char *s = text; *s != '\0'; s++)
        has = has || (unsigned char)*s < ' ' || *s == 0x7f;
    return has;
}

static bool is_utf8(const char *text, size_t len)
{
    size_t at = 0, bytes = 1;
    for (; at < len && bytes > 0; at += bytes)
        bytes = bl_utf8_len((const unsigned char *)text + at, len - at);
    return bytes > 0;
}

struct bl_pattern *bl_pattern_new(const char *text, char why[BL_ERR_BYTES])
{
    size_t len = strlen(text);
    if (has_control_byte(text)) {
        snprintf(why, BL_ERR_BYTES, "has a control byte, which no name has; remove it");
        return NULL;
    }
    if (!is_utf8(text, len)) {
        snprintf(why, BL_ERR_BYTES, "is no UTF-8; write it so");
        return NULL;
    }
    if (len == 0 || len > BL_PATTERN_MAX) {
        snprintf(why, BL_ERR_BYTES, "has %zu bytes; give 1 to %u, as in web.* or $dc.web.*", len,
                 BL_PATTERN_MAX);
        return NULL;
    }
    struct bl_pattern *p = calloc(1, sizeof(*p) + len * sizeof(p->element[0]));
    if (p == NULL) {
        snprintf(why, BL_ERR_BYTES, "out of memory");
        return NULL;
    }
    memcpy(p->text, text, len + 1);
    if (!read_elements(p, why)) {
        bl_pattern_free(p);
        return NULL;
    }
    return p;
}

void bl_pattern_free(struct bl_pattern *p)
{
    free(p);
}

unsigned bl_pattern_variables(const struct bl_pattern *p)
{
    return p->variables;
}

/* ---- matching ---------------------------------------------------------------- */

static bool pattern_has(const struct places *p, unsigned i)
{
    return (p->bit[i / 64] >> i % 64 & 1) != 0;
}

static void pattern_put(struct places *p, unsigned i, bool is)
{
    p->bit[i / 64] |= (uint64_t)is << i % 64;
}

/* What is matched: a name, and where its characters begin and it ends. */
struct subject {
    const char *name;
    unsigned len;
    struct places characters;
};

static struct subject subject_of(const char *name, unsigned len)
{
    struct subject s = {.name = name, .len = len};
    for (unsigned i = 0; i < len; i += (unsigned)bl_glob_character(name + i))
        pattern_put(&s.characters, i, true);
    pattern_put(&s.characters, len, true);
    return s;
}

/* Where a WILD element's character ends, -1: it does not match at i. */
static int wild_end(const struct bl_pattern *p, const struct element *e, const char *name, unsigned i)
{
    const char *pattern = p->text + e->start, *s = name + i;
    return bl_glob_step(&pattern, &s) ? (int)(s - name) : -1;
}

/* The first place from i on, PLACES if there is none. */
static unsigned next_place(const struct places *p, unsigned i)
{
    for (; i < PLACES; i = (i / 64 + 1) * 64) {
        uint64_t left = p->bit[i / 64] >> i % 64;
        if (left != 0)
            return i + (unsigned)__builtin_ctzll(left);
    }
    return PLACES;
}

/* The places from which `bytes`, and then the rest, match. */
static struct places before_literal(const struct subject *s, const char *bytes, unsigned len,
                                    const struct places *rest)
{
    struct places out = {0};
    for (unsigned end = next_place(rest, len); end < PLACES; end = next_place(rest, end + 1))
        pattern_put(&out, end - len, memcmp(s->name + end - len, bytes, len) == 0);
    return out;
}

/* All characters up to the last of the rest's places. */
static struct places before_star(const struct subject *s, const struct places *rest)
{
    struct places out = s->characters;
    for (unsigned w = WORDS; w-- > 0;) {
        if (rest->bit[w] != 0) {
            out.bit[w] &= UINT64_MAX >> __builtin_clzll(rest->bit[w]);
            return out;
        }
        out.bit[w] = 0;
    }
    return out;
}

/* One character or more, none of them a dot. */
static struct places before_variable(const struct subject *s, const struct places *rest)
{
    struct places out = {0};
    for (unsigned i = s->len, next = s->len; i-- > 0;) {
        if (!pattern_has(&s->characters, i))
            continue;
        pattern_put(&out, i, s->name[i] != '.' && (pattern_has(rest, next) || pattern_has(&out, next)));
        next = i;
    }
    return out;
}

static struct places before_wild(const struct bl_pattern *p, const struct element *e, const struct subject *s,
                                 const struct places *rest)
{
    struct places out = {0};
    for (unsigned i = 0; i < s->len; i = next_place(&s->characters, i + 1)) {
        int end = wild_end(p, e, s->name, i);
        pattern_put(&out, i, end >= 0 && pattern_has(rest, (unsigned)end));
    }
    return out;
}

/* The places from which element `e` and then `rest` match. */
static struct places places_before(const struct bl_pattern *p, const struct element *e,
                                   const struct subject *s, const struct places *rest)
{
    switch ((enum kind)e->kind) {
    case LITERAL:
        return before_literal(s, p->bytes + e->start, e->len, rest);
    case STAR:
        return before_star(s, rest);
    case VARIABLE:
        return before_variable(s, rest);
    case WILD:
        return before_wild(p, e, s, rest);
    }
    return (struct places){0};
}

/* Walks the name along the places, each element as far as it can. */
static void pattern_capture(const struct bl_pattern *p, const char *name, unsigned len,
                            const struct places *from, struct bl_capture *captures)
{
    unsigned at = 0;
    for (unsigned k = 0; k < p->elements; k++) {
        const struct element *e = &p->element[k];
        unsigned start = at;
        if (e->kind == LITERAL) {
            at += e->len;
        } else if (e->kind == WILD) {
            at = (unsigned)wild_end(p, e, name, at);
        } else {
            unsigned most = e->kind == STAR ? len : at + (unsigned)strcspn(name + at, ".");
            for (at = most; !pattern_has(&from[k + 1], at);)
                at--;
        }
        if (e->kind == VARIABLE)
            captures[e->start] = (struct bl_capture){.at = name + start, .len = at - start};
    }
}

bool bl_pattern_match(const struct bl_pattern *p, const char *name, struct bl_capture *captures)
{
    struct places from[BL_PATTERN_MAX + 1];
    size_t len = strlen(name);

    if (len > BL_NAME_MAX)
        return false;
    from[p->elements] = (struct places){0};
    pattern_put(&from[p->elements], (unsigned)len, true);
    const struct subject s = subject_of(name, (unsigned)len);
    for (unsigned k = p->elements; k-- > 0;)
        from[k] = places_before(p, &p->element[k], &s, &from[k + 1]);
    if (!pattern_has(&from[0], 0))
        return false;
    if (captures != NULL)
        pattern_capture(p, name, (unsigned)len, from, captures);
    return true;
}

/* ---- pieces -------------------------------------------------------------------- */

bool bl_pattern_piece(const struct bl_pattern *p, unsigned i, struct bl_pattern_piece *piece)
{
    for (unsigned k = 0; k < p->elements; k++) {
        const struct element *e = &p->element[k];
        if (e->kind != LITERAL || i-- > 0)
            continue;
        *piece = (struct bl_pattern_piece){
            .at = p->bytes + e->start, .len = e->len, .first = k == 0, .last = k + 1 == p->elements};
        return true;
    }
    return false;
}

bool bl_pattern_is_plain(const struct bl_pattern *p)
{
    unsigned literals = 0;
    for (unsigned k = 0; k < p->elements; k++) {
        if (p->element[k].kind != LITERAL && p->element[k].kind != STAR)
            return false;
        literals += p->element[k].kind == LITERAL;
    }
    return literals <= 1;
}

/* ---- names of views -------------------------------------------------------------- */

int bl_pattern_expand(const struct bl_pattern *p, const char *template, const struct bl_capture *captures,
                      char *out, size_t bytes)
{
    size_t used = 0;
    for (const char *s = template; *s != '\0';) {
        unsigned word = word_at(s);
        int which = word > 0 ? find_variable(p, s + 1, word) : -1;
        const char *from = which >= 0 ? captures[which].at : s;
        size_t len = which >= 0 ? captures[which].len : 1;
        if (used + len >= bytes)
            return -1;
        memcpy(out + used, from, len);
        used += len;
        s += word + 1;
    }
    out[used] = '\0';
    return used > 0 ? (int)used : -1;
}

bool bl_pattern_has_all(const struct bl_pattern *p, const char *template, char missing[BL_PATTERN_MAX + 1])
{
    for (const char *s = template; (s = strchr(s, '$')) != NULL;) {
        unsigned word = word_at(s);
        if (word > 0 && find_variable(p, s + 1, word) < 0) {
            snprintf(missing, BL_PATTERN_MAX + 1, "%.*s", (int)word, s + 1);
            return false;
        }
        s += word + 1;
    }
    return true;
}
