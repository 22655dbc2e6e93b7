/* SPDX-License-Identifier: Apache-2.0 */
/* `beatline stats workers`: what it makes of a worker's figures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "control/cli/server/cli_request.h"
#include "control/cli/server/commands.h"
#include "tests/worker_rig.h"

static struct bl_config *config;
static struct bl_core *core;
static struct bl_worker *worker;

static int set_up(void **state)
{
    static char err[BL_ERR_BYTES];
    if (worker_rig_set_up(state) != 0)
        return 1;
    config = bl_config_load(NULL, err);
    worker = worker_rig_new((struct bl_worker_config){.cpu = -1, .first_slots = 64, .max_nodes = 100}, 0, 1);
    struct bl_core_config c = {.config = config,
                               .worker = &worker,
                               .worker_count = 1,
                               .secret = &worker_rig_wire.secret,
                               .memory = bl_memory_libc,
                               .cpu = -1};
    core = bl_core_new(&c, err);
    return core == NULL;
}

static int tear_down(void **state)
{
    bl_core_free(core);
    bl_worker_free(worker);
    bl_config_free(config);
    return worker_rig_tear_down(state);
}

/* What it prints; the caller frees the text. */
static struct bl_text ask(bool json)
{
    struct bl_api api = {.core = core};
    struct bl_cli_command command = {.name = "stats workers", .ops = &bl_cli_stats_workers};
    struct bl_cli_request call = {.api = &api, .command = &command, .json = json};
    assert_int_equal(bl_cli_stats_workers.run(&call), BL_STEP_DONE);
    assert_int_equal(call.code, BL_EXIT_OK);
    bl_text_append(&call.out, "", 1);
    return call.out;
}

static void assert_says(bool json, const char *what)
{
    struct bl_text said = ask(json);
    if (strstr(said.data, what) == NULL)
        fail_msg("no `%s` in\n%s", what, said.data);
    bl_text_free(&said);
}

static void an_idle_worker_divides_by_nothing(void **state)
{
    (void)state;
    assert_says(true, "\"watched\":{\"bursts\":0,\"packets\":0,\"beats\":0},\"cycles_per_beat\":{\"all\":0,");
    struct bl_text said = ask(false);
    assert_null(strstr(said.data, "cycles per beat"));
    assert_null(strstr(said.data, "busy 0"));
    bl_text_free(&said);
}

static void cycles_are_told_per_beat_and_stage(void **state)
{
    (void)state;
    struct bl_cycle_profile *s = &worker->counters.stages;
    s->beats = 200;
    s->cycles[BL_STAGE_parse] = 5000;
    s->cycles[BL_STAGE_table] = 15000;
    assert_says(false, "          25.0  25 %  parse: payloads, into beats");
    assert_says(false, "          75.0  75 %  table: the beats' places in the table\n");
    assert_says(false, "         100.0        all of it\n");
    assert_says(true, "\"cycles_per_beat\":{\"all\":100,\"receive\":0,");
    assert_says(true, "\"parse\":25,\"table\":75,");
}

static void bursts_are_told_by_their_sizes(void **state)
{
    (void)state;
    worker->counters.stages.size[2] = 1234;
    worker->counters.stages.size[10] = 7;
    assert_says(false, "    bursts, by packets\n      4-7                         1,234\n"
                       "      1024                            7\n");
    assert_says(true, "\"bursts\":{\"1\":0,\"2-3\":0,\"4-7\":1234,\"8-15\":0,");
    assert_says(true, "\"512-1023\":0,\"1024\":7}");
}

static void busy_and_idle_time_become_a_share(void **state)
{
    (void)state;
    worker->counters.busy_ns = 250;
    worker->counters.idle_ns = 750;
    assert_says(false, "    busy 25.0 % of the time\n");
    assert_says(true, "\"idle_ns\":750");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_worker_divides_by_nothing),
        cmocka_unit_test(cycles_are_told_per_beat_and_stage),
        cmocka_unit_test(bursts_are_told_by_their_sizes),
        cmocka_unit_test(busy_and_idle_time_become_a_share),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
