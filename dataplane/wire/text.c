/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <string.h>

#include "dataplane/wire/name_scan.h"
#include "dataplane/wire/text.h"
#include "dataplane/wire/text_fast.h"
#include "engine/base/counter.h"

enum action { ACTION_NONE, ACTION_BEAT, ACTION_AUTOBEAT, ACTION_TIMEOUT, ACTION_WARN, ACTION_ERR };

/* One line taken apart. */
struct line {
    const uint8_t *name;
    unsigned name_len;
    enum action action;
    bool negative;
    uint64_t value_ms; /* magnitude; exact up to VALUE_CAP_S */
};

/* Where a value stops growing, in seconds: far above BL_TIMEOUT_MAX_MS,
 * and so low that x10 and x1000 stay within 64 bits. */
#define VALUE_CAP_S UINT64_C(1000000000000)

#define OK ((enum bl_drop)BL_DROP_COUNT)

/* ---- name.action ---------------------------------------------------- */

/* Which ".action" stands before `colon`, and its length with the dot. No
 * action has a dot in it, so the dot of a match is the last one. */
static inline enum action action_before(const uint8_t *start, const uint8_t *colon, unsigned *len)
{
    if (BL_TEXT_ENDS_IN(start, colon, ".beat"))
        return *len = sizeof ".beat" - 1, ACTION_BEAT;
    if (BL_TEXT_ENDS_IN(start, colon, ".autobeat"))
        return *len = sizeof ".autobeat" - 1, ACTION_AUTOBEAT;
    if (BL_TEXT_ENDS_IN(start, colon, ".timeout"))
        return *len = sizeof ".timeout" - 1, ACTION_TIMEOUT;
    if (BL_TEXT_ENDS_IN(start, colon, ".warn"))
        return *len = sizeof ".warn" - 1, ACTION_WARN;
    if (BL_TEXT_ENDS_IN(start, colon, ".err"))
        return *len = sizeof ".err" - 1, ACTION_ERR;
    return *len = 0, ACTION_NONE;
}

/* A head (all before the value) that parse_head did not like: why. The
 * leftmost fault counts. */
static enum bl_drop head_fault(const uint8_t *line, const uint8_t *end)
{
    const uint8_t *lf = memchr(line, '\n', (size_t)(end - line));
    const uint8_t *colon = memchr(line, ':', (size_t)((lf ? lf : end) - line));
    const uint8_t *dot = colon ? memrchr(line, '.', (size_t)(colon - line)) : NULL;
    if (!dot)
        return BL_DROP_bad_line;
    if (dot == line || dot - line > BL_NAME_MAX || bl_name_scan(line, dot) != dot)
        return BL_DROP_bad_name;
    return BL_DROP_bad_action;
}

/* Takes "name.action:" at *at apart and moves past it; false, and does
 * not move, if it is anything else. */
static inline bool parse_head(const uint8_t **at, const uint8_t *end, struct line *l)
{
    const uint8_t *start = *at, *colon = bl_name_scan(start, end);
    if (colon == end || *colon != ':')
        return false;
    unsigned action_len;
    l->action = action_before(start, colon, &action_len);
    l->name = start;
    l->name_len = (unsigned)(colon - start) - action_len;
    if (l->action == ACTION_NONE || l->name_len - 1 >= BL_NAME_MAX)
        return false;
    *at = colon + 1;
    return true;
}

/* ---- value|type ------------------------------------------------------ */

static inline bool at_line_end(const uint8_t *p, const uint8_t *end)
{
    return p == end || *p == '\n' || (*p == '\r' && (p + 1 == end || p[1] == '\n'));
}

/* Reads [sign]digits[.digits] as milliseconds and moves past it; false
 * if there is no digit. What is below a millisecond is dropped. */
static inline bool parse_number(const uint8_t **at, const uint8_t *end, struct line *l)
{
    static const uint8_t worth[] = {100, 10, 1};
    const uint8_t *p = *at;
    uint64_t seconds = 0, ms = 0;
    size_t digits = 0, places = 0;
    l->negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    for (; p < end && bl_text_is_digit(*p); p++, digits++)
        if (seconds < VALUE_CAP_S)
            seconds = seconds * 10 + (*p - '0');
    if (p < end && *p == '.') {
        for (p++; p < end && bl_text_is_digit(*p); p++, places++)
            if (places < sizeof worth)
                ms += (uint64_t)worth[places] * (*p - '0');
    }
    l->value_ms = seconds * 1000 + ms;
    *at = p;
    return digits + places != 0;
}

