/* SPDX-License-Identifier: Apache-2.0 */
/* reference_tables: the tables that one would otherwise take, doing the same job:
 * look a key up, store tick and sequence. DPDK's rte_hash with its bulk
 * lookup (64 keys, records prefetched), and liburcu's lock-free
 * cds_lfht. Same keys, same order, sized for what they hold. */
#pragma once

#include <stdint.h>

#include "bench/sources/key_set.h"

struct bl_rival;

/* NULL: why is in *error. rte_hash needs the EAL. */
struct bl_rival *bl_rival_rte_hash(const struct bl_key_set *nodes, const char **error);
struct bl_rival *bl_rival_cds_lfht(const struct bl_key_set *nodes, const char **error);
void bl_rival_free(struct bl_rival *r);

/* A side of a pair (struct bl_rival): beats stored. */
uint64_t bl_rival_work(void *rival);
/* Keys that were not found, which is 0. */
uint64_t bl_rival_missed(const struct bl_rival *r);
