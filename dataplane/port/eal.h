/* SPDX-License-Identifier: Apache-2.0 */
/* eal: DPDK's environment, started once per process and only if there is
 * a dpdk: port. On huge pages if enough are free (--in-memory), else
 * --no-huge --no-shconf: either way several DPDK programs live on one
 * machine and no file is left behind. No privilege needed. Telemetry off; no device is
 * touched but those that ports name.
 *
 * DPDK's own log is not for the operator: the first line of level error
 * is kept for our error texts; with a --log-level in `extra` all of it
 * goes to stderr, too. While DPDK starts and while its ports are opened
 * and closed, stdout and stderr of the process are elsewhere (EAL writes
 * its usage there, libbpf its warnings).
 *
 * Main thread only, before the workers start. The caller keeps its CPU
 * affinity (threads inherit it), and DPDK's threads have all signals
 * blocked. DPDK calls openlog(3): give syslog(3) its ident afterwards. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "dataplane/port/port.h"
#include "engine/base/err.h"

struct bl_eal_config {
    const char *program; /* argv[0] for DPDK's messages */
    const char *extra;   /* --eal ARGS, split at spaces; may be NULL */
    unsigned workers;    /* lcores wanted for poll loops */
    bool pci;            /* some port is a PCI device */
    int main_cpu;        /* to keep free of worker lcores; -1: the first allowed */
};

/* 0, or negative errno and err. The worker lcores are placed on the
 * allowed CPUs other than main_cpu, sharing where there are too few.
 * Once per process: after an error DPDK cannot be started again. */
int bl_eal_start(const struct bl_eal_config *c, char err[BL_ERR_BYTES]);
void bl_eal_stop(void);
bool bl_eal_started(void);

/* lcore number of worker `i` (0-based), for rte_eal_remote_launch. */
unsigned bl_eal_worker_lcore(unsigned i);

/* The first error line of DPDK since bl_eal_forget_said (what follows is
 * its callers giving up), "" if none. */
const char *bl_eal_said(void);
void bl_eal_forget_said(void);

/* Between the two, what anyone in this process writes to stdout and
 * stderr goes to a file in memory, the first line of it to `line` (size
 * 0: nowhere). Not with --log-level. */
struct bl_captured_output {
    int fd, saved[2];
};
void bl_eal_capture_output(struct bl_captured_output *h);
void bl_eal_release_output(struct bl_captured_output *h, char *line, size_t size);
/* For who has waited long enough for a thread that is in between these
 * two, in a driver that does not return: what we say is heard again. */
void bl_eal_break_hush(void);
