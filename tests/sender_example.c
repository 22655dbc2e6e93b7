/* SPDX-License-Identifier: Apache-2.0 */
/* A program that says it is alive while it works: all that it takes to
 * embed the sender. The tests run it.
 *
 *   sender_example HOST PORT NAME SECONDS */
#include "lib/sender.h" /* installed: <beatline/sender.h> */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: %s HOST PORT NAME SECONDS\n", argv[0]);
        return 2;
    }
    struct bl_sender_config c = {
        .host = argv[1],
        .port = (uint16_t)atoi(argv[2]),
        .name = argv[3],
        .interval_ms = 200,
        .flags = BL_SENDER_HELLO,
        .err_ms = 2000,
    };
    char err[BL_SENDER_ERR_BYTES];
    struct bl_sender *sender = bl_sender_start(&c, err);
    if (!sender) {
        fprintf(stderr, "%s\n", err);
        return 1;
    }

    sleep((unsigned)atoi(argv[4])); /* the program's own work */

    struct bl_sender_stats stats;
    bl_sender_stats(sender, &stats);
    printf("%llu beats, %llu errors\n", (unsigned long long)stats.beats, (unsigned long long)stats.errors);
    bl_sender_stop(sender);
    return 0;
}
