/* SPDX-License-Identifier: Apache-2.0 */
#include "control/api/event_view.h"

#include "control/timestamp.h"

void bl_event_json(struct bl_json *j, const struct bl_event *e)
{
    char when[BL_TIMESTAMP_TEXT];

    if (e->number)
        bl_json_uint(j, "number", e->number);
    bl_json_string(j, "kind", bl_event_kind_name(e->kind));
    bl_json_string(j, "time", bl_timestamp_text(e->time_unix_ms, when));
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
        if (e->last_beat_unix_ms != 0)
            bl_json_string(j, "last_beat", bl_timestamp_text(e->last_beat_unix_ms, when));
        else
            bl_json_null(j, "last_beat");
    } else if (e->kind == BL_EVENT_REGISTERED) {
        bl_json_string(j, "name", e->name);
        bl_json_string(j, "reason", e->reason);
    } else if (e->kind == BL_EVENT_REMOVED) {
        bl_json_string(j, "name", e->name);
        bl_json_string(j, "from", bl_state_name((enum bl_state)e->from));
    } else {
        bl_json_string(j, "detail", e->detail);
    }
}
