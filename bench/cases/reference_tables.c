/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cases/reference_tables.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <urcu-qsbr.h>
#include <urcu/rculfhash.h>

#define BURST 64u /* RTE_HASH_LOOKUP_BULK_MAX */
#define SLICE 1024u

struct rival_record {
    struct cds_lfht_node node; /* cds_lfht only */
    uint64_t key;
    uint32_t last_beat, sequence;
};

struct bl_rival {
    const struct bl_key_set *nodes;
    uint64_t (*beat)(struct bl_rival *r, const uint64_t *key, uint64_t n);
    struct rival_record *record;
    size_t record_bytes;
    struct rte_hash *hash;
    struct cds_lfht *lfht;
    uint64_t at, missed;
    uint32_t tick;
};

static struct bl_rival *rival_new(const struct bl_key_set *nodes)
{
    struct bl_rival *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->nodes = nodes;
    r->record_bytes = nodes->count * sizeof(*r->record);
    r->record = mmap(NULL, r->record_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (r->record == MAP_FAILED) {
        free(r);
        return NULL;
    }
    (void)madvise(r->record, r->record_bytes, MADV_HUGEPAGE);
    for (uint64_t i = 0; i < nodes->count; i++)
        r->record[i].key = bl_key_of_id(&nodes->secret, bl_key_set_shuffled(nodes, i));
    return r;
}

void bl_rival_free(struct bl_rival *r)
{
    if (!r)
        return;
    if (r->hash)
        rte_hash_free(r->hash);
    if (r->lfht) {
        for (uint64_t i = 0; i < r->nodes->count; i++)
            (void)cds_lfht_del(r->lfht, &r->record[i].node);
        urcu_qsbr_thread_offline();
        (void)cds_lfht_destroy(r->lfht, NULL);
        urcu_qsbr_thread_online();
    }
    munmap(r->record, r->record_bytes);
    free(r);
}

uint64_t bl_rival_work(void *rival)
{
    struct bl_rival *r = rival;
    uint64_t left = r->nodes->count - r->at;
    uint64_t n = left < SLICE ? left : SLICE;
    uint64_t found = r->beat(r, r->nodes->key + r->at, n);
    r->missed += n - found;
    r->at = r->at + n == r->nodes->count ? 0 : r->at + n;
    r->tick++;
    return n;
}

uint64_t bl_rival_missed(const struct bl_rival *r)
{
    return r->missed;
}

/* ---- rte_hash --------------------------------------------------------------- */

static uint64_t beat_rte_hash(struct bl_rival *r, const uint64_t *key, uint64_t n)
{
    uint64_t found = 0;
    for (uint64_t from = 0; from < n; from += BURST) {
        const void *wanted[BURST];
        void *data[BURST];
        uint64_t hits = 0;
        uint32_t burst = n - from < BURST ? (uint32_t)(n - from) : BURST;
        for (uint32_t i = 0; i < burst; i++)
            wanted[i] = &key[from + i];
        (void)rte_hash_lookup_bulk_data(r->hash, wanted, burst, &hits, data);
        for (uint32_t i = 0; i < burst; i++)
            if (hits >> i & 1)
                __builtin_prefetch(data[i], 1, 2);
        for (uint32_t i = 0; i < burst; i++) {
            if (!(hits >> i & 1))
                continue;
            struct rival_record *record = data[i];
            record->last_beat = r->tick;
            record->sequence++;
            found++;
        }
    }
    return found;
}

struct bl_rival *bl_rival_rte_hash(const struct bl_key_set *nodes, const char **error)
{
    struct bl_rival *r = rival_new(nodes);
    *error = "no memory for the records";
    if (!r)
        return NULL;
    r->beat = beat_rte_hash;
    r->hash = rte_hash_create(&(struct rte_hash_parameters){
        .name = "rival", .entries = (uint32_t)nodes->count * 8 / 7, .key_len = 8, .hash_func = rte_hash_crc});
    *error = "rte_hash_create failed: too little memory for DPDK";
    if (!r->hash) {
        bl_rival_free(r);
        return NULL;
    }
    for (uint64_t i = 0; i < nodes->count; i++) {
        if (rte_hash_add_key_data(r->hash, &r->record[i].key, &r->record[i]) == 0)
            continue;
        *error = "rte_hash is full before all nodes are in";
        bl_rival_free(r);
        return NULL;
    }
    return r;
}

/* ---- cds_lfht ------------------------------------------------------------------ */

static int same_key(struct cds_lfht_node *node, const void *key)
{
    const struct rival_record *r = caa_container_of(node, struct rival_record, node);
    return r->key == *(const uint64_t *)key;
}

static uint64_t beat_cds_lfht(struct bl_rival *r, const uint64_t *key, uint64_t n)
{
    uint64_t found = 0;
    urcu_qsbr_read_lock();
    for (uint64_t i = 0; i < n; i++) {
        struct cds_lfht_iter at;
        cds_lfht_lookup(r->lfht, (unsigned long)key[i] >> 1, same_key, &key[i], &at);
        struct cds_lfht_node *node = cds_lfht_iter_get_node(&at);
        if (!node)
            continue;
        struct rival_record *record = caa_container_of(node, struct rival_record, node);
        record->last_beat = r->tick;
        record->sequence++;
        found++;
    }
    urcu_qsbr_read_unlock();
    urcu_qsbr_quiescent_state();
    return found;
}

/* A power of two of buckets, at least as many as nodes. */
static unsigned long buckets_for(uint64_t count)
{
    unsigned long buckets = 64;
    while (buckets < count)
        buckets *= 2;
    return buckets;
}

struct bl_rival *bl_rival_cds_lfht(const struct bl_key_set *nodes, const char **error)
{
    struct bl_rival *r = rival_new(nodes);
    *error = "no memory for the records";
    if (!r)
        return NULL;
    r->beat = beat_cds_lfht;
    unsigned long buckets = buckets_for(nodes->count);
    r->lfht = cds_lfht_new_flavor(buckets, buckets, buckets, 0, &urcu_qsbr_flavor, NULL);
    *error = "cds_lfht_new failed";
    if (!r->lfht) {
        bl_rival_free(r);
        return NULL;
    }
    for (uint64_t i = 0; i < nodes->count; i++) {
        struct rival_record *record = &r->record[i];
        cds_lfht_node_init(&record->node);
        cds_lfht_add(r->lfht, (unsigned long)record->key >> 1, &record->node);
    }
    return r;
}
