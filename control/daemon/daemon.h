/* SPDX-License-Identifier: Apache-2.0 */
/* daemon: puts the parts together and takes them apart: config, ports,
 * workers, control core, notifier, server. The one context that there
 * is. Main thread only; the threads it starts have all signals blocked,
 * main waits for them with sigwait. */
#pragma once

#include <stdbool.h>

#include "control/config/config.h"
#include "dataplane/port/port.h"
#include "engine/base/err.h"

struct bl_daemon;

/* Takes `config` over, which was loaded with `overrides` (kept; every
 * reload applies them again). Opens and starts everything. NULL with err: one
 * line that says what failed and what to do; nothing is left behind. */
struct bl_daemon *bl_daemon_start(struct bl_config *config, const struct bl_config_overrides *overrides,
                                  const char *program, char err[BL_ERR_BYTES]);

/* Serves until SIGTERM or SIGINT; SIGHUP reloads. */
void bl_daemon_run(struct bl_daemon *d);

/* Ends all threads (deliveries under way get 3 s), saves, frees
 * everything. A worker or a driver that hangs is waited for some seconds,
 * then left behind, which the log says. Then false: the process is to end
 * without tidying anything up that a thread may still use (_exit). */
bool bl_daemon_stop(struct bl_daemon *d);

/* Reads the config file again and puts it in force: nodes, defaults,
 * sweep, auth, notify, log. What needs a restart (config_schema.c marks
 * it) keeps its value; the log and `waiting` ("ports, udp_port"; "": none)
 * say which of it the file has changed. 0, or negative errno with err: the
 * old config stays in force. Main or api thread. */
int bl_daemon_reload(struct bl_daemon *d, char waiting[BL_CONFIG_WAITING_BYTES], char err[BL_ERR_BYTES]);
