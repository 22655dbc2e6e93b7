/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/base/rcu.h"
#include "tests/worker_rig.h"

struct bl_wire_config worker_rig_wire;

struct bl_worker *worker_rig_new(struct bl_worker_config c, unsigned index, uint64_t now_ns)
{
    bl_role_assume_control();
    char err[BL_ERR_BYTES] = "";
    c.wire = &worker_rig_wire;
    c.lcore = -1;
    struct bl_worker *w = bl_worker_new(&c, index, err);
    if (!w)
        fail_msg("%s", err);
    bl_ingest_clock_init(&w->clock, now_ns, 1);
    return w;
}

int worker_rig_set_up(void **state)
{
    (void)state;
    uint8_t seed[BL_KEY_SECRET_BYTES + 24];
    for (size_t i = 0; i < sizeof(seed); i++)
        seed[i] = (uint8_t)(i * 37 + 1);
    bl_key_secret_init(&worker_rig_wire.secret, seed);
    bl_rcu_thread_register();
    return 0;
}

int worker_rig_tear_down(void **state)
{
    (void)state;
    bl_rcu_thread_unregister();
    return 0;
}
