/* SPDX-License-Identifier: Apache-2.0 */
/* What a user of libbeatline writes; built against an installed copy. */
#include <stdio.h>

#include <beatline/tracker.h>
#if __has_include(<beatline/sender.h>)
#include <beatline/sender.h>
#define HAS_SENDER 1
#endif

static void failed(void *ctx, const struct bl_tracker_event *e)
{
    (void)ctx;
    printf("%s is %s, it was %s: %s\n", e->name, bl_tracker_state_alias(e->to),
           bl_tracker_state_alias(e->from), e->reason);
}

int main(void)
{
    struct bl_tracker_config c = {0};
    c.defaults.timeout_ms = 1000;
    c.defaults.retries = 1;
    c.on_failure = failed;
    struct bl_tracker *t = bl_tracker_new(&c, 0);
    if (!t || bl_tracker_register(t, "db.1", NULL, 0) || bl_tracker_register(t, "db.2", NULL, 0))
        return 1;
    int dead = bl_tracker_check_timeouts(t, 1500);
    if (dead != 0 || bl_tracker_beat(t, "db.1", 1600))
        return 2;
    dead = bl_tracker_check_timeouts(t, 2100);
    if (dead != 1 || bl_tracker_count_state(t, BL_TRACKER_OK) != 1)
        return 3;
    bl_tracker_free(t);
#ifdef HAS_SENDER
    bl_sender_stop(NULL);
#endif
    return 0;
}
