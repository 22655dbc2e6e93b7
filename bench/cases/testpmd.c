/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cases/testpmd.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>

#include "engine/base/beat.h"

#define PROMPT     "testpmd> "
#define START_MS   20000
#define ANSWER_MS  5000
#define TEXT_BYTES 8192

/* Its answers come by printf: a line at a time, if it is told to.
 * lcore 0 reads commands, lcore 1 polls: on the same CPU, where the one
 * sleeps while the other works. */
bool bl_testpmd_start(struct bl_testpmd *t, const char *vdev, int cpu, int netns, char err[BL_ERR_BYTES])
{
    char lcores[32], text[TEXT_BYTES];
    snprintf(lcores, sizeof(lcores), "0@%d,1@%d", cpu, cpu);
    bool huge = rte_eal_has_hugepages() != 0;
    const char *const argv[] = {"stdbuf",
                                "-oL",
                                "dpdk-testpmd",
                                "--no-telemetry",
                                "--no-pci",
                                "--iova-mode=va",
                                "--lcores",
                                lcores,
                                huge ? "--in-memory" : "--no-huge",
                                huge ? "--log-level=error" : "--no-shconf",
                                "-m",
                                "256",
                                "--vdev",
                                vdev,
                                "--",
                                "-i",
                                "--forward-mode=rxonly",
                                "--auto-start",
                                "--nb-cores=1",
                                "--disable-link-check",
                                "--total-num-mbufs=16384",
                                "--burst=64",
                                NULL};
    static_assert(BL_PORT_TAKE == 64, "testpmd takes bursts of our size");
    if (!bl_child_process_start(&t->peer, argv, cpu, netns, err))
        return false;
    if (bl_child_process_await(&t->peer, PROMPT, text, sizeof(text), START_MS))
        return true;
    const char *error = strstr(text, "No such file"); /* of the program itself */
    error = error ? "not there, it is of package dpdk-dev" : text;
    snprintf(err, BL_ERR_BYTES, "dpdk-testpmd does not start: %.*s", (int)strcspn(error, "\n"), error);
    bl_child_process_end(&t->peer);
    return false;
}

void bl_testpmd_end(struct bl_testpmd *t)
{
    bl_child_process_end(&t->peer);
}

/* Prompts come at times of their own (a link that came up prints one, too):
 * the last figure of the answer is its end. */
uint64_t bl_testpmd_packets(struct bl_testpmd *t)
{
    static const char field[] = "RX-packets: ", last[] = "Tx-bps: ";
    char text[TEXT_BYTES];
    if (!bl_child_process_say(&t->peer, "show port stats 0\n") ||
        !bl_child_process_await(&t->peer, last, text, sizeof(text), ANSWER_MS))
        return 0;
    const char *at = strstr(text, field);
    return at ? strtoull(at + strlen(field), NULL, 10) : 0;
}
