/* SPDX-License-Identifier: Apache-2.0 */
#include "control/cli/server/commands.h"
#include "control/cli/server/commands/nodes_change.h"

enum { BL_OPTIONS_NODES_SET(BL_OPTION_ID) };

static bool take_duration(struct bl_cli_request *call, struct bl_policy_patch *p, uint32_t field,
                          uint32_t *ms, const char *value)
{
    p->set |= field;
    return bl_args_duration(call,
                            field == BL_SET_TIMEOUT ? "--timeout"
                            : field == BL_SET_WARN  ? "--warn"
                                                    : "--err",
                            value, ms);
}

static bool take_detector(struct bl_cli_request *call, struct bl_policy_patch *p, const char *value)
{
    enum bl_detector d = bl_detector_of_name(value);
    if (d == BL_DETECTOR_COUNT) {
        bl_cli_fail(call, BL_EXIT_USAGE, "--detector: \"%s\" is none; give fixed, auto or phi", value);
        return false;
    }
    p->set |= BL_SET_DETECTOR;
    p->policy.detector = (uint8_t)d;
    return true;
}

static bool nodes_set_take(struct bl_cli_request *call, struct bl_nodes_change *c, int option,
                           const char *value)
{
    struct bl_policy_patch *p = &c->patch;
    uint64_t retries;

    switch (option) {
    case TIMEOUT:
        return take_duration(call, p, BL_SET_TIMEOUT, &p->policy.timeout_ms, value);
    case WARN:
        return take_duration(call, p, BL_SET_WARN, &p->policy.warn_ms, value);
    case ERR:
        return take_duration(call, p, BL_SET_ERR, &p->policy.err_ms, value);
    case RETRIES:
        if (!bl_args_number(call, "--retries", value, 254, &retries))
            return false;
        p->set |= BL_SET_RETRIES;
        p->policy.retries = (uint8_t)retries;
        return true;
    case DETECTOR:
        return take_detector(call, p, value);
    case AUTO:
        return take_detector(call, p, "auto");
    case CLEAR:
        p->set |= BL_SET_CLEAR;
        return true;
    case CREATE:
        c->create = true;
        return true;
    default:
        return false;
    }
}

static bool is_ordered(struct bl_cli_request *call, const struct bl_policy *p)
{
    if (p->warn_ms <= p->err_ms || p->err_ms == 0)
        return true;
    bl_cli_fail(call, BL_EXIT_USAGE,
                "nodes set: --warn, %u ms, is longer than --err, %u ms; give a shorter --warn or a longer "
                "--err",
                p->warn_ms, p->err_ms);
    return false;
}

static bool nodes_set_parse(struct bl_cli_request *call, struct bl_nodes_change *c)
{
    if (!bl_nodes_change_parse(call, c, nodes_set_take))
        return false;
    bool something = c->patch.set != 0 || c->create;
    if (!something)
        bl_cli_fail(call, BL_EXIT_USAGE, "nodes set: nothing to set; usage: beatline nodes set %s",
                    call->command->usage);
    return something && is_ordered(call, &c->patch.policy);
}

static enum bl_step nodes_set_run(struct bl_cli_request *call)
{
    struct bl_nodes_change *c = call->state;

    if (c->kind == 0) {
        c->kind = BL_COMMAND_SET;
        c->done = "set";
        if (!nodes_set_parse(call, c))
            return BL_STEP_DONE;
    }
    return bl_nodes_change_run(call, c);
}

const struct bl_cli_ops bl_cli_nodes_set = {
    .run = nodes_set_run, .state_bytes = sizeof(struct bl_nodes_change), .options = bl_options_nodes_set};
