/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include <beatline/emitter.h>
#include <beatline/tracker.h>

/* Heartbeat.on_failure do |node| */
static void on_failure(void *ctx, const struct bl_tracker_event *node)
{
    (void)ctx;
    printf("Node '%s' has failed!\n", node->name);
}

/* config.notifiers: what failed together, at most a batch of it */
static void notify(void *ctx, const struct bl_tracker_event *failures, unsigned n)
{
    (void)ctx;
    printf("to Slack: %s and %u more\n", failures[0].name, n - 1);
}

int main(int argc, char **argv)
{
    uint32_t timeout_ms = argc > 1 ? (uint32_t)atoi(argv[1]) : 60000;

    /* Heartbeat.setup do |config| */
    struct bl_tracker_config nodes = {
        .defaults = {.timeout_ms = timeout_ms, .retries = 3},
        .on_failure = on_failure,
    };
    struct bl_emitter_config config = {
        .tracker = &nodes,
        .on_failures = notify,
        .threads = 5, /* max_concurrent_threads */
        .batch_small = 200,
        .batch_medium = 500,
        .batch_large = 1000,
    };
    char err[BL_EMITTER_ERR_BYTES];
    struct bl_emitter *emitter = bl_emitter_new(&config, err);
    if (!emitter) {
        fprintf(stderr, "%s\n", err);
        return 1;
    }

    /* tracker.register_node(Heartbeat::Node.new('node1')) */
    bl_emitter_register(emitter, "node1", NULL);

    /* emitter.start_heartbeat */
    bl_emitter_start(emitter);

    /* tracker.update_node_heartbeat(node1), as long as it works */
    for (int i = 0; i < 4; i++) {
        bl_emitter_beat(emitter, "node1");
        poll(NULL, 0, (int)timeout_ms / 4);
    }

    /* It works no longer: inactive after one timeout, failed after three more. */
    struct bl_tracker_node node1;
    do {
        poll(NULL, 0, (int)timeout_ms / 4);
        bl_emitter_get(emitter, "node1", &node1);
    } while (node1.state != BL_TRACKER_FAILED);
    printf("node1 is %s after %u timeouts\n", bl_tracker_state_alias(node1.state), node1.missed);

    /* emitter.stop_heartbeat */
    return bl_emitter_free(emitter);
}
