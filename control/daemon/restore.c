/* SPDX-License-Identifier: Apache-2.0 */
#include "control/daemon/restore.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "control/text/log.h"
#include "control/text/timestamp.h"

static uint64_t last_event(void *ctx)
{
    return bl_core_last_event(ctx);
}

static void restore_say(void *ctx, const char *text)
{
    bl_core_say(ctx, text);
}

static void restore_tell(const struct bl_restore *r, const struct bl_store_loaded *found)
{
    char when[BL_TIMESTAMP_TEXT];

    if (found->nodes + found->views + found->changes + found->refused + found->damaged == 0) {
        bl_log(BL_LOG_INFO, "state.dir %s: nothing is kept there yet", r->state_dir);
        return;
    }
    bl_log(BL_LOG_INFO,
           "state.dir %s: %" PRIu64 " nodes and %" PRIu64 " views, from a snapshot of %s and %" PRIu64
           " changes since",
           r->state_dir, found->nodes, found->views,
           found->saved_unix_ms ? bl_timestamp_text(found->saved_unix_ms, when) : "never", found->changes);
    if (found->refused > 0)
        bl_log(BL_LOG_WARNING,
               "state.dir %s: %" PRIu64 " nodes or views were not taken back; is nodes.max lower now?",
               r->state_dir, found->refused);
}

BL_ON_CONTROL static int restore_load(const struct bl_restore *r, struct bl_store **store, char *err)
{
    struct bl_store_config c = {.dir = r->state_dir,
                                .save_every_ms = r->save_every_ms,
                                .fleet = bl_core_fleet_own(r->core),
                                .views = bl_core_views_own(r->core),
                                .changes = r->changes,
                                .events = last_event,
                                .say = restore_say,
                                .ctx = r->core};
    struct bl_store_loaded found;
    char why[BL_ERR_BYTES];

    struct bl_store *s = bl_store_open(&c, why);
    int result = s ? bl_store_load(s, &found, why) : -EIO;
    if (result) {
        snprintf(err, BL_ERR_BYTES, "%.*s", BL_ERR_BYTES - 1, why);
        bl_store_free(s);
        return result;
    }
    restore_tell(r, &found);
    bl_core_number_events(r->core, found.events);
    *store = s;
    return 0;
}

int bl_restore(const struct bl_restore *r, struct bl_store **store, char err[BL_ERR_BYTES])
{
    *store = NULL;
    int result = r->state_dir[0] ? restore_load(r, store, err) : 0;
    if (result)
        return result;
    uint32_t lost = bl_fleet_take_places(bl_core_fleet_own(r->core));
    if (lost > 0)
        bl_log(BL_LOG_WARNING, "%u nodes found no place in a table; each is watched from its next beat on",
               lost);
    return 0;
}
