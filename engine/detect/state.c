/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/detect/state.h"

#include <string.h>

#include "engine/base/beat.h"

_Static_assert(BL_TICK_NS == 1000000, "a tick is a millisecond: thresholds in ms are thresholds in ticks");
_Static_assert(BL_TIMEOUT_MAX_MS < BL_THRESHOLD_NEVER, "no timeout reads as never");

/* Which of `count` names it is; `count`: none of them. */
static unsigned index_of(const char *name, const char *const *names, unsigned count)
{
    unsigned i = 0;
    while (i < count && strcmp(name, names[i]) != 0)
        i++;
    return i;
}

static const char *const state_names[BL_STATE_COUNT] = {
    [BL_STATE_NEW] = "new",         [BL_STATE_PAUSED] = "paused",   [BL_STATE_OK] = "ok",
    [BL_STATE_UNKNOWN] = "unknown", [BL_STATE_WARNING] = "warning", [BL_STATE_FAILED] = "failed",
};

const char *bl_state_name(enum bl_state s)
{
    return (unsigned)s < BL_STATE_COUNT ? state_names[s] : "?";
}

enum bl_state bl_state_of_name(const char *name)
{
    return (enum bl_state)index_of(name, state_names, BL_STATE_COUNT);
}

static const char *const detector_names[BL_DETECTOR_COUNT] = {
    [BL_DETECTOR_FIXED] = "fixed",
    [BL_DETECTOR_AUTO] = "auto",
    [BL_DETECTOR_PHI] = "phi",
};

const char *bl_detector_name(enum bl_detector d)
{
    return (unsigned)d < BL_DETECTOR_COUNT ? detector_names[d] : "?";
}

enum bl_detector bl_detector_of_name(const char *name)
{
    return (enum bl_detector)index_of(name, detector_names, BL_DETECTOR_COUNT);
}

/* A threshold that is set: not below the sender's promise, not above the
 * longest timeout. */
static uint32_t threshold_ticks(uint64_t ms, uint32_t interval_ms)
{
    if (ms < interval_ms)
        ms = interval_ms;
    return ms < BL_TIMEOUT_MAX_MS ? (uint32_t)ms : BL_TIMEOUT_MAX_MS;
}

struct bl_thresholds bl_policy_thresholds(const struct bl_policy *p, uint32_t interval_ms)
{
    uint64_t warning_ms = p->retries ? p->timeout_ms : 0;
    uint64_t failed_ms = (uint64_t)p->timeout_ms * (p->retries + 1u);
    if (p->warn_ms)
        warning_ms = p->warn_ms;
    if (p->err_ms)
        failed_ms = p->err_ms;
    return (struct bl_thresholds){
        .warning_ticks = warning_ms ? threshold_ticks(warning_ms, interval_ms) : BL_THRESHOLD_NEVER,
        .failed_ticks = failed_ms ? threshold_ticks(failed_ms, interval_ms) : BL_THRESHOLD_NEVER,
    };
}

enum bl_state bl_state_of_age(const struct bl_thresholds *t, uint32_t age_ticks)
{
    if (age_ticks > t->failed_ticks)
        return BL_STATE_FAILED;
    return age_ticks > t->warning_ticks ? BL_STATE_WARNING : BL_STATE_OK;
}

uint32_t bl_state_next_threshold(const struct bl_thresholds *t, enum bl_state s)
{
    switch (s) {
    case BL_STATE_OK:
    case BL_STATE_UNKNOWN:
        return t->failed_ticks < t->warning_ticks ? t->failed_ticks : t->warning_ticks;
    case BL_STATE_WARNING:
        return t->failed_ticks;
    case BL_STATE_NEW:
    case BL_STATE_PAUSED:
    case BL_STATE_FAILED:
    case BL_STATE_COUNT:
        break;
    }
    return BL_THRESHOLD_NEVER;
}
