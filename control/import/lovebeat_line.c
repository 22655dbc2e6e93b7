/* SPDX-License-Identifier: Apache-2.0 */
#include "control/import/lovebeat_line.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* lovebeat's special timeout. */
#define TIMEOUT_AUTO (-2)

/* A last beat below this is in seconds: in ms it would be of 1973. */
#define SECONDS_BELOW INT64_C(100000000000)

/* What is read of one line. */
struct reader {
    const json_t *object;
    char *why;
    bool failed;
    bool seconds; /* what timeouts are in; else ms */
    int64_t now_unix_ms;
};

static void lovebeat_line_fail(struct reader *r, const char *member, const char *what)
{
    if (!r->failed)
        snprintf(r->why, BL_ERR_BYTES, "%s: %s", member, what);
    r->failed = true;
}

/* ---- members ------------------------------------------------------------------ */

/* By its name of today, or of 0.8; NULL: it is not there, or null. */
static const json_t *lovebeat_line_member(const struct reader *r, const char *name, const char *old_name)
{
    const json_t *value = json_object_get(r->object, name);
    if (!value && old_name)
        value = json_object_get(r->object, old_name);
    return json_is_null(value) ? NULL : value;
}

static int64_t lovebeat_line_integer(struct reader *r, const char *name, const char *old_name,
                                     int64_t without)
{
    const json_t *value = lovebeat_line_member(r, name, old_name);
    if (!value)
        return without;
    if (!json_is_integer(value)) {
        lovebeat_line_fail(r, name, "is no whole number");
        return without;
    }
    return json_integer_value(value);
}

/* Copies a text of 0..max bytes; false: it is not there. */
static bool lovebeat_line_text(struct reader *r, const char *name, const char *old_name, char *out,
                               size_t max)
{
    const json_t *value = lovebeat_line_member(r, name, old_name);
    if (!value)
        return false;
    if (!json_is_string(value) || json_string_length(value) > max) {
        lovebeat_line_fail(r, name, json_is_string(value) ? "is too long" : "is no text");
        return false;
    }
    memcpy(out, json_string_value(value), json_string_length(value) + 1);
    return true;
}

/* A time in ms, none in the future; 0: never. */
static int64_t time_of(struct reader *r, const char *name, const char *old_name)
{
    int64_t t = lovebeat_line_integer(r, name, old_name, 0);
    if (t <= 0)
        return 0;
    if (t < SECONDS_BELOW)
        t *= 1000;
    return t < r->now_unix_ms ? t : r->now_unix_ms;
}

/* ---- what there is in it -------------------------------------------------------- */

static enum bl_state state_of(struct reader *r, int64_t last_beat_unix_ms)
{
    static const struct {
        const char *word;
        enum bl_state state;
    } words[] = {{"new", BL_STATE_NEW},      {"ok", BL_STATE_OK},        {"warning", BL_STATE_WARNING},
                 {"error", BL_STATE_FAILED}, {"muted", BL_STATE_PAUSED}, {"", BL_STATE_NEW}};
    char is[16] = "";

    (void)lovebeat_line_text(r, "state", "State", is, sizeof(is) - 1);
    if (strcmp(is, "paused") == 0) /* 0.8's word for new */
        return last_beat_unix_ms > 0 ? BL_STATE_OK : BL_STATE_NEW;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(is, words[i].word) == 0)
            return words[i].state;
    lovebeat_line_fail(r, "state", "is none of new, ok, warning, error, muted, paused");
    return BL_STATE_NEW;
}

/* A timeout in ms, 0: none. */
static uint32_t timeout_of(struct reader *r, const char *name, const char *old_name,
                           struct bl_lovebeat_record *out)
{
    int64_t t = lovebeat_line_integer(r, name, old_name, 0);
    int64_t unit_ms = r->seconds ? 1000 : 1;

    if (t == TIMEOUT_AUTO)
        out->node.policy.detector = BL_DETECTOR_AUTO;
    if (t <= 0)
        return 0;
    if (t > BL_TIMEOUT_MAX_MS / unit_ms) {
        out->shortened = true;
        return BL_TIMEOUT_MAX_MS;
    }
    return (uint32_t)(t * unit_ms);
}

