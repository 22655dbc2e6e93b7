/* SPDX-License-Identifier: Apache-2.0 */
/* beatline-bench: measures, and prints what must be, what was hoped for
 * and what was measured. */
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/cases/cases.h"
#include "bench/sources/key_set.h"
#include "bench/sources/max_rate_load.h"
#include "dataplane/port/eal.h"
#include "engine/base/rcu.h"

/* What rte_hash needs for 10 million keys, and the ports. */
#define EAL_MIB       "1536"
#define EAL_SMOKE_MIB "128"

static bool asked(int argc, char **argv, const char *option)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], option) == 0)
            return true;
    return false;
}

/* Where there are huge pages DPDK takes what it needs; ordinary memory
 * it wants to have named. */
static int start_eal(int argc, char **argv)
{
    char err[BL_ERR_BYTES];
    const char *extra = asked(argc, argv, "--smoke") ? "--no-huge -m " EAL_SMOKE_MIB : "-m " EAL_MIB;
    if (bl_bench_meminfo("HugePages_Free:") > 1024 && !asked(argc, argv, "--smoke"))
        extra = NULL;
    int rc = bl_eal_start(&(struct bl_eal_config){.program = argv[0], .extra = extra, .main_cpu = -1}, err);
    if (rc != 0)
        fprintf(stderr, "beatline-bench: %s\n", err);
    return rc;
}

int main(int argc, char **argv)
{
    if (bl_max_rate_load_asked(argc, argv))
        return bl_max_rate_load_main(argc, argv);
    if (!asked(argc, argv, "--list") && start_eal(argc, argv) != 0)
        return 1;
    bl_rcu_thread_register();
    bl_bench_table_cases();
    bl_bench_wire_cases();
    bl_bench_worker_cases();
    bl_bench_cores_cases();
    bl_bench_memif_cases();
    bl_bench_veth_cases();
    bl_bench_socket_cases();
    bl_bench_sweep_cases();
    bl_bench_views_cases();
    bl_bench_store_cases();
    bl_bench_appliance_cases();
    int rc = bl_bench_main(argc, argv);
    bl_bench_appliance_end();
    bl_rcu_thread_unregister();
    bl_eal_stop();
    return rc;
}
