/* SPDX-License-Identifier: Apache-2.0 */
/* max_rate_load: the fastest load over a DPDK port: frames that stand in the
 * mbufs already, of which each turn rewrites node id and sequence alone;
 * no UDP checksum, no schedule, no account. beatline-bench itself is it,
 * in a process of its own:
 *
 *   beatline-bench --blast=DEVARGS --nodes=N
 *
 * Nodes are 0 to N - 1. */
#pragma once

#include <stdbool.h>

/* Whether the command line asks for it. */
bool bl_max_rate_load_asked(int argc, char **argv);
/* Sends until it is killed. Exit code: 1 where it cannot, with why. */
int bl_max_rate_load_main(int argc, char **argv);
