/* SPDX-License-Identifier: Apache-2.0 */
#include "control/model/node_rhythm.h"

#include <math.h>
#include <stdio.h>

#include "control/text/human.h"
#include "engine/detect/detector.h"

struct rhythm {
    enum bl_detector detector;
    struct bl_interval_stats stats;
    struct bl_thresholds thresholds;
};

static struct rhythm node_rhythm_look(const struct bl_node_view *v)
{
    const struct bl_place *at = v->in_table ? &v->latest.place : NULL;
    struct rhythm r = {
        .detector = v->detector,
        .thresholds = bl_fleet_thresholds_of(v->fleet, v->node, at),
    };
    if (at != NULL && r.detector != BL_DETECTOR_FIXED)
        r.stats = bl_slots_stats(at->slots, at->slot);
    return r;
}

static void json_ticks(struct bl_json *j, const char *key, uint32_t ticks)
{
    if (ticks == BL_THRESHOLD_NEVER)
        bl_json_null(j, key);
    else
        bl_json_uint(j, key, ticks);
}

void bl_node_rhythm_json(struct bl_json *j, const struct bl_node_view *v)
{
    struct rhythm r = node_rhythm_look(v);
    json_ticks(j, "warning_after_ms", r.thresholds.warning_ticks);
    json_ticks(j, "failed_after_ms", r.thresholds.failed_ticks);
    if (r.detector == BL_DETECTOR_FIXED)
        return;
    bl_json_uint(j, "intervals", r.stats.count);
    bl_json_uint(j, "interval_mean_ms", (uint64_t)lroundf(r.stats.mean_ms));
    bl_json_uint(j, "interval_deviation_ms", (uint64_t)lroundf(bl_interval_deviation_ms(&r.stats)));
    bl_json_double(j, "phi", (double)bl_phi_of_age(&r.stats, (uint32_t)v->age_ms));
}

/* To a tenth of a second where that matters. */
static const char *node_rhythm_span(float ms, char out[BL_HUMAN_TEXT])
{
    if (ms < 100000)
        snprintf(out, BL_HUMAN_TEXT, "%.1fs", (double)ms / 1000);
    else
        bl_human_age((uint64_t)ms, out);
    return out;
}

static const char *node_rhythm_after(uint32_t ticks, char out[BL_HUMAN_TEXT + 8])
{
    char text[BL_HUMAN_TEXT];
    if (ticks == BL_THRESHOLD_NEVER)
        return "never";
    snprintf(out, BL_HUMAN_TEXT + 8, "after %s", node_rhythm_span((float)ticks, text));
    return out;
}

static int node_rhythm_learned(const struct rhythm *r, char out[BL_NODE_RHYTHM_TEXT])
{
    char mean[BL_HUMAN_TEXT], deviation[BL_HUMAN_TEXT];
    const char *name = bl_detector_name(r->detector);
    if (r->detector == BL_DETECTOR_FIXED)
        return snprintf(out, BL_NODE_RHYTHM_TEXT, "%s: ", name);
    if (r->stats.count < BL_INTERVAL_LEARNED)
        return snprintf(out, BL_NODE_RHYTHM_TEXT, "%s: learning (%u of %u intervals); ", name, r->stats.count,
                        BL_INTERVAL_LEARNED);
    if (!bl_interval_is_known(&r->stats))
        return snprintf(out, BL_NODE_RHYTHM_TEXT, "%s: learning (%s more); ", name,
                        node_rhythm_span(r->stats.owed_ms, mean));
    return snprintf(out, BL_NODE_RHYTHM_TEXT, "%s: every %s, deviation %s; ", name,
                    node_rhythm_span(r->stats.mean_ms, mean),
                    node_rhythm_span(bl_interval_deviation_ms(&r->stats), deviation));
}

const char *bl_node_rhythm_text(const struct bl_node_view *v, char out[BL_NODE_RHYTHM_TEXT])
{
    char warning[BL_HUMAN_TEXT + 8], failed[BL_HUMAN_TEXT + 8];
    struct rhythm r = node_rhythm_look(v);
    int used = node_rhythm_learned(&r, out);
    if (r.thresholds.warning_ticks < r.thresholds.failed_ticks)
        used += snprintf(out + used, BL_NODE_RHYTHM_TEXT - (size_t)used, "warning %s, ",
                         node_rhythm_after(r.thresholds.warning_ticks, warning));
    snprintf(out + used, BL_NODE_RHYTHM_TEXT - (size_t)used, "failed %s",
             node_rhythm_after(r.thresholds.failed_ticks, failed));
    return out;
}
