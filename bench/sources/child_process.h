/* SPDX-License-Identifier: Apache-2.0 */
/* child_process: another process that has a part in a case: a load, a rival. It
 * is pinned to a CPU, may live in a network namespace, can be stopped
 * and set going again between phases, and never outlives us: the kernel
 * kills it when our main thread ends, whichever way.
 *
 * Main thread. Nothing is left behind but what the process itself
 * writes: give it no files. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/bench.h"
#include "dataplane/port/port.h"
#include "engine/base/err.h"

struct bl_child_process {
    pid_t pid; /* 0: none */
    int in;    /* to its stdin */
    int out;   /* its stdout and stderr */
};

/* Starts argv (NULL at its end): argv[0] is looked for beside our own
 * program, then in PATH. `cpu`: the only one it may run on; -1: any.
 * `netns`: an open network namespace, or -1 for ours. False with err:
 * no such program. */
bool bl_child_process_start(struct bl_child_process *p, const char *const argv[], int cpu, int netns,
                            char err[BL_ERR_BYTES]);
/* Runs argv to its end in `netns`; false with err, which has what it said. */
bool bl_child_process_run(const char *const argv[], int netns, char err[BL_ERR_BYTES]);
/* Kills it and waits. One that is all zero is fine. */
void bl_child_process_end(struct bl_child_process *p);

/* Waits up to timeout_ms until it wrote `word`, and keeps what came
 * before, the last size / 2 bytes of it at least, in text. False: it did
 * not, or it ended. `word` NULL: waits for its end, which is true. */
bool bl_child_process_await(struct bl_child_process *p, const char *word, char *text, size_t size,
                            int timeout_ms);
bool bl_child_process_say(struct bl_child_process *p, const char *line);

/* Between phases: stopped it uses no CPU, and knows nothing of it. */
void bl_child_process_pause(struct bl_child_process *p);
void bl_child_process_resume(struct bl_child_process *p);

/* A plan whose phases are long beside that: 20 ms at least. */
struct bl_bench_plan bl_child_process_plan(const struct bl_bench_plan *plan);

/* CPU time of all its threads; 0 when it has ended. */
uint64_t bl_child_process_cpu_ns(const struct bl_child_process *p);