static void read_service(struct reader *r, struct bl_lovebeat_record *out)
{
    struct bl_node_past *p = &out->node;
    int64_t last_beat = time_of(r, "last_beat", "LastBeat"), muted = time_of(r, "muted_since", NULL);
    int64_t since = time_of(r, "last_state_change", "LastUpdated");

    if (!bl_name_is_valid(out->name, out->name_len))
        lovebeat_line_fail(r, "name", "is none a node can have: 1 to 200 bytes without spaces, ':' or '|'");
    *p = (struct bl_node_past){.name = out->name,
                               .name_len = out->name_len,
                               .table = UINT16_MAX, /* any: where it beats is not known */
                               .last_beat_unix_ms = last_beat};
    p->state = (uint8_t)(muted ? BL_STATE_PAUSED : state_of(r, last_beat));
    p->incident = p->state == BL_STATE_FAILED || p->state == BL_STATE_WARNING;
    p->state_since_unix_ms = muted ? muted : since ? since : last_beat ? last_beat : r->now_unix_ms;
    p->first_seen_unix_ms = last_beat ? last_beat : r->now_unix_ms;
    p->policy.timeout_ms = timeout_of(r, "timeout", NULL, out);
    p->policy.warn_ms = timeout_of(r, "warning_timeout", "WarningTimeout", out);
    p->policy.err_ms = timeout_of(r, "error_timeout", "ErrorTimeout", out);
    p->own_detector = p->policy.detector != BL_DETECTOR_FIXED || p->policy.timeout_ms || p->policy.warn_ms ||
                      p->policy.err_ms;
}

static void read_view(struct reader *r, struct bl_lovebeat_record *out)
{
    int64_t incident = lovebeat_line_integer(r, "incident_nbr", "IncidentNbr", 0);
    enum bl_state state = state_of(r, 0);

    if (out->name_len == 0)
        lovebeat_line_fail(r, "name", "is missing");
    out->has_regexp = lovebeat_line_text(r, "regexp", "Regexp", out->regexp, BL_LOVEBEAT_REGEXP_MAX);
    if (incident < 0 || incident > UINT32_MAX)
        lovebeat_line_fail(r, "incident_nbr", "is out of range");
    bool bad = state == BL_STATE_WARNING || state == BL_STATE_FAILED;
    out->view = (struct bl_view_past){.name = out->name,
                                      .name_len = out->name_len,
                                      .state = bad ? state : BL_STATE_OK,
                                      .incident = (uint32_t)incident,
                                      .since_unix_ms = time_of(r, "last_state_change", "LastUpdated")};
}

/* ---- the line ---------------------------------------------------------------------- */

static size_t kind_of(const char *line, size_t len, enum bl_lovebeat_kind *kind)
{
    static const struct {
        const char *word;
        enum bl_lovebeat_kind kind;
    } words[] = {
        {"SERV\t", BL_LOVEBEAT_SERVICE}, {"VIEW\t", BL_LOVEBEAT_VIEW}, {"ALARM\t", BL_LOVEBEAT_ALARM}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t head = strlen(words[i].word);
        *kind = words[i].kind;
        if (len > head && memcmp(line, words[i].word, head) == 0)
            return head;
    }
    return 0;
}

static int read_object(const json_t *object, int64_t now_unix_ms, struct bl_lovebeat_record *out, char *why)
{
    struct reader r = {.object = object, .why = why, .now_unix_ms = now_unix_ms};

    if (!json_is_object(object)) {
        snprintf(why, BL_ERR_BYTES, "is no JSON object");
        return -EINVAL;
    }
    /* 0.8, with its members in capitals; and what came soon after. */
    int64_t last_beat = lovebeat_line_integer(&r, "last_beat", "LastBeat", 0);
    r.seconds = json_object_get(object, "Name") || (last_beat > 0 && last_beat < SECONDS_BELOW);
    if (!lovebeat_line_text(&r, "name", "Name", out->name, BL_NAME_MAX))
        lovebeat_line_fail(&r, "name", "is missing");
    out->name_len = (uint8_t)strlen(out->name);
    if (out->kind == BL_LOVEBEAT_SERVICE)
        read_service(&r, out);
    else
        read_view(&r, out);
    return r.failed ? -EINVAL : 0;
}

int bl_lovebeat_line_parse(const char *line, size_t len, int64_t now_unix_ms, struct bl_lovebeat_record *out,
                           char why[BL_ERR_BYTES])
{
    json_error_t error;

    *out = (struct bl_lovebeat_record){0};
    size_t head = kind_of(line, len, &out->kind);
    if (head == 0) {
        snprintf(why, BL_ERR_BYTES,
                 "begins with none of SERV, VIEW and ALARM; is this a database of lovebeat's?");
        return -EINVAL;
    }
    json_t *object = json_loadb(line + head, len - head, 0, &error);
    if (!object) {
        snprintf(why, BL_ERR_BYTES, "column %zu: bad JSON: %.150s", head + (size_t)error.position,
                 error.text);
        return -EINVAL;
    }
    int r = read_object(object, now_unix_ms, out, why);
    json_decref(object);
    return r;
}
