/* SPDX-License-Identifier: Apache-2.0 */
#include "control/ingest/feed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Why the beat just fed was dropped: the reason that counted one more. */
static int feed_refused(const char *name, const struct bl_counters *before, const struct bl_counters *after,
                        char why[BL_ERR_BYTES])
{
    unsigned d = 0;

    while (d < BL_DROP_COUNT && after->drop[d] == before->drop[d])
        d++;
    snprintf(why, BL_ERR_BYTES, "%s was not taken: %s", name,
             d < BL_DROP_COUNT ? bl_drop_sentence((enum bl_drop)d) : "not counted as a beat");
    return d == BL_DROP_unknown_node ? -ENOENT : -EBUSY;
}

int bl_api_beat(struct bl_api *api, const char *name, char why[BL_ERR_BYTES])
{
    struct bl_worker *w = api->worker;
    struct bl_counters before, after;
    char line[BL_NAME_MAX + 16];

    bl_role_assume_worker(); /* of this thread's own */
    if (!bl_name_is_valid(name, strlen(name))) {
        snprintf(why, BL_ERR_BYTES, "\"%.60s\" is no name; give 1 to %u bytes without spaces, ':' or '|'",
                 name, BL_NAME_MAX);
        return -EINVAL;
    }
    int len = snprintf(line, sizeof(line), "%s.beat:1|c", name);
    memset(&before, 0, sizeof(before));
    memset(&after, 0, sizeof(after));
    bl_counters_add(&before, &w->counters);
    bl_worker_feed(w, (const uint8_t *)line, (uint32_t)len, api->now_ns);
    bl_counters_add(&after, &w->counters);
    return after.beats > before.beats ? 0 : feed_refused(name, &before, &after, why);
}
