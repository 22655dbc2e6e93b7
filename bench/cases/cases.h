/* SPDX-License-Identifier: Apache-2.0 */
/* cases: who registers what. Each function registers one part's cases,
 * in the order in which they run. */
#pragma once

void bl_bench_table_cases(void);
void bl_bench_sweep_cases(void);
void bl_bench_views_cases(void);
void bl_bench_store_cases(void);
void bl_bench_wire_cases(void);
void bl_bench_worker_cases(void);
void bl_bench_memif_cases(void);
void bl_bench_socket_cases(void);
void bl_bench_cores_cases(void);
void bl_bench_veth_cases(void);
void bl_bench_appliance_cases(void);

/* The appliance's story is over; after the last case. */
void bl_bench_appliance_end(void);
