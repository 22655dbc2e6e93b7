/* SPDX-License-Identifier: Apache-2.0 */
/* state: what a node's age means. Pure functions over a policy and an
 * age; any thread.
 *
 * A node is `warning` after its timeout and `failed` after `retries`
 * more of them (the Heartbeat gem), or at its own warn / err timeouts
 * where set (lovebeat 0.8). A beat brings it back to `ok`. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Order is severity, least first, as views will compare it. */
enum bl_state {
    BL_STATE_NEW,    /* known, never beaten */
    BL_STATE_PAUSED, /* muted by a person, or left with a bye */
    BL_STATE_OK,
    BL_STATE_UNKNOWN, /* silent while our own ingest was frozen too long to judge */
    BL_STATE_WARNING,
    BL_STATE_FAILED,
    BL_STATE_COUNT,
};

/* "new" "paused" "ok" "unknown" "warning" "failed". */
const char *bl_state_name(enum bl_state s);
/* BL_STATE_COUNT if `name` is none of them. */
enum bl_state bl_state_of_name(const char *name);

/* Where a node's timeout comes from; see detector.h. */
enum bl_detector {
    BL_DETECTOR_FIXED, /* from a person or the sender */
    BL_DETECTOR_AUTO,  /* from the beats' rhythm; lovebeat's -2 */
    BL_DETECTOR_PHI,   /* from the same, by accrued suspicion */
    BL_DETECTOR_COUNT,
};

/* "fixed" "auto" "phi". */
const char *bl_detector_name(enum bl_detector d);
/* BL_DETECTOR_COUNT if `name` is none of them. */
enum bl_detector bl_detector_of_name(const char *name);

/* Milliseconds; 0 is "not set". Values up to BL_TIMEOUT_MAX_MS. */
struct bl_policy {
    uint32_t timeout_ms;
    uint32_t warn_ms;
    uint32_t err_ms;
    uint8_t retries;  /* further timeouts before failed */
    uint8_t detector; /* bl_detector; its timeout takes timeout_ms' place once it has one */
    uint16_t reserved;
};

/* The two ages at which something happens, in ticks; BL_THRESHOLD_NEVER
 * where nothing does. */
struct bl_thresholds {
    uint32_t warning_ticks;
    uint32_t failed_ticks;
};

/* Thresholds of a policy; `interval_ms` is the sender's promise (0:
 * none), a floor under both. timeout x (retries + 1) saturates at
 * BL_TIMEOUT_MAX_MS. With retries 0 a timeout means failed at once. */
struct bl_thresholds bl_policy_thresholds(const struct bl_policy *p, uint32_t interval_ms);

/* ok, warning or failed for a node of that age (ticks, 1 ms). Strictly
 * older than the threshold is news. */
enum bl_state bl_state_of_age(const struct bl_thresholds *t, uint32_t age_ticks);

/* The next age at which a node in state `s` is news: what goes into its
 * slot's policy word. */
uint32_t bl_state_next_threshold(const struct bl_thresholds *t, enum bl_state s);
