/* SPDX-License-Identifier: Apache-2.0 */
/* core_world: what the tests of the control core are set up with: a
 * config of defaults with a timeout of 1 s, small workers, a core over
 * two of them. Assertions are cmocka's: include it first. */
#pragma once

#include <string.h>

#include "control/core/core.h"

static inline struct bl_config *core_world_config(struct bl_wire_config *wire)
{
    char err[BL_ERR_BYTES];
    uint8_t seed[BL_KEY_SECRET_BYTES + 24];

    memset(seed, 9, sizeof(seed));
    bl_key_secret_init(&wire->secret, seed);
    struct bl_config *c = bl_config_load(NULL, err);
    assert_non_null(c);
    c->defaults.timeout_ms = 1000;
    return c;
}

/* `port` NULL: fed by hand. */
static inline struct bl_worker *core_world_worker(const struct bl_wire_config *wire, unsigned index,
                                                  struct bl_port *port, uint32_t max_nodes)
{
    char err[BL_ERR_BYTES];
    struct bl_worker_config c = {
        .port = port, .cpu = -1, .lcore = -1, .wire = wire, .first_slots = 256, .max_nodes = max_nodes};
    struct bl_worker *w = bl_worker_new(&c, index, err);
    assert_non_null(w);
    return w;
}

/* What every core here is made of; a test may add to it. */
static inline struct bl_core_config core_world_core_config(const struct bl_config *config,
                                                           struct bl_worker **worker,
                                                           const struct bl_wire_config *wire)
{
    return (struct bl_core_config){.config = config,
                                   .worker = worker,
                                   .worker_count = 2,
                                   .secret = &wire->secret,
                                   .memory = bl_memory_libc,
                                   .cpu = -1};
}
