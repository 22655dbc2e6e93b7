/* SPDX-License-Identifier: Apache-2.0 */
/* worker_rig: workers for tests, with a secret that is the same in every
 * run, and a test's thread that RCU knows. */
#pragma once

#include "dataplane/wire/wire.h"
#include "dataplane/worker/worker.h"

extern struct bl_wire_config worker_rig_wire;

/* A worker of `c`, whose wire and lcore are filled in (the rig's; a
 * thread of its own), with its ingest clock begun at `now_ns`. Control's
 * thread; a worker that cannot be made fails the test. */
struct bl_worker *worker_rig_new(struct bl_worker_config c, unsigned index, uint64_t now_ns);

/* Around a group of tests. */
int worker_rig_set_up(void **state);
int worker_rig_tear_down(void **state);
