/* SPDX-License-Identifier: Apache-2.0 */
/* eal: DPDK's environment, started once per process and only if there is
 * a dpdk: port. With huge pages if there are any, else --no-huge
 * --in-memory; always --in-memory or a file prefix of our own, so that
 * several DPDK programs live on one machine. Telemetry off.
 *
 * Main thread only, before the workers start. */
#pragma once

#include <stdbool.h>

#include "dataplane/port.h"

struct bl_eal_config {
    const char *program; /* argv[0] for DPDK's messages */
    const char *extra;   /* --eal ARGS, split at spaces; may be NULL */
    unsigned workers;    /* lcores wanted for poll loops */
    bool pci;            /* some port is a PCI device */
    int main_cpu;        /* where main (and threads it starts) run; -1: first allowed */
};

/* 0, or negative errno and err. The worker lcores are placed on the CPUs
 * other than main_cpu first, sharing where there are too few. */
int bl_eal_start(const struct bl_eal_config *c, char err[BL_ERR_BYTES]);
void bl_eal_stop(void);
bool bl_eal_started(void);

/* lcore number of worker `i` (0-based), for rte_eal_remote_launch. */
unsigned bl_eal_worker_lcore(unsigned i);
