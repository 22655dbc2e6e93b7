/* SPDX-License-Identifier: Apache-2.0 */
/* feed: one beat of one node that a client named, as if its datagram had
 * come in. The api thread: its own worker takes it. */
#pragma once

#include "control/model/context.h"
#include "engine/base/err.h"

/* 0; or -EINVAL (no name a node can have), -ENOENT (not known, and
 * nodes.unknown says reject), -EBUSY (dropped for another reason), and
 * what is wrong and what to do in `why`. */
int bl_api_beat(struct bl_api *api, const char *name, char why[BL_ERR_BYTES]);
