/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/role.h"

struct bl_role bl_role_worker, bl_role_control, bl_role_api, bl_role_notifier, bl_role_port_watch;
