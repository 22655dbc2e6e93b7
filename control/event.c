/* SPDX-License-Identifier: Apache-2.0 */
#include "control/event.h"

const char *bl_event_kind_name(uint32_t kind)
{
    switch ((enum bl_event_kind)kind) {
    case BL_EVENT_TRANSITION:
        return "transition";
    case BL_EVENT_FREEZE:
        return "freeze";
    case BL_EVENT_THAW:
        return "thaw";
    case BL_EVENT_DAEMON:
        return "daemon";
    case BL_EVENT_VIEW:
        return "view";
    case BL_EVENT_REGISTERED:
        return "registered";
    case BL_EVENT_REMOVED:
        return "removed";
    }
    return "event";
}
