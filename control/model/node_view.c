/* SPDX-License-Identifier: Apache-2.0 */
#include "control/model/node_view.h"

#include <stdio.h>

#include "control/match/glob.h"
#include "control/model/node_rhythm.h"
#include "control/text/duration.h"
#include "control/text/human.h"
#include "control/text/timestamp.h"
#include "engine/base/counter.h"

/* Each field is one aligned word: read one by one while control may write
 * them, a policy may be of two settings for the length of this call. */
static struct bl_policy read_policy(const struct bl_policy *p)
{
    return (struct bl_policy){
        .timeout_ms = BL_READ(p->timeout_ms),
        .warn_ms = BL_READ(p->warn_ms),
        .err_ms = BL_READ(p->err_ms),
        .retries = BL_READ(p->retries),
        .detector = BL_READ(p->detector),
    };
}

static uint64_t node_view_since(int64_t now, int64_t then)
{
    return now > then ? (uint64_t)(now - then) : 0;
}

bool bl_node_look(struct bl_node_view *v, const struct bl_api *api, uint32_t index)
{
    const struct bl_fleet *fleet = bl_core_fleet(api->core);
    const struct bl_node *n = bl_registry_get(bl_fleet_registry(fleet), index);

    if (n == NULL)
        return false;
    v->index = index;
    v->node = n;
    v->fleet = fleet;
    v->policy = read_policy(&n->policy);
    v->detector = (enum bl_detector)bl_fleet_policy_of(fleet, n).detector;
    v->name = __atomic_load_n(&n->name, __ATOMIC_ACQUIRE);
    v->state = BL_READ(n->state);
    v->flags = BL_READ(n->flags);
    v->interval_ms = BL_READ(n->interval_ms);
    v->incident = BL_READ(n->incident);
    v->state_since_unix_ms = BL_READ(n->state_since_unix_ms);
    v->first_seen_unix_ms = BL_READ(n->first_seen_unix_ms);
    v->last_beat_unix_ms = BL_READ(n->last_beat_unix_ms);
    bool paused = v->state == BL_STATE_PAUSED;
    v->pause_end_unix_ms = paused ? bl_node_pause_end_unix_ms(n, api->now_ns, api->now_unix_ms) : 0;
    v->until_beat = paused && (v->flags & BL_NODE_UNTIL_BEAT) != 0;
    v->in_table = bl_fleet_latest_beat(fleet, n, api->now_ns, &v->latest);
    bool heard = v->in_table && !bl_node_is_unheard(n, v->latest.last_beat) &&
                 !bl_node_is_overage(n, v->latest.last_beat);
    if (heard)
        v->last_beat_unix_ms = api->now_unix_ms - v->latest.age_ticks;
    v->beaten = v->last_beat_unix_ms != 0;
    v->age_ms = heard ? v->latest.age_ticks : node_view_since(api->now_unix_ms, v->last_beat_unix_ms);
    return v->name != NULL;
}

void bl_node_json(struct bl_json *j, const struct bl_node_view *v)
{
    char id[20];

    bl_json_string(j, "name", v->name);
    if ((v->flags & BL_NODE_BINARY) != 0) {
        snprintf(id, sizeof(id), "%016llx", (unsigned long long)bl_node_id(v->node));
        bl_json_string(j, "id", id);
    }
    bl_json_string(j, "state", bl_state_name((enum bl_state)v->state));
    bl_json_uint(j, "timeout_ms", v->policy.timeout_ms);
    bl_json_uint(j, "warn_ms", v->policy.warn_ms);
    bl_json_uint(j, "err_ms", v->policy.err_ms);
    bl_json_uint(j, "retries", v->policy.retries);
    bl_json_string(j, "detector", bl_detector_name(v->detector));
    bl_json_uint(j, "interval_ms", v->interval_ms);
    bl_json_time(j, "last_beat", v->last_beat_unix_ms);
    if (v->beaten)
        bl_json_uint(j, "age_ms", v->age_ms);
    else
        bl_json_null(j, "age_ms");
    bl_json_time(j, "state_since", v->state_since_unix_ms);
    bl_json_uint(j, "incident", v->incident);
    if (v->state == BL_STATE_PAUSED) {
        bl_json_time(j, "paused_until", v->pause_end_unix_ms);
        bl_json_bool(j, "paused_until_beat", v->until_beat);
    }
}

const char *bl_node_pause_text(const struct bl_node_view *v, char out[BL_NODE_PAUSE_TEXT])
{
    char when[BL_TIMESTAMP_TEXT];
    const char *end = v->pause_end_unix_ms != 0 ? bl_timestamp_text(v->pause_end_unix_ms, when) : "";

    snprintf(out, BL_NODE_PAUSE_TEXT, "until %s%s%s", end, end[0] != '\0' && v->until_beat ? " or " : "",
             v->until_beat    ? "the next beat"
             : end[0] == '\0' ? "resumed"
                              : "");
    return out;
}

void bl_node_json_more(struct bl_json *j, const struct bl_node_view *v)
{
    const struct bl_place *p = &v->latest.place;

    bl_json_time(j, "first_seen", v->first_seen_unix_ms);
    bl_node_rhythm_json(j, v);
    if (!v->in_table)
        return;
    struct bl_anomaly a = bl_slots_anomaly(p->slots, p->slot);
    bl_json_uint(j, "table", v->latest.table);
    bl_json_uint(j, "sequence", bl_slots_sequence(p->slots, p->slot));
    bl_json_uint(j, "incarnation", a.incarnation);
    bl_json_uint(j, "lost", a.lost);
    bl_json_uint(j, "duplicate", a.duplicate);
    bl_json_uint(j, "reordered", a.reordered);
    bl_json_uint(j, "restarted", a.restarted);
}

bool bl_node_is_wanted(const struct bl_node_filter *f, const struct bl_node *n)
{
    const char *name = n == NULL ? NULL : bl_node_name(n);
    return name != NULL && (f->states == 0 || (f->states >> BL_READ(n->state) & 1) != 0) &&
           (f->match == NULL || bl_glob_match(f->match, name));
}

static int node_view_add(char *out, int used, const char *word, uint32_t ms)
{
    char text[BL_DURATION_TEXT];
    if (ms == 0)
        return used;
    return used + snprintf(out + used, BL_NODE_POLICY_TEXT - (size_t)used, "%s%s %s", used > 0 ? ", " : "",
                           word, bl_duration_text(ms, text));
}

const char *bl_node_policy_text(const struct bl_node_view *v, char out[BL_NODE_POLICY_TEXT])
{
    int used = node_view_add(out, 0, "timeout", v->policy.timeout_ms);

    if (v->policy.retries > 0)
        used += snprintf(out + used, BL_NODE_POLICY_TEXT - (size_t)used, "%sretries %u", used > 0 ? ", " : "",
                         v->policy.retries);
    used = node_view_add(out, used, "warn", v->policy.warn_ms);
    used = node_view_add(out, used, "err", v->policy.err_ms);
    if (v->policy.detector != BL_DETECTOR_FIXED)
        used += snprintf(out + used, BL_NODE_POLICY_TEXT - (size_t)used, "%s%s", used > 0 ? ", " : "",
                         bl_detector_name((enum bl_detector)v->policy.detector));
    if (used == 0)
        snprintf(out, BL_NODE_POLICY_TEXT, "default");
    return out;
}

const char *bl_node_age_text(const struct bl_node_view *v, char out[32])
{
    if (!v->beaten)
        snprintf(out, BL_HUMAN_TEXT, "never");
    else
        bl_human_age(v->age_ms, out);
    return out;
}