/* Takes "value|type[|rest]" apart; moves somewhere into its line. */
static inline enum bl_drop parse_tail(const uint8_t **at, const uint8_t *end, struct line *l)
{
    if (!parse_number(at, end, l))
        return BL_DROP_bad_value;
    const uint8_t *p = *at;
    if (at_line_end(p, end))
        return BL_DROP_bad_line;
    if (*p != '|')
        return BL_DROP_bad_value;
    const uint8_t *type = ++p;
    while (p < end && bl_text_is_letter(*p))
        p++;
    *at = p;
    return p != type && (at_line_end(p, end) || *p == '|') ? OK : BL_DROP_bad_line;
}

/* ---- from a line to records ------------------------------------------ */

static void put_setting(const struct line *l, const struct bl_policy_patch *patch, uint16_t flags,
                        struct bl_sink *sink)
{
    struct bl_worker_event *r = &sink->setting[sink->settings++];
    *r = (struct bl_worker_event){
        .kind = BL_WORKER_EVENT_SET, .name_len = (uint8_t)l->name_len, .flags = flags, .patch = *patch};
    memcpy(r->name, l->name, l->name_len);
}

static const struct bl_policy_patch patch_auto = {.set = BL_SET_DETECTOR,
                                                  .policy = {.detector = BL_DETECTOR_AUTO}};

/* After its beat. */
static void put_autobeat(const struct bl_wire_config *w, const struct line *l, struct bl_sink *sink)
{
    put_setting(l, &patch_auto, BL_WORKER_EVENT_OF_AUTOBEAT, sink);
    sink->setting[sink->settings - 1].id = bl_key_of_name(&w->secret, (const char *)l->name, l->name_len);
}

/* What a timeout, warn or err line asks for; bad_value if it is none of
 * seconds, -1, -2. */
static enum bl_drop patch_of(const struct line *l, struct bl_policy_patch *patch)
{
    if (l->negative && l->value_ms == 2000) {
        *patch = patch_auto;
        patch->set |= l->action == ACTION_WARN ? BL_SET_WARN : l->action == ACTION_ERR ? BL_SET_ERR : 0u;
        return OK;
    }
    bool clear = l->negative && l->value_ms == 1000;
    if (!clear && (l->negative || l->value_ms == 0 || l->value_ms > BL_TIMEOUT_MAX_MS))
        return BL_DROP_bad_value;
    uint32_t ms = clear ? 0 : (uint32_t)l->value_ms;
    *patch = (struct bl_policy_patch){.set = BL_SET_DETECTOR, .policy = {.detector = BL_DETECTOR_FIXED}};
    if (l->action == ACTION_TIMEOUT) {
        patch->set |= BL_SET_TIMEOUT;
        patch->policy.timeout_ms = ms;
    } else if (l->action == ACTION_WARN) {
        patch->set |= BL_SET_WARN;
        patch->policy.warn_ms = ms;
    } else {
        patch->set |= BL_SET_ERR;
        patch->policy.err_ms = ms;
    }
    return OK;
}

static enum bl_drop take_setting(const struct line *l, struct bl_sink *sink)
{
    struct bl_policy_patch patch;
    enum bl_drop fault = patch_of(l, &patch);
    if (fault == OK)
        put_setting(l, &patch, 0, sink);
    return fault;
}

/* Takes the line at *at, and leaves *at somewhere in it. */
static inline enum bl_drop take_line(const struct bl_wire_config *w, const uint8_t **at, const uint8_t *end,
                                     struct bl_sink *sink)
{
    struct line l;
    if (!parse_head(at, end, &l))
        return head_fault(*at, end);
    enum bl_drop fault = parse_tail(at, end, &l);
    if (fault != OK)
        return fault;
    if (__builtin_expect(l.action > ACTION_AUTOBEAT, 0))
        return take_setting(&l, sink);
    bl_text_put_beat(l.name, l.name_len, sink);
    if (l.action == ACTION_AUTOBEAT)
        put_autobeat(w, &l, sink);
    return OK;
}

/* ---- lines of a datagram ---------------------------------------------- */

static inline const uint8_t *skip_empty_lines(const uint8_t *p, const uint8_t *end)
{
    while (p < end && (*p == '\n' || *p == '\r') && at_line_end(p, end))
        p++;
    return p;
}

