/* SPDX-License-Identifier: Apache-2.0 */
/* event_view: an event as programs read it, the same over the CLI and
 * HTTP. Any thread. */
#pragma once

#include "control/core/event.h"
#include "control/text/json.h"

/* The event's fields, inside an open object. */
void bl_event_json(struct bl_json *j, const struct bl_event *e);
