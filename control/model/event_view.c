/* SPDX-License-Identifier: Apache-2.0 */
#include "control/model/event_view.h"

void bl_event_json(struct bl_json *j, const struct bl_event *e)
{
    if (e->number)
        bl_json_uint(j, "number", e->number);
    bl_json_string(j, "kind", bl_event_kind_name(e->kind));
    bl_json_time(j, "time", e->time_unix_ms);
    if (e->kind == BL_EVENT_VIEW) {
        bl_json_string(j, "name", e->name);
        bl_json_string(j, "from", bl_state_name((enum bl_state)e->from));
        bl_json_string(j, "to", bl_state_name((enum bl_state)e->to));
        bl_json_uint(j, "incident", e->incident);
    } else if (e->kind == BL_EVENT_TRANSITION) {
        bl_json_string(j, "name", e->name);
        bl_json_string(j, "from", bl_state_name((enum bl_state)e->from));
        bl_json_string(j, "to", bl_state_name((enum bl_state)e->to));
        bl_json_string(j, "reason", e->reason);
        bl_json_uint(j, "incident", e->incident);
        bl_json_time(j, "last_beat", e->last_beat_unix_ms);
    } else if (e->kind == BL_EVENT_REGISTERED) {
        bl_json_string(j, "name", e->name);
        bl_json_string(j, "reason", e->reason);
    } else if (e->kind == BL_EVENT_REMOVED) {
        bl_json_string(j, "name", e->name);
        bl_json_string(j, "from", bl_state_name((enum bl_state)e->from));
    } else {
        char sentence[BL_EVENT_SENTENCE];
        bl_json_string(j, "detail", bl_event_sentence(e, sentence));
        if (e->kind == BL_EVENT_DAEMON)
            return;
        bl_json_string(j, "port", e->name);
        bl_json_string(j, "reason", e->reason);
        if (e->kind == BL_EVENT_THAW)
            bl_json_uint(j, "lasted_ms", e->lasted_ms);
    }
}
