/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to a service: beaten, given timeouts, muted, deleted. */
#include <stdio.h>
#include <string.h>

#include "control/http/lovebeat/lovebeat.h"

struct change {
    bool beat;
};

/* ---- timeouts ---------------------------------------------------------------- */

/* "3600" and "2.5", in ms; 0: it is no number of seconds, or out of range. */
static uint32_t lovebeat_change_seconds(const char *text)
{
    uint64_t ms = 0, unit = 1000;
    const char *p = text;

    for (; *p >= '0' && *p <= '9' && ms <= BL_TIMEOUT_MAX_MS; p++)
        ms = ms * 10 + (uint64_t)(*p - '0') * 1000;
    if (p > text && *p == '.')
        for (p++; *p >= '0' && *p <= '9'; p++)
            ms += (uint64_t)(*p - '0') * (unit /= 10);
    return *p == '\0' && ms <= BL_TIMEOUT_MAX_MS ? (uint32_t)ms : 0;
}

/* A timeout as senders give it: seconds, -1 for none, -2 or auto. False:
 * it is none of these; said so (422). */
static bool take_timeout(struct bl_http_request *r, const char *name, const char *text, uint32_t bit,
                         uint32_t *ms, struct bl_policy_patch *patch)
{
    bool detects = strcmp(text, "auto") == 0 || strcmp(text, "-2") == 0;
    bool clears = strcmp(text, "-1") == 0;

    *ms = detects || clears ? 0 : lovebeat_change_seconds(text);
    if (*ms == 0 && !detects && !clears) {
        bl_http_problem(r, 422, "%s: \"%.40s\" is no timeout; give seconds above 0, auto, or -1 for none",
                        name, text);
        return false;
    }
    /* Seconds of a timeout hold until a rhythm is known. */
    if (!detects || bit != BL_SET_TIMEOUT)
        patch->set |= bit;
    patch->set |= BL_SET_DETECTOR;
    if (detects)
        patch->policy.detector = BL_DETECTOR_AUTO;
    return true;
}

/* A field that is not there, an empty field of a form, and JSON's null
 * change nothing. */
static const char *lovebeat_change_given(const struct bl_http_request *r, const char *name)
{
    const char *text = bl_http_param(r, name), *type = bl_http_header_of(r, "Content-Type");
    bool null = text != NULL && strcmp(text, "none") == 0 && type != NULL && strstr(type, "json") != NULL;
    return text == NULL || text[0] == '\0' || null ? NULL : text;
}

/* 0.8's fields: 0, too, changes nothing. */
static const char *given_old(const struct bl_http_request *r, const char *name)
{
    const char *text = lovebeat_change_given(r, name);
    return text != NULL && strcmp(text, "0") == 0 ? NULL : text;
}

static bool read_timeouts(struct bl_http_request *r, struct bl_policy_patch *patch)
{
    const char *timeout = lovebeat_change_given(r, "timeout");
    const char *warn = given_old(r, "warn-tmo"), *err = given_old(r, "err-tmo");
    struct bl_policy *p = &patch->policy;

    p->detector = BL_DETECTOR_FIXED;
    return (timeout == NULL || take_timeout(r, "timeout", timeout, BL_SET_TIMEOUT, &p->timeout_ms, patch)) &&
           (warn == NULL || take_timeout(r, "warn-tmo", warn, BL_SET_WARN, &p->warn_ms, patch)) &&
           (err == NULL || take_timeout(r, "err-tmo", err, BL_SET_ERR, &p->err_ms, patch));
}

/* ---- POST ----------------------------------------------------------------------- */

static void lovebeat_change_beat(struct bl_http_request *r)
{
    const struct change *c = r->state;
    if (!c->beat || bl_http_beat(r, bl_http_path(r, "name")))
        bl_lovebeat_done(r);
}

static void timeouts_set(struct bl_http_request *r, struct bl_command *answer)
{
    if (!bl_http_refused(r, answer))
        lovebeat_change_beat(r);
}

/* Fields that lovebeat does not know either are let pass, as it does. */
static void lovebeat_change_post(struct bl_http_request *r)
{
    struct bl_policy_patch patch = {0};
    struct change *c = r->state;

    c->beat = true;
    if (!bl_http_flag(r, "beat", &c->beat) || !read_timeouts(r, &patch))
        return;
    if (patch.set == 0) {
        lovebeat_change_beat(r);
        return;
    }
    struct bl_command *command = bl_http_ask(r, BL_COMMAND_SET, bl_http_path(r, "name"), timeouts_set);
    if (command == NULL)
        return;
    command->create = true;
    command->patch = patch;
}

/* ---- mute, unmute, DELETE ----------------------------------------------------------- */

static void lovebeat_change_done(struct bl_http_request *r, struct bl_command *answer)
{
    if (!bl_http_refused(r, answer))
        bl_lovebeat_done(r);
}

static void lovebeat_change_mute(struct bl_http_request *r)
{
    bl_http_ask(r, BL_COMMAND_PAUSE, bl_http_path(r, "name"), lovebeat_change_done);
}

static void lovebeat_change_unmute(struct bl_http_request *r)
{
    bl_http_ask(r, BL_COMMAND_RESUME, bl_http_path(r, "name"), lovebeat_change_done);
}

static void delete_service(struct bl_http_request *r)
{
    bl_http_ask(r, BL_COMMAND_REMOVE, bl_http_path(r, "name"), lovebeat_change_done);
}

/* Whatever type the body says it has: lovebeat does not ask either. */
const struct bl_http_ops bl_http_lovebeat_service_post = {
    .run = lovebeat_change_post, .state_bytes = sizeof(struct change), .any_type = true};
const struct bl_http_ops bl_http_lovebeat_service_mute = {.run = lovebeat_change_mute, .any_type = true};
const struct bl_http_ops bl_http_lovebeat_service_unmute = {.run = lovebeat_change_unmute, .any_type = true};
const struct bl_http_ops bl_http_lovebeat_service_delete = {.run = delete_service, .any_type = true};
