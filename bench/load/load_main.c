/* SPDX-License-Identifier: Apache-2.0 */
/* beatline-load: a fleet of made-up nodes that send heartbeats, and an
 * exact account of what was sent. */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "bench/load/load_run.h"

/* Naps of 20 us must not become 70 (the kernel's default slack is 50). */
#define TIMER_SLACK_NS 1000ul

static volatile int stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

/* A second signal ends at once. */
static void catch_signals(void)
{
    struct sigaction a = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
    static struct bl_load_options o;
    static struct bl_load_out out;
    struct bl_load_report report;
    char err[BL_ERR_BYTES] = "";
    bl_load_options_parse(&o, argc, argv);
    catch_signals();
    prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS, 0, 0, 0);
    o.out.stop = &stop;
    int rc = bl_load_out_open(&out, &o.wire, &o.out);
    if (rc) {
        fprintf(stderr, "beatline-load: %s\n", out.err);
        bl_load_out_close(&out);
        return 1;
    }
    rc = bl_load_run(&o, &out, &stop, &report, err);
    if (rc)
        fprintf(stderr, "beatline-load: %s\n", err);
    if (bl_load_out_close(&out) < 0) {
        fprintf(stderr, "beatline-load: %s\n", out.err);
        rc = 1;
    }
    report.sent = out.counts;
    bl_load_report_print(&o, &report);
    return rc ? 1 : 0;
}