static inline const uint8_t *next_line(const uint8_t *p, const uint8_t *end)
{
    if (p < end && *p == '\n')
        return p + 1;
    const uint8_t *lf = memchr(p, '\n', (size_t)(end - p));
    return lf ? lf + 1 : end;
}

/* Takes the line at p, whatever it is, and returns where the next one
 * begins. */
BL_ON_WORKER static inline const uint8_t *take_any(const struct bl_wire_config *w, const uint8_t *p,
                                                   const uint8_t *end, struct bl_sink *sink,
                                                   struct bl_counters *c)
{
    enum bl_drop fault = take_line(w, &p, end, sink);
    if (__builtin_expect(fault != OK, 0))
        BL_ADD(c->drop[fault], 1);
    return skip_empty_lines(next_line(p, end), end);
}

/* All take lines from p on, one that is not empty, while the sink has
 * room, and return where the next one begins. */
BL_ON_WORKER static const uint8_t *take_plain(const struct bl_wire_config *w, const uint8_t *p,
                                              const uint8_t *end, struct bl_sink *sink, struct bl_counters *c)
{
    uint64_t records = 0;
    for (; p < end && !bl_sink_is_full(sink); records++)
        p = take_any(w, p, end, sink, c);
    BL_ADD(c->records, records);
    return p;
}

BL_ON_WORKER static const uint8_t *take_short(const struct bl_wire_config *w, const uint8_t *p,
                                              const uint8_t *end, struct bl_sink *sink, struct bl_counters *c)
{
    unsigned before = sink->beats;
    p = skip_empty_lines(bl_text_take_short(p, end, sink, w->text), end);
    BL_ADD(c->records, sink->beats - before);
    return p < end ? take_plain(w, p, end, sink, c) : p;
}

BL_ON_WORKER static const uint8_t *take_by_pieces(const struct bl_wire_config *w, const uint8_t *p,
                                                  const uint8_t *end, struct bl_sink *sink,
                                                  struct bl_counters *c)
{
    struct bl_text_piece piece;
    uint64_t records = 0;
    piece.len = 0;
    while (p < end && !bl_sink_is_full(sink)) {
        unsigned before = sink->beats;
        p = skip_empty_lines(bl_text_take_fast(&piece, p, end, sink, w->text), end);
        records += sink->beats - before;
        if (p < end && !bl_sink_is_full(sink)) {
            p = take_any(w, p, end, sink, c);
            records++;
        }
    }
    BL_ADD(c->records, records);
    return p;
}

/* The keys at last, side by side: no line waits for one. */
static void finish_beats(const struct bl_wire_config *w, struct bl_sink *sink, unsigned first)
{
    for (struct bl_beat *b = sink->beat + first; b < sink->beat + sink->beats; b++)
        b->key = bl_key_of_name(&w->secret, b->name, b->name_len);
    sink->holds |= sink->beats > first;
}

uint32_t bl_wire_parse_text(const struct bl_wire_config *w, const uint8_t *payload, uint32_t len,
                            uint32_t offset, struct bl_sink *sink, struct bl_counters *c)
{
    if (bl_sink_is_full(sink))
        return offset;
    const uint8_t *end = payload + len, *p = skip_empty_lines(payload + offset, end);
    if (offset == 0) {
        if (p == end || w->auth_required) {
            BL_ADD(c->drop[p == end ? BL_DROP_empty : BL_DROP_bad_tag], 1);
            return BL_WIRE_DONE;
        }
        BL_ADD(c->packets_parsed, 1);
    }
    unsigned first = sink->beats;
    if (w->text == BL_TEXT_PLAIN)
        p = take_plain(w, p, end, sink, c);
    else if (end - p <= BL_TEXT_LOOK)
        p = take_short(w, p, end, sink, c);
    else
        p = take_by_pieces(w, p, end, sink, c);
    finish_beats(w, sink, first);
    return p < end ? (uint32_t)(p - payload) : BL_WIRE_DONE;
}

unsigned bl_wire_parse_lines(const struct bl_wire_config *w, const struct bl_payload *payload, unsigned n,
                             struct bl_sink *sink)
{
    if (w->text != BL_TEXT_AVX512)
        return 0;
    unsigned first = sink->beats, taken = bl_text_take_lines(payload, n, sink->now_tick, &sink->beat[first]);
    sink->beats = (uint16_t)(first + taken);
    finish_beats(w, sink, first);
    return taken;
}
