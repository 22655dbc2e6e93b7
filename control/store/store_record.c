/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes, views and numbers as they are now, put as records into a file. */
#include "control/store/store_internal.h"

int bl_store_make_room(struct bl_state_writer *w, unsigned records)
{
    return bl_state_room(w) < records * BL_STATE_RECORD_MAX ? bl_state_flush(w) : 0;
}

bool bl_store_put_node(const struct bl_store *s, struct bl_state_writer *w, uint32_t node, uint64_t now_ns,
                       int64_t unix_ms)
{
    struct bl_node_past p;
    if (!bl_fleet_past_of(s->config.fleet, node, now_ns, unix_ms, &p))
        return false;
    (void)bl_state_put_node(w, &p); /* there is room: nothing is written */
    return true;
}

void bl_store_put_numbers(struct bl_store *s, struct bl_state_writer *w)
{
    struct bl_state_numbers n = {.events = s->config.events ? s->config.events(s->config.ctx) : 0,
                                 .stopped = s->stopped};
    (void)bl_state_put_numbers(w, &n); /* what it writes fails again with the next flush */
}

void bl_store_put_view(struct bl_state_writer *w, const struct bl_view *v)
{
    struct bl_view_saved saved = {.name = v->name,
                                  .name_len = v->name_len,
                                  .state = BL_READ(v->state),
                                  .incident = BL_READ(v->incident),
                                  .since_unix_ms = BL_READ(v->since_unix_ms)};
    (void)bl_state_put_view(w, &saved); /* there is room */
}
